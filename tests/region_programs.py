"""Programs with loops and branches: a function of values, and the shapes of its arguments."""

import numpy as np

from gradc import ops
from gradc.ir import INT64, Array, At, Slice
from tests.region_graphs import add, branch, build, dot, get, loop, matvec, put, whilst, zeros


def prefix_products(x):
    def body(i, x, s, y):
        p = get(x, i) * s
        return p, put(y, p, i)

    one = x.graph.literal(1.0, x.dtype)
    last, y = loop("i", 6, body, [x], [one, zeros(x, 6)])
    return last * 0.5 + ops.sin(y).sum()


def prefix_from_the_end(x):
    def body(i, x, s, y):
        p = get(x, i) * s
        return p, put(y, p, i)

    one = x.graph.literal(1.0, x.dtype)
    last, y = loop("i", 6, body, [x], [one, zeros(x, 6)], reverse=True)
    return last + (y * y).sum()


def power_iteration(a, v):
    def body(i, a, v):
        w = matvec(a, v)
        return w / ops.sqrt((w * w).sum())

    (v,) = loop("i", 5, body, [a], [v])
    return dot(v, matvec(a, v))


def recurrent(w, u, xs, h):
    def body(t, w, u, xs, h, loss):
        h = ops.tanh(matvec(w, h) + matvec(u, get(xs, t, (0, 3))))
        return h, loss + (h * h).sum()

    h, loss = loop("t", 4, body, [w, u, xs], [h, h.graph.literal(0.0, h.dtype)])
    return loss + h.sum()


def euler(y, k):
    def body(i, k, y):
        return y + 0.1 * (ops.sin(y) * k)

    (y,) = loop("i", 7, body, [k], [y])
    return (y * y).sum()


def jacobi(a, b):
    def half(a, b):
        inner = get(a, (1, 4)) + get(a, (0, 4)) + get(a, (2, 4))
        return put(b, inner / 3.0, (1, 4))

    def body(t, a, b):
        b = half(a, b)
        return half(b, a), b

    a, b = loop("t", 3, body, [], [a, b])
    return a.sum() + (b * b).sum()


def jacobi_squares(a, b):
    def body(t, a, b):
        inner = get(a, (1, 4)) * get(a, (0, 4)) + get(a, (2, 4))
        b = put(b, inner / 3.0, (1, 4))
        return put(a, get(b, (1, 4)) + 0.5 * get(b, (2, 4)), (1, 4)), b

    a, b = loop("t", 3, body, [], [a, b])
    return a.sum() + (b * b).sum()


def seidel(a):
    def point(j, i, a):
        total = get(a, i, j)
        for x, y in ((0, 1), (1, 0), (1, 2), (2, 1), (0, 0), (2, 2)):
            total = total + get(a, i + (x - 1) + 0, j + y - 1)
        return put(a, total / 7.0, i, j)

    def row(i, a):
        return loop("j", 3, lambda j, a: point(j + 1, i + 1, a), [], [a])

    def sweep(t, a):
        return loop("i", 3, row, [], [a])

    (a,) = loop("t", 2, sweep, [], [a])
    return (a * a).sum()


def seidel_products(a):
    def row(i, a):
        def point(j, a):
            return put(a, get(a, i, j) * get(a, i, j + 1) + get(a, i + 1, j + 2), i + 1, j + 1)

        return loop("j", 3, point, [], [a])

    def sweep(t, a):
        return loop("i", 3, row, [], [a])

    (a,) = loop("t", 2, sweep, [], [a])
    return a.sum()


def lu(a):
    n = 5

    def row(i, a):
        def lower(j, a):
            value = get(a, i, j) - dot(get(a, i, (0, j)), get(a, (0, j), j))
            return put(a, value / get(a, j, j), i, j)

        def upper(k, a):
            j = i + k
            value = get(a, i, j) - dot(get(a, i, (0, i)), get(a, (0, i), j))
            return put(a, value, i, j)

        (a,) = loop("j", i, lower, [], [a])
        return loop("k", n - i, upper, [], [a])

    eye = a.graph.constant(4.0 * np.eye(n), a.dtype)
    (a,) = loop("i", n, row, [], [a + eye])
    return ops.sin(a).sum()


def lu_in_steps(a):
    """The same, written as in the kit: subtract, store, divide, store."""
    n = 5

    def row(i, a):
        def lower(j, a):
            a = put(a, get(a, i, j) - dot(get(a, i, (0, j)), get(a, (0, j), j)), i, j)
            return put(a, get(a, i, j) / get(a, j, j), i, j)

        def upper(k, a):
            j = i + k
            return put(a, get(a, i, j) - dot(get(a, i, (0, i)), get(a, (0, i), j)), i, j)

        (a,) = loop("j", i, lower, [], [a])
        return loop("k", n - i, upper, [], [a])

    eye = a.graph.constant(4.0 * np.eye(n), a.dtype)
    (a,) = loop("i", n, row, [], [a + eye])
    return a.sum()


