"""Entering handlers into the table, with evaluation of what is known while recording."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import numpy as np

from gradc.capture.context import fail
from gradc.capture.convert import has_traced, own, unwrap
from gradc.capture.dispatch import TABLE, apply, label, on_missing, refuse
from gradc.capture.positions import is_position
from gradc.errors import TraceError

__all__ = ["SIZED", "call", "handles", "opaque"]

_Function = TypeVar("_Function", bound=Callable[..., Any])


def call(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Record a NumPy function; composites are written with it."""
    return apply(function, args, kwargs)


def handles(*functions: Any, views: bool = False) -> Callable[[_Function], _Function]:
    """Enter a handler for NumPy callables; the handler keeps NumPy's signature.

    Calls without traced values are evaluated at once.  ``views`` marks functions whose result may
    share memory with an operand: their handlers always run, since they follow aliases.
    """

    def enter(handler: _Function) -> _Function:
        for function in functions:
            TABLE[function] = handler if views else _folding(function, handler)
        return handler

    return enter


def _folding(function: Any, handler: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(handler)
    def folded(*args: Any, **kwargs: Any) -> Any:
        if kwargs.get("out") is None and not has_traced(args) and not has_traced(kwargs):
            return opaque(function, args, kwargs)
        return handler(*args, **kwargs)

    return folded


def _constants_only(function: Any) -> Callable[..., Any]:
    """Evaluate a function that is not in the table, unless an operand is traced."""

    def handler(*args: Any, **kwargs: Any) -> Any:
        if function in SIZED and _has_position(args):
            return SIZED[function](*args, **kwargs)
        if has_traced(args) or has_traced(kwargs):
            _refuse_size(function)
            refuse(function)
        return opaque(function, args, kwargs)

    return handler


def _has_position(args: Any) -> bool:
    return any(
        any(map(is_position, arg)) if isinstance(arg, tuple | list) else is_position(arg)
        for arg in args
    )


SIZED: dict[Any, Callable[..., Any]] = {}
"""Functions that make arrays -> what they do when a size holds a loop index."""

_SIZED = (np.zeros, np.ones, np.arange, np.eye, np.identity, np.tri, np.indices)


def _refuse_size(function: Any) -> None:
    if function in _SIZED:
        fail(
            TraceError,
            f"{label(function)} needs numbers that are known while the function is recorded",
            repair="take sizes from shapes (x.shape[0]), or pass them as Python ints",
        )


on_missing(_constants_only)


def opaque(function: Any, args: Any, kwargs: Any) -> Any:
    """Evaluate a NumPy function of constants, and take its arrays for the function's own."""
    if isinstance(function, tuple):
        function = getattr(*function)
    with np.errstate(all="ignore"):
        return own(function(*unwrap(args), **unwrap(kwargs)))


def refuse_argument(function: Any, **given: Any) -> None:
    """Refuse arguments that are not at their defaults (``name=(value, default)``)."""
    for name, (value, default) in given.items():
        if value is not default and value != default:
            raise TypeError(f"argument {name}={value!r} of {label(function)} is not supported")
