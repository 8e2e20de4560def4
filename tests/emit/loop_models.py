"""Three functions with loops, as graphs that know the user's lines."""

import dis
import linecache

from gradc import ops
from gradc.ir import At, Graph, Origin, Slice, Symbol
from gradc.ops.regions import make_cond, make_loop, make_while
from gradc.spans import Span
from tests.emit.region_tools import SCALAR, add, matrix, put, region, take, vector
from tests.graphs import named

FILE = "/models/loops.py"
MODEL = """\
def recurrence(x, a):
    y = np.zeros(8)
    s = a
    for i in range(1, 8):
        s = s * x[i] + 1.0
        y[i] = s
    return np.sum(y)


def lu(a):
    n = len(a)
    for k in range(n):
        a[k + 1:, k] /= a[k, k]
        a[k + 1:, k + 1:] -= np.outer(a[k + 1:, k], a[k, k + 1:])
    return a


def clipped_root(a, low):
    x = a
    while abs(x * x - a) > 1e-12:
        x = (x + a / x) / 2.0
    if x > low:
        root, extra = x, x - low
    else:
        root, extra = low, 0.0 * x
    return root, extra
"""
_CODE = compile(MODEL, FILE, "exec")


def line(number: int, adjoint_of: int | None = None) -> Origin:
    """Return where a line of `MODEL` stands."""
    linecache.cache[FILE] = (len(MODEL), None, MODEL.splitlines(keepends=True), FILE)
    for code in (c for c in _CODE.co_consts if hasattr(c, "co_code")):
        for instruction in dis.get_instructions(code):
            where = instruction.positions
            if where is not None and where.lineno == number:
                return Origin(Span(code, instruction.offset), adjoint_of)
    raise LookupError(number)


def recurrence() -> Graph:
    """The sum and its derivative by x and a, the reverse loop written by hand."""
    symbol = Symbol("i", "index")
    i, n = symbol.expr(), 8
    graph = Graph("recurrence_grad")
    x, a = graph.input("x", vector(n)), graph.input("a", SCALAR)

    def body(x, s, y, tape):
        graph = x.graph
        with graph.at(line(5)):
            tape = ops.index_put(tape, s, spec=(At(i),))
            new = named(s * take(x, At(i + 1)) + 1.0, "s")
        with graph.at(line(6)):
            return new, put(y, new, At(i + 1)), tape

    types = {"x": vector(n), "s": SCALAR, "y": vector(n), "tape": vector(n - 1)}
    with graph.at(line(2)):
        zeros = graph.literal(0.0, x.dtype)
        y = named(zeros.broadcast_to((n,)), "y")
        tape = zeros.broadcast_to((n - 1,))
    with graph.at(line(4)):
        forward = region(body, **types)
        _, y, tape = make_loop(forward, [x], [a, y, tape], index=symbol, count=n - 1)

    def back(x, tape, s_bar, x_bar):
        graph = x.graph
        with graph.at(line(6, 0)):
            total = s_bar + 1.0
        with graph.at(line(5, 0)):
            x_bar = add(x_bar, total * take(tape, At(i)), At(i + 1))
            return total * take(x, At(i + 1)), x_bar

    types = {"x": vector(n), "tape": vector(n - 1), "s_bar": SCALAR, "x_bar": vector(n)}
    with graph.at(line(4, y.id)):
        start = [zeros, zeros.broadcast_to((n,))]
        reverse = region(back, **types)
        a_bar, x_bar = make_loop(reverse, [x, tape], start, index=symbol, count=n - 1, reverse=True)
    with graph.at(line(7)):
        graph.outputs = [y.sum().id, x_bar.id, a_bar.id]
    return graph


def lu() -> Graph:
    symbol = Symbol("k", "index")
    k, n = symbol.expr(), 5
    below = Slice(k + 1, n - 1 - k)

    def body(a):
        graph = a.graph
        with graph.at(line(13)):
            column = take(a, below, At(k)) / take(a, At(k), At(k))
            a = named(put(a, column, below, At(k)), "a")
        with graph.at(line(14)):
            left, top = take(a, below, At(k)), take(a, At(k), below)
            step = ops.contract(left, top, a_labels=(0,), b_labels=(1,), out_labels=(0, 1))
            return (named(put(a, take(a, below, below) - step, below, below), "a"),)

    graph = Graph("lu")
    a = graph.input("a", matrix(n))
    with graph.at(line(12)):
        (a,) = make_loop(region(body, a=matrix(n)), [], [a], index=symbol, count=n)
    graph.outputs = [a.id]
    return graph


def clipped_root() -> Graph:
    def step(a, x):
        with a.graph.at(line(21)):
            return (named((x + a / x) * 0.5, "x"),)

    def above(x, low):
        with x.graph.at(line(23)):
            return x, named(x - low, "extra")

    def below(x, low):
        with x.graph.at(line(25)):
            return low, named(x * 0.0, "extra")

    graph = Graph("clipped_root")
    a, low = graph.input("a", SCALAR), graph.input("low", SCALAR)
    test = region(lambda a, x: (ops.greater(ops.absolute(x * x - a), 1e-12),), a=SCALAR, x=SCALAR)
    with graph.at(line(20)):
        (x,) = make_while(test, region(step, a=SCALAR, x=SCALAR), [a], [a], limit=1000)
        named(x, "x")
    with graph.at(line(22)):
        then, other = (region(build, x=SCALAR, low=SCALAR) for build in (above, below))
        root, extra = make_cond(ops.greater(x, low), then, other, [x, low])
        named(root, "root")
    graph.outputs = [root.id, extra.id]
    return graph