def cholesky(a):
    n = 4

    def row(i, a):
        def left(j, a):
            value = get(a, i, j) - dot(get(a, i, (0, j)), get(a, j, (0, j)))
            return put(a, value / get(a, j, j), i, j)

        (a,) = loop("j", i, left, [], [a])
        part = get(a, i, (0, i))
        return (put(a, ops.sqrt(get(a, i, i) - dot(part, part)), i, i),)

    eye = a.graph.constant(6.0 * np.eye(n), a.dtype)
    (a,) = loop("i", n, row, [], [a + eye])
    return a.sum()


def triangular_solve(m, b):
    def body(i, m, b, x):
        return put(x, (get(b, i) - dot(get(m, i, (0, i)), get(x, (0, i)))) / get(m, i, i), i)

    (x,) = loop("i", 5, body, [m, b], [zeros(b, 5)])
    return x.sum()


def durbin(r):
    n = 6

    def body(i, r, y, alpha, beta):
        k = i + 1
        beta = beta * (1.0 - alpha * alpha)
        alpha = -(get(r, k) + dot(get(r, (i, k, -1)), get(y, (0, k)))) / beta
        y = put(y, get(y, (0, k)) + alpha * get(y, (i, k, -1)), (0, k))
        return put(y, alpha, k), alpha, beta

    r = 0.2 * r
    first = -get(r, 0)
    one = r.graph.literal(1.0, r.dtype)
    y, _, _ = loop("i", n - 1, body, [r], [put(zeros(r, n), first, 0), first, one])
    return y.sum()


def triangle_sums(x):
    def outer(i, x, total):
        def inner(j, x, total):
            return total + get(x, i) * get(x, j) * ops.sin(total)

        return loop("j", i + 1, inner, [x], [total])

    (total,) = loop("i", 4, outer, [x], [x.graph.literal(0.3, x.dtype)])
    return total


def scatter(x, where=(0, 2, 2, 1)):
    places = x.graph.constant(np.array(where), INT64)

    def body(i, x, places, y):
        v = ops.sin(get(x, i, (0, 4))) * ops.index(y, places, spec=(Array(0),))
        return ops.index_add(y, v, places, spec=(Array(0),))

    one = x.graph.literal(1.0, x.dtype).broadcast_to((3,))
    (y,) = loop("i", 3, body, [x, places], [one])
    return (y * y).sum()


def branches(x):
    def body(i, x, s):
        v = get(x, i)
        (t,) = branch(
            ops.greater(v, 1.0),
            lambda v, s: s * ops.sin(v),
            lambda v, s: s + v * v * s,
            [v, s],
        )
        return (t,)

    (s,) = loop("i", 6, body, [x], [x.graph.literal(1.0, x.dtype)])
    return s


def branch_with_a_loop(x):
    def many(x):
        return loop("i", 4, lambda i, x, s: s * get(x, i), [x], [x.graph.literal(1.0, x.dtype)])

    def few(x):
        return (get(x, 0) * get(x, 0),)

    (s,) = branch(ops.greater(get(x, 0), 0.1), many, few, [x])
    (t,) = branch(ops.greater(get(x, 0), 9.0), many, few, [x])
    return s + ops.exp(t)


def newton(a):
    def test(a, x):
        return ops.greater(ops.absolute(x * x - a), 1e-10)

    def body(a, x):
        return x - (x * x - a) / (2.0 * x)

    (x,) = whilst(test, body, [a], [a.full_like(1.0)], limit=50)
    return x * x * x


def growing_while(y, k):
    def test(k, y, s):
        return ops.less(s.sum(), 9.0)

    def body(k, y, s):
        return ops.sin(y) * k + 0.1 * y, s + y * y

    y, s = whilst(test, body, [k], [y, y.full_like(0.0)], limit=40)
    return (s * y).sum()


def doubling_while(y):
    def body(y, n):
        return y * 2.0, n + 1

    y, _ = whilst(lambda y, n: ops.less(n, 5), body, [], [y, y.graph.literal(0, INT64)], limit=20)
    return (y * y).sum()


def integer_carries(x):
    def body(i, x, n, s):
        v = ops.index(x, n, spec=(Array(0),))
        return ops.remainder(n * 3 + 1, n.full_like(5)), s * v + v

    start = x.graph.literal(2, INT64)
    _, s = loop("i", 4, body, [x], [start, x.graph.literal(1.0, x.dtype)])
    return s


