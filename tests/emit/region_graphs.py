"""Graphs with loops and branches, as capture makes them, with their arguments."""

import numpy as np

from gradc import ops
from gradc.ir import At, Graph, Slice
from gradc.ops.regions import make_cond, make_while
from tests.emit.region_tools import (
    SCALAR,
    add,
    counter,
    dot,
    function,
    index_symbol,
    loop,
    matrix,
    matvec,
    put,
    region,
    take,
    vector,
    zeros,
)

N = 6
i_, i = index_symbol("i")
j_, j = index_symbol("j")
k_, k = index_symbol("k")


def growing() -> Graph:
    """total += sum(x[:i]) + sum(x[i+1:])."""

    def body(x, total):
        head, tail = take(x, Slice(0, i)), take(x, Slice(i + 1, N - 1 - i))
        return (total + head.sum() + tail.sum() * 2.0,)

    def build(x):
        zero = x.graph.literal(0.0, x.dtype)
        return tuple(loop(body, [x], [zero], i_, N, x=vector(N), total=SCALAR))

    return function("growing", build, x=vector(N))


def reversed_slices() -> Graph:
    """Slices that run down to the front, also the empty ones and those with steps."""

    def body(x, y, total):
        parts = [
            take(x, Slice(i, i + 1, -1)),
            take(x, Slice(i - 1, i, -1)),
            take(x, Slice(N - 1, N - i, -1)),
            take(x, Slice(N - 1, i, -1)),
            take(x, Slice(i, 1, -1)),
            take(x, Slice(0, i)),
        ]
        y = put(y, take(y, Slice(i - 1, i, -1)) * 2.0, Slice(0, i))
        y = put(y, take(x, Slice(0, i)), Slice(i - 1, i, -1))
        y = add(y, take(x, Slice(1, i)), Slice(i, i, -1))
        return y, sum((p.sum() for p in parts), start=total)

    def build(x):
        total = x.graph.literal(0.0, x.dtype)
        types = {"x": vector(N), "y": vector(N), "total": SCALAR}
        return tuple(loop(body, [x], [x, total], i_, N, **types))

    return function("reversed_slices", build, x=vector(N))


def stepping() -> Graph:
    """x[0:2i:2] and x[2i:...:-2] for i below 3."""

    def body(x, total):
        up, down = take(x, Slice(0, i, 2)), take(x, Slice(2 * i - 2, i, -2))
        return (total + (up * down).sum() + up.sum(),)

    def build(x):
        zero = x.graph.literal(0.0, x.dtype)
        return tuple(loop(body, [x], [zero], i_, 4, x=vector(N), total=SCALAR))

    return function("stepping", build, x=vector(N))


def jacobi() -> Graph:
    """A sweep that makes a new array from the old one, three times."""

    def body(b, u):
        inner = (take(u, Slice(0, N - 2)) + take(u, Slice(2, N - 2))) * 0.5
        return (put(u, inner + take(b, Slice(1, N - 2)), Slice(1, N - 2)),)

    def build(b, u):
        return tuple(loop(body, [b], [u], k_, 3, b=vector(N), u=vector(N)))

    return function("jacobi", build, b=vector(N), u=vector(N))


def seidel() -> Graph:
    """Element loops inside sweeps: each element is overwritten at once."""

    def inner(u):
        new = (take(u, At(i)) + take(u, At(i + 2))) * 0.5
        return (put(u, new, At(i + 1)),)

    def sweep(u):
        return tuple(loop(inner, [], [u], i_, N - 2, u=vector(N)))

    def build(u):
        return tuple(loop(sweep, [], [u], k_, 3, u=vector(N)))

    return function("seidel", build, u=vector(N))


def lu() -> Graph:
    """LU decomposition in place, without pivots."""

    def outer(a):
        pivot = take(a, At(k), At(k))
        below = Slice(k + 1, N - 1 - k)
        a = put(a, take(a, below, At(k)) / pivot, below, At(k))
        left, top = take(a, below, At(k)), take(a, At(k), below)
        step = ops.contract(left, top, a_labels=(0,), b_labels=(1,), out_labels=(0, 1))
        return (put(a, take(a, below, below) - step, below, below),)

    def build(a):
        return tuple(loop(outer, [], [a], k_, N, a=matrix(N)))

    return function("lu", build, a=matrix(N))


