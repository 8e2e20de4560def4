"""What makes a binary fit or unfit for use: this processor, this C library, this gradc.

Public: ``processor() -> str``, ``c_library() -> str``, ``own_source(memory=None) -> str``.
"""

import os
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cache
from operator import attrgetter
from pathlib import Path

from gradc.later import sha256

__all__ = ["c_library", "own_source", "processor"]

_PACKAGE = Path(__file__).resolve().parents[1]
_SUFFIXES = (".py", ".j2", ".h", ".c")
_NAME = attrgetter("name")
_SETTLED_NS = 2_000_000_000
_CPU_FIELDS = (
    "vendor_id", "cpu family", "model", "model name", "flags", "Features", "isa",
    "CPU implementer", "CPU part",
)  # fmt: skip


@cache
def processor() -> str:
    """Describe the first processor: maker, model and instruction sets.

    Code built for the machine at hand must not be loaded on another one that lacks an instruction.
    """
    try:
        with Path("/proc/cpuinfo").open() as stream:
            first = stream.read(32_768).partition("\n\n")[0]
    except OSError:
        return _processor_by_name()
    pairs = (line.partition(":") for line in first.splitlines())
    return "\n".join(f"{name.strip()}={value.strip()}" for name, _, value in pairs
                     if name.strip() in _CPU_FIELDS)  # fmt: skip


def _processor_by_name() -> str:
    machine = os.uname().machine if hasattr(os, "uname") else ""
    return machine + os.environ.get("PROCESSOR_IDENTIFIER", "")


@cache
def c_library() -> str:
    """Name the C library, as ``glibc 2.36``; the platform where it cannot be asked."""
    try:
        return os.confstr("CS_GNU_LIBC_VERSION") or sys.platform
    except (AttributeError, ValueError, OSError):
        return sys.platform


def own_source(memory: Path | None = None) -> str:
    """Hash gradc's own modules and templates, so that no kernel outlives the code that made it.

    Parameters
    ----------
    memory : Path, optional
        A private folder where the hash is kept for other processes, which then read no file: they
        ask each for its size and its times.  The time of change cannot be set by a program, and a
        file that changed a moment ago, whose next change could bear the same time, is not trusted.
    """
    if not _known:
        _known.append(_remembered(memory) if memory is not None else _hash(_source_files()))
    return _known[0]


_known: list[str] = []


def _remembered(memory: Path) -> str:
    """Return the hash that was kept for files of these times; else read them, and keep it."""
    files = list(_source_files())
    states = list(map(os.stat, files))
    facts = [(path, one.st_size, one.st_ino, one.st_mtime_ns, one.st_ctime_ns)
             for path, one in zip(files, states, strict=True)]  # fmt: skip
    listing = sha256(repr(facts).encode()).hexdigest()
    path = memory / f"{sha256(str(_PACKAGE).encode()).hexdigest()[:32]}.txt"
    with suppress(OSError, ValueError):
        known, value = path.read_text().split()
        if known == listing and len(value) == len(listing):
            return value
    value = _hash(files)
    if time.time_ns() - max(one.st_ctime_ns for one in states) > _SETTLED_NS:
        aside = path.with_suffix(f".{os.getpid()}")
        with suppress(OSError):
            aside.write_text(f"{listing} {value}")
            aside.replace(path)
    return value


def _hash(files: Iterable[str]) -> str:
    digest = sha256()
    for path in files:
        digest.update(path.rpartition(os.sep)[2].encode() + b"\0")
        with open(path, "rb") as stream:  # noqa: PTH123, quicker for hundreds
            digest.update(sha256(stream.read()).digest())
    return digest.hexdigest()


def _source_files() -> Iterator[str]:
    """Every file that can shape generated code, in a fixed order."""
    for root in (_PACKAGE, _PACKAGE.parent / "templates"):
        if root.is_dir():
            yield from _source_files_in(root)


def _source_files_in(folder: Path | str) -> Iterator[str]:
    with os.scandir(folder) as listing:
        entries = sorted(listing, key=_NAME)
    for entry in entries:
        if entry.name.endswith(_SUFFIXES):
            yield entry.path
        elif entry.name != "__pycache__" and entry.is_dir():
            yield from _source_files_in(entry.path)
