"""All rewrites in one pass over the graph, then one that drops what is not used."""

from collections import Counter

from gradc.ir import Graph, Node, Value
from gradc.ir.rebuild import copy_node, rebuild, transfer
from gradc.passes import algebra, contractions, derived, indices, movement, restore
from gradc.passes.regions import has_regions, tidy_regions
from gradc.passes.rewrite import RULES, RewritingGraph, Rule
from gradc.records import dataclass

__all__ = ["Step", "rules_for", "simplify"]

_MODULES = (algebra, contractions, derived, indices, movement, restore)


@dataclass(frozen=True, slots=True)
class Step:
    """What a pass did: live nodes before and after, and how often each rule fired."""

    name: str
    before: int
    after: int
    fired: tuple[tuple[str, int], ...]


def rules_for(*, final: bool = False, fast_math: bool = False) -> list[Rule]:
    """Return the rules that may run."""
    return [r for r in RULES if (final or not r.final) and (fast_math or not r.unsafe)]


def simplify(
    graph: Graph, *, final: bool = False, fast_math: bool = False, log: list[Step] | None = None
) -> Graph:
    """Return an equivalent graph with fewer nodes.

    Parameters
    ----------
    final : bool
        No derivative will be taken of the result: ``stop_gradient`` is dropped.
    fast_math : bool
        Allow rewrites that may change NaN, infinities or the sign of zero.
    log : list, optional
        Receives one :class:`Step`.
    """
    rules = rules_for(final=final, fast_math=fast_math)
    fired: Counter[str] = Counter()
    live = sum(graph.live())
    compact = _simplified(graph, rules, fired)
    if has_regions(compact):
        compact = _simplified(tidy_regions(compact), rules, fired)
    if log is not None:
        log.append(Step("simplify", live, len(compact), _sorted(fired)))
    return compact


def _simplified(graph: Graph, rules: list[Rule], fired: Counter[str]) -> Graph:
    """Simplify a graph and the regions inside it."""
    result = RewritingGraph(graph.name, rules)

    def visit(target: Graph, node: Node, operands: tuple[Value, ...]) -> Value:
        if not node.regions:
            return copy_node(target, node, operands)
        regions = tuple(_simplified(region, rules, fired) for region in node.regions)
        ids = tuple(v.id for v in operands)
        return target.value(target.add(node.op, ids, node.params, regions))

    images: dict[int, Value] = {}
    for id in graph.inputs:
        node = graph[id]
        images[id] = result.input(node.params["name"], node.type, node.origin)
    transfer(graph, result, images, graph.live(), visit)
    result.outputs = [images[id].id for id in graph.outputs]
    fired.update(result.fired)
    return rebuild(result)


def _sorted(fired: Counter[str]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(fired.items(), key=lambda item: (-item[1], item[0])))