def doolittle() -> Graph:
    """LU decomposition element by element: three loops, dot products of growing slices."""

    def lower(a):
        s = dot(take(a, At(i), Slice(0, j)), take(a, Slice(0, j), At(j)))
        new = (take(a, At(i), At(j)) - s) / take(a, At(j), At(j))
        return (put(a, new, At(i), At(j)),)

    def upper(a):
        column = j + i
        s = dot(take(a, At(i), Slice(0, i)), take(a, Slice(0, i), At(column)))
        return (put(a, take(a, At(i), At(column)) - s, At(i), At(column)),)

    def rows(a):
        (a,) = loop(lower, [], [a], j_, i, a=matrix(N))
        return tuple(loop(upper, [], [a], j_, N - i, a=matrix(N)))

    def build(a):
        return tuple(loop(rows, [], [a], i_, N, a=matrix(N)))

    return function("doolittle", build, a=matrix(N))


def triangular() -> Graph:
    """Solve R x = b from the last row to the first."""

    def body(r, b, x):
        s = dot(take(r, At(i), Slice(i + 1, N - 1 - i)), take(x, Slice(i + 1, N - 1 - i)))
        return (put(x, (take(b, At(i)) - s) / take(r, At(i), At(i)), At(i)),)

    def build(r, b):
        types = {"r": matrix(N), "b": vector(N), "x": vector(N)}
        return tuple(loop(body, [r, b], [zeros(b, N)], i_, N, reverse=True, **types))

    return function("triangular", build, r=matrix(N), b=vector(N))


def same_index_twice() -> Graph:
    """Both loops count with one symbol; the inner one hides the outer one."""

    def inner(x, y):
        return (add(y, take(x, At(i)) * counter(x, i), At(i)),)

    def outer(x, y):
        (y,) = loop(inner, [x], [y], i_, 3, x=vector(N), y=vector(N))
        return (add(y, take(x, At(i)), At(i)),)

    def build(x):
        return tuple(loop(outer, [x], [zeros(x, N)], i_, N, x=vector(N), y=vector(N)))

    return function("same_index_twice", build, x=vector(N))


def newton() -> Graph:
    """A square root by Newton's method, with what it captures in the test as well."""
    test = region(lambda a, x: (ops.greater(ops.absolute(x * x - a), 1e-12),), a=SCALAR, x=SCALAR)
    body = region(lambda a, x: ((x + a / x) * 0.5,), a=SCALAR, x=SCALAR)
    return function("newton", lambda a: tuple(make_while(test, body, [a], [a], limit=60)), a=SCALAR)


def while_with_statements() -> Graph:
    """The test needs statements of its own, and an array is written to."""

    def holds(y, n):
        total = ops.absolute(y)
        y.graph.rename(total.id, "size")
        return (ops.less(total.sum() + ops.reduce_max(total, axes=(0,)), 50.0),)

    test = region(holds, y=vector(3), n=SCALAR)
    body = region(
        lambda y, n: (put(y, take(y, At(0)) * 2.0, At(0)), n + 1.0), y=vector(3), n=SCALAR
    )

    def build(y):
        return tuple(make_while(test, body, [], [y, y.graph.literal(0.0, y.dtype)], limit=60))

    return function("while_with_statements", build, y=vector(3))


def cond_in_loop() -> Graph:
    """Only some elements are written to."""

    def body(x, y, s):
        e = take(x, At(i))
        then = region(lambda e, y, s: (put(y, e, At(i)), s + e), e=SCALAR, y=vector(N), s=SCALAR)
        other = region(lambda e, y, s: (y, s * 2.0), e=SCALAR, y=vector(N), s=SCALAR)
        return tuple(make_cond(ops.greater(e, 0.0), then, other, [e, y, s]))

    def build(x):
        types = {"x": vector(N), "y": vector(N), "s": SCALAR}
        start = x.graph.literal(1.0, x.dtype)
        return tuple(loop(body, [x], [zeros(x, N), start], i_, N, **types))

    return function("cond_in_loop", build, x=vector(N))


