"""What the lowering of all groups shares: buffers, scalars, checks."""

from collections.abc import Callable, Mapping
from dataclasses import field
from typing import Any

import numpy as np

from gradc.ir import INT64, ArrayType, Dim, Kind, Program
from gradc.kernels.extremes import Bounds, capacity, extremes
from gradc.kernels.lower_regions_parts import Region, updated_operands
from gradc.kernels.nest import Buffer, Expr, Failure, FailureKind, Load, Number, Ref, Stmt
from gradc.kernels.placement import Placement
from gradc.records import dataclass
from gradc.spans import Span

__all__ = ["State", "number"]


def number(value: Any, dtype: Any) -> Number:
    """Return a literal whose value is a plain Python number."""
    dtype = np.dtype(dtype)
    return Number(np.asarray(value, dtype=dtype).item(), dtype)


@dataclass(slots=True, eq=False)
class State:
    """Buffers by node, scalars by node, and status codes.

    Attributes
    ----------
    buffers : dict
        The memory of inputs, constants and roots that have any.
    scalars : dict
        Expressions (locals or numbers) of one-element roots computed so far.
    outside : set
        Roots that some other group reads.
    regions : mapping
        The regions of all nodes that have some.
    bounds : mapping
        First and last value of the indices of the loops around.
    results : dict
        Memory of the results of regions, by node and item.
    heirs : dict
        For a value that is written over another one: that other one.
    inside : bool
        Whether it is a loop body or a branch.
    body : callable
        Lowers a group to statements, index checks included.
    """

    program: Program
    placement: Placement
    buffers: dict[int, Buffer] = field(default_factory=dict)
    scalars: dict[int, Expr] = field(default_factory=dict)
    outside: set[int] = field(default_factory=set)
    failures: list[Failure] = field(default_factory=list)
    checked: set[tuple[int, Dim]] = field(default_factory=set)
    indices: dict[tuple[int, Dim], Buffer] = field(default_factory=dict)
    regions: Mapping[int, Region] = field(default_factory=dict)
    bounds: Bounds = field(default_factory=dict)
    results: dict[tuple[int, int], Buffer] = field(default_factory=dict)
    heirs: dict[int, int] = field(default_factory=dict)
    inside: bool = False
    body: Callable[["State", Any], list[Stmt]] | None = None

    def most(self, extent: Dim) -> int:
        """Return the greatest value of an extent."""
        found = extremes(extent, self.bounds)
        assert found is not None, f"extent {extent} is not known"
        return max(found[1], 0)

    def temporary(self, id: int) -> Buffer:
        """Return fresh memory for a node's value."""
        kind = self.program.graph[id].type
        most = -1 if isinstance(kind.size, int) else capacity(kind.shape, self.bounds)
        return Buffer("temporary", kind, self.name(id), node=id, most=most)

    def name(self, id: int) -> str:
        """Return the user's name of a node, a region's for a result of one, or nothing."""
        graph = self.program.graph
        if id in graph.names or id < 0 or graph[id].op.name != "project":
            return graph.names.get(id, "")
        return self.result_name(graph[id].operands[0], graph[id].params["item"])

    def result_name(self, region: int, item: int) -> str:
        """Return what a region calls one of its results: at its end, or else at its start."""
        node, part = self.program.graph[region], self.regions[region].parts[-1].graph
        slot = updated_operands(node, self.regions).get(item)
        names = [part.names.get(part.outputs[item], "")]
        if slot is not None:
            inner = part.inputs[slot - len(node.operands) + len(part.inputs)]
            names += [part.names.get(inner, ""), self.name(node.operands[slot])]
        return next(filter(None, names), "")

    def dtype(self, id: int) -> np.dtype:
        """Return a node's element type."""
        return self.program.graph[id].type.dtype

    def load(self, id: int, offset: Dim) -> Expr:
        """Read one element of stored memory."""
        known = self.scalars.get(id)
        if known is not None:
            return known
        node = self.program.graph[id]
        if node.op.kind is Kind.CONSTANT:
            flat = node.params["value"].array.reshape(-1)
            if self.placement.is_uniform(id):
                return number(flat[0] if flat.size else 0, flat.dtype)
            if isinstance(offset, int):
                return number(flat[offset], flat.dtype)
        return Load(Ref(self.buffer(id), offset))

    def buffer(self, id: int) -> Buffer:
        """Return the memory of a node; constants get theirs when they are first needed."""
        found = self.buffers.get(id)
        if found is None:
            node = self.program.graph[id]
            assert node.op.kind is Kind.CONSTANT, f"{node} has no memory"
            data = np.array(node.params["value"].array)
            found = Buffer("constant", node.type, self.name(id), node=id, data=data)
            self.buffers[id] = found
        return found

    def constant_index(self, id: int, data: np.ndarray, extent: Dim) -> Buffer:
        """Return memory with the wrapped positions of a constant index array."""
        key = (id, extent)
        if key not in self.indices:
            kind = ArrayType(INT64, data.shape)
            self.indices[key] = Buffer("constant", kind, self.name(id), node=id, data=data)
        return self.indices[key]

    def fail(self, message: str, span: Span | None, kind: FailureKind = "index") -> int:
        """Return the status code of a failure, the same for the same message and place."""
        failure = Failure(message, span, kind)
        if failure not in self.failures:
            self.failures.append(failure)
        return self.failures.index(failure) + 1
