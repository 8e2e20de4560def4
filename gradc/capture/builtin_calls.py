"""Python's builtins and the ``math`` module, for traced values."""

import builtins
import itertools
import math
import operator
from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np

from gradc.capture.builtin_order import all_of_items, any_of_items, best, sorted_items
from gradc.capture.context import fail, maybe_current
from gradc.capture.convert import has_traced, unwrap
from gradc.capture.dispatch import apply
from gradc.capture.growing import Growing
from gradc.capture.mutation import read
from gradc.capture.nested import for_loop
from gradc.capture.positions import as_dim, as_user, is_position, tracer_of
from gradc.capture.tracer import Kind, Tracer, describe, is_concrete, wrap
from gradc.capture.turns import (
    Joined,
    Nested,
    SymbolicRange,
    backwards,
    is_late,
    item_of,
    items_now,
    length_of,
    make_range,
)
from gradc.errors import DTypeError, TraceError
from gradc.ir import INT64

__all__ = ["BUILTINS"]

BUILTINS: dict[Any, Callable[..., Any]] = {}
"""Builtin -> its meaning in recorded code."""


def _is_traced(x: Any) -> bool:
    return isinstance(x, Tracer) and not is_concrete(x)


# math


def _math(name: str, ufunc: Any) -> None:
    function = getattr(math, name)

    def call(*args: Any) -> Any:
        if not any(isinstance(x, Tracer) for x in args):
            return function(*args)
        if not has_traced(args):
            return function(*unwrap(list(args)))
        for x in args:
            if isinstance(x, Tracer) and x.size != 1:
                fail(
                    TraceError,
                    f"math.{name} takes a number, not an array",
                    operands=[describe(x)],
                    repair=f"use np.{ufunc.__name__}, which works element by element",
                )
        return _python(apply(ufunc, args, {}))

    BUILTINS[function] = call


def _python(x: Any) -> Any:
    """Turn a 0-d result into what the ``math`` module returns, a Python float."""
    return wrap(read(x).reshape(()).cast(np.dtype(np.float64)), Kind.PYTHON)


_SAME_NAMES = (
    "exp", "exp2", "expm1", "log2", "log10", "log1p", "sqrt", "cbrt", "sin", "cos", "tan", "sinh",
    "cosh", "tanh", "fabs", "fmod", "copysign", "hypot", "degrees", "radians",
)  # fmt: skip
for _same in _SAME_NAMES:
    if hasattr(math, _same):
        _math(_same, getattr(np, _same))
for _name, _ufunc in {
    "asin": np.arcsin, "acos": np.arccos, "atan": np.arctan, "atan2": np.arctan2,
    "asinh": np.arcsinh, "acosh": np.arccosh, "atanh": np.arctanh, "pow": np.power,
}.items():  # fmt: skip
    _math(_name, _ufunc)


def _log(x: Any, *base: Any) -> Any:
    if not has_traced((x, *base)):
        return math.log(*unwrap([x, *base]))
    result = _python(apply(np.log, (x,), {}))
    return result / BUILTINS[math.log](base[0]) if base else result


BUILTINS[math.log] = _log


def _predicate(name: str) -> None:
    function, ufunc = getattr(math, name), getattr(np, name)
    BUILTINS[function] = lambda x: apply(ufunc, (x,), {}) if _is_traced(x) else function(x)


for _name in ("isnan", "isinf", "isfinite"):
    _predicate(_name)


# builtins


def _smaller(a: Any, b: Any, name: str) -> Any:
    """Decide between two loop indices where that can be proved."""
    test = (a <= b) if name == "min" else (a >= b)
    if isinstance(test, bool | np.bool_):
        return a if test else b
    return apply(getattr(np, f"{name}imum"), (a, b), {})