def loop_in_branch() -> Graph:
    """One branch sums up, the other hands a captured array on."""

    def inner(x, y):
        return (add(y, take(x, At(i)) * 2.0, At(i)),)

    def summing(x, y):
        (y,) = loop(inner, [x], [y], i_, N, x=vector(N), y=vector(N))
        return y, x

    then = region(summing, x=vector(N), y=vector(N))
    other = region(lambda x, y: (x, y), x=vector(N), y=vector(N))

    def build(x, y):
        a, b = make_cond(ops.greater(take(x, At(0)), 0.0), then, other, [x, y])
        return a, b, put(a, 7.0, At(1)), x

    return function("loop_in_branch", build, x=vector(N), y=vector(N))


def branch_that_does_nothing() -> Graph:
    then = region(lambda y: (y,), y=vector(3))
    other = region(lambda y: (put(y, 0.0, At(0)),), y=vector(3))

    def build(y):
        (z,) = make_cond(ops.less(take(y, At(0)), 0.0), then, other, [y * 1.5])
        return (z,)

    return function("branch_that_does_nothing", build, y=vector(3))


def fibonacci() -> Graph:
    """a, b = b, a + b."""
    build = lambda a, b: tuple(  # noqa: E731
        loop(lambda a, b: (b, a + b), [], [a, b], i_, 10, a=SCALAR, b=SCALAR)
    )
    return function("fibonacci", build, a=SCALAR, b=SCALAR)


def rotation() -> Graph:
    """Three carries change places, one of them scaled."""
    types = {name: vector(3) for name in "abc"}

    def build(a, b, c):
        return tuple(loop(lambda a, b, c: (b, c, a * 2.0), [], [a, b, c], i_, 5, **types))

    return function("rotation", build, **types)


def swapped_arrays() -> Graph:
    """Two arrays change places after one of them was written to."""

    def body(a, b):
        return put(b, take(a, At(i)), At(i)), a

    types = {"a": vector(N), "b": vector(N)}
    return function(
        "swapped_arrays", lambda a, b: tuple(loop(body, [], [a, b], i_, 5, **types)), **types
    )


def aliases() -> Graph:
    """The initial array is captured, returned and carried twice."""

    def body(x, y, z):
        y = put(y, take(x, At(N - 1 - i)) + take(z, At(i)), At(i))
        z = put(z, take(y, At(i)) * 2.0, At(N - 1 - i))
        return y, z

    def build(x):
        h = x * 2.0
        h.graph.rename(h.id, "h")
        types = {"x": vector(N), "y": vector(N), "z": vector(N)}
        return (*loop(body, [h], [h, h], i_, N, **types), h)

    return function("aliases", build, x=vector(N))


def views_of_carries() -> Graph:
    """A carry is a view of another one that is written to; an old value outlives the write."""

    def body(y, head, old, last):
        first = take(y, Slice(0, 2))
        new = put(y, take(y, At(i)) * 3.0 + head.sum(), At(0))
        return new, take(new, Slice(0, 2)), first, old

    def build(y):
        start = take(y, Slice(1, 2))
        types = {"y": vector(N), "head": vector(2), "old": vector(2), "last": vector(2)}
        return tuple(loop(body, [], [y, start, start, start], i_, N, **types))

    return function("views_of_carries", build, y=vector(N))


def one_result_twice() -> Graph:
    """Two carries end as one array, and one of them is written to in the next turn."""

    def body(a, b):
        a = put(a, take(b, At(i)) + 1.0, At(i))
        return a, a

    def build(x):
        types = {"a": vector(N), "b": vector(N)}
        a, b = loop(body, [], [x, x], i_, N, **types)
        return put(a, 5.0, At(0)), put(b, 6.0, At(1)), a, b

    return function("one_result_twice", build, x=vector(N))


def no_turns() -> Graph:
    def body(x, y, s):
        return put(y, take(x, At(i)), At(i)), s + take(y, At(i))

    def build(x, s):
        types = {"x": vector(N), "y": vector(N), "s": SCALAR}
        return (*loop(body, [x], [x, s], i_, 0, **types), x)

    return function("no_turns", build, x=vector(N), s=SCALAR)


