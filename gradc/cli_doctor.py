"""``gradc doctor``: what this machine offers, and whether it works."""

import argparse
import platform
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version

import numpy as np

from gradc import __version__
from gradc.dispatch import made_in_c
from gradc.errors import GradcError
from gradc.native import blas
from gradc.native.cache import default_cache
from gradc.native.compiler import find_toolchain
from gradc.options import Options
from gradc.runtime.native_calls import STATE
from gradc.transforms import value_and_grad
from gradc.view.text import bytes_text, count_text, table

__all__ = ["run"]

_PACKAGES = ("numpy", "networkx", "jinja2", "cffi")


def run(options: argparse.Namespace) -> int:
    """Print one line a finding; 1 when native code does not work."""
    rows = [
        ("gradc", __version__),
        ("python", f"{platform.python_version()}, {platform.platform()}"),
    ]
    rows += [(name, _version(name)) for name in _PACKAGES]
    problems: list[str] = []
    for title, find in _CHECKS.items():
        try:
            rows += [(title if number == 0 else "", text) for number, text in enumerate(find())]
        except GradcError as error:
            rows.append((title, f"not usable: {error.headline}"))
            problems.append(f"{title}: {error}")
    print("\n".join(table(rows)))
    print()
    if not problems:
        print("all is well")
        return 0
    print("\n".join(problems))
    print("until this is mended, functions run by the NumPy backend")
    return 1


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _compiler() -> Iterator[str]:
    toolchain = find_toolchain()
    yield toolchain.describe()
    yield " ".join(toolchain.flags())


def _cache() -> Iterator[str]:
    cache = default_cache()
    entries = cache.entries()
    size = bytes_text(sum(one.size for one in entries))
    kept = ", not kept after this process" if cache.temporary else ""
    yield f"{cache.root}: {count_text(len(entries), 'kernel')}, {size}{kept}"


def _blas() -> Iterator[str]:
    yield blas.describe()


def _calls() -> Iterator[str]:
    made = STATE.load(made_in_c)
    yield "made in C" if made else f"made in Python: {STATE.reason}"


def _math() -> Iterator[str]:
    yield f"{Options().math} for calls, portable for gradc build"


def _trial() -> Iterator[str]:
    """Compile a gradient and compare it with what it must be."""
    x = np.array([0.5, -1.0, 2.0])
    value, gradient = value_and_grad(_sum_of_squares, backend="c")(x)
    if value != 5.25 or not np.array_equal(gradient, 2 * x):
        raise GradcError(f"a compiled gradient is wrong: {gradient} instead of {2 * x}")
    yield "a compiled gradient gives the right numbers"


def _sum_of_squares(x: np.ndarray) -> np.ndarray:
    return np.sum(x * x)  # type: ignore[no-any-return]


_CHECKS: dict[str, Callable[[], Iterator[str]]] = {
    "cache": _cache,
    "compiler": _compiler,
    "matrices": _blas,
    "math": _math,
    "calls": _calls,
    "trial": _trial,
}