def _extremum(name: str, ufunc: np.ufunc) -> None:
    function = getattr(builtins, name)

    def call(*args: Any, **kwargs: Any) -> Any:
        items = list(args[0]) if len(args) == 1 else list(args)
        if not items or not (has_traced(items) or kwargs.get("key")):
            return function(items, **kwargs)
        if all(as_dim(x) is not None for x in items) and not kwargs:
            return reduce(lambda a, b: _smaller(a, b, name), items)
        if kwargs.get("key") is not None:
            return best(name, items, kwargs["key"])
        for x in items:
            if isinstance(x, Tracer) and x.ndim:
                fail(
                    TraceError,
                    f"{name}() of arrays asks for the truth of an array",
                    operands=[describe(x)],
                    repair=f"use np.{ufunc.__name__}, which works element by element",
                )
        return reduce(lambda a, b: apply(Tracer.operate, (ufunc, a, b), {}), items)

    BUILTINS[function] = call


_extremum("min", np.minimum)
_extremum("max", np.maximum)


def _float(x: Any = 0.0) -> Any:
    if is_position(x):
        x = tracer_of(x.dim)
    if isinstance(x, Tracer) and x._kind is Kind.PYTHON and not is_concrete(x):
        return _python(x)
    return float(x)


def _round(x: Any, *digits: Any) -> Any:
    if not _is_traced(x):
        return round(x, *digits)
    if not digits or digits[0] is None:
        fail(
            TraceError,
            "round() of a traced value would be a Python int, which is not known while the "
            "function is recorded",
            operands=[describe(x)],
            repair="use np.round or np.rint, which stay arrays",
        )
    return apply(np.round, (x, *digits), {})


def _isinstance(x: Any, kinds: Any) -> bool:
    if not isinstance(x, Tracer):
        return issubclass(int, kinds) if is_position(x) else isinstance(x, kinds)
    return issubclass(_class_of(x), kinds)


def _class_of(x: Tracer) -> type:
    """Return the class that the value has when the function runs under NumPy."""
    if x._kind is Kind.ARRAY:
        return np.ndarray
    if x._kind is Kind.PYTHON:
        return {"b": bool, "i": int}.get(x.dtype.kind, float)
    return x.dtype.type


def _type(*args: Any) -> Any:
    if len(args) == 1 and is_position(args[0]):
        return int
    if len(args) == 1 and isinstance(args[0], Tracer):
        return _class_of(args[0])
    return type(*args)


def _range(*args: Any) -> Any:
    trace = maybe_current()
    later = trace is not None and trace.recorder.options.regions
    for x in args:
        if _is_traced(x) and x.dtype.kind not in "iu":
            fail(
                DTypeError,
                f"range() takes integers, not {x._type}",
                operands=[describe(x)],
                repair="convert it with int(...)",
            )
    kept = [is_position(x) or (later and is_late(x)) for x in args]
    return make_range(*[x if k else operator.index(x) for x, k in zip(args, kept, strict=True)])


def _reversed(items: Any) -> Any:
    found = backwards(items)
    return reversed(items) if found is None else found


def _len(x: Any) -> Any:
    if isinstance(x, SymbolicRange):
        return as_user(x.length)
    if isinstance(x, Growing):
        return x.length()
    return as_user(x._type.shape[0]) if isinstance(x, Tracer) and x.ndim else len(x)


def _zip(*items: Any, strict: bool = False) -> Any:
    """``zip``: kept as it is where each turn of a loop can be asked for by its number.

    With ``strict`` it is so where the lengths are known, which are compared at once.
    """
    rows = [items_now(x) for x in items if length_of(x) is None]
    known = [items_now(x) for x in items]
    even = all(number == known[0] for number in known) and None not in known
    if not items or None in rows or (strict and not even):
        return zip(*items, strict=strict)
    return Joined(items)


_ENDLESS = 2**60
"""More numbers than a list can come to have while a loop runs over it."""


def _enumerate(items: Any, start: Any = 0) -> Any:
    length = length_of(items)
    if length is None and items_now(items) is not None:
        return Joined((range(start, start + _ENDLESS), items))
    if length is None:
        return enumerate(items, start)
    return Joined((make_range(start, start + as_user(length)), items))