def waiting_reads() -> Graph:
    """What is read before a loop overwrites it must not wait until afterwards."""

    def body(y, s):
        return put(y, take(y, At(i)) + s, At(i)), s * 0.5

    def build(x):
        h, s = x * 2.0, x.sum()
        h.graph.rename(h.id, "h")
        before, twice = take(h, At(1)) * 3.0, s * 7.0
        y, t = loop(body, [], [h, s], i_, N, y=vector(N), s=SCALAR)
        y = put(y, 1.0, At(2))
        return y + before, t + twice, take(y, At(0)) + before

    return function("waiting_reads", build, x=vector(N))


def late_use() -> Graph:
    """One reader, after the loop, of what was there before it: an element, and a carry."""

    def body(y, s):
        return put(y, take(y, At(i)) + s, At(i)), s * 0.5

    def build(x):
        h, s = x * 2.0, x.sum()
        h.graph.rename(h.id, "y")
        h.graph.rename(s.id, "s")
        element, number = take(h, At(1)) * 3.0, s * 7.0
        y, t = loop(body, [], [h, s], i_, N, y=vector(N), s=SCALAR)
        return y + element, t + number

    return function("late_use", build, x=vector(N))


def power_iteration() -> Graph:
    """A carried array that each turn makes anew, with a captured matrix and a count."""

    def body(a, v, n):
        w = matvec(a, v)
        w.graph.rename(w.id, "w")
        return w / ops.sqrt(dot(w, w)), n + counter(v, i)

    def build(a, v):
        types = {"a": matrix(3), "v": vector(3), "n": SCALAR}
        return tuple(loop(body, [a], [v, v.graph.literal(0.0, v.dtype)], i_, 8, **types))

    return function("power_iteration", build, a=matrix(3), v=vector(3))


def carry_that_stays() -> Graph:
    """One carry never changes, one is a constant from the first turn on, one a broadcast."""

    def body(a, b, c):
        return a, b.full_like(2.5), take(a, At(i)).broadcast_to((N,)) + c * 0.0

    def build(x):
        types = {"a": vector(N), "b": SCALAR, "c": vector(N)}
        return tuple(loop(body, [], [x, take(x, At(0)), x], i_, 3, **types))

    return function("carry_that_stays", build, x=vector(N))


def repeated_rows() -> Graph:
    """A broadcast becomes a carry that is written to."""

    def body(x, m):
        m = put(m, take(x, At(i)).broadcast_to((N,)), At(i), Slice(0, N))
        return (add(m, x, Slice(0, N), At(i)),)

    def build(x):
        wide = x.broadcast_to((N, N))
        (m,) = loop(body, [x], [wide], i_, N, x=vector(N), m=matrix(N))
        return m, wide

    return function("repeated_rows", build, x=vector(N))


def views_made_inside() -> Graph:
    """Results of regions that are broadcasts or constant tables are not written to."""

    def wide(x, s):
        return (take(x, At(0)) * s).broadcast_to((N,)), x.graph.constant(np.arange(30.0))

    def build(x, s):
        types = {"x": vector(N), "s": SCALAR}
        test = ops.greater(s, 0.0)
        a, b = make_cond(test, region(wide, **types), region(wide, **types), [x, s])
        return put(a, 1.0, At(2)), put(b, 2.0, At(3)), a, b

    return function("views_made_inside", build, x=vector(N), s=SCALAR)


CORPUS = {
    make.__name__: make
    for make in (
        *(growing, reversed_slices, stepping, jacobi, seidel, lu, doolittle, triangular),
        *(same_index_twice, newton, while_with_statements, cond_in_loop, loop_in_branch),
        *(branch_that_does_nothing, fibonacci, rotation, swapped_arrays, aliases),
        *(views_of_carries, one_result_twice, no_turns, waiting_reads, power_iteration, late_use),
        *(carry_that_stays, repeated_rows, views_made_inside),
    )
}


def arguments(graph: Graph, seed: int) -> list[np.ndarray]:
    """Draw arguments; matrices have a heavy diagonal."""
    rng = np.random.default_rng(seed)
    found = []
    for id in graph.inputs:
        shape = graph[id].type.extents
        array = np.asarray(rng.uniform(-1.0, 1.0, shape) if shape else rng.uniform(0.5, 3.0))
        found.append(array + 4.0 * np.eye(*shape) if len(shape) == 2 else array)
    return found
