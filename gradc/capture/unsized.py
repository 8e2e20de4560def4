"""Elements of which nobody knows the number while recording: what both kinds of them refuse."""

from typing import Any, NoReturn

import numpy as np

from gradc.spans import Span, caller_span

__all__ = ["Unsized"]


class Unsized:
    """A part of an array whose number of elements is known only when the code runs.

    Arithmetic goes element by element; all else needs the number and is refused, unless a class
    knows better.
    """

    __slots__ = ("span",)
    __array_priority__ = 2000.0
    __hash__ = None  # type: ignore[assignment]

    what: str
    """What it is, for messages."""

    def __init__(self) -> None:
        self.span = caller_span()

    def refuse(self, what: str, span: Span | None = None) -> NoReturn:
        """Raise the error for a use that needs the number of elements."""
        raise NotImplementedError

    def elementwise(self, ufunc: Any, *inputs: Any) -> Any:
        """Apply a function to each element."""
        raise NotImplementedError

    def reduced(self, function: Any, *args: Any) -> Any:
        """Apply a function of the whole."""
        self.refuse(f"handed to {getattr(function, '__name__', 'this function')}")

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        self.refuse(f"asked for .{name}")

    def __getitem__(self, index: Any) -> Any:
        self.refuse("indexed again")

    def __iter__(self) -> Any:
        self.refuse("iterated over")

    def __len__(self) -> int:
        self.refuse("counted")

    def __bool__(self) -> bool:
        self.refuse("asked for their truth")

    def __matmul__(self, other: Any) -> Any:
        return self.reduced(np.dot, self, other)

    def __rmatmul__(self, other: Any) -> Any:
        return self.reduced(np.dot, other, self)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        self.refuse("handed to this function")

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if kwargs:
            self.refuse(f"handed to {getattr(function, '__name__', 'this function')}")
        return self.reduced(function, *args)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if method != "__call__" or kwargs:
            self.refuse("used this way")
        if ufunc is np.matmul:
            return self.reduced(np.dot, *inputs)
        return self.elementwise(ufunc, *inputs)


_BINARY = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "truediv": np.divide,
    "floordiv": np.floor_divide, "mod": np.remainder, "pow": np.power,
    "and": np.bitwise_and, "or": np.bitwise_or, "xor": np.bitwise_xor,
}  # fmt: skip
_COMPARISONS = {
    "lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal,
    "eq": np.equal, "ne": np.not_equal,
}  # fmt: skip
_UNARY = {"neg": np.negative, "abs": np.absolute, "pos": np.positive, "invert": np.invert}


def _install_operators() -> None:
    """Give the class the arithmetic operators of a tracer."""

    def forward(ufunc: Any) -> Any:
        return lambda self, other: self.elementwise(ufunc, self, other)

    def reflected(ufunc: Any) -> Any:
        return lambda self, other: self.elementwise(ufunc, other, self)

    for name, ufunc in _BINARY.items():
        setattr(Unsized, f"__{name}__", forward(ufunc))
        setattr(Unsized, f"__r{name}__", reflected(ufunc))
    for name, ufunc in _COMPARISONS.items():
        setattr(Unsized, f"__{name}__", forward(ufunc))
    for name, unary in _UNARY.items():
        setattr(Unsized, f"__{name}__", lambda self, u=unary: self.elementwise(u, self))


_install_operators()
