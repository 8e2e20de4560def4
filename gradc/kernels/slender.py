"""Many small products over one long axis: what is computed around them has the long axis last.

    y[b, p, i] = sum over j of c[b, p, j] * q[b, i, j]          p < 1000, i and j < 10

Rows of ten are too short for vector code, and a library is called for very little.  Along p all
turns are alike, so c and y are kept as c'[b, j, p] and y'[b, i, p]: products, elementwise values
and reductions between them are computed in that order, and everybody else sees a transposed view.
What comes from elsewhere, such as an argument, is copied once where its order is another one.

So it is with batches of tiny matrices, along the batch, where several products share the copies.
"""

from dataclasses import field, replace
from typing import TypeVar

from gradc.ir import ArrayType, Graph, Kind, Node, Program, Value
from gradc.ir.node import Origin
from gradc.ir.rebuild import copy_input, copy_node, transfer
from gradc.kernels.contraction import analyse, long_batch, long_label
from gradc.kernels.index import domain_of, long_axes
from gradc.records import dataclass

__all__ = ["Slender", "long_axis_last"]

_Item = TypeVar("_Item")


@dataclass(frozen=True, slots=True)
class Slender:
    """A program, its products that are loops along a long axis, and copies that must be kept."""

    program: Program
    products: frozenset[int] = frozenset()
    copies: frozenset[int] = frozenset()


def long_axis_last(program: Program) -> Slender:
    """Return the program with the long axes of small products last.

    Linear in the number of nodes.
    """
    found: dict[int, int] = {}
    batches: dict[int, int] = {}
    for node in program.nodes:
        if node.op.kind is Kind.CONTRACTION:
            plan = analyse(program.graph, node)
            label, batch = long_label(plan, node), long_batch(plan, node)
            if label is not None and not _is_fixed(program, node, label):
                found[node.id] = label
            elif batch is not None:
                batches[node.id] = batch
    if len(batches) > 1:
        found |= batches
    return _Layout(program, found).result() if found else Slender(program)


def _is_fixed(program: Program, node: Node, label: int) -> bool:
    """Tell whether a product is a result, whose axes have their order: a library writes that."""
    out = node.params["out_labels"]
    return node.id in program.graph.outputs and label in out[:-1]


