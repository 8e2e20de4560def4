"""One builder per key: threads of this process by a lock, processes by ``flock`` on a file.

Public: ``single(key)``, ``file_lock(path, patience)``, ``is_free(path)``, ``UNFORKED``.
"""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import ModuleType

fcntl: ModuleType | None
try:
    import fcntl
except ImportError:
    fcntl = None

__all__ = ["UNFORKED", "file_lock", "is_free", "single"]

_POLL = 0.002
_POLL_MAX = 0.02


class _Threads:
    """A lock per key, with the number of threads that hold it or wait for it."""

    def __init__(self) -> None:
        self.guard = threading.Lock()
        self.by_key: dict[str, tuple[threading.RLock, int]] = {}

    @contextmanager
    def hold(self, key: str) -> Iterator[None]:
        with self.guard:
            lock, users = self.by_key.get(key) or (threading.RLock(), 0)
            self.by_key[key] = lock, users + 1
        try:
            with lock:
                yield
        finally:
            self._leave(key)

    def _leave(self, key: str) -> None:
        with self.guard:
            lock, users = self.by_key.get(key) or (None, 1)
            if lock is None or users == 1:
                self.by_key.pop(key, None)
            else:
                self.by_key[key] = lock, users - 1


_threads = _Threads()
_open_locks: set[int] = set()
UNFORKED = threading.RLock()
"""A fork waits for it: a child must not inherit a lock that was not noted yet, and would wait for,
nor the pipe by which another thread learns that its process has started."""


def _after_fork() -> None:
    """In a child: threads that held a lock do not exist here, and their files are not ours."""
    global _threads
    UNFORKED.release()
    _threads = _Threads()
    for descriptor in list(_open_locks):
        with suppress(OSError):
            os.close(descriptor)
    _open_locks.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=UNFORKED.acquire, after_in_parent=UNFORKED.release, after_in_child=_after_fork
    )


@contextmanager
def single(key: str) -> Iterator[None]:
    """Let one thread of this process at a time work on ``key``."""
    with _threads.hold(key):
        yield


@contextmanager
def file_lock(path: Path, patience: float) -> Iterator[bool]:
    """Hold the lock at ``path`` against other processes.

    Yields False, and holds nothing, where the file system has no locks or the holder does not let
    go within ``patience`` seconds: the caller then builds for itself, which costs time only.
    """
    descriptor = _acquire(path, patience)
    try:
        yield descriptor is not None
    finally:
        if descriptor is not None:
            _release(path, descriptor)


def is_free(path: Path) -> bool:
    """Tell whether nobody holds the lock at ``path`` right now."""
    if not path.exists():
        return True
    with file_lock(path, 0) as held:
        return held


def _acquire(path: Path, patience: float) -> int | None:
    end, pause = time.monotonic() + patience, _POLL
    while True:
        descriptor = _try(path)
        if descriptor is not None:
            return descriptor if descriptor >= 0 else None
        if time.monotonic() >= end:
            return None
        time.sleep(pause)
        pause = min(2 * pause, _POLL_MAX)


def _try(path: Path) -> int | None:
    """One try: a descriptor when held, None when another has it, -1 when there are no locks."""
    if fcntl is None:
        return -1
    descriptor = _open(path)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if _same_file(path, descriptor):
            return descriptor
        _close(descriptor)
        return None
    except BlockingIOError:
        _close(descriptor)
        return None
    except OSError:
        _close(descriptor)
        return -1


def _open(path: Path) -> int:
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    with UNFORKED:
        descriptor = os.open(path, flags, 0o600)
        _open_locks.add(descriptor)
    return descriptor


def _same_file(path: Path, descriptor: int) -> bool:
    """Tell whether the locked file is still the one at ``path``: releasing removes it."""
    try:
        return os.path.samestat(path.lstat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _release(path: Path, descriptor: int) -> None:
    if descriptor in _open_locks:
        with suppress(OSError):
            path.unlink()
        _close(descriptor)


def _close(descriptor: int) -> None:
    if descriptor in _open_locks:
        _open_locks.discard(descriptor)
        with suppress(OSError):
            os.close(descriptor)
