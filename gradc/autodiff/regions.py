"""Pullbacks of regions: loops that run backwards, branches that run their reverse.

The reverse of each active region is prepared by ``augment`` as a recipe: bodies, and where what
they read comes from.  Here the recipe is put to work on the cotangents of the region's results::

    loop        carries: adjoints of the active carries, sums for the active captures; turned round
    while_loop  the same, counting the turns of the forward loop down
    cond        the reverse of each branch, from the captures
"""

from collections.abc import Sequence
from typing import TypeAlias

from gradc.autodiff.regions_masks import Shares
from gradc.autodiff.regions_parts import Head, fetched
from gradc.ir import Graph, Node, TupleType, Value
from gradc.ops.regions import make_cond, make_loop, make_while, project
from gradc.records import dataclass

__all__ = [
    "CondRecipe",
    "LoopRecipe",
    "Recipe",
    "Source",
    "WhileRecipe",
    "pull_item",
    "pull_region",
]

Items: TypeAlias = tuple[Value | None, ...]


@dataclass(frozen=True, slots=True)
class Source:
    """Where an input of a reverse body comes from: an operand or a result."""

    is_item: bool
    number: int


@dataclass(frozen=True, slots=True)
class LoopRecipe:
    """The reverse of a counted loop.

    Parameters
    ----------
    body : Graph
        Inputs: ``sources``, adjoints of the carries ``items``, sums for the captures ``captures``;
        outputs: the last two kinds.
    sources : tuple of Source
        What the body reads.
    items : tuple of int
        Carries whose adjoints are carried.
    captures : tuple of int
        Operands whose adjoints are summed.
    restored : tuple of int
        Carries whose arrays the reverse restores: inputs before the adjoints, outputs likewise.
    """

    body: Graph
    sources: tuple[Source, ...]
    items: tuple[int, ...]
    captures: tuple[int, ...]
    restored: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class WhileRecipe:
    """The reverse of a loop with a condition; the first carry counts turns, from ``turns`` down."""

    loop: LoopRecipe
    test: Graph
    turns: int


@dataclass(frozen=True, slots=True)
class CondRecipe:
    """The reverse of both branches: inputs as ``head`` gives them, then cotangents of ``items``.

    ``shares`` says where the cotangents of ``captures`` count.
    """

    branches: tuple[Graph, Graph]
    head: Head
    items: tuple[int, ...]
    captures: tuple[int, ...]
    shares: Shares


Recipe: TypeAlias = LoopRecipe | WhileRecipe | CondRecipe


def pull_item(node: Node, ct: Value, count: int) -> list[Items]:
    """Return the cotangent of a region from that of one of its results."""
    return [tuple(ct if i == node.params["item"] else None for i in range(count))]


def pull_region(graph: Graph, node: Node, cts: Items, recipe: Recipe) -> list[Value | None]:
    """Append the reverse of a region; return a cotangent for each operand."""
    found: list[Value | None] = [None] * len(node.operands)
    if isinstance(recipe, CondRecipe):
        condition = graph.value(node.operands[0])
        captures = graph.values(node.operands[1:])
        read = fetched(recipe.head, graph, captures)
        operands = [*read, *_seeds(graph, node, cts, recipe.items)]
        results = make_cond(condition, *recipe.branches, operands)
        for number, slot in enumerate(recipe.captures):
            found[slot] = recipe.shares.settle(number, condition, results)
        return found
    loop = recipe.loop if isinstance(recipe, WhileRecipe) else recipe
    results = _reverse_loop(graph, node, cts, recipe, loop)
    first = len(node.operands) - node.params["carries"]
    slots = [*(first + item for item in loop.items), *loop.captures]
    for slot, bar in zip(slots, results, strict=True):
        found[slot] = bar
    return found


def _reverse_loop(
    graph: Graph, node: Node, cts: Items, recipe: Recipe, loop: LoopRecipe
) -> list[Value]:
    sources = _fetched(graph, node, loop.sources)
    sums = [graph.value(node.operands[slot]).full_like(0.0) for slot in loop.captures]
    arrays = [project(graph.value(node.id), item=item) for item in loop.restored]
    initial = [*arrays, *_seeds(graph, node, cts, loop.items), *sums]
    if isinstance(recipe, WhileRecipe):
        turns = project(graph.value(node.id), item=recipe.turns)
        limit = node.params["limit"]
        initial = [turns, *initial]
        found = make_while(recipe.test, loop.body, sources, initial, limit=limit)
        return found[1 + len(arrays) :]
    return make_loop(
        loop.body,
        sources,
        initial,
        index=node.params["index"],
        count=node.params["count"],
        reverse=not node.params["reverse"],
    )[len(arrays) :]


def _fetched(graph: Graph, node: Node, sources: Sequence[Source]) -> list[Value]:
    return [_fetch(graph, node, source) for source in sources]


def _fetch(graph: Graph, node: Node, source: Source) -> Value:
    if source.is_item:
        return project(graph.value(node.id), item=source.number)
    return graph.value(node.operands[source.number])


def _seeds(graph: Graph, node: Node, cts: Items, items: Sequence[int]) -> list[Value]:
    """Return the cotangents of some results, zeros where there is none."""
    assert isinstance(node.type, TupleType)
    return [
        ct if (ct := cts[item]) is not None else _zeros(graph, node.type, item) for item in items
    ]


def _zeros(graph: Graph, kind: TupleType, item: int) -> Value:
    wanted = kind.items[item]
    return graph.literal(0.0, wanted.dtype).broadcast_to(wanted.shape)
