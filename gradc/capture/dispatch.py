"""The table from NumPy callables to the functions that record them.

``numpy_map`` and its neighbours fill the table with ``@handles``; operators, the NumPy protocols
and the call hook look it up through ``apply``.  Errors leave here with the user's line attached.
"""

import difflib
import operator
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NoReturn

import numpy as np

from gradc.capture.context import current, fail
from gradc.errors import (
    ArgumentError,
    DTypeError,
    GradcError,
    IndexBoundsError,
    ShapeError,
    UnsupportedError,
)
from gradc.spans import caller_span

__all__ = ["TABLE", "apply", "label", "on_missing", "refuse", "supported_names"]

TABLE: dict[Any, Callable[..., Any]] = {}
"""NumPy callable -> handler with the same signature."""

_OPERATORS = {operator.getitem: "indexing", operator.setitem: "assignment to a subscript"}
_late: list[Callable[[Any], Callable[..., Any] | None]] = []


def on_missing(find: Callable[[Any], Callable[..., Any] | None], first: bool = False) -> None:
    """Register a search for callables that are not in the table, such as ops declared later."""
    _late.insert(0 if first else len(_late), find)


def _find(function: Any) -> Callable[..., Any]:
    for search in _late:
        handler = search(function)
        if handler is not None:
            return handler
    refuse(function)


def apply(function: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """Record a call; refuse by name what is not in the table."""
    handler = TABLE.get(function) or _find(function)
    current().mark()
    try:
        return handler(*args, **kwargs)
    except GradcError as error:
        error.span = error.span or caller_span()
        error.operands = error.operands or _operands(args)
        error.repair = error.repair or _REPAIRS.get(type(error))
        raise
    except (TypeError, ValueError, IndexError, OverflowError, NotImplementedError) as error:
        raise _explained(_called(function, args), error, _operands(args)) from None


def _called(function: Any, args: Sequence[Any]) -> Any:
    """Name the ufunc that an operator stands for."""
    return args[0] if args and isinstance(args[0], np.ufunc) else function


_KINDS: tuple[tuple[type[Exception], type[GradcError]], ...] = (
    (IndexError, IndexBoundsError),
    (OverflowError, ArgumentError),
    (ValueError, ShapeError),
    (TypeError, DTypeError),
)

_REPAIRS: dict[type[GradcError], str] = {
    IndexBoundsError: "count positions and axes from 0, or from the end with negative numbers",
    ArgumentError: "use a number that the dtype can hold, or a wider dtype",
    ShapeError: "compare the shapes above; reshape, transpose or slice an operand",
    DTypeError: "convert an operand with .astype(...)",
}
"""What to do when only NumPy's complaint is known."""


def _operands(args: Sequence[Any]) -> tuple[tuple[str, str], ...]:
    """Describe the traced values among the arguments."""
    found: list[tuple[str, str]] = []
    for arg in args:
        items = arg if isinstance(arg, list | tuple) else (arg,)
        found += [item.described() for item in items if hasattr(type(item), "described")]
    return tuple(dict.fromkeys(found))


def _explained(
    function: Any, error: Exception, operands: tuple[tuple[str, str], ...]
) -> GradcError:
    """Turn a complaint of NumPy or Python into an error at the user's line."""
    text = str(error)
    if isinstance(error, TypeError) and "argument" in text:
        return UnsupportedError(
            f"{label(function)}: {_argument_text(text)}",
            span=caller_span(),
            operands=operands,
            repair="leave the argument out, or compute the same with supported ones",
        )
    kind = next((g for e, g in _KINDS if isinstance(error, e)), UnsupportedError)
    return kind(
        f"{label(function)}: {text}",
        span=caller_span(),
        operands=operands,
        repair=_REPAIRS.get(kind),
    )


def _argument_text(text: str) -> str:
    """``clip() got an unexpected keyword argument 'foo'`` without the handler's own name.

    Nor with a guess: it names a parameter of the handler, and Python 3.13 began to make it.
    """
    return text.partition(". Did you mean")[0].split("() ", 1)[-1]


def label(function: Any) -> str:
    """How messages call a function: ``np.linalg.norm``."""
    if isinstance(function, tuple):
        return f"{label(function[0])}.{function[1]}"
    if function in _OPERATORS:
        return _OPERATORS[function]
    if isinstance(function, np.vectorize):
        return "np.vectorize"
    name = getattr(function, "__name__", repr(function))
    if hasattr(function, "__objclass__"):
        return f"ndarray.{name}"
    module = getattr(function, "__module__", None) or ""
    for part in ("linalg", "fft", "random"):
        if module.startswith(f"numpy.{part}"):
            return f"np.{part}.{name}"
    is_numpy = isinstance(function, np.ufunc) or module.startswith("numpy")
    return f"np.{name}" if is_numpy else f"{module}.{name}" if module else name


@lru_cache(maxsize=1)
def supported_names() -> tuple[str, ...]:
    """Return every NumPy name that is recorded, sorted."""
    return tuple(sorted({label(f) for f in TABLE if _is_numpy(f)}))


def _is_numpy(function: Any) -> bool:
    return label(function).startswith(("np.", "ndarray."))


def refuse(function: Any) -> NoReturn:
    """Refuse a function by name, with the nearest supported spelling."""
    name = label(function)
    known = {other.rsplit(".", 1)[-1]: other for other in supported_names()}
    near = difflib.get_close_matches(name.rsplit(".", 1)[-1], known, n=1, cutoff=0.8)
    repair = "write it with supported NumPy functions, or pass its result in as an argument"
    if name in _INSTEAD or name.startswith("np.fft."):
        repair = _INSTEAD.get(name, _NO_COMPLEX)
    elif near:
        repair = f"the nearest supported function is {known[near[0]]}"
    fail(UnsupportedError, f"{name} of a traced value is not supported", repair=repair)


_NO_COMPLEX = (
    "complex numbers are not traced: multiply by the matrices of cosines and sines, "
    "np.cos(2 * np.pi * np.outer(k, k) / n) @ x"
)
_DATA = "how many results there are depends on data: call it outside and pass what it gives"
_INSTEAD = {
    "np.unique": _DATA,
    "np.nonzero": _DATA,
    "np.argwhere": _DATA,
    "np.flatnonzero": _DATA,
    "np.extract": "use x[mask] in a sum, or np.where(mask, x, 0)",
    "np.compress": "use x[mask] in a sum, or np.where(mask, x, 0)",
    "np.nditer": "loop over x.ravel(), or over np.ndindex(x.shape)",
    "np.linalg.pinv": "solve the normal equations: np.linalg.solve(x.T @ x, x.T)",
    "np.linalg.lstsq": "solve the normal equations: np.linalg.solve(x.T @ x, x.T @ y)",
    "np.polyfit": "solve the normal equations of np.vander(x, degree + 1)",
    "np.nanmedian": "use np.median or np.quantile where nothing is missing",
    "np.partition": "use np.sort(x), whose first k are the k smallest, or np.sort(x)[k]",
    "np.argpartition": "use np.argsort(x)[:k]",
    "np.choose": "use np.select, or index a stacked array",
}
"""What to do instead of functions whose names lie near others of no use."""
