"""Large memory that starts as zeros is filled row by row, where rows have their turns."""

import numpy as np
import pytest

import gradc
from gradc.ir import ArrayType, Symbol
from gradc.kernels.nest import Accumulate, Buffer, Fill, Load, Loop, Number, Ref, Store
from gradc.kernels.row_fills import LARGE, fill_by_rows

F8 = np.dtype("f8")
N = 400
RNG = np.random.default_rng(21)
LOWER = np.tril(RNG.standard_normal((N, N)) / N) + 2.0 * np.eye(N)
RIGHT = RNG.standard_normal(N)


def forward_substitution(lower, b):
    x = np.zeros(N)
    for i in range(N):
        x[i] = (b[i] - lower[i, :i] @ x[:i]) / lower[i, i]
    return np.sum(x * x)


def backward_substitution(lower, b):
    x = np.zeros(N)
    for i in range(N - 1, -1, -1):
        x[i] = (b[i] - lower[i, i + 1 :] @ x[i + 1 :]) / lower[i, i]
    return np.sum(x * x)


def inner_rows(lower, b):
    x = b.copy()
    for i in range(3, N - 2):
        x[i] = x[i] - lower[i, :i] @ x[:i]
    return np.sum(x * x)


@pytest.mark.parametrize("loss", [forward_substitution, backward_substitution, inner_rows])
def test_gradients_by_rows(loss):
    lower = LOWER if loss is not backward_substitution else LOWER.T.copy()
    gradient = gradc.grad(loss, argnums=(0, 1))
    found = gradc.compile(gradient, backend="c")(lower, RIGHT)
    expected = gradc.compile(gradient, backend="numpy")(lower, RIGHT)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("loss", [forward_substitution, backward_substitution, inner_rows])
def test_no_pass_over_all_rows_is_made_for_zeros(loss):
    source = gradc.grad(loss, argnums=(0, 1)).source("c", LOWER, RIGHT)
    assert "memset(lower_bar" not in source
    assert source.count(f"for (int64_t column = 0; column < {N}; ++column)") == 1


def test_small_memory_is_filled_at_once():
    few = LOWER[:50, :50].copy()

    def loss(lower, b):
        x = np.zeros(50)
        for i in range(50):
            x[i] = (b[i] - lower[i, :i] @ x[:i]) / lower[i, i]
        return np.sum(x)

    assert "column" not in gradc.grad(loss).source("c", few, RIGHT[:50].copy())


# the pass itself

TURN, J = Symbol("i", "loop"), Symbol("j", "index")


def memory(name="g"):
    return Buffer("temporary", ArrayType(F8, (N, N)), name)


def work(buffer, start, stop, offset, length=N, step=1):
    body = [Loop(J, 0, length, [Accumulate(Ref(buffer, offset), "sum", Number(1.0, F8))])]
    return Loop(TURN, start, stop, body, step)


def test_memory_of_these_tests_is_large():
    assert N * N * 8 >= LARGE


def test_rows_without_a_turn_are_filled_before():
    g = memory()
    fill = Fill(g, Number(0.0, F8))
    result = fill_by_rows([fill, work(g, 2, N - 3, TURN.expr() * N + J.expr())])
    first, last, loop = result
    assert (first.start, first.stop) == (0, 2 * N)
    assert (last.start, last.stop) == ((N - 3) * N, N * N)
    row = loop.body[0].body[0]
    assert isinstance(row, Store)
    assert loop.body[0].stop == N
    assert len(loop.body) == 2


def test_rows_may_run_against_the_turns():
    g = memory()
    loop = work(g, 0, N - 1, -TURN.expr() * N + (N - 2) * N + J.expr())
    result = fill_by_rows([Fill(g, Number(0.0, F8)), loop])
    assert [(s.start, s.stop) for s in result[:-1]] == [((N - 1) * N, N * N)]
    assert (
        loop.body[0].body[0].ref.offset
        == -TURN.expr() * N + (N - 2) * N + loop.body[0].symbol.expr()
    )


@pytest.mark.parametrize("step", [1, -1])
def test_all_rows_in_either_direction(step):
    g = memory()
    ends = (0, N) if step > 0 else (N - 1, -1)
    loop = work(g, *ends, TURN.expr() * N + J.expr(), step=step)
    assert fill_by_rows([Fill(g, Number(0.0, F8)), loop]) == [loop]


@pytest.mark.parametrize(
    ("offset", "stop"),
    [
        (TURN.expr() * N + J.expr() + 1, N - 1),
        (TURN.expr() * N + J.expr() - 1, N),
        (J.expr() * N + TURN.expr(), N),
        (J.expr(), N),
    ],
)
def test_turns_that_leave_their_row_keep_the_fill(offset, stop):
    g = memory()
    fill = Fill(g, Number(0.0, F8))
    body = [fill, work(g, 1, stop, offset)]
    assert fill_by_rows(body) == body
    assert len(body[1].body) == 1


def test_what_reads_the_memory_before_the_loop_keeps_the_fill():
    g, other = memory(), memory("h")
    fill = Fill(g, Number(0.0, F8))
    reader = Loop(J, 0, N, [Store(Ref(other, J.expr()), Load(Ref(g, J.expr())))])
    body = [fill, reader, work(g, 0, N, TURN.expr() * N + J.expr())]
    assert fill_by_rows(body)[0] is fill


def test_a_turn_that_reads_another_row_keeps_the_fill():
    g, other = memory(), memory("h")
    fill = Fill(g, Number(0.0, F8))
    loop = work(g, 0, N - 1, TURN.expr() * N + J.expr())
    loop.body.append(Store(Ref(other, TURN.expr()), Load(Ref(g, TURN.expr() * N + N))))
    assert fill_by_rows([fill, loop])[0] is fill


def test_a_fill_inside_a_turn_keeps_the_fill():
    g = memory()
    fill = Fill(g, Number(0.0, F8))
    loop = work(g, 0, N, TURN.expr() * N + J.expr())
    loop.body.append(Fill(g, Number(1.0, F8)))
    assert fill_by_rows([fill, loop])[0] is fill
