"""Temporary matrices that recurrences walk through by columns are transposed; values stay."""

from collections.abc import Callable

import numpy as np

from gradc import ops
from gradc.ir.interpret import interpret
from gradc.kernels.columns import recurs
from gradc.kernels.interchange import strides
from gradc.kernels.lower import lower
from gradc.kernels.nest import Buffer, Loop, MatMul, Unit
from gradc.kernels.verify import verify
from gradc.kernels.walk import statements, uses
from gradc.options import Options
from tests.kernels.region_build import get, loop, program, put
from tests.kernels.simulate import simulate

N = 20


def unit_of(function: Callable[..., object], *arguments: np.ndarray) -> Unit:
    """Lower a program and run it."""
    lowered = lower(program(function, arguments), Options())
    verify(lowered)
    expected = interpret(program(function, arguments).graph, *arguments)
    for one, other in zip(simulate(lowered, arguments), expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-13)
    return lowered


def draw(*shapes: tuple[int, ...]) -> list[np.ndarray]:
    rng = np.random.default_rng(6)
    return [rng.random(shape) for shape in shapes]


def matrices(unit: Unit) -> list[Buffer]:
    """Return the temporary matrices that the loops of a unit write."""
    touched = [b for stage in unit.stages for s in statements(stage.body) for b, _ in uses(s)]
    found = {b for b in touched if b.kind == "temporary" and b.type.ndim == 2}
    return sorted(found, key=lambda b: b.node)


def across(unit: Unit) -> int:
    """Count the references of innermost loops that do not walk step by step."""
    inner = [
        s
        for stage in unit.stages
        for s in statements(stage.body)
        if isinstance(s, Loop) and not any(isinstance(one, Loop) for one in s.body)
    ]
    return sum(strides(s.body, s.symbol) for s in inner)


def start(x, rows: int, columns: int):
    """Return a matrix with a first column."""
    blank = x.graph.literal(0.0, x.dtype).broadcast_to((rows, columns))
    return put(blank, get(x, (0, rows), 0), (0, rows), 0)


def sweep(x, y):
    """Each column from the one before, and a row of the other array; then the last column."""

    def turn(j, x, y, q):
        row = get(y, j, (0, N))
        return [put(q, get(q, (0, N), j) * 0.5 + row / get(x, (0, N), j), (0, N), j + 1)]

    (q,) = loop(N + 3, [x, y], [start(x, N, N + 4)], turn)
    return [ops.exp(get(q, (0, N), N + 3))]


def test_a_matrix_of_columns_is_kept_by_columns():
    lowered = unit_of(sweep, *draw((N, N + 4), (N + 4, N)))
    (q,) = matrices(lowered)
    assert q.type.shape == (N + 4, N)
    assert across(lowered) == 2, "the argument itself lies as it lies"


def test_loops_that_run_backwards_count_as_well():
    def program(x, y):
        def turn(j, x, y, q):
            return [put(q, get(q, (0, N), j + 1) + get(y, j, (0, N)), (0, N), j)]

        blank = start(x, N, N + 4)
        (q,) = loop(N + 3, [x, y], [blank], turn, reverse=True)
        return [ops.exp(get(q, (0, N), 0))]

    (q,) = matrices(unit_of(program, *draw((N, N + 4), (N + 4, N))))
    assert q.type.shape == (N + 4, N)


def test_a_matrix_of_rows_stays():
    def program(x, y):
        def turn(j, y, q):
            return [put(q, get(q, j, (0, N)) + get(y, (0, N), j), j + 1, (0, N))]

        blank = y.graph.literal(1.0, y.dtype).broadcast_to((N + 4, N))
        (q,) = loop(N + 3, [y], [blank], turn)
        return [ops.exp(get(q, N + 3, (0, N)))]

    (q,) = matrices(unit_of(program, *draw((N, N), (N, N + 4))))
    assert q.type.shape == (N + 4, N)


def test_columns_that_do_not_depend_on_each_other_stay():
    """Loops over independent columns are turned around instead."""

    def program(x, y):
        def turn(j, x, q):
            return [put(q, ops.exp(get(x, (0, N), j)), (0, N), j)]

        (q,) = loop(N, [x], [start(x, N, N + 4)], turn)
        return [get(q, (0, N), N - 1) * 2.0]

    (q,) = matrices(unit_of(program, *draw((N, N + 4), (N, N))))
    assert q.type.shape == (N, N + 4)


