"""Running a compiler: no shell, no input, a clean environment, a time limit, nothing left behind.

Public: ``run(command, folder, timeout) -> Finished``, ``run_all(commands, folder, timeout)``,
``environment()``, ``stop(thread)``.
"""

import os
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import IO

from gradc.native.locks import UNFORKED
from gradc.records import dataclass

__all__ = ["Finished", "environment", "run", "run_all", "stop"]

_TAIL_LINES = 40
_TAIL_BYTES = 16_384

_KEPT = {
    "PATH", "HOME", "USER", "LOGNAME", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SDKROOT",
    "DEVELOPER_DIR", "MACOSX_DEPLOYMENT_TARGET", "XDG_CACHE_HOME", "SYSTEMROOT", "COMSPEC",
    "PATHEXT", "LOCALAPPDATA", "APPDATA", "USERPROFILE",
}  # fmt: skip
_KEPT_PREFIXES = ("ZIG_", "CCACHE_", "NIX_", "CONDA_")


@dataclass(frozen=True, slots=True)
class Finished:
    """How a command ended; ``code`` is negative when a signal ended it."""

    command: tuple[str, ...]
    code: int
    timed_out: bool
    output: str
    stderr_tail: str


def environment(scratch: Path) -> dict[str, str]:
    """Return what a compiler may know of the user's environment.

    Search paths for headers and libraries and preloaded libraries are left out, because they would
    change the result without changing the key under which it is kept.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in _KEPT or name.startswith(_KEPT_PREFIXES)
    }
    folder = str(scratch)
    return kept | {"LC_ALL": "C", "LANG": "C", "TMPDIR": folder, "TEMP": folder, "TMP": folder}


def run(command: Sequence[str], folder: Path, timeout: float) -> Finished:
    """Run ``command`` in ``folder`` and wait for it, at most ``timeout`` seconds.

    The command gets a process group of its own, which is ended as a whole: on time-out, on an
    exception such as Ctrl-C, and after a normal end too, should a grandchild be left.

    Raises
    ------
    OSError
        When the command cannot be started.
    """
    return run_all([command], folder, timeout)[0]


def run_all(commands: Sequence[Sequence[str]], folder: Path, timeout: float) -> list[Finished]:
    """Run commands at the same time and wait for all of them; each as :func:`run` does.

    Raises
    ------
    OSError
        When one cannot be started; the others are ended.
    """
    with ExitStack() as stack:
        outputs = [_Output(stack, folder) for _ in commands]
        release = _hold_interrupts()
        started: list[subprocess.Popen[bytes]] = []
        try:
            for command, output in zip(commands, outputs, strict=True):
                started.append(_start(command, folder, output))
        except BaseException:
            _end(started)
            release()
            raise
        with _stoppable(started):
            timed_out = _wait(started, timeout, release)
        return [
            Finished(tuple(command), one.returncode, timed_out, *output.read())
            for command, one, output in zip(commands, started, outputs, strict=True)
        ]


_running: dict[int, "list[subprocess.Popen[bytes]]"] = {}
_stopped: set[int] = set()


def stop(thread: int) -> None:
    """End what the thread of this number runs, and the thread where it waits for it."""
    _stopped.add(thread)
    for process in _running.get(thread, ()):
        if process.returncode is None:
            _end_group(process)


@contextmanager
def _stoppable(processes: "list[subprocess.Popen[bytes]]") -> Iterator[None]:
    """Let another thread end processes that this one waits for; a thread ends by SystemExit."""
    thread = threading.get_ident()
    _running[thread] = processes
    if thread in _stopped:
        stop(thread)
    try:
        yield
    finally:
        del _running[thread]
    if thread in _stopped:
        raise SystemExit


class _Output:
    """What a command writes, in files without a name."""

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        self.out = stack.enter_context(_unnamed(folder))
        self.err = stack.enter_context(_unnamed(folder))

    def read(self) -> tuple[str, str]:
        return _head(self.out), _tail_of(self.err)


def _unnamed(folder: Path) -> AbstractContextManager[IO[bytes]]:
    return tempfile.TemporaryFile(dir=folder)


def _start(command: Sequence[str], folder: Path, output: _Output) -> "subprocess.Popen[bytes]":
    with UNFORKED:
        return subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=output.out,
            stderr=output.err,
            cwd=folder,
            env=environment(folder),
            start_new_session=True,
        )


def _end(processes: "list[subprocess.Popen[bytes]]") -> None:
    for process in processes:
        _end_group(process)
        process.wait()


def _hold_interrupts() -> Callable[[], object]:
    """Keep Ctrl-C waiting until the process being started can be ended; return the release.

    Blocking the signal would not do: it is blocked for one thread, and where another one takes it,
    Python still raises in the main thread.
    """
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        return lambda: None
    handler, held = before, []
    signal.signal(signal.SIGINT, lambda *caught: held.append(caught))

    def release() -> None:
        signal.signal(signal.SIGINT, handler)
        if held:
            handler(*held[0])

    return release


def _wait(
    processes: "list[subprocess.Popen[bytes]]", timeout: float, release: Callable[[], object]
) -> bool:
    """Wait without polling: a timer ends the groups, so a fast compiler is noticed at once."""
    expired = threading.Event()

    def expire() -> None:
        expired.set()
        for process in processes:
            _end_group(process)

    timer = threading.Timer(timeout, expire)
    timer.daemon = True
    try:
        release()
        timer.start()
        for process in processes:
            _wait_unreaped(process)
    finally:
        timer.cancel()
        if timer.ident is not None:
            timer.join()
        _end(processes)
    return expired.is_set()


def _wait_unreaped(process: "subprocess.Popen[bytes]") -> None:
    """Wait but leave the process as a zombie, so that its group number cannot be reused yet."""
    if hasattr(os, "waitid"):
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    else:
        process.wait()


def _end_group(process: "subprocess.Popen[bytes]") -> None:
    try:
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    except (ProcessLookupError, PermissionError):
        return


def _head(stream: IO[bytes]) -> str:
    stream.seek(0)
    return stream.read(_TAIL_BYTES).decode(errors="replace")


def _tail_of(stream: IO[bytes]) -> str:
    size = stream.seek(0, os.SEEK_END)
    stream.seek(max(0, size - _TAIL_BYTES))
    lines = stream.read().decode(errors="replace").splitlines()
    return "\n".join(lines[-_TAIL_LINES:])
