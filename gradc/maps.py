"""Loops with independent turns: turn ``i`` reads element ``i`` of some arrays and gives row ``i``.

    rows = zeros(count, ...)
    for i in range(count):
        rows[i] = body(xs[i], shared)

This is the map of ``vmap`` and of full Jacobians.  It is a counted ``loop`` whose carries are
written at the index and never read, so that every pass, both modes of differentiation and both
backends know what to do with it.  The role of its index, ``"map"``, says that it was one from the
start, through all derivatives: NumPy source has operations on whole batches then, where it can
(``passes/vectorize``), while a loop that the user wrote stays one.
"""

from collections.abc import Iterator, Sequence

from gradc.ir import At, Dim, Graph, Slice, Symbol, Value, op_named
from gradc.ir.rebuild import inline
from gradc.ops.regions import make_loop
from gradc.records import dataclass

__all__ = ["Element", "free_index", "map_rows"]


@dataclass(frozen=True, slots=True)
class Element:
    """An operand of a map, and the axis along which the turns take their elements (None: all)."""

    value: Value
    axis: int | None = None

    def take(self, whole: Value, index: Dim) -> Value:
        """Return what the turn with that index reads."""
        if self.axis is None:
            return whole
        spec = tuple(
            At(index) if k == self.axis else Slice(0, extent)
            for k, extent in enumerate(whole.shape)
        )
        return op_named("index")(whole, spec=spec)


def map_rows(
    target: Graph, body: Graph, operands: Sequence[Element], count: Dim, index: Symbol
) -> list[Value]:
    """Add the loop to a graph; return an array of rows for each output of the body.

    Parameters
    ----------
    target : Graph
        The graph of the operands.
    body : Graph
        The function of one element; an input for each operand.
    operands : sequence of Element
    count : Dim
        The number of turns.
    index : Symbol
        The index: no loop around or inside may have it (see ``free_index``).
    """
    here = index.expr()
    loop = Graph(body.name)
    inputs = [
        loop.input(_name(body, k, one.value), one.value.type) for k, one in enumerate(operands)
    ]
    elements = [one.take(whole, here) for one, whole in zip(operands, inputs, strict=True)]
    starts = []
    for made in inline(body, loop, elements):
        kind = made.type.with_shape((count, *made.shape))
        rows = loop.input("rows", kind)
        spec = (At(here), *(Slice(0, extent) for extent in made.shape))
        loop.outputs.append(op_named("index_put")(rows, made, spec=spec).id)
        starts.append(target.literal(0, kind.dtype).broadcast_to(kind.shape))
    if not starts:
        return []
    shared = [one.value for one in operands]
    return make_loop(loop, shared, starts, index=index, count=count)


def _name(body: Graph, k: int, value: Value) -> str:
    own: str = body[body.inputs[k]].params["name"]
    return value.graph.names.get(value.id, own)


def free_index(body: Graph, taken: set[str]) -> Symbol:
    """Return an index that no loop inside a body has, nor those around, whose names are given."""
    names = taken | set(_indices(body))
    name, k = "i", 1
    while name in names:
        name, k = f"i_{k}", k + 1
    return Symbol(name, "map")


def _indices(graph: Graph) -> Iterator[str]:
    for node in graph.nodes:
        index = node.params.get("index")
        if isinstance(index, Symbol):
            yield index.name
        for region in node.regions:
            yield from _indices(region)
