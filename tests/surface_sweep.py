"""Trying expressions of the NumPy surface in gradc against NumPy itself."""

import importlib.util
import itertools
import linecache
import warnings
from pathlib import Path

import numpy as np

import gradc
from tests.numpy_surface import ARGUMENTS, CONSTANTS, arguments

CLOSE = {"f8": 1e-12, "f4": 3e-5, "i8": 1e-12, "?": 1e-12}
_count = itertools.count()


def functions(texts, folder: Path):
    """Write one function for each text, and ``whole`` that returns all their results."""
    head = ", ".join(ARGUMENTS)
    lines = ["import numpy as np", ""]
    for number, text in enumerate(texts):
        body = text if "return " in text else f"return {text}"
        lines += [f"def f{number}({head}):", *(f"    {line}" for line in body.split("\n")), ""]
    calls = ", ".join(f"f{n}({head})" for n in range(len(texts)))
    lines += [f"def whole({head}):", f"    return [{calls}]"]
    name = f"surface_{next(_count)}"
    path = folder / f"{name}.py"
    path.write_text("\n".join(lines) + "\n")
    linecache.checkcache(str(path))
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    vars(module).update({key: value.copy() for key, value in CONSTANTS.items()})
    spec.loader.exec_module(module)
    return [getattr(module, f"f{n}") for n in range(len(texts))], module.whole


def leaves(result):
    """Return the arrays and numbers in a result."""
    if isinstance(result, list | tuple):
        return [leaf for part in result for leaf in leaves(part)]
    return [np.asarray(result)]


def difference(found, wanted, close):
    """Say how two results differ, or return nothing."""
    found, wanted = leaves(found), leaves(wanted)
    if len(found) != len(wanted):
        return f"{len(found)} results, not {len(wanted)}"
    for a, b in zip(found, wanted, strict=True):
        if (a.dtype, a.shape) != (b.dtype, b.shape):
            return f"{a.dtype}{a.shape}, not {b.dtype}{b.shape}"
        exact = b.dtype.kind != "f"
        near = max(close, CLOSE["f4"]) if b.dtype == np.float32 else close
        same = np.array_equal(a, b) if exact else np.allclose(a, b, near, near, equal_nan=True)
        if not same:
            return f"{a!r}, not {b!r}"
    return ""


def call(function, args):
    """Return the result, or the exception."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return function(**{name: value.copy() for name, value in args.items()})
        except Exception as error:
            return error


def refused(error) -> bool:
    """Tell whether an error is gradc's own, at the user's line, with a repair."""
    return isinstance(error, gradc.GradcError) and error.span is not None and bool(error.repair)


def value(function, kind, backend):
    """Compare values: '' when right, 'refused', or what is wrong."""
    args = arguments(kind)
    wanted = call(function, args)
    found = call(gradc.compile(function, backend=backend), args)
    if isinstance(found, Exception):
        if isinstance(found, gradc.GradcError):
            return "refused" if isinstance(wanted, Exception) or refused(found) else repr(found)
        return f"{type(found).__name__}: {found}"
    if isinstance(wanted, Exception):
        return f"a result where NumPy has {type(wanted).__name__}: {wanted}"
    return difference(found, wanted, CLOSE[kind])
