"""Joint graphs in which the backward part computes again what checkpointed calls made.

Copies are computed from what goes into the call, seen through a ``barrier``: it keeps the copy from
being merged with the original, and has it computed only after the adjoint that asks for it.
"""

from collections.abc import Collection, Mapping

from gradc.autodiff.again import again_of, inner_nodes
from gradc.ir import Graph, Kind, Node, Origin, Value, op_named
from gradc.ir.rebuild import rebuild

__all__ = ["run_again"]


def run_again(
    joint: Graph, first: int, bars: Collection[int]
) -> tuple[Graph, Mapping[int, Value]] | None:
    """Return the joint graph with copies in its backward part, and the images of its nodes.

    None if there is nothing to compute again.

    Parameters
    ----------
    joint : Graph
        Primal and adjoint together.
    first : int
        The first node of the backward part.
    bars : collection of int
        The adjoints of arrays.
    """
    late = [id >= first for id in range(len(joint))]
    inner = inner_nodes(joint, joint.live(), late)
    if not inner:
        return None
    copies = _Copies(joint, inner, first, bars)
    return copies.run(), copies.images


class _Copies:
    """The state of one rebuild: images of all nodes, copies of inner ones."""

    def __init__(
        self, joint: Graph, inner: Collection[int], first: int, bars: Collection[int]
    ) -> None:
        self.joint, self.inner, self.first, self.bars = joint, inner, first, bars
        self.images: dict[int, Value] = {}
        self.copies: dict[int, Value] = {}
        self.last: Value | None = None

    def run(self) -> Graph:
        """Return the new graph."""
        return rebuild(self.joint, self._visit)

    def _visit(self, target: Graph, node: Node, operands: tuple[Value, ...]) -> Value:
        if not self.images:
            self.images.update(zip(self.joint.inputs, target.values(target.inputs), strict=True))
        if node.id >= self.first:
            pairs = zip(node.operands, operands, strict=True)
            here = target.origin
            operands = tuple(self._again(target, i) if i in self.inner else v for i, v in pairs)
            target.origin = here
        ids = tuple(value.id for value in operands)
        image = target.value(target.add(node.op, ids, node.params, node.regions, known=node.type))
        self.images[node.id] = image
        if node.id in self.bars:
            self.last = image
        return image

    def _again(self, target: Graph, id: int) -> Value:
        """Return the copy of an inner node, made with those it needs."""
        pending = [id]
        while pending:
            node = self.joint[pending[-1]]
            missing = [i for i in node.operands if i in self.inner and i not in self.copies]
            if missing:
                pending += missing
                continue
            pending.pop()
            self.copies.setdefault(node.id, self._copy(target, node))
        return self.copies[id]

    def _copy(self, target: Graph, node: Node) -> Value:
        number = again_of(self.joint, node)
        about = self.images[node.id].id
        target.origin = Origin(node.origin.span, adjoint_of=about, again=node.origin.again)
        operands = [
            self.copies[i] if i in self.inner else self._seen(self.images[i], number)
            for i in node.operands
        ]
        ids = tuple(value.id for value in operands)
        copy = target.value(target.add(node.op, ids, node.params, node.regions, known=node.type))
        name = self.joint.names.get(node.id)
        if name is not None:
            target.rename(copy.id, name)
        return copy

    def _seen(self, value: Value, number: int) -> Value:
        """Return a value from outside the call, as the copies see it."""
        if value.node.op.kind is Kind.CONSTANT or value.node.op.name == "barrier":
            return value
        return op_named("barrier")(value, self.last or value, number=number)
