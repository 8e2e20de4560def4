"""What makes a binary fit or unfit for use: this processor, this C library, this gradc.

Public: ``processor() -> str``, ``c_library() -> str``, ``own_source() -> str``.
"""

import hashlib
import os
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

__all__ = ["c_library", "own_source", "processor"]

_PACKAGE = Path(__file__).resolve().parents[1]
_SUFFIXES = (".py", ".j2", ".h", ".c")
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


@cache
def own_source() -> str:
    """Hash gradc's own modules and templates, so that no kernel outlives the code that made it."""
    digest = hashlib.sha256()
    for root in (_PACKAGE, _PACKAGE.parent / "templates"):
        for path in _source_files(root) if root.is_dir() else ():
            digest.update(Path(path).name.encode() + b"\0")
            digest.update(hashlib.sha256(Path(path).read_bytes()).digest())
    return digest.hexdigest()


def _source_files(folder: Path | str) -> Iterator[str]:
    """Every file that can shape generated code, in a fixed order."""
    with os.scandir(folder) as listing:
        entries = sorted(listing, key=lambda entry: entry.name)
    for entry in entries:
        if entry.is_dir():
            yield from _source_files(entry.path)
        elif entry.name.endswith(_SUFFIXES):
            yield entry.path
