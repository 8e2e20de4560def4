"""The record of one node, and where it came from."""

from collections.abc import Mapping
from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np

from gradc.ir.dims import Dim
from gradc.ir.op import Op
from gradc.ir.types import ArrayType
from gradc.records import dataclass
from gradc.spans import Span

if TYPE_CHECKING:
    from gradc.ir.graph import Graph

__all__ = [
    "UNKNOWN",
    "Array",
    "At",
    "IndexItem",
    "IndexSpec",
    "Literal",
    "NewAxis",
    "Node",
    "Origin",
    "Slice",
    "fresh_again",
]

UNKNOWN = -1
"""``adjoint_of`` of a node whose primal node is gone."""


_AGAIN = count(1)


def fresh_again() -> int:
    """Return a number for ``Origin.again`` that nothing has had."""
    return next(_AGAIN)


class Origin(NamedTuple):
    """Where a node came from; never part of equality of nodes.

    Parameters
    ----------
    span : Span or None
        The user's expression.
    adjoint_of : int or None
        For a node of the backward part: the primal node it was derived from (or ``UNKNOWN``).
    tangent_of : int or None
        The same for the forward mode.
    again : int
        Not 0 for what the backward part computes again rather than keeps: the number of the
        checkpointed call, or part of a loop, that the node belongs to.
    """

    span: Span | None = None
    adjoint_of: int | None = None
    tangent_of: int | None = None
    again: int = 0

    @property
    def derived(self) -> bool:
        """Whether differentiation made the node."""
        return self.adjoint_of is not None or self.tangent_of is not None


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant array that compares and hashes by dtype, shape and bits (so -0.0 is not 0.0)."""

    dtype: str
    shape: tuple[int, ...]
    data: bytes

    @classmethod
    def of(cls, value: Any, dtype: Any = None) -> "Literal":
        """Freeze an array or a number."""
        array = np.asarray(value, dtype=dtype)
        return cls(array.dtype.str, array.shape, array.tobytes())

    @property
    def array(self) -> np.ndarray:
        """The constant as a read-only array."""
        return np.frombuffer(self.data, dtype=np.dtype(self.dtype)).reshape(self.shape)

    @property
    def type(self) -> ArrayType:
        """The constant's type."""
        return ArrayType(np.dtype(self.dtype), self.shape)

    def __str__(self) -> str:
        """Write the number, or the array without its middle."""
        return np.array2string(self.array, threshold=6) if self.shape else repr(self.array.item())


@dataclass(frozen=True, slots=True)
class Slice:
    """``length`` elements from ``start`` with a step that may be negative."""

    start: Dim
    length: Dim
    step: int = 1

    def __str__(self) -> str:
        """Write ``start:+length:step``."""
        return f"{self.start}:+{self.length}" + (f":{self.step}" if self.step != 1 else "")


@dataclass(frozen=True, slots=True)
class At:
    """One position; the axis is dropped."""

    position: Dim

    def __str__(self) -> str:
        """Write the position."""
        return str(self.position)


@dataclass(frozen=True, slots=True)
class NewAxis:
    """An axis of length 1 that the array does not have."""

    def __str__(self) -> str:
        """Write ``newaxis``."""
        return "newaxis"


@dataclass(frozen=True, slots=True)
class Array:
    """An integer array: number ``slot`` of the node's index operands, counted from 0."""

    slot: int

    def __str__(self) -> str:
        """Write ``#slot``."""
        return f"#{self.slot}"


IndexItem: TypeAlias = Slice | At | NewAxis | Array
IndexSpec: TypeAlias = tuple[IndexItem, ...]


class Node:
    """One array value: an op applied to operands.

    Nodes are immutable by convention; ``id`` is the position in the graph's node list, and operands
    always have smaller ids.
    """

    __slots__ = ("id", "op", "operands", "origin", "params", "regions", "type")

    def __init__(
        self,
        id: int,
        op: Op,
        operands: tuple[int, ...],
        params: Mapping[str, Any],
        regions: "tuple[Graph, ...]",
        type: ArrayType,
        origin: Origin,
    ) -> None:
        self.id = id
        self.op = op
        self.operands = operands
        self.params = params
        self.regions = regions
        self.type = type
        self.origin = origin

    def __repr__(self) -> str:
        """Write ``%id = op(operands, params): type``."""
        args = [f"%{i}" for i in self.operands]
        args += [f"{name}={_text(value)}" for name, value in self.params.items()]
        return f"%{self.id} = {self.op.name}({', '.join(args)}): {self.type}"


def _text(value: Any) -> str:
    """Write a parameter; what a tuple holds as it writes itself, not as it is built."""
    if isinstance(value, tuple) and type(value) is tuple:
        return f"({', '.join(map(_text, value))}{',' if len(value) == 1 else ''})"
    return str(value)
