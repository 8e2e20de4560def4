"""The library that makes calls in C: an extension of this very interpreter, built like a kernel.

Public::

    obstacle() -> str | None        # why this interpreter cannot have one, without a look at files
    stored() -> Parts | None        # from the disk, without compiling
    built() -> Parts                # from the disk, or compiled now; raises GradcError
    folder(cache) -> Cache          # where it is kept: a small cache inside the one of kernels
    Parts.call, .bound, .install, .identical    # what ``templates/c/caller`` documents

One text serves all kernels.  It is compiled against the headers of Python and NumPy, so its key
names both versions.  Its entry appends Python objects to a list whose address it is given, and so
needs no loader but that of kernels.  Once in use it stays loaded for as long as the process.
"""

import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from gradc.errors import CompileError
from gradc.native import library
from gradc.native.cache import Cache, default_cache
from gradc.native.compiler import Toolchain, find_toolchain
from gradc.native.ffi import NULL, ffi
from gradc.native.private import Refused, make_private
from gradc.records import dataclass

__all__ = ["Parts", "built", "folder", "obstacle", "stored"]

_PACKAGE = Path(__file__).resolve().parents[1]
_TEMPLATES = (_PACKAGE / "_templates", _PACKAGE.parent / "templates")
_MAX_ENTRIES = 16


@dataclass(frozen=True, slots=True)
class Parts:
    """What the library hands over."""

    call: Callable[..., Any]
    bound: Callable[..., Any]
    install: Callable[..., None]
    identical: Callable[[Any, Any], bool]


def obstacle() -> str | None:
    """Say why calls cannot be made in C here; None when they can, as far as one sees."""
    if sys.implementation.name != "cpython":
        return f"this Python is {sys.implementation.name}"
    if "t" in _flags():
        return "this Python has no lock that makes threads take turns"
    return None


def _flags() -> str:
    """Return what sets this build of Python apart, such as ``d`` for one that checks itself."""
    return str(getattr(sys, "abiflags", ""))


def stored() -> Parts | None:
    """Return what was built before by any process; None when there is nothing."""
    toolchain, cache = _place()
    loaded = library.find(_key(), toolchain, cache)
    return None if loaded is None else _handed_over(loaded)


def built() -> Parts:
    """Return the parts, compiling the library if need be.

    Raises
    ------
    GradcError
        When there are no headers or no compiler, or it cannot do it.
    """
    toolchain, cache = _place()
    return _handed_over(library.library(_key(), _unit, toolchain, cache))


def folder(cache: Cache) -> Cache:
    """Return the place beside the kernels; a disk that is full or read-only is told, not mended.

    Raises
    ------
    CompileError
        When it cannot be used.
    """
    try:
        root = make_private(cache.root / "callers", probe=False)  # as usable as the one above it
        return Cache(root, temporary=True, max_entries=_MAX_ENTRIES)
    except (Refused, OSError) as error:
        raise CompileError(f"cannot keep a library for calls: {error}") from error


def _place() -> tuple[Toolchain, Cache]:
    cache = default_cache()
    return find_toolchain(cache), folder(cache)


def _includes() -> list[str]:
    """Return the folders of headers, each once.

    Raises
    ------
    CompileError
        When a header is missing, without which nothing is tried.
    """
    paths = importlib.import_module("sysconfig").get_paths()
    python, numpy = paths["include"], np.get_include()
    for header in (f"{python}/Python.h", f"{numpy}/numpy/arrayobject.h"):
        if not Path(header).is_file():
            raise CompileError(f"{header} is not installed")
    return list(dict.fromkeys((python, paths["platinclude"], numpy)))


def _key() -> str:
    """Name interpreter and NumPy; compiler, machine and gradc's text are added by ``library``.

    Where headers lie is not asked: looking for them takes longer than loading what was built.
    """
    own = (sys.version, str(sys.implementation.cache_tag), _flags(), sys.base_exec_prefix)
    return "\n".join(("calls", *own, np.__version__, str(np.__file__)))


def _unit() -> library.Unit:
    """Return the C text, with the files it includes."""
    folder = next(root / "c" / "caller" for root in _TEMPLATES if root.is_dir())
    text = (folder / "gradc_caller.c").read_text(encoding="utf-8")
    for name in ("gradc_call.c", "gradc_bound.c"):
        part = (folder / name).read_text(encoding="utf-8")
        text = text.replace(f'#include "{name}"\n', part)
    extra = [word for path in _includes() for word in ("-isystem", path)]
    if sys.platform == "darwin":
        extra += ["-undefined", "dynamic_lookup"]
    return library.Unit(text, "gradc_caller_call", {}, optimise=2, extra=tuple(extra))


def _handed_over(loaded: library.Loaded) -> Parts:
    made: list[Any] = []
    block = ffi.new("void *[]", [ffi.cast("void *", id(one)) for one in (made, loaded.entry)])
    if loaded.entry(block, NULL) != 0 or len(made) != 4:
        raise CompileError("the library for calls does not fit this interpreter")
    return Parts(*made)
