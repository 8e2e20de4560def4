"""The rest of the ``math`` module: what NumPy can say, and what to do about what it cannot."""

import math
from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np

from gradc.capture.builtin_calls import BUILTINS
from gradc.capture.context import fail
from gradc.capture.convert import has_traced, unwrap
from gradc.capture.dispatch import apply
from gradc.capture.mutation import read
from gradc.capture.positions import is_position
from gradc.capture.tracer import Kind, Tracer, describe, wrap
from gradc.errors import UnsupportedError
from gradc.ir import INT64

__all__: list[str] = []


def _whole(function: Callable[[Any], int], ufunc: np.ufunc) -> None:
    """``floor`` and the like: a Python integer, which only running tells."""

    def call(x: Any) -> Any:
        if is_position(x):
            return x
        if not has_traced(x):
            return function(unwrap(x))
        number = apply(ufunc, (x,), {})
        return wrap(read(number).reshape(()).cast(INT64), Kind.PYTHON)

    BUILTINS[function] = call


_whole(math.floor, np.floor)
_whole(math.ceil, np.ceil)
_whole(math.trunc, np.trunc)


def _dist(p: Any, q: Any) -> Any:
    """Return the distance of two points."""
    if not has_traced([p, q]):
        return math.dist(unwrap(p), unwrap(q))
    squares = [(a - b) ** 2 for a, b in zip(p, q, strict=True)]
    return BUILTINS[math.sqrt](BUILTINS[sum](squares))


def _prod(items: Any, /, *, start: Any = 1) -> Any:
    """Return the product of all items."""
    return reduce(lambda a, b: a * b, items, start)


BUILTINS[math.dist] = _dist
BUILTINS[math.prod] = _prod

_NONE = "NumPy has no such function either: write an approximation of it with np.exp and the like"
_INSTEAD = {
    "fsum": "use sum or np.sum",
    "isclose": "use np.isclose",
    "remainder": "use math.fmod or %",
    "modf": "use x % 1 and x // 1",
    "ldexp": "multiply by 2.0 ** n",
}


def _refused(name: str) -> None:
    function = getattr(math, name)

    def call(*args: Any, **kwargs: Any) -> Any:
        if not has_traced([*args, *kwargs.values()]):
            return function(*unwrap(list(args)), **unwrap(kwargs))
        fail(
            UnsupportedError,
            f"math.{name} of a traced value is not supported",
            operands=[describe(x) for x in args if isinstance(x, Tracer)],
            repair=_INSTEAD.get(name, _NONE),
        )

    BUILTINS[function] = call


for _name in ("erf", "erfc", "gamma", "lgamma", "frexp", *_INSTEAD):
    _refused(_name)
