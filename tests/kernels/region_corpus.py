"""Programs with loops and branches, for the kernels' and the C printer's tests."""

import numpy as np

from gradc import ops
from gradc.ir import op_named
from tests.kernels.region_build import (
    CORPUS,
    MATRIX,
    SIDE,
    VECTOR,
    Case,
    at,
    branch,
    case,
    draw,
    get,
    loop,
    program,
    put,
    repeat,
    zeros,
)

__all__ = ["CORPUS", "Case", "endless", "loop", "program"]


def _products(i, x, s, y):  # type: ignore[no-untyped-def]
    product = get(x, i) * s
    return product, put(y, product, i)


@case(VECTOR)
def prefix(x):
    return loop(SIDE, [x], [x.graph.literal(1.0, np.dtype(float)), x.full_like(0.0)], _products)


@case(VECTOR)
def suffix(x):
    start = [x.graph.literal(1.0, np.dtype(float)), x.full_like(0.0)]
    return loop(SIDE, [x], start, _products, reverse=True)


@case(np.zeros(0))
def no_turns(x):
    return loop(0, [x], [x.graph.literal(1.0, np.dtype(float)), x.full_like(0.0)], _products)


@case(VECTOR)
def growing(x):
    return loop(SIDE, [x], [zeros(x.graph)], lambda i, x, t: [t + ops.sin(get(x, (0, i))).sum()])


@case(VECTOR)
def growing_backwards(x):
    """The sum over i of x[i::-1] times x[:i + 1]."""

    def turn(i, x, t):
        return [t + (get(x, (i, i + 1, -1)) * get(x, (0, i + 1))).sum()]

    return loop(SIDE, [x], [zeros(x.graph)], turn)


@case(draw(40, 40))
def long_triangles(a):
    def turn(i, a, out):
        return [put(out, (get(a, i, (0, i)) * get(a, (0, i), i)).sum(), i)]

    return loop(40, [a], [zeros(a.graph, 40)], turn)


@case(draw(70, 70), draw(70))
def long_dots(a, b):
    """Sums of growing length over memory in order: lanes, and what is left."""

    def turn(i, a, b, x, t):
        head = (get(a, i, (0, i)) * get(x, (0, i))).sum()
        tail = (get(b, (i, 70 - i)) * get(a, i, (69, 70 - i, -1))).sum()
        return put(x, get(b, i) - 0.1 * head, i), t + tail

    return loop(70, [a, b], [zeros(a.graph, 70), zeros(a.graph)], turn)


@case(draw(12), draw(12, seed=5))
def jacobi(a, b):
    def turn(t, a, b):
        b = put(b, (get(a, (0, 10)) + get(a, (1, 10)) + get(a, (2, 10))) * 0.3, (1, 10))
        a = put(a, (get(b, (0, 10)) + get(b, (1, 10)) + get(b, (2, 10))) * 0.3, (1, 10))
        return a, b

    return loop(5, [], [a, b], turn, name="t")


@case(draw(7, 7))
def seidel(a):
    def inner(i):
        def cell(j, a):
            near = [get(a, i + 1 + di, j + 1 + dj) for di in (-1, 0, 1) for dj in (-1, 0, 1)]
            return [put(a, sum(near[1:], near[0]) / 9.0, i + 1, j + 1)]

        return cell

    def row(i, a):
        return loop(5, [], [a], inner(i), name="j", names="A")

    def turn(t, a):
        return loop(5, [], [a], row, name="i", names="A")

    return loop(3, [], [a], turn, name="t", names="A")


@case(MATRIX)
def lu(a):
    def below(i):
        def cell(j, a):
            dot = (get(a, i, (0, j)) * get(a, (0, j), j)).sum()
            return [put(a, (get(a, i, j) - dot) / get(a, j, j), i, j)]

        return cell

    def above(i):
        def cell(k, a):
            j = k + i
            dot = (get(a, i, (0, i)) * get(a, (0, i), j)).sum()
            return [put(a, get(a, i, j) - dot, i, j)]

        return cell

    def row(i, a):
        (a,) = loop(i, [], [a], below(i), name="j", names="A")
        return loop(SIDE - i, [], [a], above(i), name="k", names="A")

    return loop(SIDE, [], [a], row, name="i", names="A")


@case(MATRIX)
def lu_by_blocks(a):
    """Rows and columns of the remaining square at once: reads lie beside what is written."""

    def turn(k, a):
        rest = SIDE - k - 1
        column = get(a, (k + 1, rest), k) / ops.broadcast_to(get(a, k, k), shape=(rest,))
        a = put(a, column, (k + 1, rest), k)
        outer = ops.contract(
            get(a, (k + 1, rest), k),
            get(a, k, (k + 1, rest)),
            a_labels=(0,),
            b_labels=(1,),
            out_labels=(0, 1),
        )
        return [put(a, get(a, (k + 1, rest), (k + 1, rest)) - outer, (k + 1, rest), (k + 1, rest))]

    return loop(SIDE, [], [a], turn, name="k", names="A")


