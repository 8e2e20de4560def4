"""Operators and properties of the user's classes: what they run is recorded like any function.

    class Vector:
        def __mul__(self, factor): ...          # v * 2.0 and, by __rmul__, 2.0 * v
        def __abs__(self): return math.sqrt(self @ self)

        @property
        def unit(self): return self * (1 / abs(self))

Python calls such methods itself, as they are written.  So rewritten code asks here first.
"""

import operator
from collections.abc import Callable
from functools import cached_property, lru_cache
from types import FunctionType, MethodType
from typing import Any, TypeAlias

import numpy as np

from gradc.capture.builtin_calls import BUILTINS
from gradc.capture.held import is_library
from gradc.capture.tracer import Kind, Tracer

__all__ = ["Caller", "binary", "own_builtin", "read_property", "unary"]

Caller: TypeAlias = Callable[..., Any]
"""Calls a function the way recorded code does."""

_NAMES = {
    "Add": "add", "Sub": "sub", "Mult": "mul", "MatMult": "matmul", "Div": "truediv",
    "FloorDiv": "floordiv", "Mod": "mod", "Pow": "pow", "LShift": "lshift", "RShift": "rshift",
    "BitAnd": "and_", "BitOr": "or_", "BitXor": "xor", "USub": "neg", "UAdd": "pos",
    "Invert": "invert",
}  # fmt: skip
_OPERATORS = {kind: getattr(operator, name) for kind, name in _NAMES.items()}
_PLAIN = frozenset((Tracer, float, int, bool, complex, str, list, tuple, np.ndarray, np.float64))


def binary(kind: str, a: Any, b: Any, call: Caller) -> Any:
    """Compute ``a + b`` and the like; ``kind`` is the operator's name in Python's syntax tree."""
    if type(a) in _PLAIN and type(b) in _PLAIN:
        return _OPERATORS[kind](a, b)
    name = _NAMES[kind].rstrip("_")
    tries = [(_own(_kind(a), f"__{name}__"), a, b), (_own(_kind(b), f"__r{name}__"), b, a)]
    if tries[0][0] is None and not _gives_way(a):
        return _OPERATORS[kind](a, b)
    if type(a) is not type(b) and issubclass(type(b), type(a)):
        tries.reverse()
    for method, owner, other in tries:
        if method is None:
            continue
        found = call(MethodType(method, owner), other)
        if found is not NotImplemented:
            return found
    return _OPERATORS[kind](a, b)


def _gives_way(a: Any) -> bool:
    """Tell whether a left operand leaves the operation to an object that it does not know."""
    if isinstance(a, Tracer):
        return a._kind is Kind.PYTHON
    return type(a) in (float, int, bool) or not is_library(type(a).__module__)


def unary(kind: str, a: Any, call: Caller) -> Any:
    """Compute ``-a`` and the like."""
    method = None if type(a) in _PLAIN else _own(_kind(a), f"__{_NAMES[kind]}__")
    return _OPERATORS[kind](a) if method is None else call(MethodType(method, a))


def own_builtin(function: Any, name: str, call: Caller) -> Caller:
    """Return a builtin of one argument that asks the user's class first."""
    plain = BUILTINS[function]

    def ask(x: Any) -> Any:
        method = None if type(x) in _PLAIN else _own(_kind(x), name)
        return plain(x) if method is None else call(MethodType(method, x))

    return ask


def _kind(value: Any) -> Any:
    return type(value)


@lru_cache(maxsize=4096)
def _own(kind: Any, name: str) -> FunctionType | None:
    """Return a method that the user wrote for a class, or a class below it."""
    found = getattr(kind, name, None)
    users = isinstance(found, FunctionType) and not is_library(found.__module__ or "")
    return found if users else None


def read_property(owner: Any, name: str, call: Caller) -> tuple[Any] | None:
    """Return the value of a property that the user wrote; None for any other attribute."""
    getter = _getter(_kind(owner), name)
    if getter is None:
        return None
    function, kept = getter
    if kept and name in vars(owner):
        return None
    value = call(MethodType(function, owner))
    if kept:
        vars(owner)[name] = value
    return (value,)


@lru_cache(maxsize=4096)
def _getter(kind: Any, name: str) -> tuple[FunctionType, bool] | None:
    """Return the function behind a property, and whether its value is kept."""
    found = next((vars(one)[name] for one in kind.__mro__ if name in vars(one)), None)
    function = found.fget if isinstance(found, property) else getattr(found, "func", None)
    kept = isinstance(found, cached_property)
    users = isinstance(function, FunctionType) and not is_library(function.__module__ or "")
    return (function, kept) if users and (kept or isinstance(found, property)) else None  # type: ignore[return-value]
