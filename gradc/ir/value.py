"""A handle on a node, with NumPy's operators: the only thing derivative rules see.

Operators broadcast by explicit nodes and give Python numbers the dtype of the array they meet, so
rules are written as mathematics and mention neither shapes nor dtypes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from gradc.ir.dims import Dim, Shape
from gradc.ir.op import op_named
from gradc.ir.types import ArrayType

if TYPE_CHECKING:
    from gradc.ir.graph import Graph
    from gradc.ir.node import Node

__all__ = ["Operand", "Value"]

Operand: TypeAlias = "Value | float"


class Value:
    """Node ``id`` of ``graph``."""

    __slots__ = ("graph", "id")

    def __init__(self, graph: Graph, id: int) -> None:
        self.graph = graph
        self.id = id

    @property
    def node(self) -> Node:
        """The node's record."""
        return self.graph.nodes[self.id]

    @property
    def type(self) -> ArrayType:
        """Element type and extents."""
        return self.graph.nodes[self.id].type

    @property
    def dtype(self) -> np.dtype:
        """Element type."""
        return self.type.dtype

    @property
    def shape(self) -> Shape:
        """Extents."""
        return self.type.shape

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.type.shape)

    @property
    def size(self) -> Dim:
        """Number of elements."""
        return self.type.size

    def __eq__(self, other: object) -> bool:
        """Tell whether both are the same node of the same graph."""
        return isinstance(other, Value) and other.graph is self.graph and other.id == self.id

    def __hash__(self) -> int:
        """Hash as equality compares."""
        return hash((id(self.graph), self.id))

    def __repr__(self) -> str:
        """Write the node."""
        return repr(self.node)

    # arithmetic

    def __add__(self, other: Operand) -> Value:
        """Return ``self + other``."""
        return op_named("add")(self, other)

    def __radd__(self, other: Operand) -> Value:
        """Return ``other + self``."""
        return op_named("add")(other, self)

    def __sub__(self, other: Operand) -> Value:
        """Return ``self - other``."""
        return op_named("subtract")(self, other)

    def __rsub__(self, other: Operand) -> Value:
        """Return ``other - self``."""
        return op_named("subtract")(other, self)

    def __mul__(self, other: Operand) -> Value:
        """Return ``self * other``."""
        return op_named("multiply")(self, other)

    def __rmul__(self, other: Operand) -> Value:
        """Return ``other * self``."""
        return op_named("multiply")(other, self)

    def __truediv__(self, other: Operand) -> Value:
        """Return ``self / other``."""
        return op_named("divide")(self, other)

    def __rtruediv__(self, other: Operand) -> Value:
        """Return ``other / self``."""
        return op_named("divide")(other, self)

    def __pow__(self, other: Operand) -> Value:
        """Return ``self ** other``."""
        return op_named("power")(self, other)

    def __neg__(self) -> Value:
        """Return ``-self``."""
        return op_named("negative")(self)

    # shape and type

    def broadcast_to(self, shape: Sequence[Dim]) -> Value:
        """Repeat along axes of length 1 and new leading axes."""
        shape = tuple(shape)
        return self if shape == self.shape else op_named("broadcast_to")(self, shape=shape)

    def reshape(self, shape: Sequence[Dim]) -> Value:
        """Give the same elements, in C order, other extents (no -1)."""
        shape = tuple(shape)
        return self if shape == self.shape else op_named("reshape")(self, shape=shape)

    def transpose(self, axes: Sequence[int]) -> Value:
        """Permute axes."""
        axes = tuple(axes)
        if axes == tuple(range(self.ndim)):
            return self
        return op_named("transpose")(self, axes=axes)

    def sum(self, axes: Sequence[int] | None = None) -> Value:
        """Sum over axes, which are dropped."""
        axes = tuple(range(self.ndim)) if axes is None else tuple(sorted(axes))
        return op_named("reduce_sum")(self, axes=axes) if axes else self

    def expand(self, axes: Sequence[int]) -> Value:
        """Insert axes of length 1 so that they stand at ``axes`` of the result."""
        rest = iter(self.shape)
        rank = self.ndim + len(axes)
        return self.reshape(tuple(1 if i in axes else next(rest) for i in range(rank)))

    def cast(self, dtype: np.dtype) -> Value:
        """Convert to another dtype."""
        return self if dtype == self.dtype else op_named("cast")(self, dtype=np.dtype(dtype))

    def full_like(self, number: float) -> Value:
        """Return a constant of the same shape and dtype."""
        return self.graph.literal(number, self.dtype).broadcast_to(self.shape)