@case(MATRIX, VECTOR)
def triangular_solve(a, b):
    def turn(i, a, b, x):
        dot = ops.contract(
            get(a, i, (0, i)), get(x, (0, i)), a_labels=(0,), b_labels=(0,), out_labels=()
        )
        return [put(x, (get(b, i) - dot) / get(a, i, i), i)]

    return loop(SIDE, [a, b], [zeros(a.graph, SIDE)], turn, names="Lbx")


@case(draw(30))
def swapped(x):
    def turn(i, a, b):
        return b * 1.5, a

    return loop(7, [], [x, x * 2.0], turn)


@case(draw(3), draw(3, seed=9))
def swapped_plain(x, y):
    return loop(5, [], [x, y], lambda i, a, b: (b, a))


@case(VECTOR)
def fibonacci(x):
    start = [get(x, 0), get(x, 1)]
    return loop(9, [], start, lambda i, a, b: (b, a + b))


@case(VECTOR)
def read_before_and_after(x):
    """The start is needed after the loop, and captured by it too."""
    (y,) = loop(SIDE, [x], [x], lambda i, x, y: [put(y, get(x, SIDE - 1 - i) * 2.0, i)])
    return [y + x, y]


@case(VECTOR)
def shifted(x):
    """A slice is written from another one that overlaps it."""
    return loop(4, [], [x], lambda i, x: [put(x, get(x, (0, SIDE - 1)) * 1.5, (1, SIDE - 1))])


@case(VECTOR)
def reversed_in_place(x):
    return loop(3, [], [x], lambda i, x: [put(x, get(x, (SIDE - 1, SIDE, -1)), (0, SIDE))])


@case(draw(6, 4))
def rows_swapped(a):
    def whole(i, a):
        first, second = get(a, i, (0, 4)), get(a, 5 - i, (0, 4))
        return [put(put(a, second, i, (0, 4)), first, 5 - i, (0, 4))]

    return loop(3, [], [a], whole)


@case(VECTOR)
def old_values_wanted_later(x):
    """What was overwritten is used after the write."""

    def turn(i, x, t):
        old = get(x, i)
        new = put(x, t + old, i)
        return new, t + old * new.sum()

    return loop(SIDE, [], [x, zeros(x.graph)], turn)


@case(VECTOR)
def whole_old_array(x):
    def turn(i, x, before):
        return put(x, get(x, i) + before.sum(), i), x

    return loop(SIDE, [], [x, x * 0.5], turn)


@case(draw(5, 5))
def matrix_powers(a):
    def turn(i, a, v, m):
        w = ops.contract(a, v, a_labels=(0, 1), b_labels=(1,), out_labels=(0,))
        return w, ops.transpose(m, axes=(1, 0)) + a

    return loop(4, [a], [get(a, 0, (0, 5)), a], turn)


@case(draw(30))
def pointwise(x):
    return loop(6, [x], [x], lambda i, c, u: [u + 0.1 * ops.sin(u) * c])


@case(draw(20))
def stencil(u):
    def turn(t, u):
        inner = get(u, (1, 18)) * 0.5 + (get(u, (0, 18)) + get(u, (2, 18))) * 0.25
        return [ops.pad(inner, low=(1,), high=(1,)) + u * 0.01]

    return loop(6, [], [u], turn, name="t")


@case(np.float64(2.0))
def newton(x):
    def turn(x, y):
        return [0.5 * (y + x / y)]

    return repeat([x], [x], lambda x, y: ops.greater(ops.absolute(y * y - x), 1e-12), turn)


@case(VECTOR)
def search(x):
    """A condition that looks into an array, and arrays as carries."""

    def test(x, y, t):
        return ops.less((x * y).sum(), 3.0)

    def turn(x, y, t):
        return y + 0.1 * x, t + 1.0

    return repeat([x], [x.full_like(0.0), zeros(x.graph)], test, turn)


@case(VECTOR)
def branches_in_a_loop(x):
    def turn(i, x, s, y):
        value = get(x, i)
        return branch(
            ops.greater(value, 0.0),
            lambda v, s, y: (s + ops.sqrt(v), put(y, v * 2.0, i)),
            lambda v, s, y: (s - v, y),
            [value, s, y],
        )

    return loop(SIDE, [x], [zeros(x.graph), x.full_like(-1.0)], turn)


@case(draw(4), np.float64(1.0))
def fresh_arrays_of_a_branch(x, p):
    then = branch(ops.greater(p, 0.0), lambda x: [x * 2.0, x], lambda x: [x, x + 1.0], [x])
    other = branch(ops.less(p, 0.0), lambda x: [x * 2.0, x], lambda x: [x, x + 1.0], [x])
    return [*then, *other, x * 3.0]


