"""What a loop keeps is written where it is copied to, if nobody sees it before."""

from typing import Any

import numpy as np

import gradc
from gradc.ir import ArrayType, Dim, Symbol
from gradc.kernels.direct import write_directly
from gradc.kernels.nest import Buffer, Load, Loop, Number, Ref, Stage, Stmt, Store
from gradc.kernels.walk import statements, uses

TURN, AXIS, OTHER = Symbol("k", "turn0"), Symbol("i", "index"), Symbol("j", "index")
k, i, j = TURN.expr(), AXIS.expr(), OTHER.expr()
ONE = Number(1.0, np.dtype(float))


def memory(size: int, kind: Any = "temporary") -> Buffer:
    return Buffer(kind, ArrayType(float, (size,)))


def copy(tape: Buffer, source: Buffer, start: Dim = 4 * k, length: int = 4) -> Loop:
    return Loop(OTHER, 0, length, [Store(Ref(tape, start + j), Load(Ref(source, j)))])


def made(source: Buffer, length: int = 4) -> Loop:
    return Loop(AXIS, 0, length, [Store(Ref(source, i), ONE)])


def after(*body: Stmt, later: tuple[Stmt, ...] = ()) -> list[Stmt]:
    """Return the statements in the loop afterwards."""
    stage = Stage([Loop(TURN, 0, 5, list(body)), *later])
    loop = write_directly([stage])[0].body[0]
    assert isinstance(loop, Loop)
    return loop.body


def test_the_copy_is_left_out():
    tape, source, read = memory(20), memory(4), memory(4, "output")
    seen = Loop(AXIS, 0, 4, [Store(Ref(read, i), Load(Ref(source, 3 - i)))])
    found = after(made(source), seen, copy(tape, source))
    touched = [(b, w) for s in statements(found) for b, w in uses(s)]
    assert touched == [(tape, True), (tape, False), (read, True)]
    assert [s.ref.offset for s in statements(found) if isinstance(s, Store)] == [4 * k + i, i]


def test_what_is_seen_elsewhere_is_copied():
    tape, source = memory(20), memory(4)
    two = [made(source), copy(tape, source)]
    assert len(after(*two, later=(copy(memory(4), source, 0),))) == 2
    assert len(after(copy(memory(4), source, 0), *two)) == 3  # what the last turn left
    assert len(after(*two, made(tape))) == 3
    assert len(after(made(source, 3), copy(tape, source))) == 2
    assert len(after(made(source), copy(tape, source, length=3))) == 2
    argument = memory(4, "input")
    assert len(after(copy(tape, argument))) == 1


def by_elements(p):
    p = p.copy()
    n = p.shape[0]
    for k in range(n):
        for i in range(n):
            for j in range(n):
                p[i, j] = min(p[i, j], p[i, k] + p[k, j])
    return np.sum(p * p)


def test_a_tape_of_three_loops_is_written_once():
    a = np.random.default_rng(4).random((9, 9))
    found = gradc.value_and_grad(by_elements, backend="c")
    expected = gradc.value_and_grad(by_elements, backend="numpy")(a)
    np.testing.assert_allclose(found(a)[1], expected[1], rtol=1e-13)
    turn = found.source("c", a).partition("/* primal */")[2].partition("adjoint")[0]
    assert turn.count("for (") == 3