def _int(*args: Any, **kwargs: Any) -> Any:
    """``int``: a traced number stays traced, cut off toward zero as Python does it."""
    if len(args) != 1 or kwargs:
        return int(*args, **kwargs)
    x = args[0]
    if is_position(x):
        return x
    if _is_traced(x) and x.size == 1:
        return wrap(read(x).reshape(()).cast(INT64), Kind.PYTHON)
    return int(x)


def _sum(items: Any, /, start: Any = 0) -> Any:
    total = start

    def turn(item: Any) -> int:
        nonlocal total
        total = total + item
        return 0

    if type(items) is list and length_of(items) is not None:
        for_loop(items, turn, ("total",), ("total",), ("total",), "k")
        return total
    for item in items:
        turn(item)
    return total


def _bool(x: Any = False) -> bool:
    return bool(x)


# loops inside loops


def _is_numbered(items: Any) -> bool:
    return isinstance(items, range | SymbolicRange | Tracer) and length_of(items) is not None


def _product(*items: Any, repeat: Any = 1) -> Any:
    """``itertools.product`` of ranges and arrays."""
    if not items or type(repeat) is not int or repeat < 1 or not all(map(_is_numbered, items)):
        return itertools.product(*items, repeat=repeat)
    levels = items * repeat
    return Nested(len(levels), lambda outer: levels[len(outer)], lambda spot: spot)


def _ndindex(*shape: Any) -> Any:
    """``np.ndindex``."""
    sizes = tuple(shape[0]) if len(shape) == 1 and isinstance(shape[0], tuple | list) else shape
    if not sizes or any(as_dim(size) is None for size in sizes):
        return np.ndindex(*shape)
    return Nested(len(sizes), lambda outer: make_range(sizes[len(outer)]), lambda spot: spot)


def _ndenumerate(items: Any) -> Any:
    """``np.ndenumerate``."""
    if not isinstance(items, Tracer) or not items.ndim:
        return np.ndenumerate(items)
    shape = tuple(map(as_user, items._type.shape))

    return Nested(
        len(shape), lambda outer: make_range(shape[len(outer)]), lambda spot: (spot, items[spot])
    )


def _combinations(function: Any, apart: int) -> Any:
    """``itertools.combinations``, or those with replacement: ``apart`` is 1 or 0."""

    def call(items: Any, r: Any) -> Any:
        if not _is_numbered(items) or type(r) is not int or r < 1:
            return function(items, r)
        size = as_user(length_of(items))  # type: ignore[arg-type]

        def level(outer: tuple[Any, ...]) -> Any:
            first = outer[-1] + apart if outer else 0
            return make_range(first, size - apart * (r - 1 - len(outer)))

        return Nested(r, level, lambda spot: tuple(item_of(items, k) for k in spot))

    return call


BUILTINS[itertools.product] = _product
BUILTINS[itertools.combinations] = _combinations(itertools.combinations, 1)
BUILTINS[itertools.combinations_with_replacement] = _combinations(
    itertools.combinations_with_replacement, 0
)
BUILTINS[np.ndindex] = _ndindex
BUILTINS[np.ndenumerate] = _ndenumerate
BUILTINS[float] = _float
BUILTINS[round] = _round
BUILTINS[isinstance] = _isinstance
BUILTINS[type] = _type
BUILTINS[range] = _range
BUILTINS[len] = _len
BUILTINS[reversed] = _reversed
BUILTINS[zip] = _zip
BUILTINS[enumerate] = _enumerate
BUILTINS[int] = _int
BUILTINS[sum] = _sum
BUILTINS[any] = any_of_items
BUILTINS[all] = all_of_items
BUILTINS[sorted] = sorted_items
_AS_THEY_ARE = (
    abs, list, tuple, dict, set, iter, next, bool, print, repr, str, divmod, pow, hash, id,
    setattr, hasattr, callable, slice, operator.getitem, operator.setitem,
)  # fmt: skip
BUILTINS.update((function, function) for function in _AS_THEY_ARE)
