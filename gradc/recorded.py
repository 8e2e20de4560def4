"""What a call needs to know of a recorded function: its inputs, its guards, its result.

This is the part of a recording that outlives it: plain records without the graph, so that a call
whose compiled code is found on disk loads nothing of what records, derives and prints.
"""

from collections.abc import Callable, Sequence
from enum import IntEnum
from functools import partial
from types import MethodType
from typing import TYPE_CHECKING, Any

import numpy as np

from gradc.records import dataclass
from gradc.routes import Leaves, Pin, Reader, Route
from gradc.spans import Span
from gradc.trees import TreeDef, unflatten

if TYPE_CHECKING:
    from gradc.ir import ArrayType

__all__ = [
    "Calling",
    "Guard",
    "Hidden",
    "Input",
    "Kind",
    "ResultLeaf",
    "Written",
    "guarded",
    "typed",
]


class Kind(IntEnum):
    """What NumPy would have handed out."""

    PYTHON = 0
    SCALAR = 1
    ARRAY = 2


@dataclass(frozen=True, slots=True)
class Hidden:
    """An array that the function closes over; ``read(leaves)`` returns the current one."""

    path: str
    type: "ArrayType"
    read: Reader


@dataclass(frozen=True, slots=True)
class Guard:
    """Something the recording took for granted."""

    path: str
    read: Reader
    test: Callable[[Any], bool]
    pin: Pin | None = None
    is_called: bool = False
    """Whether a call in C checks the same of each array that it is given."""

    @property
    def is_asked(self) -> bool:
        """Tell whether a call in C asks it."""
        return self.pin is not None or self.is_called

    def holds(self, leaves: Leaves) -> bool:
        """Tell whether it is still so."""
        try:
            value = self.read(leaves)
        except (KeyError, IndexError, AttributeError, ValueError):
            return False
        return self.test(value)


def guarded(
    value: Any, read: Reader, path: str, test: Callable[[Any], bool], *, pinned: bool
) -> Guard:
    """Return a guard; ``pinned`` says that it holds as long as ``value`` itself is there."""
    pin = None
    if pinned and isinstance(read, Route):
        now = read(())
        if now is value or (isinstance(value, MethodType) and test(now)):
            pin = Pin(read, value)
    return Guard(path, read, test, pin)


def typed(path: str, read: Reader, array: np.ndarray) -> Guard:
    """Return the guard that an array from outside keeps its type."""
    test = partial(_is_array, array.dtype, array.shape)
    return Guard(f"the type of {path}", read, test, is_called=isinstance(read, Route))


def _is_array(dtype: np.dtype[Any], shape: tuple[int, ...], now: Any) -> bool:
    return isinstance(now, np.ndarray) and now.dtype == dtype and now.shape == shape


@dataclass(frozen=True, slots=True)
class Input:
    """One input of a recorded graph.

    Parameters
    ----------
    name : str
        Dotted or subscripted path in the user's words: ``params['w1']``.
    type : ArrayType, optional
        dtype and shape, where there is a graph.
    role : {"argument", "hidden", "random"}
        Where its value comes from.
    kind : Kind
        Array, NumPy scalar or Python float (which promotes weakly).
    leaf : int
        For an argument: the position among the flat leaves of ``(args, kwargs)``.
    hidden, draw : Hidden, Draw
        For the other roles: what to read or draw at each call.
    """

    name: str
    type: "ArrayType"
    role: str
    kind: Kind
    leaf: int = -1
    hidden: Hidden | None = None
    draw: Any = None


@dataclass(frozen=True, slots=True)
class ResultLeaf:
    """One leaf of the result: an output of the graph, or a value known while recording."""

    output: int
    kind: Kind
    static: Any = None


@dataclass(frozen=True, slots=True)
class Written:
    """An input that the function overwrites: its new content is an output."""

    input: int
    output: int


@dataclass(frozen=True, slots=True)
class Calling:
    """How a recorded function is called.

    Parameters
    ----------
    name : str
        The function's name.
    inputs : tuple of Input
    in_tree, out_tree : TreeDef
        Trees of ``(args, kwargs)`` and of the result.
    results : tuple of ResultLeaf
        The leaves of the result.
    written : tuple of Written
        Arguments and closed-over arrays that the function overwrites.
    guards : tuple of Guard
        Closed-over numbers and functions: the recording serves calls for which all hold.
    span : Span or None
        The line of the function's definition.
    touched : tuple of int
        Inputs that a function under a transform overwrites, in a copy of its own.
    """

    name: str
    inputs: tuple[Input, ...]
    in_tree: TreeDef
    out_tree: TreeDef
    results: tuple[ResultLeaf, ...]
    written: tuple[Written, ...]
    guards: tuple[Guard, ...]
    span: Span | None
    touched: tuple[int, ...]

    def fits(self, leaves: Leaves) -> bool:
        """Tell whether all guards hold for a call with these flat leaves."""
        return all(guard.holds(leaves) for guard in self.guards)

    def gather(self, leaves: Leaves) -> list[Any]:
        """Return the value of every input for one call."""
        return [
            leaves[one.leaf] if one.hidden is None else one.hidden.read(leaves)
            for one in self.inputs
        ]

    def assemble(self, outputs: Sequence[Any]) -> Any:
        """Put output arrays into the tree of the result, with the kinds that NumPy would return."""
        return unflatten(self.out_tree, (_finished(leaf, outputs) for leaf in self.results))


def _finished(leaf: ResultLeaf, outputs: Sequence[Any]) -> Any:
    if leaf.output < 0:
        return leaf.static.copy() if isinstance(leaf.static, np.ndarray) else leaf.static
    value = outputs[leaf.output]
    if leaf.kind is Kind.ARRAY:
        return value
    return value[()] if leaf.kind is Kind.SCALAR else value.item()
