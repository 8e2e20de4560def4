"""Graphs with loops and branches, built by small functions, for tests."""

from collections.abc import Callable, Sequence

import numpy as np

from gradc import ops
from gradc.ir import ArrayType, At, Graph, IndexItem, Slice, Symbol, Value
from gradc.ops.regions import make_cond, make_loop, make_while

SCALAR = ArrayType.of("f8")


def item(entry) -> IndexItem:
    """Read ``(start, length)`` or ``(start, length, step)`` as a slice, an extent as a position."""
    return Slice(*entry) if isinstance(entry, tuple) else At(entry)


def get(x: Value, *entries) -> Value:
    return ops.index(x, spec=tuple(map(item, entries)))


def put(x: Value, v: Value, *entries) -> Value:
    return ops.index_put(x, v, spec=tuple(map(item, entries)))


def add(x: Value, v: Value, *entries) -> Value:
    return ops.index_add(x, v, spec=tuple(map(item, entries)))


def dot(a: Value, b: Value) -> Value:
    return ops.contract(a, b, a_labels=(0,), b_labels=(0,), out_labels=())


def matvec(a: Value, b: Value) -> Value:
    return ops.contract(a, b, a_labels=(0, 1), b_labels=(1,), out_labels=(0,))


def index(name: str) -> tuple[Symbol, object]:
    symbol = Symbol(name, "index")
    return symbol, symbol.expr()


def region(name: str, fn: Callable, operands: Sequence[Value], *first) -> Graph:
    """Trace a function of (index, operands...) into a graph of its own."""
    graph = Graph(name)
    taken = [graph.input(v.graph.names.get(v.id, f"a{k}"), v.type) for k, v in enumerate(operands)]
    results = fn(*first, *taken)
    results = results if isinstance(results, tuple | list) else (results,)
    graph.outputs = [r.id for r in results]
    return graph


def loop(name, count, fn, captures, initial, *, reverse=False) -> list[Value]:
    """``fn(i, *captures, *carries) -> carries``, ``count`` times."""
    symbol, expr = index(name)
    body = region("body", fn, [*captures, *initial], expr)
    return make_loop(body, captures, initial, index=symbol, count=count, reverse=reverse)


def whilst(test, fn, captures, initial, *, limit) -> list[Value]:
    operands = [*captures, *initial]
    tests, body = region("test", test, operands), region("body", fn, operands)
    return make_while(tests, body, captures, initial, limit=limit)


def branch(condition, then, otherwise, captures) -> list[Value]:
    graphs = region("then", then, captures), region("otherwise", otherwise, captures)
    return make_cond(condition, *graphs, captures)


def build(fn: Callable, *shapes, dtype: str = "f8") -> Graph:
    """Build the graph of a function of arrays of these shapes."""
    graph = Graph(fn.__name__)
    results = fn(*(graph.input(f"x{k}", ArrayType.of(dtype, *s)) for k, s in enumerate(shapes)))
    results = results if isinstance(results, tuple | list) else (results,)
    graph.outputs = [r.id for r in results]
    return graph


def zeros(like: Value, *shape) -> Value:
    return like.graph.literal(0.0, like.dtype).broadcast_to(shape)


def draw(seed: int, *shapes, dtype: str = "f8") -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.uniform(0.5, 1.5, shape).astype(dtype) for shape in shapes]


def loops_of(graph: Graph) -> list:
    """Return all region nodes, inner ones too."""
    found = []
    for node in graph.nodes:
        if node.regions:
            found.append(node)
            for inner in node.regions:
                found += loops_of(inner)
    return found
