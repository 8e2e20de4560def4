"""The disk cache: folders named by content, renamed into place in one step, verified before use.

Public::

    default_cache() -> Cache            # found once per process
    Cache(root)                         # for a folder that make_private() returned
      .root, .path, .temporary
      .lookup(key) -> Stored | None     # verified; a damaged entry is dropped
      .lock(key, patience)              # context manager, against other processes
      .building(key)                    # context manager: a private folder beside the entries
      .publish(folder, key)             # rename it into place; whoever was first wins
      .entries() -> list[Listed]        # for ``gradc cache list``
      .verify() -> list[tuple[str, str]]    # damaged keys and why, for ``gradc cache verify``
      .clear() -> int                   # how many entries were removed
      .keep_failed(key, text) -> Path   # the source of a failed compilation
"""

import atexit
import os
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

from gradc.errors import CompileError, warn
from gradc.later import later, log
from gradc.native import entry, locks
from gradc.native.private import Refused, cache_candidates, make_private, private_temporary
from gradc.records import dataclass

__all__ = ["Cache", "Listed", "default_cache", "temporary_cache"]

_log = log("gradc.cache")
shutil, tempfile = later("shutil"), later("tempfile")

MAX_BYTES = 1 << 30
MAX_ENTRIES = 10_000
STALE_SECONDS = 3600.0
_KEPT_FAILURES = 32
_TRIM_EVERY = 64
_TRIM_SECONDS = 600.0
_PARTS = ("entries", "building", "locks", "failed", "compilers", "sources", "index")


@dataclass(frozen=True, slots=True)
class Listed:
    """One entry as a listing shows it: ``used`` is the time of last use in seconds."""

    key: str
    size: int
    used: float


class Cache:
    """A private folder of compiled kernels.

    Parameters
    ----------
    root : Path
        A folder only this user can write to.
    temporary : bool
        Whether it is to disappear with this process.
    """

    def __init__(
        self,
        root: Path,
        *,
        temporary: bool = False,
        max_bytes: int = MAX_BYTES,
        max_entries: int = MAX_ENTRIES,
    ) -> None:
        self.root = root
        self.temporary = temporary
        self.owner = os.getpid()
        self._max_bytes, self._max_entries = max_bytes, max_entries
        self._published = 0
        for part in _PARTS:
            (root / part).mkdir(mode=0o700, exist_ok=True)

    @property
    def path(self) -> Path:
        """Where the entries are."""
        return self.root / "entries"

    def lookup(self, key: str) -> entry.Stored | None:
        """Return the verified entry ``key``; a damaged one is removed and counts as missing."""
        folder = self.path / key
        try:
            stored = entry.read_entry(folder, key)
        except FileNotFoundError:
            return None
        except entry.Damaged as damage:
            _log.info("cache entry %s is damaged (%s): building it again", key[:16], damage)
            self.discard(key)
            return None
        with suppress(OSError):
            os.utime(folder)
        return stored

    def discard(self, key: str) -> None:
        """Remove an entry: first out of sight in one step, then for good."""
        grave = Path(tempfile.mkdtemp(prefix=f"{key}.", dir=self.root / "building"))
        with suppress(OSError):
            (self.path / key).rename(grave / "entry")
        _remove(grave)

    def lock(self, key: str, patience: float) -> AbstractContextManager[bool]:
        """Hold ``key`` against other processes; yields False when that is not possible."""
        return locks.file_lock(self.root / "locks" / f"{key}.lock", patience)

    @contextmanager
    def building(self, key: str) -> Iterator[Path]:
        """Yield a private folder on the same file system; what is left of it goes at the end."""
        folder = Path(tempfile.mkdtemp(prefix=f"{key}.", dir=self.root / "building"))
        try:
            yield folder
        finally:
            _remove(folder)

    def publish(self, folder: Path, key: str) -> None:
        """Rename ``folder`` into place in one step.  A sound entry that is there already stays."""
        try:
            folder.rename(self.path / key)
        except OSError:
            if self.lookup(key) is None:
                self._replace(folder, key)
        self._published += 1
        if self._is_time_to_trim():
            self.trim()

    def _replace(self, folder: Path, key: str) -> None:
        """Publish over something that is no entry, such as a file of that name."""
        self.discard(key)
        folder.rename(self.path / key)

    def _is_time_to_trim(self) -> bool:
        if self._published % _TRIM_EVERY == 0:
            return True
        try:
            age = time.time() - (self.root / "trimmed").stat().st_mtime
        except OSError:
            return True
        return not 0 <= age < _TRIM_SECONDS

    def trim(self) -> None:
        """Drop the least recently used entries over the bounds, and what crashes left."""
        with suppress(OSError):
            (self.root / "trimmed").touch(mode=0o600)
        listed = sorted(self.entries(), key=lambda one: one.used, reverse=True)
        total, over = 0, []
        for place, one in enumerate(listed):
            total += one.size
            if total > self._max_bytes or place >= self._max_entries:
                over.append(one.key)
        for key in over:
            self.discard(key)
        self._sweep()

    def _sweep(self) -> None:
        """Drop abandoned folders and locks: old, and with nobody holding their key."""
        for folder in _scan(self.root / "building"):
            lock = self.root / "locks" / f"{folder.name.partition('.')[0]}.lock"
            if _is_stale(folder) and locks.is_free(lock):
                _remove(Path(folder.path))
        for lock_file in _scan(self.root / "locks"):
            if _is_stale(lock_file):
                locks.is_free(Path(lock_file.path))

    def entries(self) -> list[Listed]:
        """List all entries, unverified."""
        return [Listed(folder.name, _size(folder), _used(folder)) for folder in _scan(self.path)]

    def verify(self) -> list[tuple[str, str]]:
        """Check every entry; return the damaged ones with the reason, and leave them alone."""
        found = []
        for one in self.entries():
            try:
                entry.read_entry(self.path / one.key, one.key)
            except FileNotFoundError:
                continue
            except entry.Damaged as damage:
                found.append((one.key, str(damage)))
        return found

    def clear(self) -> int:
        """Remove all entries, kept sources and what is remembered of compilers."""
        keys = [folder.name for folder in _scan(self.path)]
        for key in keys:
            self.discard(key)
        for part in ("failed", "compilers", "sources", "index"):
            for file in _scan(self.root / part):
                Path(file.path).unlink(missing_ok=True)
        self._sweep()
        return len(keys)

    def keep_failed(self, key: str, text: str) -> Path:
        """Keep the source of a failed compilation; the newest 32 stay."""
        place = self.root / "failed" / f"{key[:32]}.c"
        place.unlink(missing_ok=True)
        place.write_text(text)
        place.chmod(0o600)
        older = sorted(_scan(place.parent), key=_used, reverse=True)[_KEPT_FAILURES:]
        for file in older:
            Path(file.path).unlink(missing_ok=True)
        return place


