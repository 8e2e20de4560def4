"""Running a compiler: it never outlives the call, whenever Ctrl-C comes."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gradc.native import process


@pytest.fixture(autouse=True)
def heard() -> Iterator[None]:
    """Listen to Ctrl-C, which a shell's background job ignores."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="no process groups on this system")
def test_ctrl_c_while_it_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The signal is taken by another thread, as in a process that has loaded a BLAS."""
    started = []
    before = signal.getsignal(signal.SIGINT)

    class Slow(subprocess.Popen):
        def __init__(self, *arguments, **settings) -> None:
            super().__init__(*arguments, **settings)
            started.append(self)
            sender = threading.Thread(target=lambda: os.kill(os.getpid(), signal.SIGINT))
            sender.start()
            sender.join()
            time.sleep(0.05)

    monkeypatch.setattr(subprocess, "Popen", Slow)
    with pytest.raises(KeyboardInterrupt):
        process.run(["sleep", "83"], tmp_path, timeout=60.0)
    (child,) = started
    assert child.returncode == -signal.SIGKILL
    assert signal.getsignal(signal.SIGINT) is before


def test_the_handler_of_the_user_is_called(tmp_path: Path) -> None:
    caught = []
    before = signal.signal(signal.SIGINT, lambda number, frame: caught.append(number))
    try:
        release = process._hold_interrupts()
        signal.raise_signal(signal.SIGINT)
        assert not caught
        release()
        assert caught == [signal.SIGINT]
        signal.raise_signal(signal.SIGINT)
        assert caught == [signal.SIGINT] * 2
    finally:
        signal.signal(signal.SIGINT, before)


def test_other_threads_leave_the_handler_alone(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGINT)
    codes = []
    thread = threading.Thread(
        target=lambda: codes.append(process.run(["true"], tmp_path, timeout=60.0).code)
    )
    thread.start()
    thread.join()
    assert codes == [0]
    assert signal.getsignal(signal.SIGINT) is before


def test_commands_run_at_the_same_time(tmp_path: Path) -> None:
    """Each waits for what the other one writes."""
    commands = [
        [
            "sh",
            "-c",
            f"touch {own}; until [ -e {other} ]; do sleep 0.01; done; echo {own}; exit {k}",
        ]
        for k, (own, other) in enumerate([("a", "b"), ("b", "a")])
    ]
    first, second = process.run_all(commands, tmp_path, timeout=60.0)
    assert (first.code, first.output, first.timed_out) == (0, "a\n", False)
    assert (second.code, second.output, second.timed_out) == (1, "b\n", False)


def test_one_that_cannot_start_ends_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = []

    class Seen(subprocess.Popen):
        def __init__(self, *arguments, **settings) -> None:
            super().__init__(*arguments, **settings)
            started.append(self)

    monkeypatch.setattr(subprocess, "Popen", Seen)
    with pytest.raises(FileNotFoundError):
        process.run_all([["sleep", "83"], [str(tmp_path / "none")]], tmp_path, timeout=60.0)
    assert [one.returncode for one in started if one.args[0] == "sleep"] == [-signal.SIGKILL]


def test_time_is_up_for_all(tmp_path: Path) -> None:
    finished = process.run_all([["sleep", "83"], ["sleep", "84"]], tmp_path, timeout=0.1)
    assert [one.timed_out for one in finished] == [True, True]
    assert [one.code for one in finished] == [-signal.SIGKILL] * 2


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="no process groups on this system")
@pytest.mark.parametrize("early", [False, True])
def test_a_thread_that_waits_is_stopped(tmp_path: Path, early: bool) -> None:
    """Also where it is told before its process has started."""
    ended, go_on = [], threading.Event()

    def work() -> None:
        assert go_on.wait(60)
        with pytest.raises(SystemExit):
            process.run(["sleep", "50"], tmp_path, 60)
        ended.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    assert thread.ident is not None
    if early:
        process.stop(thread.ident)
    go_on.set()
    while not early and thread.ident not in process._running:
        time.sleep(0.001)
    process.stop(thread.ident)
    thread.join(20)
    assert not thread.is_alive()
    assert ended == [True]
    process._stopped.discard(thread.ident)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_fork_waits_for_a_process_that_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its pipe, inherited by the child, would keep the thread that starts it waiting."""
    starting, events = threading.Event(), []

    class Slow(subprocess.Popen):
        def __init__(self, *arguments, **settings) -> None:
            starting.set()
            time.sleep(0.2)
            super().__init__(*arguments, **settings)
            events.append("started")

    monkeypatch.setattr(subprocess, "Popen", Slow)
    thread = threading.Thread(target=process.run, args=(["true"], tmp_path, 60))
    thread.start()
    assert starting.wait(60)
    child = os.fork()
    if child == 0:
        os._exit(0 if events == ["started"] else 1)
    assert os.waitpid(child, 0)[1] == 0
    thread.join()
