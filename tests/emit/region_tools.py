"""Short ways to write graphs with loops and branches."""

from collections.abc import Callable

from gradc import ops
from gradc.ir import ArrayType, DimExpr, Graph, Symbol, Value
from gradc.ir.verify import verify
from gradc.ops.regions import make_loop

SCALAR = ArrayType.of("f8")


def vector(n) -> ArrayType:
    return ArrayType.of("f8", n)


def matrix(n, m=None) -> ArrayType:
    return ArrayType.of("f8", n, n if m is None else m)


def region(build: Callable[..., tuple[Value, ...]], **types: ArrayType) -> Graph:
    """Return a graph with these inputs and the outputs that the function makes of them."""
    graph = Graph("body")
    values = [graph.input(name, kind) for name, kind in types.items()]
    graph.outputs = [v.id for v in build(*values)]
    return graph


def index_symbol(name: str) -> tuple[Symbol, DimExpr]:
    symbol = Symbol(name, "index")
    return symbol, symbol.expr()


def take(x: Value, *spec) -> Value:
    return ops.index(x, spec=tuple(spec))


def put(x: Value, v, *spec) -> Value:
    if not isinstance(v, Value):
        v = take(x, *spec).full_like(v)
    return ops.index_put(x, v, spec=tuple(spec))


def add(x: Value, v: Value, *spec) -> Value:
    return ops.index_add(x, v, spec=tuple(spec))


def dot(a: Value, b: Value) -> Value:
    return ops.contract(a, b, a_labels=(0,), b_labels=(0,), out_labels=())


def matvec(a: Value, b: Value) -> Value:
    return ops.contract(a, b, a_labels=(0, 1), b_labels=(1,), out_labels=(0,))


def function(name: str, build: Callable[..., tuple[Value, ...]], **types: ArrayType) -> Graph:
    graph = region(build, **types)
    graph.name = name
    return verify(graph)


def loop(body, captures, initial, symbol, count, *, reverse=False, **types):
    return make_loop(
        region(body, **types), captures, initial, index=symbol, count=count, reverse=reverse
    )


def zeros(x: Value, *shape) -> Value:
    return x.graph.literal(0.0, x.dtype).broadcast_to(shape)


def counter(x: Value, dim) -> Value:
    """Return an extent or an index as a number of x's dtype."""
    return x.graph.value(x.graph.add(ops.dim_value, (), {"dim": dim})).cast(x.dtype)
