"""Whole powers without the general function, in programs for C.

    x ** 3   ->   square(x) * x
    x ** 6   ->   square(square(x) * x)
    x ** 7   ->   copysign(abs(x) ** 7, x)

A general power takes a logarithm and an exponential, and vector code of it leaves what is negative
to be done one by one.  Each multiplication rounds once, so products are within three units in the
last place: as exact as the vector functions.  Infinities, NaN and signs of zero are those of
``pow``.  NumPy's source keeps what the user wrote.
"""

from dataclasses import replace

from gradc.ir import Graph, Node, Program, Value, op_named
from gradc.ir.rebuild import copy_node, rebuild
from gradc.passes.rewrite import literal
from gradc.passes.simplify import simplify

__all__ = ["whole_powers"]

_MULTIPLIED = (3, 4, 5, 6)
"""Two or three multiplications each; 0, 1 and 2 are something else already."""


def whole_powers(program: Program) -> Program:
    """Return the program with whole powers of floating-point numbers put as above.

    Linear in the number of nodes; programs without any come back as they are.
    """
    if not _has_powers(program.graph):
        return program
    return replace(program, graph=simplify(_rewritten(program.graph), final=True))


def _has_powers(graph: Graph) -> bool:
    return any(
        _exponent(graph, node) or any(map(_has_powers, node.regions)) for node in graph.nodes
    )


def _exponent(graph: Graph, node: Node) -> int:
    """Return the exponent of a whole power, or 0."""
    if node.op.name != "power" or node.type.dtype.kind != "f":
        return 0
    number = literal(graph.value(node.operands[1]))
    return int(number) if number is not None and float(number).is_integer() else 0


def _rewritten(graph: Graph) -> Graph:
    def visit(target: Graph, node: Node, operands: tuple[Value, ...]) -> Value:
        exponent = _exponent(graph, node)
        if exponent in _MULTIPLIED:
            return _product(operands[0], exponent)
        if exponent:
            return _of_size(*operands, odd=exponent % 2 == 1)
        if node.regions:
            regions = tuple(map(_rewritten, node.regions))
            ids = tuple(v.id for v in operands)
            return target.value(target.add(node.op, ids, node.params, regions))
        return copy_node(target, node, operands)

    return rebuild(graph, visit)


def _product(x: Value, exponent: int) -> Value:
    """Return a power by squaring."""
    if exponent == 1:
        return x
    half = op_named("square")(_product(x, exponent // 2))
    return half * x if exponent % 2 else half


def _of_size(x: Value, exponent: Value, *, odd: bool) -> Value:
    """Return a whole power as one of the size of x, with the sign of x if the exponent is odd."""
    power = op_named("power")(op_named("absolute")(x), exponent)
    return op_named("copysign")(power, x) if odd else power
