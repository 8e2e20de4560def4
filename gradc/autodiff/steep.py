"""Where a local derivative may be infinite, so that a zero cotangent is not zero afterwards.

    s = np.log(x)                                # x[0] == 0
    np.where(x[1:] > 0, s[1:], 0.0)              # 0 * inf on the way back to x[0]

A mask around a cotangent, or the branch that did not use a value, has to be carried back as far as
such a derivative.  Where none is on the way, zeros do as well and cost less.
"""

from collections.abc import Callable, Collection, Iterable
from typing import TypeAlias

from gradc.autodiff.masks import literal
from gradc.ir import Graph, Node

__all__ = ["Steep", "steep_nodes"]

Steep: TypeAlias = Callable[[int], bool]
"""Tells whether the derivative of a node by something before it may be infinite."""

_UNBOUNDED = frozenset((
    "arccos", "arccosh", "arcsin", "arctanh", "cbrt", "cholesky", "cosh", "cumprod", "det",
    "divide", "exp", "exp2", "expm1", "fmod", "hypot", "arctan2", "inv", "log", "log10", "log1p",
    "log2", "logaddexp", "power", "reciprocal", "reduce_prod", "remainder", "sinh", "slogdet_log",
    "solve", "sqrt", "tan",
))  # fmt: skip


def steep_nodes(graph: Graph, before: Collection[int] = ()) -> Steep:
    """Return the test for a graph as it is now; ``before`` are the positions of steep inputs."""
    steep = {graph.inputs[position] for position in before}
    for node in graph.nodes:
        if any(id in steep for id in node.operands) or _is_steep(graph, node):
            steep.add(node.id)
    return steep.__contains__


def _is_steep(graph: Graph, node: Node) -> bool:
    name = node.op.name
    if name == "divide":
        return literal(graph.value(node.operands[1])) in (None, 0.0)
    if name == "power":
        exponent = literal(graph.value(node.operands[1]))
        return exponent is None or not exponent >= 1.0
    return name in _UNBOUNDED or _any_steep(node.regions)


def _any_steep(regions: Iterable[Graph]) -> bool:
    return any(_is_steep(region, node) for region in regions for node in region.nodes)
