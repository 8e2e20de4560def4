"""Maps as operations on whole batches, where every operation has a form.

    for i in range(n):
        rows[i] = np.tanh(w @ x[i])       ->      rows = np.tanh(x @ w.T)
        total += x[i] @ x[i]                      total = total + np.sum(x * x)

What depends on the turn gets a new first axis.  The rules are by kind of operation (``batched``),
not by operation.  A loop stays a loop where a result is handed from turn to turn in any other way,
or where something in its body has no such form: a loop or a branch of another kind, a long window
that moves.

Maps that the user asked for are such batches in both backends.  In C, a loop of the user is one too
where each turn has a large product and writes rows of its own or adds up, and where no value for
all turns is much larger than what the loop works on; so are nests of loops over elements that are
products of matrices (``product_nests``).
"""

from dataclasses import replace

from gradc.ir import Graph, Node, Program, Value
from gradc.ir.dims import product
from gradc.ir.rebuild import copy_node, inline, needed, rebuild
from gradc.passes.beforehand import beforehand
from gradc.passes.deferred import deferred
from gradc.passes.product_nests import as_products
from gradc.passes.regions import has_regions
from gradc.passes.simplify import simplify
from gradc.passes.whole_loops import whole_loop

__all__ = ["vectorize", "vectorized"]

ROOM = 4
"""How much larger than all it works on a batch of products may be in C."""
HEAVY = 64
"""Multiplications of a product in one turn that is better made for all turns together."""


def vectorized(program: Program, *, heavy: bool = False, sparing: bool = False) -> Program:
    """Return the program with its maps as operations on batches: all, or those with large products.

    The products of all turns are then one product of matrices; with ``sparing``, and where a
    checkpoint asks for it, only as far as that keeps nothing more.
    """
    if not has_regions(program.graph):
        return program
    graph = vectorize(program.graph, heavy=heavy)
    if _regions(graph) != _regions(program.graph):
        program = replace(program, graph=simplify(graph, final=True))
    if not heavy or sparing or _is_checkpointed(program.graph):
        return program
    return deferred(beforehand(program))


def _is_checkpointed(graph: Graph) -> bool:
    """Tell whether the user wants values to be computed again rather than kept."""
    return any(
        node.origin.again or any(map(_is_checkpointed, node.regions)) for node in graph.nodes
    )


def _regions(graph: Graph) -> int:
    """Count regions, those inside others included."""
    return sum(1 + _regions(region) for node in graph.nodes for region in node.regions)


def vectorize(graph: Graph, *, heavy: bool = False) -> Graph:
    """Return an equivalent graph whose maps are operations on batches, inner ones first."""
    results: dict[int, list[Value]] = {}

    def visit(target: Graph, node: Node, operands: tuple[Value, ...]) -> Value:
        if node.op.name == "project" and node.operands[0] in results:
            item: int = node.params["item"]
            return results[node.operands[0]][item]
        if not node.regions:
            return copy_node(target, node, operands)
        nest = as_products(node, operands) if heavy and node.op.name == "loop" else None
        if nest is not None:
            results[node.id] = inline(nest, target, operands)
            return operands[0]
        regions = tuple(vectorize(region, heavy=heavy) for region in node.regions)
        if node.op.name == "loop" and (not heavy or _is_heavy(regions[0])):
            mark = len(target)
            mapped = node.params["index"].role == "map"
            made = whole_loop(target, node, regions[0], operands) if mapped or heavy else None
            large = heavy and made is not None and _is_large(target, mark, made, operands, mapped)
            if made is not None and not large:
                results[node.id] = made
                return operands[0]
        ids = tuple(v.id for v in operands)
        return target.value(target.add(node.op, ids, node.params, regions))

    return rebuild(graph, visit)


def _is_large(
    target: Graph, mark: int, results: list[Value], operands: tuple[Value, ...], mapped: bool
) -> bool:
    """Tell whether values for all turns, added from a mark on, outgrow what the loop works on.

    Of a map that the user asked for, the products count; of a loop, all values.
    """
    room = ROOM * max(_elements(v) for v in (*operands, *results))
    live = needed(target, [value.id for value in results])
    added = (target.value(node.id) for node in target.nodes[mark:] if live[node.id])
    return any(_elements(v) > room for v in added if not mapped or v.node.op.name == "contract")


def _elements(value: Value) -> int:
    size = value.size
    return size if isinstance(size, int) else 0


def _is_heavy(body: Graph) -> bool:
    """Tell whether one turn has a product that is worth a place in a product of matrices."""
    return any(_work(body, node) >= HEAVY for node in body.nodes if node.op.name == "contract")


def _work(body: Graph, node: Node) -> int:
    a, b = (body[i].type.shape for i in node.operands)
    extents = dict(zip(node.params["a_labels"], a, strict=True))
    extents |= dict(zip(node.params["b_labels"], b, strict=True))
    work = product(extents.values())
    return work if isinstance(work, int) else 0
