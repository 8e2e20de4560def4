"""Keep in one byte who won and whether it was a tie, where a loop would keep two truth values.

    mine   = 1 if wins else 0.5 if ties else 0          code   = 2 if wins else 1 if ties else 0
    others = 0 if wins else 0.5 if ties else 1    ->    mine   = 0.5 * code
                                                        others = 1 - 0.5 * code

Both shares of a maximum are then made of one number with no choice at all.
"""

from collections.abc import Collection
from dataclasses import replace

import numpy as np

from gradc.autodiff.regions_split import Pulled
from gradc.ir import Graph, Kind, Node, Value, op_named
from gradc.ir.rebuild import copy_input, copy_node, transfer
from gradc.ops.rules import constant_number

__all__ = ["with_codes"]

_CODE = np.dtype(np.int8)
_MINE, _OTHERS = (1.0, 0.5, 0.0), (0.0, 0.5, 1.0)


def with_codes(pulled: Pulled, kept: Collection[int]) -> Pulled:
    """Return a body with codes in place of pairs of truth values that would be kept for shares."""
    found = _shares(pulled, frozenset(kept))
    if not found:
        return pulled
    graph = pulled.graph
    result = Graph(graph.name)
    images = {id: copy_input(graph, id, result) for id in graph.inputs}
    codes: dict[tuple[int, int], Value] = {}

    def visit(target: Graph, node: Node, operands: tuple[Value, ...]) -> Value:
        share = found.get(node.id)
        if share is None:
            return copy_node(target, node, operands)
        pair, mine = share
        if pair not in codes:
            codes[pair] = _code(*(images[id] for id in pair))
        half = codes[pair].cast(node.type.dtype) * 0.5
        return (half if mine else 1.0 - half).broadcast_to(node.type.shape)

    live = pulled.live([*graph.outputs, *pulled.bars])
    given = (node.op.kind is Kind.INPUT for node in graph.nodes)
    wanted = [flag and not one for flag, one in zip(live, given, strict=True)]
    transfer(graph, result, images, wanted, visit)
    result.outputs = [images[id].id for id in graph.outputs]
    cts, bars = ([images[id].id for id in ids] for ids in (pulled.cts, pulled.bars))
    return replace(pulled, graph=result, cts=tuple(cts), bars=tuple(bars))


def _code(wins: Value, ties: Value) -> Value:
    """Return 2 where x wins, 1 at a tie, 0 where it loses."""
    select = op_named("select")
    two, one, zero = (wins.graph.literal(number, _CODE) for number in (2, 1, 0))
    return select(wins, two, select(ties, one, zero))


def _shares(pulled: Pulled, kept: frozenset[int]) -> dict[int, tuple[tuple[int, int], bool]]:
    """Return the shares whose truth values are kept for nothing else: the two, and whose it is."""
    graph = pulled.graph
    found: dict[int, tuple[tuple[int, int], bool]] = {}
    choices: set[int] = set()
    for node in graph.nodes:
        match = _share(graph, node)
        if match is not None and kept.issuperset(match[0]):
            found[node.id] = match
            choices.add(node.operands[2])
    if not found:
        return {}
    live = pulled.live(pulled.bars)
    others = {
        operand
        for user in graph.nodes
        if live[user.id] and user.id not in found and user.id not in choices
        for operand in user.operands
    }
    return {id: match for id, match in found.items() if others.isdisjoint(match[0])}


def _share(graph: Graph, node: Node) -> tuple[tuple[int, int], bool] | None:
    if node.op.name != "select" or node.type.dtype.kind != "f":
        return None
    wins, first, rest = node.operands
    choice = graph[rest]
    if choice.op.name != "select":
        return None
    ties, second, third = choice.operands
    numbers = tuple(constant_number(graph.value(id)) for id in (first, second, third))
    return ((wins, ties), numbers == _MINE) if numbers in (_MINE, _OTHERS) else None
