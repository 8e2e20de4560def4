"""Work that is rather done once and kept, and work that is rather done again."""

from gradc.ir import Graph, Kind, Node

__all__ = ["CHEAP", "is_dear", "matrices_of_formulas", "turned_for_systems"]

CHEAP = (
    {"add", "subtract", "multiply", "negative", "square", "absolute", "maximum", "minimum"}
    | {"equal", "not_equal", "less", "less_equal", "greater", "greater_equal"}
    | {"logical_and", "logical_or", "logical_not", "select", "cast", "stop_gradient"}
)
"""Operations that take less time than reading their result from far away."""
_MIDDLING = CHEAP | {"divide", "reciprocal", "sqrt", "floor", "ceil", "trunc", "rint", "sign"}
_NEAR = 1 << 18
"""Bytes that are read again from a near cache."""
_FAR = 1 << 25
"""Bytes that are kept for the sake of functions that take many operations."""


def is_dear(graph: Graph, node: Node) -> bool:
    """Tell whether a value that turns share is worth its bytes, though made of smaller ones."""
    nbytes = node.type.nbytes
    if not isinstance(nbytes, int) or not node.type.shape or nbytes > _FAR:
        return False
    if node.op.kind is Kind.ELEMENTWISE:
        return node.op.name not in _MIDDLING or (node.op.name not in CHEAP and nbytes <= _NEAR)
    if node.op.kind is Kind.CONTRACTION:
        params = node.params
        return {*params["a_labels"], *params["b_labels"]} != set(params["out_labels"])
    sizes = [graph[i].type.nbytes for i in node.operands]
    if node.op.kind is Kind.REDUCTION:
        return all(isinstance(size, int) and nbytes < size for size in sizes)
    return node.op.kind in (Kind.ROUTINE, Kind.SCAN)


def matrices_of_formulas(graph: Graph) -> set[int]:
    """Return the operands of products that numbers and indices alone make, as ``np.eye(n)``.

    A product reads an element in less time than it takes to ask on which diagonal it lies.
    """
    formulas: set[int] = set()
    found: set[int] = set()
    for node in graph.nodes:
        if _is_formula(node, formulas):
            formulas.add(node.id)
        elif node.op.kind in (Kind.CONTRACTION, Kind.ROUTINE):
            found.update(id for id in node.operands if graph[id].op.kind is Kind.ELEMENTWISE)
    return found & formulas


def turned_for_systems(graph: Graph) -> set[int]:
    """Return the transposes that are nothing but the matrices of systems.

    They stay beside their systems, where the factors of the matrix itself do for both.
    """
    turned = {node.id for node in graph.nodes if node.op.name == "transpose"}
    for node in graph.nodes if turned else ():
        as_matrix = node.operands[:1] if node.op.name == "solve" else ()
        turned.difference_update(node.operands[len(as_matrix) :])
    return turned.difference(graph.outputs)


def _is_formula(node: Node, formulas: set[int]) -> bool:
    if not isinstance(node.type.size, int):
        return False
    if node.op.kind in (Kind.CONSTANT, Kind.CREATION):
        return True
    made = node.op.kind in (Kind.ELEMENTWISE, Kind.MOVEMENT)
    return made and formulas.issuperset(node.operands)