@case(draw(20).astype(np.float32))
def single(x):
    def turn(i, x, s):
        return [s + (get(x, (0, i)) * get(x, (0, i))).sum()]

    return loop(20, [x], [x.graph.literal(0.0, np.dtype(np.float32))], turn)


@case(np.arange(8), np.array([1, 3, 1, 7, 1, 0, -1, 3]))
def counting(x, where):
    def turn(i, x, where, y, n):
        y = ops.index_add(y, x, where, spec=at([0]))
        return ops.index_add(y, get(x, (0, 2)), get(where, (i, 2)), spec=at([0])), n + get(x, i)

    start = [x.full_like(0), x.graph.literal(0, np.dtype(np.int64))]
    return loop(6, [x, where], start, turn)


@case(draw(6), np.array([2, 0, 0, 5, 2, 1]))
def positions_of_data(x, where):
    """An element is found by a number that the loop carries."""

    def turn(i, x, where, k, y):
        value = ops.index(x, k, spec=at([0])) * 2.0
        y = ops.index_add(y, value, k, spec=at([0]))
        return ops.index(where, k, spec=at([0])), y

    start = [x.graph.literal(3, np.dtype(np.int64)), x]
    return loop(6, [x, where], start, turn)


@case(draw(6), np.array([2, 0, -1]))
def positions_in_a_growing_slice(x, where):
    def turn(i, x, where, t):
        head = get(x, (0, i + 3))
        return [
            t
            + ops.index(head, where, spec=at([0])).sum()
            + ops.index(head, where.graph.constant(np.array([-1, 1])), spec=at([0])).sum()
        ]

    return loop(4, [x, where], [zeros(x.graph)], turn)


@case(draw(5, 6))
def index_values(a):
    """The index is a number of the program, in a triangle."""

    def cell(i):
        def turn(j, a):
            n = a.graph.value(a.graph.add(op_named("dim_value"), (), {"dim": i * 10 + j}))
            n = ops.cast(n, dtype=np.dtype(float))
            return [ops.index_add(a, n, spec=at(i, j))]

        return turn

    return loop(5, [], [a], lambda i, a: loop(i + 1, [], [a], cell(i), name="j"))


@case(draw(8))
def padded_growing(x):
    """Paddings and joined arrays whose extents depend on the loop."""

    def turn(i, x, y):
        padded = ops.pad(get(x, (0, i)), low=(0,), high=(8 - i,))
        joined = ops.concatenate(get(x, (i, 8 - i)), get(x, (0, i)), axis=0)
        return [y + padded * joined]

    return loop(8, [x], [x], turn)


@case(draw(6, 6))
def running_sums(a):
    def turn(i, a, y):
        sums = ops.cumsum(get(a, i, (0, i + 1)), axis=0, reverse=False)
        return [ops.index_add(y, sums, spec=at((0, i + 1)))]

    return loop(6, [a], [zeros(a.graph, 6)], turn)


@case(draw(24, 24), draw(24, 24, seed=8))
def products(a, b):
    def turn(i, a, b):
        return [ops.contract(a, b, a_labels=(0, 1), b_labels=(1, 2), out_labels=(0, 2)) * 0.2]

    return loop(3, [a], [b], turn)


@case(draw(4, 1))
def ones(x):
    """Arrays of one element are arrays."""

    def turn(i, x, y):
        y = y + get(x, (i, 1), (0, 1))
        return [put(y, y.sum() * 2.0, 0, 0)]

    return loop(4, [x], [zeros(x.graph, 1, 1)], turn)


@case(VECTOR)
def two_in_a_row(x):
    (y,) = loop(SIDE, [], [x * 2.0], lambda i, y: [put(y, get(y, i) + 1.0, i)])
    (z,) = loop(SIDE, [y], [y], lambda i, w, y: [put(y, get(y, i) * get(w, 0), i)])
    return [z, z.sum()]


@case(draw(5, 5))
def views_go_in(a):
    flipped = ops.transpose(a, axes=(1, 0))
    ones = a.full_like(1.0)
    return loop(
        5,
        [flipped, ones],
        [a],
        lambda i, t, o, a: [put(a, get(t, i, (0, 5)) + get(o, i, (0, 5)), i, (0, 5))],
    )


@case(draw(3, 4))
def nested_scalars(a):
    def inner(i):
        return lambda j, a, s, m: (s + get(a, i, j), ops.maximum(m, s))

    def turn(i, a, s, m):
        return loop(4, [a], [s, m], inner(i), name="j")

    return loop(3, [a], [zeros(a.graph), zeros(a.graph)], turn)


def _endless(x):
    return repeat([], [x], lambda x: ops.greater(x, 0.0), lambda x: [x + 1.0], limit=20)


endless = Case(_endless, (np.float64(1.0),))
"""A loop whose condition never fails."""
