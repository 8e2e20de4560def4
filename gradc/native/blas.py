"""What the process lends to kernels: NumPy's own matrix routines, and threads.

Public::

    environment(threads=1, routines=True) -> Environment     # found and tried once per process
    Environment.pointer             # ``struct gradc_env *``, always there; its members may be NULL
    Environment.route               # where the matrix routines come from, for ``inspect``
    Environment.threads             # how many threads loops may use
    describe() -> str               # the same as one line

Using the copy that NumPy loaded costs no new dependency and no second pool of threads.  Only
routines with 64-bit integers are taken: those of NumPy's wheels, and other OpenBLAS builds with the
suffix ``64_``.  Each is tried on a small product before it is trusted.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from gradc.native import pool
from gradc.native.ffi import NULL, ffi
from gradc.records import dataclass

__all__ = ["Environment", "describe", "environment"]

_VERSION = 1
_ROW_MAJOR, _NO_TRANS, _TRANS = 101, 111, 112
_PREFIXES = ("scipy_cblas_", "cblas_")
_ROUTINES = ("sgemm", "dgemm", "sgemv", "dgemv")
_REAL = {"s": np.float32, "d": np.float64}


@dataclass(frozen=True, slots=True)
class Environment:
    """What the process lends to kernels; keep it for as long as they run."""

    pointer: Any
    route: str
    library: Any = None
    threads: int = 1
    kept: object = None

    @property
    def has_blas(self) -> bool:
        """Whether every matrix routine is there."""
        return all(getattr(self.pointer, name) != NULL for name in _ROUTINES)


@cache
def environment(threads: int = 1, routines: bool = True) -> Environment:
    """Return this process's environment for kernels.

    Parameters
    ----------
    threads : int
        How many threads a kernel's loops may use, its caller's own among them.
    routines : bool
        Whether matrix routines are wanted: to find and try them takes time.
    """
    found = _with_routines() if routines else Environment(_struct({}), "own loops, as asked")
    if threads < 2:
        return found
    own = Environment(ffi.new("gradc_env *", found.pointer[0]), found.route, found.library)
    kept = pool.lend(own.pointer, threads)
    return own if kept is None else replace(own, threads=threads, kept=kept)


@cache
def _with_routines() -> Environment:
    for path in _loaded_libraries():
        for prefix in _PREFIXES:
            found = _routines(path, prefix)
            if found is not None and _all_work(found[1]):
                return Environment(_struct(found[1]), f"{prefix}*gemm64_ of {path.name}", found[0])
    return Environment(_struct({}), "own loops: NumPy has loaded no BLAS with 64-bit integers")


def describe() -> str:
    """Say in one line where matrix products are done."""
    return environment().route


def _struct(routines: dict[str, Any]) -> Any:
    return ffi.new("gradc_env *", {"version": _VERSION, **routines})


def _loaded_libraries() -> Iterator[Path]:
    """Find files of BLAS libraries that this process has mapped."""
    maps = Path("/proc/self/maps")
    if maps.exists():
        yield from _mapped(maps)
        return
    package = Path(np.__file__).parent
    for folder in (package.parent / "numpy.libs", package / ".dylibs"):
        yield from sorted(folder.glob("*openblas*"))


def _mapped(maps: Path) -> list[Path]:
    try:
        lines = maps.read_text().splitlines()
    except OSError:
        return []
    names = dict.fromkeys(line[line.find("/") :] for line in lines if "blas" in line)
    return sorted((Path(name) for name in names if name.startswith("/")), key=_numpy_first)


def _numpy_first(path: Path) -> bool:
    return "numpy" not in str(path)


def _routines(path: Path, prefix: str) -> tuple[Any, dict[str, Any]] | None:
    """Return the four routines, from a library that is loaded; it is never loaded anew."""
    flags = ffi.RTLD_NOW | getattr(os, "RTLD_NOLOAD", 0)
    try:
        library = ffi.dlopen(str(path), flags)
        return library, {name: getattr(library, f"{prefix}{name}64_") for name in _ROUTINES}
    except (OSError, AttributeError, ffi.error):
        return None


def _all_work(routines: dict[str, Any]) -> bool:
    return all(_TRIALS[name[1:]](routine, name[0]) for name, routine in routines.items())


def _operands(kind: str, *shapes: tuple[int, ...]) -> list[np.ndarray[Any, np.dtype[Any]]]:
    """Small whole numbers, so that every correct routine gives exactly the same result."""
    return [
        (np.arange(np.prod(shape)) % 7 - 3).astype(_REAL[kind]).reshape(shape) for shape in shapes
    ]


def _gemm_works(gemm: Any, kind: str) -> bool:
    """Multiply a 3 by 5 with the transpose of a 4 by 5 matrix."""
    a, b, c = _operands(kind, (3, 5), (4, 5), (3, 4))
    want = 2 * (a @ b.T) + c
    a_, b_, c_ = (_pointer(array, kind) for array in (a, b, c))
    gemm(_ROW_MAJOR, _NO_TRANS, _TRANS, 3, 4, 5, 2.0, a_, 5, b_, 5, 1.0, c_, 4)
    return bool(np.array_equal(c, want))


def _gemv_works(gemv: Any, kind: str) -> bool:
    """Multiply the transpose of a 3 by 5 matrix with a vector."""
    a, x, y = _operands(kind, (3, 5), (3,), (5,))
    want = 2 * (a.T @ x) + y
    a_, x_, y_ = (_pointer(array, kind) for array in (a, x, y))
    gemv(_ROW_MAJOR, _TRANS, 3, 5, 2.0, a_, 5, x_, 1, 1.0, y_, 1)
    return bool(np.array_equal(y, want))


def _pointer(array: np.ndarray[Any, np.dtype[Any]], kind: str) -> Any:
    return ffi.from_buffer("float *" if kind == "s" else "double *", array)


_TRIALS: dict[str, Callable[[Any, str], bool]] = {"gemm": _gemm_works, "gemv": _gemv_works}