def unrelated_carry(x, y):
    """Only the first carry reaches the loss; the second is used by it, the third by nobody."""

    def body(i, x, y, s, t, u):
        return s + x * t, t * y, u * s

    one = x.graph.literal(1.0, x.dtype)
    s, _, _ = loop("i", 3, body, [x, y], [one, one, one])
    return s


def swapped_carries(x, y):
    def body(i, a, b):
        return b, a * b

    a, b = loop("i", 5, body, [], [x, y])
    return a + b


def strided(x):
    def body(i, x, s):
        return s + (get(x, (i, 3, 2)) * get(x, (i + 4, 3, -2))).sum()

    (s,) = loop("i", 3, body, [x], [x.graph.literal(0.0, x.dtype)])
    return s


def growing_rows(x):
    """Nonlinear in slices that are overwritten later: they need a tape with growing rows."""

    def body(i, x):
        part = get(x, (0, i + 1))
        return put(x, part * part * get(x, i + 1), (0, i + 1))

    (x,) = loop("i", 4, body, [], [x])
    return x.sum()


def nested_growing_rows(x):
    def outer(i, x):
        def inner(j, x):
            part = get(x, i, (0, j + 1))
            return put(x, ops.sin(part) * get(x, j + 1, (0, j + 1)), i, (0, j + 1))

        return loop("j", i, inner, [], [x])

    (x,) = loop("i", 4, outer, [], [x])
    return (x * x).sum()


def no_turns(x):
    (s,) = loop("i", 0, lambda i, x, s: s * get(x, i), [x], [x.sum()])
    return s * s


def one_turn(x):
    (s,) = loop("i", 1, lambda i, x, s: s * get(x, i), [x], [x.sum()])
    return s * s


def index_as_number(x):
    def body(i, x, s):
        graph = x.graph
        n = graph.value(graph.add(ops.dim_value, (), {"dim": i + 1})).cast(x.dtype)
        return s * get(x, i) / n + n * s

    (s,) = loop("i", 4, body, [x], [x.graph.literal(1.0, x.dtype)])
    return s


def branch_on_elements(a):
    """A branch inside nested loops that updates the array it reads."""

    def row(i, a):
        def point(j, a):
            v = get(a, i, j)
            return branch(
                ops.greater(v, 1.0),
                lambda a: put(a, ops.sin(get(a, i, j)) * get(a, i, j + 1), i, j),
                lambda a: a,
                [a],
            )

        return loop("j", 2, point, [], [a])

    (a,) = loop("i", 3, row, [], [a])
    return a.sum()


def while_in_a_loop(x):
    def body(i, x, s):
        (t,) = whilst(
            lambda t: ops.less(t, 4.0), lambda t: t * t + 0.3, [], [get(x, i) + 0.5], limit=9
        )
        return s + t * s

    (s,) = loop("i", 3, body, [x], [x.graph.literal(1.0, x.dtype)])
    return s


def accumulate_rows(x, w):
    def row(i, x, w, y):
        def point(j, x, w, y):
            return add(y, get(x, i, j) * get(w, j) * get(w, j), i)

        return loop("j", 3, point, [x, w], [y])

    (y,) = loop("i", 4, row, [x, w], [zeros(x, 4)])
    return (y * y).sum()


PROGRAMS = {
    fn.__name__: (fn, shapes)
    for fn, *shapes in (
        (prefix_products, (6,)),
        (prefix_from_the_end, (6,)),
        (power_iteration, (3, 3), (3,)),
        (recurrent, (2, 2), (2, 3), (4, 3), (2,)),
        (euler, (3,), (3,)),
        (jacobi, (6,), (6,)),
        (jacobi_squares, (6,), (6,)),
        (seidel, (5, 5)),
        (seidel_products, (5, 5)),
        (lu, (5, 5)),
        (lu_in_steps, (5, 5)),
        (cholesky, (4, 4)),
        (triangular_solve, (5, 5), (5,)),
        (durbin, (6,)),
        (triangle_sums, (4,)),
        (scatter, (3, 4)),
        (branches, (6,)),
        (branch_with_a_loop, (4,)),
        (newton, ()),
        (growing_while, (2,), (2,)),
        (doubling_while, (2,)),
        (integer_carries, (5,)),
        (unrelated_carry, (), ()),
        (swapped_carries, (), ()),
        (strided, (9,)),
        (growing_rows, (6,)),
        (nested_growing_rows, (5, 5)),
        (no_turns, (3,)),
        (one_turn, (3,)),
        (index_as_number, (4,)),
        (branch_on_elements, (3, 3)),
        (while_in_a_loop, (3,)),
        (accumulate_rows, (4, 3), (3,)),
    )
}


def graph_of(name, **options):
    fn, shapes = PROGRAMS[name]
    return build(fn, *shapes, **options)


__all__ = ["PROGRAMS", "At", "Slice", "graph_of"]
