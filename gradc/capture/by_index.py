"""Is a value known as soon as the loop indices are?  Then running the loop in Python decides it."""

from gradc.ir import Graph

__all__ = ["needs_inputs"]


def needs_inputs(graph: Graph, id: int) -> bool:
    """Tell whether a value is computed from anything but numbers and loop indices.

    One result of a branch needs what its own computation needs on either side, and the test.
    """
    return bool(_inputs_of(graph, id))


def _inputs_of(graph: Graph, id: int) -> set[int]:
    """Return the inputs that a value is computed from."""
    pending, seen, found = [id], {id}, set()
    while pending:
        here = pending.pop()
        node = graph.nodes[here]
        if node.op.name == "input":
            found.add(here)
        fresh = [operand for operand in _operands(graph, here) if operand not in seen]
        seen.update(fresh)
        pending += fresh
    return found


def _operands(graph: Graph, id: int) -> list[int]:
    node = graph.nodes[id]
    if node.op.name != "project" or graph.nodes[node.operands[0]].op.name != "cond":
        return list(node.operands)
    branch = graph.nodes[node.operands[0]]
    needed = [branch.operands[0]]
    for region in branch.regions:
        inside = _inputs_of(region, region.outputs[node.params["item"]])
        needed += [branch.operands[1 + k] for k, x in enumerate(region.inputs) if x in inside]
    return needed
