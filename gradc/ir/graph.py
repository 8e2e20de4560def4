"""The graph IR: array values as nodes, operands as edges, over ``networkx.MultiDiGraph``.

    Graph  = Node* inputs outputs names          nodes in insertion order, which is topological
    Node   = id op operands params regions type origin
    edge   = operand -> user, key = operand slot (``x * x`` is two edges, hence two terms of a sum)

Nodes are only appended after their operands, so nobody sorts.  ``Graph.add`` hash-conses: the same
op of the same operands is the same node.  The node records own the operand order; the networkx
graph holds one attribute ``"node"`` with the record, mirrors the edges and answers who uses whom.
It is brought up to date when it is asked for, so that recording stays light.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from gradc.ir.dims import Shape
from gradc.ir.node import Literal, Node, Origin
from gradc.ir.op import Kind, Op, op_named
from gradc.ir.types import ArrayType
from gradc.ir.value import Value

if TYPE_CHECKING:
    import networkx

__all__ = ["Graph", "load_networkx"]

_NOWHERE = Origin()


class Graph:
    """A closed graph of array values.

    Parameters
    ----------
    name : str
        The user's function name, or what a region is for.
    """

    __slots__ = (
        "_children",
        "_known",
        "_mirror",
        "_origin",
        "inputs",
        "name",
        "names",
        "nodes",
        "outputs",
    )

    def __init__(self, name: str = "graph") -> None:
        self.name = name
        self.nodes: list[Node] = []
        self.inputs: list[int] = []
        self.outputs: list[int] = []
        self.names: dict[int, str] = {}
        self._known: dict[Any, int] = {}
        self._children: list[list[tuple[int, int]]] = []
        self._origin = _NOWHERE
        self._mirror: networkx.MultiDiGraph | None = None

    def __len__(self) -> int:
        """Return the number of nodes."""
        return len(self.nodes)

    def __getitem__(self, id: int) -> Node:
        """Return a node."""
        return self.nodes[id]

    # building

    def add(
        self,
        op: Op,
        operands: tuple[int, ...] = (),
        params: Mapping[str, Any] | None = None,
        regions: tuple[Graph, ...] = (),
        origin: Origin | None = None,
        known: ArrayType | None = None,
    ) -> int:
        """Return the id of the node ``op(operands, params)``, adding it when it is new.

        ``known`` is the node's type where the caller has it, from a node that is copied.
        """
        params = params or {}
        key = (op, operands, *sorted(params.items())) if params else (op, operands)
        found = None if regions else self._known.get(key)
        if found is not None:
            return found
        nodes = self.nodes
        kind = known or op.infer(*[nodes[i].type for i in operands], **params)
        id = len(nodes)
        nodes.append(Node(id, op, operands, params, regions, kind, origin or self._origin))
        self._known[key] = id
        return id

    def input(self, name: str, type: ArrayType, origin: Origin | None = None) -> Value:
        """Append an input."""
        params = {"name": name, "position": len(self.inputs), "type": type}
        id = self.add(op_named("input"), (), params, (), origin)
        self.inputs.append(id)
        self.names.setdefault(id, name)
        return Value(self, id)

    def constant(self, array: Any, dtype: Any = None) -> Value:
        """Return a constant with the array's own shape."""
        return Value(self, self.add(op_named("constant"), (), {"value": Literal.of(array, dtype)}))

    def literal(self, number: Any, dtype: np.dtype) -> Value:
        """Return a 0-d constant of the given dtype."""
        return self.constant(number, dtype)

    def blank(self, shape: Shape, dtype: np.dtype) -> Value:
        """Return an array whose elements are written before they are read."""
        id = self.add(op_named("blank"), (), {"value": Literal.of(0, dtype)})
        return Value(self, id).broadcast_to(shape)

    def value(self, id: int) -> Value:
        """Return the handle that rules and passes work with."""
        return Value(self, id)

    def values(self, ids: Iterator[int] | list[int] | tuple[int, ...]) -> tuple[Value, ...]:
        """Return handles of several nodes."""
        return tuple([Value(self, id) for id in ids])

    @contextmanager
    def at(self, origin: Origin) -> Iterator[None]:
        """Give nodes added inside the block this origin."""
        before, self._origin = self._origin, origin
        try:
            yield
        finally:
            self._origin = before

    @property
    def origin(self) -> Origin:
        """The origin that nodes added now will get."""
        return self._origin

    @origin.setter
    def origin(self, origin: Origin) -> None:
        self._origin = origin

    def rename(self, id: int, name: str) -> None:
        """Give a node the user's name unless it has one."""
        self.names.setdefault(id, name)

    # asking

    @property
    def nx(self) -> networkx.MultiDiGraph:
        """The graph as networkx knows it: attribute ``"node"``, edge key = operand slot."""
        mirror = self._mirror
        if mirror is None:
            mirror = self._mirror = load_networkx().MultiDiGraph(name=self.name)
        done = mirror.number_of_nodes()
        if done < len(self.nodes):
            fresh = self.nodes[done:]
            mirror.add_nodes_from((node.id, {"node": node}) for node in fresh)
            mirror.add_edges_from(
                (operand, node.id, slot)
                for node in fresh
                for slot, operand in enumerate(node.operands)
            )
        return mirror

    def uses(self, id: int) -> list[tuple[int, int]]:
        """Return the children of a node: (user, operand slot), in the order they were added."""
        children = self._children
        for node in self.nodes[len(children) :]:
            children.append([])
            for slot, operand in enumerate(node.operands):
                children[operand].append((node.id, slot))
        return children[id]

    def live(self) -> list[bool]:
        """Tell which nodes the outputs need."""
        needed = [False] * len(self.nodes)
        for id in self.outputs:
            needed[id] = True
        for node in reversed(self.nodes):
            if needed[node.id]:
                for operand in node.operands:
                    needed[operand] = True
        return needed

    def is_constant(self, id: int) -> bool:
        """Tell whether the node is a literal."""
        return self.nodes[id].op.kind is Kind.CONSTANT


def load_networkx() -> Any:
    """Import networkx when a graph is first looked at: it takes longer than all of NumPy."""
    import networkx

    return networkx