@dataclass(slots=True, eq=False)
class _Layout:
    """Rebuilds the graph; ``axes`` says which axis of a value comes last, ``laid`` its new form."""

    program: Program
    found: dict[int, int]
    axes: dict[int, int] = field(default_factory=dict)
    laid: dict[int, Value] = field(default_factory=dict)
    images: dict[int, Value] = field(default_factory=dict)
    copied: dict[tuple[int, int], Value] = field(default_factory=dict)
    products: set[int] = field(default_factory=set)

    @property
    def graph(self) -> Graph:
        return self.program.graph

    def result(self) -> Slender:
        self._choose()
        graph, new = self.graph, Graph(self.graph.name)
        for id in graph.inputs:
            self.images[id] = copy_input(graph, id, new)
        transfer(graph, new, self.images, graph.live(), self._visit)
        new.origin = Origin()
        new.outputs = [self.images[id].id for id in graph.outputs]
        copies = frozenset(value.id for value in self.copied.values())
        return Slender(replace(self.program, graph=new), frozenset(self.products), copies)

    # which values

    def _choose(self) -> None:
        """Say which axis comes last: of products, of what is made of them, of what they need."""
        nodes = self.program.nodes
        for node in nodes:
            axis = self._given(node)
            if axis is not None:
                self._want(node, axis)
        for node in reversed(nodes):
            for operand, axis in self._needed(node):
                self._ask(operand, axis)

    def _given(self, node: Node) -> int | None:
        """Return the axis that comes last in a product, or in what a value is made of."""
        if node.id in self.found:
            out, label = node.params["out_labels"], self.found[node.id]
            return out.index(label) if label in out else None
        if self._is_elementwise(node):
            return next((self.axes[i] for i in node.operands if i in self.axes), None)
        return None

    def _needed(self, node: Node) -> list[tuple[int, int]]:
        """Return the operands that should have some axis last, and which one."""
        if node.id not in self.found:
            axis = self.axes.get(node.id)
            return [] if axis is None else [(operand, axis) for operand in node.operands]
        label = self.found[node.id]
        labels = node.params["a_labels"], node.params["b_labels"]
        return [
            (operand, own.index(label))
            for operand, own in zip(node.operands, labels, strict=True)
            if label in own
        ]

    def _want(self, node: Node, axis: int) -> None:
        free = node.id in self.found or node.id not in self.graph.outputs
        if free and axis < node.type.ndim - 1:
            self.axes.setdefault(node.id, axis)

    def _is_elementwise(self, node: Node) -> bool:
        shapes = {self.graph[i].type.shape for i in node.operands}
        return node.op.kind is Kind.ELEMENTWISE and shapes == {node.type.shape}

    def _ask(self, id: int, axis: int) -> None:
        """Ask a value, or what it repeats, to have an axis last."""
        node = self.graph[id]
        while node.op.name in ("broadcast_to", "reshape", "transpose"):
            source = self.graph[node.operands[0]]
            behind = _axis_behind(node, source.type, axis)
            if behind is None:
                return
            node, axis = source, behind
        if self._is_elementwise(node):
            self._want(node, axis)

    # the new graph

    def _visit(self, graph: Graph, node: Node, operands: tuple[Value, ...]) -> Value:
        if node.id in self.found:
            return self._product(graph, node, operands)
        if node.id in self.axes:
            axis = self.axes[node.id]
            ids = tuple(self._moved(i, axis).id for i in node.operands)
            return self._lay(node, graph.value(graph.add(node.op, ids, node.params)))
        if node.op.name.startswith("reduce_") and node.operands[0] in self.laid:
            return self._reduction(graph, node)
        return copy_node(graph, node, operands)

    def _product(self, graph: Graph, node: Node, operands: tuple[Value, ...]) -> Value:
        label, params = self.found[node.id], dict(node.params)
        ids: list[int] = []
        for name, id, value in zip("ab", node.operands, operands, strict=True):
            labels = params[f"{name}_labels"]
            if label in labels:
                value = self._moved(id, labels.index(label))
                params[f"{name}_labels"] = _last(labels, labels.index(label))
            ids.append(value.id)
        out = params["out_labels"]
        params["out_labels"] = _last(out, self.axes.get(node.id, len(out) - 1))
        value = graph.value(graph.add(node.op, tuple(ids), params))
        self.products.add(value.id)
        return self._lay(node, value) if node.id in self.axes else value

    def _lay(self, node: Node, value: Value) -> Value:
        """Note the new form of a value; return it in the old order of its axes."""
        self.laid[node.id] = value
        name = self.graph.names.get(node.id)
        if name is not None:
            value.graph.rename(value.id, name)
        return _back(value, self.axes[node.id])

    def _reduction(self, graph: Graph, node: Node) -> Value:
        (operand,) = node.operands
        axis, axes = self.axes[operand], node.params["axes"]
        rank = self.graph[operand].type.ndim
        order = _last(tuple(range(rank)), axis)
        params = {**node.params, "axes": tuple(sorted(order.index(a) for a in axes))}
        value = graph.value(graph.add(node.op, (self.laid[operand].id,), params))
        return value if axis in axes else _back(value, axis - sum(a < axis for a in axes))

    def _moved(self, id: int, axis: int) -> Value:
        """Return a value with an axis moved to the end."""
        node, value = self.graph[id], self.images[id]
        if axis == node.type.ndim - 1:
            return value
        if self.axes.get(id) == axis and id in self.laid:
            return self.laid[id]
        shape = _last(node.type.shape, axis)
        if node.type.shape[axis] == 1:
            return value.reshape(shape)
        if node.op.name in ("broadcast_to", "reshape", "transpose"):
            source = node.operands[0]
            behind = _axis_behind(node, self.graph[source].type, axis)
            if behind is not None:
                return self._through(node, self._moved(source, behind), behind, axis)
            if node.op.name == "broadcast_to":
                inner = self.images[source]
                return inner.reshape((*inner.shape, 1)).broadcast_to(shape)
        key = id, axis
        if key not in self.copied:
            self.copied[key] = value.transpose(_last(tuple(range(value.ndim)), axis))
        return self.copied[key]

    def _through(self, node: Node, moved: Value, behind: int, axis: int) -> Value:
        """Do to a moved value what a node that only moves elements does to the value itself."""
        shape = _last(node.type.shape, axis)
        if node.op.name == "broadcast_to":
            return moved.broadcast_to(shape)
        if node.op.name == "reshape":
            return moved.reshape(shape)
        there = _last(tuple(range(moved.ndim)), behind)
        return moved.transpose([there.index(a) for a in _last(node.params["axes"], axis)])


def _last(items: tuple[_Item, ...], axis: int) -> tuple[_Item, ...]:
    """Return items with one of them moved to the end."""
    return (*items[:axis], *items[axis + 1 :], items[axis])


def _back(value: Value, axis: int) -> Value:
    """Move the last axis to where it was."""
    order = list(range(value.ndim - 1))
    return value.transpose([*order[:axis], value.ndim - 1, *order[axis:]])


def _axis_behind(node: Node, source: ArrayType, axis: int) -> int | None:
    """Return the axis of the operand that an axis shows, if it is one that only it shows."""
    if node.op.name == "transpose":
        return int(node.params["axes"][axis])
    if node.op.name == "broadcast_to":
        behind = axis - (node.type.ndim - source.ndim)
        return behind if behind >= 0 else None
    shape = node.type.shape
    if domain_of(shape) != domain_of(source.shape) or shape[axis] == 1:
        return None
    return long_axes(source.shape)[long_axes(shape).index(axis)]