def test_columns_of_rows_apart_stay():
    """A turn reads from the column that it writes: no other turn comes there."""

    def program(x, y):
        def turn(j, y, q):
            return [put(q, get(q, (0, N - 1), j) + get(y, (1, N - 1), j), (1, N - 1), j)]

        (q,) = loop(N, [y], [start(y, N, N + 4)], turn)
        return [get(q, (0, N), N - 1) * 2.0]

    (q,) = matrices(unit_of(program, *draw((N, N), (N, N + 4))))
    assert q.type.shape == (N, N + 4)


def test_a_matrix_that_a_product_reads_stays():
    def program(x, y):
        def turn(j, x, y, q):
            return [put(q, get(q, (0, 64), j) * 0.5 + get(y, j, (0, 64)), (0, 64), j + 1)]

        (q,) = loop(63, [x, y], [start(x, 64, 72)], turn)
        return [ops.contract(q, y, a_labels=(0, 1), b_labels=(1, 2), out_labels=(0, 2))]

    lowered = unit_of(program, *draw((64, 72), (72, 64)))
    assert any(isinstance(s, MatMul) for stage in lowered.stages for s in statements(stage.body))
    assert (64, 72) in [q.type.shape for q in matrices(lowered)]


def test_a_result_stays():
    def program(x, y):
        def turn(j, x, y, q):
            return [put(q, get(q, (0, N), j) * 0.5 + get(y, j, (0, N)), (0, N), j + 1)]

        (q,) = loop(N + 3, [x, y], [start(x, N, N + 4)], turn)
        return [q]

    assert matrices(unit_of(program, *draw((N, N + 4), (N + 4, N)))) == []


def test_an_array_of_three_axes_is_a_matrix_by_its_last_axis():
    """Planes of a vertical scheme lie one behind the other, narrow as they are."""
    rows, width, deep = 6, 7, 5

    def program(x, y):
        def turn(k, x, q):
            plane = get(x, (0, rows), (0, width), k)
            before = get(q, (0, rows), (0, width), k)
            return [put(q, before * 0.5 + plane, (0, rows), (0, width), k + 1)]

        blank = x.graph.literal(1.0, x.dtype).broadcast_to((rows, width, deep + 1))
        (q,) = loop(deep, [x], [blank], turn)
        return [ops.exp(get(q, (0, rows), (0, width), deep)) + y]

    lowered = unit_of(program, *draw((rows, width, deep), (rows, width)))
    touched = {b for st in lowered.stages for s in statements(st.body) for b, _ in uses(s)}
    assert (deep + 1, rows, width) in {b.type.shape for b in touched}
    assert across(lowered) == 1, "the argument itself lies as it lies"


def test_columns_from_a_vector_that_turns_hand_on():
    """The matrix waits for nobody, but the turns do: each has the vector of the one before."""

    def program(x, y):
        def turn(j, y, v, q):
            more = ops.exp(v * 0.1) + get(y, j, (0, N))
            return [more, put(q, get(q, (0, N), j) + more, (0, N), j)]

        _, q = loop(N + 4, [y], [get(x, (0, N), 0), start(x, N, N + 4)], turn)
        return [get(q, (0, N), N + 3) * 2.0]

    (q,) = matrices(unit_of(program, *draw((N, N + 4), (N + 4, N))))
    assert q.type.shape == (N + 4, N)


def test_columns_do_not_lie_whole_pages_apart():
    """Caches keep what lies whole pages apart in the same few places."""

    def program(x, y):
        def turn(j, y, q):
            row = get(y, j, (0, 512))
            return [put(q, get(q, (0, 512), j) * 0.5 + row, (0, 512), j + 1)]

        (q,) = loop(N + 3, [y], [start(x, 512, N + 4)], turn)
        return [ops.exp(get(q, (0, 512), N + 3))]

    (q,) = matrices(unit_of(program, *draw((512, N + 4), (N + 4, 512))))
    assert q.type.shape == (N + 4, 520)


def test_loops_whose_turns_wait_stay_around_those_whose_turns_do_not():
    """Though the arguments lie by rows, so that most of what a turn reads lies apart."""

    def program(x, y):
        def turn(j, x, y, q):
            one, two, before = (get(a, (0, N), j) for a in (x, y, q))
            return [put(q, (before * one + two) / (one + 2.0 * two), (0, N), j + 1)]

        (q,) = loop(N + 3, [x, y], [start(x, N, N + 4)], turn)
        return [ops.exp(get(q, (0, N), N + 3))]

    lowered = unit_of(program, *draw((N, N + 4), (N, N + 4)))
    loops = [s for stage in lowered.stages for s in statements(stage.body) if isinstance(s, Loop)]
    inner = [s for s in loops if not any(isinstance(one, Loop) for one in s.body)]
    assert any(map(recurs, loops))
    assert not any(map(recurs, inner))
