"""Small products that share a nest are told apart where each can add several rows at a time."""

import pytest

from gradc import ops  # noqa: F401 (fills the registry)
from gradc.ir import ArrayType, Symbol, op_named
from gradc.kernels.nest import Accumulate, Apply, Buffer, Let, Load, Local, Loop, Ref
from gradc.kernels.small_products import one_by_one

I, J, K = (Symbol(name, "index") for name in "ijk")  # noqa: E741
N = 8


def matrix(name):
    return Buffer("temporary", ArrayType.of("f8", (N, N)), name)


def at(buffer, row, column):
    return Ref(buffer, row.expr() * N + column.expr())


def product(a, b):
    return Apply(op_named("multiply"), (a, b), a.ref.buffer.type.dtype, a.ref.buffer.type.dtype)


def nest(*body, length=N):
    return Loop(I, 0, length, [Loop(J, 0, length, [Loop(K, 0, length, list(body))])])


A, B, C, D = map(matrix, "abcd")
BY_ROWS = Accumulate(at(C, I, K), "sum", product(Load(at(A, I, J)), Load(at(B, J, K))))
TRANSPOSED = Accumulate(at(D, J, K), "sum", product(Load(at(A, I, J)), Load(at(B, I, K))))


def order(loop):
    (middle,) = loop.body
    (inner,) = middle.body
    return [loop.symbol, middle.symbol, inner.symbol], inner.body


def test_each_has_the_loop_it_adds_up_in_the_middle():
    first, second = map(order, one_by_one(nest(BY_ROWS, TRANSPOSED)))
    assert first == ([I, J, K], [first[1][0]])
    assert second[0] == [J, I, K]
    assert [s.target for s in (*first[1], *second[1])] == [BY_ROWS.target, TRANSPOSED.target]


def test_scalars_go_with_what_uses_them():
    scalar = Local(A.type.dtype)
    value = Apply(op_named("multiply"), (scalar, scalar), A.type.dtype, A.type.dtype)
    whole = nest(Let(scalar, Load(at(A, I, J))), Accumulate(at(C, I, K), "sum", value))
    ((_, body),) = map(order, one_by_one(whole))
    assert [type(s) for s in body] == [Accumulate]
    assert body[0].value.args == (Load(at(A, I, J)),) * 2


@pytest.mark.parametrize(
    "whole",
    [
        nest(BY_ROWS),
        nest(BY_ROWS, Accumulate(at(D, I, J), "sum", Load(at(B, I, K)))),
        nest(BY_ROWS, Accumulate(at(C, J, K), "sum", Load(at(B, I, K)))),
        nest(BY_ROWS, Accumulate(at(D, J, K), "sum", Load(at(C, I, K)))),
        nest(BY_ROWS, TRANSPOSED, length=7),
        nest(BY_ROWS, TRANSPOSED, length=20),
    ],
    ids=["alone", "a dot", "one sum", "read", "short", "large"],
)
def test_others_stay(whole):
    assert one_by_one(whole) == [whole]
