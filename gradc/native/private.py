"""Folders that nobody else can write to: finding, checking and making them.

A compiled kernel is code that this process will run, so a folder is used only when every step of
its path belongs to this user or to root and can be changed by nobody else.

Public: ``cache_candidates()``, ``make_private(path) -> Path``, ``private_temporary() -> Path``,
``Refused``.
"""

import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

from gradc.later import later

__all__ = ["Refused", "cache_candidates", "check_owned", "make_private", "private_temporary"]

tempfile = later("tempfile")

_MAX_LINKS = 40


class Refused(Exception):
    """A folder that must not be used; the text says why."""


def cache_candidates() -> list[Path]:
    """Return the folders to try, best first; only one if ``GRADC_CACHE_DIR`` is set."""
    chosen = os.environ.get("GRADC_CACHE_DIR")
    if chosen:
        return [Path(os.path.abspath(chosen))]  # noqa: PTH100 - must not follow links
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    found = [base / "gradc"] if base.is_absolute() else []
    return found + list(_platform_cache())


def _platform_cache() -> Iterator[Path]:
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA", "")
        if base:
            yield Path(base) / "gradc" / "cache"
        return
    home = os.path.expanduser("~")  # noqa: PTH111 - Path.home() raises without a passwd entry
    if os.path.isabs(home):  # noqa: PTH117 - a string, not yet a path
        middle = "Library/Caches" if sys.platform == "darwin" else ".cache"
        yield Path(home) / middle / "gradc"


def make_private(path: Path, *, probe: bool = True) -> Path:
    """Check every step of ``path``, make what is missing with mode 0700, return the real path.

    Without ``probe`` nobody tries whether files can be made there and programs be run.

    Raises
    ------
    Refused
        When a step is not ours, can be written by others, is no folder or a link at the end.
    """
    try:
        real = _walk(path)
        if probe:
            _check_usable(real)
    except OSError as error:
        raise Refused(f"{path}: {error.strerror or error}") from error
    return real


def _walk(path: Path) -> Path:
    """Go down step by step, never trusting a name that was not just looked at."""
    done = Path(path.anchor)
    steps = list(reversed(path.parts[1:]))
    links = 0
    while steps:
        here = done / steps.pop()
        if here.name == "..":
            done = done.parent
            continue
        status = _status(here)
        if status is not None and stat.S_ISLNK(status.st_mode):
            links += 1
            done, more = _follow(here, status, last=not steps, links=links)
            steps += more
            continue
        if status is None:
            here.mkdir(mode=0o700, exist_ok=True)
            status = here.lstat()
        _check_step(here, status, last=not steps)
        done = here
    return done


def _status(path: Path) -> os.stat_result | None:
    try:
        return path.lstat()
    except FileNotFoundError:
        return None


def _follow(
    link: Path, status: os.stat_result, *, last: bool, links: int
) -> tuple[Path, list[str]]:
    """Where a link on the way leads: the folder to go on from, and the steps in reverse."""
    if last:
        raise Refused(f"{link} is a link")
    if links > _MAX_LINKS:
        raise Refused(f"{link} leads through too many links")
    if not _trusted(status):
        raise Refused(f"{link} belongs to another user")
    target = link.readlink()
    steps = list(reversed(target.parts))
    if target.is_absolute():
        return Path(target.anchor), steps[:-1]
    return link.parent, steps


def _check_step(path: Path, status: os.stat_result, *, last: bool) -> None:
    if not stat.S_ISDIR(status.st_mode):
        raise Refused(f"{path} is not a folder")
    if not hasattr(os, "geteuid"):
        return
    if not _trusted(status):
        raise Refused(f"{path} belongs to another user")
    shared = status.st_mode & 0o022
    if shared and (last or not status.st_mode & stat.S_ISVTX):
        raise Refused(f"{path} can be written by other users")
    if last and status.st_uid != os.geteuid():
        raise Refused(f"{path} does not belong to this user")


def _trusted(status: os.stat_result) -> bool:
    return not hasattr(os, "geteuid") or status.st_uid in (0, os.geteuid())


def _check_usable(path: Path) -> None:
    """Programs may be run from here, and files made."""
    if hasattr(os, "statvfs") and os.statvfs(path).f_flag & getattr(os, "ST_NOEXEC", 0):
        raise Refused(f"{path} does not allow programs to be run (noexec)")
    probe = path / f".probe-{os.getpid()}-{os.urandom(6).hex()}"
    os.close(os.open(probe, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    probe.unlink()


def check_owned(status: os.stat_result, what: str) -> None:
    """Raise Refused unless this user (or root) owns the thing and nobody else may write to it."""
    if not hasattr(os, "geteuid"):
        return
    if not _trusted(status):
        raise Refused(f"{what} belongs to another user")
    if status.st_mode & 0o022:
        raise Refused(f"{what} can be written by other users")


def private_temporary() -> Path:
    """Make a private folder that lives as long as this process.

    Raises
    ------
    Refused
        When no temporary folder of this machine is safe and allows programs to be run.
    """
    reasons = []
    for base in dict.fromkeys((tempfile.gettempdir(), "/var/tmp", "/dev/shm")):
        try:
            return make_private(Path(tempfile.mkdtemp(prefix="gradc-", dir=base)))
        except Refused as refused:
            reasons.append(str(refused))
        except OSError as error:
            reasons.append(f"{base}: {error.strerror or error}")
    raise Refused("; ".join(reasons))
