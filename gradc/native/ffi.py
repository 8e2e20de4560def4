"""Loading a compiled kernel: one generic entry, reached through a module cffi wrote beforehand.

Every kernel that gradc loads exports three names: ``gradc_entry_call`` (all buffers in one block),
``gradc_abi`` (the number below) and ``gradc_key`` (which kernel this is).  Libraries are loaded
with local visibility, so the same names in many libraries do not meet.

Public: ``ffi``, ``NULL``, ``load_entry``, ``ABI``.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from gradc.native._entry_ffi import ffi

__all__ = ["ABI", "NULL", "Entry", "LoadError", "ffi", "load_entry"]

ABI = 1
"""Version of the agreement between gradc and the kernels it loads."""

NULL = ffi.NULL

Entry = Callable[[Any, Any], int]
"""``entry(buffers, dims)``: both cffi pointers (or a list of pointers), 0 when all went well."""


class LoadError(Exception):
    """A file is not the kernel it should be."""


def load_entry(path: Path, key: str) -> Entry:
    """Load the library at ``path`` and return its entry, after checking that it is ``key``.

    The library stays loaded for as long as the entry is referenced.
    """
    try:
        library = ffi.dlopen(str(path), ffi.RTLD_NOW | ffi.RTLD_LOCAL)
    except OSError as error:
        raise LoadError(str(error)) from error
    try:
        abi, found, entry = library.gradc_abi(), library.gradc_key(), library.gradc_entry_call
    except (AttributeError, ffi.error) as error:
        raise LoadError(f"a symbol is missing: {error}") from error
    if abi != ABI or ffi.string(found, 129).decode(errors="replace") != key:
        raise LoadError("the library belongs to another kernel")
    kept: Entry = ffi.gc(entry, _Keep(library))
    return kept


class _Keep:
    """Holds a library for as long as the pointer it is attached to."""

    def __init__(self, library: Any) -> None:
        self._library = library

    def __call__(self, _pointer: Any) -> None:
        self._library = None