def _scan(folder: Path) -> list["os.DirEntry[str]"]:
    try:
        with os.scandir(folder) as listing:
            return list(listing)
    except OSError:
        return []


def _size(folder: "os.DirEntry[str]") -> int:
    total = 0
    for file in _scan(Path(folder.path)):
        with suppress(OSError):
            total += file.stat(follow_symlinks=False).st_size
    return total


def _used(item: "os.DirEntry[str]") -> float:
    try:
        return item.stat(follow_symlinks=False).st_mtime
    except OSError:
        return 0.0


def _is_stale(item: "os.DirEntry[str]") -> bool:
    return abs(time.time() - _used(item)) > STALE_SECONDS


def _remove(path: Path) -> None:
    with suppress(OSError):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


_default: Cache | None = None


def default_cache() -> Cache:
    """Return the cache of this user, found once per process.

    Raises
    ------
    CompileError
        When this machine has no folder at all that a library may be built in and loaded from.
    """
    global _default
    if _default is None:
        _default = _find()
    return _default


def _find() -> Cache:
    reasons = []
    for candidate in cache_candidates():
        try:
            return Cache(make_private(candidate))
        except (Refused, OSError) as refused:
            reasons.append(str(refused))
    return temporary_cache("; ".join(reasons) or "this user has no home folder")


def temporary_cache(reason: str) -> Cache:
    """Fall back, with one warning, to a private folder that goes when the process ends."""
    global _default
    if _default is not None and _default.temporary:
        return _default
    try:
        root = private_temporary()
    except Refused as refused:
        raise CompileError(
            f"no folder to build in: {reason}; {refused}",
            repair="set GRADC_CACHE_DIR to a private folder that allows programs to be run",
        ) from refused
    _default = Cache(root, temporary=True)
    atexit.register(_remove_if_owner, _default)
    warn(f"compiled code is not kept: {reason}. Set GRADC_CACHE_DIR to a private folder.")
    return _default


def _remove_if_owner(cache: Cache) -> None:
    if cache.owner == os.getpid():
        _remove(cache.root)


def _after_fork() -> None:
    """In a child: a temporary folder belongs to the parent, who will remove it."""
    global _default
    if _default is not None and _default.temporary:
        _default = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
