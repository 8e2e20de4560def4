"""Derivatives of whole graphs: primal and derivative together in one joint graph."""

from collections.abc import Mapping, Sequence

from gradc.autodiff.activity import Cut, find_cut
from gradc.autodiff.adjoint import Adjoints, adjoints
from gradc.autodiff.augment import augment
from gradc.autodiff.regions import Recipe
from gradc.autodiff.run_again import run_again
from gradc.autodiff.shifts import without_shifts
from gradc.autodiff.tangent import tangents_and_copies
from gradc.errors import DerivativeError, DTypeError
from gradc.ir import UNKNOWN, Graph, Origin, Value, is_float
from gradc.ir.rebuild import rebuild, redirect
from gradc.records import dataclass

__all__ = ["Joint", "check_differentiable", "forward", "reverse", "reverse_seeded"]


@dataclass(frozen=True, slots=True)
class Joint:
    """A graph whose outputs are those of the primal, then the derivatives.

    Parameters
    ----------
    graph : Graph
        Inputs of the primal, then seeds if the caller gives them.
    values : int
        How many outputs belong to the primal.
    adjoints : Adjoints
        The summands of every adjoint, on ``graph`` (empty in forward mode).
    cuts : tuple of (Cut, line text) or None
        For each input asked for: why it has no derivative, if it has none.
    """

    graph: Graph
    values: int
    adjoints: Adjoints
    cuts: tuple[tuple[Cut, str] | None, ...] = ()


def check_differentiable(graph: Graph, wrt: Sequence[int], names: Sequence[str]) -> None:
    """Raise unless every input asked for is floating-point.

    ``wrt`` are positions among the inputs; ``names`` how messages call them.
    """
    for position, name in zip(wrt, names, strict=True):
        kind = graph[graph.inputs[position]].type
        if not is_float(kind.dtype):
            raise DTypeError(
                f"no derivative by {name}: it is {kind}, not floating-point",
                repair=f"pass {name} as float64, or leave it out of argnums",
            )


def reverse(primal: Graph, wrt: Sequence[int], output: int = 0, budget: int | None = None) -> Joint:
    """Differentiate output number ``output``, a floating-point scalar, by the inputs ``wrt``.

    The tapes of loops take ``budget`` bytes at most, if that can be.

    Returns
    -------
    Joint
        Outputs: those of the primal, then one cotangent for each of ``wrt``.
    """
    graph, recipes = augment(without_shifts(primal), wrt, [output], budget=budget)
    loss = graph.value(graph.outputs[output])
    with graph.at(Origin(loss.node.origin.span, adjoint_of=loss.id)):
        seed = graph.literal(1.0, loss.dtype)
    return _attach(graph, {loss.id: seed}, wrt, recipes)


def reverse_seeded(primal: Graph, wrt: Sequence[int], budget: int | None = None) -> Joint:
    """Pull back cotangents that the caller gives, one input for each floating-point output."""
    made = [n for n, id in enumerate(primal.outputs) if is_float(primal[id].type.dtype)]
    graph, recipes = augment(without_shifts(primal), wrt, made, budget=budget)
    seeds: dict[int, Value] = {}
    for number, id in enumerate(graph.outputs):
        kind = graph[id].type
        if is_float(kind.dtype):
            seed = graph.input(f"ct_{number}", kind, Origin(None, adjoint_of=id))
            seeds[id] = seeds[id] + seed if id in seeds else seed
    return _attach(graph, seeds, wrt, recipes)


def _attach(
    graph: Graph, seeds: dict[int, Value], wrt: Sequence[int], recipes: Mapping[int, Recipe]
) -> Joint:
    """Append adjoints and make those of ``wrt`` outputs."""
    inputs = [graph.inputs[position] for position in wrt]
    values, outputs, first = len(graph.outputs), list(graph.outputs), len(graph)
    record = adjoints(graph, seeds, inputs, recipes)
    cuts = tuple(None if id in record.totals else _cut(graph, id, outputs) for id in inputs)
    for id in inputs:
        bar = record.totals.get(id)
        graph.outputs.append((bar if bar is not None else _zeros(graph, id)).id)
    found = run_again(graph, first, {bar.id for bar in record.totals.values()})
    if found is not None:
        graph, images = found
        record = record.moved(images)
    return Joint(graph, values, record, cuts)


def _zeros(graph: Graph, id: int) -> Value:
    with graph.at(Origin(None, adjoint_of=id)):
        return graph.value(id).full_like(0.0)


def _cut(graph: Graph, id: int, outputs: Sequence[int]) -> tuple[Cut, str]:
    cut, node = find_cut(graph, id, outputs)
    if cut is Cut.INTEGER and node is not None:
        raise DerivativeError(
            f"no derivative by {graph.names.get(id, 'the argument')}: "
            f"{node.op.name} gives {node.type.dtype.name}, which has none",
            span=node.origin.span,
            repair="use a smooth expression instead, or gradc.stop_gradient if this is meant",
        )
    where = node.origin.span if node is not None else None
    return cut, where.location if where is not None else ""


def forward(primal: Graph, wrt: Sequence[int]) -> Joint:
    """Push tangents of the inputs ``wrt``, given as further inputs, to every output.

    Outputs: those of the primal, then one tangent for each floating-point output.
    """
    graph = rebuild(without_shifts(primal))
    seeds: dict[int, Value] = {}
    for position in wrt:
        id = graph.inputs[position]
        name = f"{graph.names.get(id, 'x')}_dot"
        seeds[id] = graph.input(name, graph[id].type, Origin(None, tangent_of=id))
    outputs = list(graph.outputs)
    found, replaced = tangents_and_copies(graph, seeds, outputs)
    for id in outputs:
        if is_float(graph[id].type.dtype):
            dot = found.get(id)
            if dot is None:
                with graph.at(Origin(None, tangent_of=UNKNOWN)):
                    dot = graph.value(id).full_like(0.0)
            graph.outputs.append(dot.id)
    joint = redirect(graph, replaced) if replaced else graph
    return Joint(joint, len(outputs), Adjoints())
