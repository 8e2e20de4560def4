"""Identities of ops that only move elements."""

import numpy as np
import pytest

from gradc import ops
from gradc.ir import ArrayType
from gradc.ir.interpret import interpret
from gradc.passes import simplify
from tests.passes.cases import Case, check, graph_of, same_bits, term


def f8(*shape):
    return (ArrayType.of("f8", *shape),)


def spread(x, shape):
    return ops.broadcast_to(x, shape=shape)


def turn(x, *axes):
    return ops.transpose(x, axes=axes)


def shape(x, *dims):
    return ops.reshape(x, shape=dims)


def reduced(name, dtype):
    op = getattr(ops, f"reduce_{name}")
    return Case(
        "reduce_nothing",
        lambda x: op(x, axes=(0, 2)),
        lambda x: shape(x, 3),
        (ArrayType.of(dtype, 1, 3, 1),),
    )


CASES = [
    Case("broadcast_twice", lambda x: spread(x, (3,)), lambda x: x, f8(3)),
    Case(
        "broadcast_twice",
        lambda x: spread(spread(x, (2, 3)), (4, 2, 3)),
        lambda x: spread(x, (4, 2, 3)),
        f8(3),
    ),
    Case(
        "broadcast_one_element",
        lambda x: spread(x, (2, 3)),
        lambda x: spread(shape(x), (2, 3)),
        f8(1, 1),
    ),
    Case("reshape_twice", lambda x: shape(x, 2, 3), lambda x: x, f8(2, 3)),
    Case("reshape_twice", lambda x: shape(shape(x, 3, 2), 6), lambda x: shape(x, 6), f8(2, 3)),
    Case(
        "reshape_broadcast",
        lambda x: shape(spread(x, (2, 3)), 6),
        lambda x: spread(x, (6,)),
        f8(),
    ),
    Case(
        "reshape_broadcast",
        lambda x: shape(spread(x, (2, 3)), 2, 1, 3, 1),
        lambda x: spread(shape(x, 1, 1, 3, 1), (2, 1, 3, 1)),
        f8(3),
    ),
    Case(
        "reshape_broadcast",
        lambda x: shape(spread(x, (3, 1, 4)), 1, 3, 4),
        lambda x: spread(shape(x, 1, 3, 1), (1, 3, 4)),
        f8(3, 1, 1),
    ),
    Case(
        "reshape_broadcast",
        lambda x: shape(spread(x, (2, 3)), 6),
        lambda x: spread(shape(x), (6,)),
        f8(1, 1),
    ),
    Case("transpose_twice", lambda x: turn(x, 0, 1), lambda x: x, f8(2, 3)),
    Case(
        "transpose_twice",
        lambda x: turn(spread(x, (2, 3, 4)), 1, 2, 0),
        lambda x: spread(turn(shape(x, 1, 1, 4), 1, 2, 0), (3, 4, 2)),
        f8(4),
    ),
    Case(
        "transpose_twice",
        lambda x: turn(spread(x, (2, 3)), 1, 0),
        lambda x: spread(turn(x, 1, 0), (3, 2)),
        f8(2, 1),
    ),
    Case(
        "transpose_twice",
        lambda x: turn(turn(x, 1, 2, 0), 1, 0, 2),
        lambda x: turn(x, 2, 1, 0),
        f8(2, 3, 4),
    ),
    Case(
        "transpose_twice",
        lambda x: turn(spread(x, (2, 3, 4)), 1, 2, 0),
        lambda x: spread(turn(shape(x, 1, 3, 4), 1, 2, 0), (3, 4, 2)),
        f8(3, 4),
    ),
    Case(
        "transpose_as_reshape",
        lambda x: turn(x, 1, 0, 2),
        lambda x: shape(x, 3, 1, 4),
        f8(1, 3, 4),
    ),
    Case(
        "sum_of_broadcast",
        lambda x: spread(x, (5, 3)).sum((0,)),
        lambda x: shape(shape(x, 1, 3) * 5.0, 3),
        f8(3),
        ulps=4,
    ),
    Case(
        "sum_of_broadcast",
        lambda x: spread(x, (4, 5, 2)).sum((1,)),
        lambda x: shape(x * 5.0, 4, 2),
        f8(4, 1, 2),
        ulps=4,
    ),
    Case(
        "sum_of_broadcast",
        lambda x: spread(x, (2, 3, 5)).sum((0, 1)),
        lambda x: shape(shape(x, 1, 1, 5) * 6.0, 5),
        f8(5),
        ulps=4,
    ),
    Case(
        "sum_of_broadcast",
        lambda x: spread(x, (2, 3, 4)).sum((0, 1)),
        lambda x: shape((x * 2.0).sum((1,)), 4),
        f8(1, 3, 4),
        ulps=8,
    ),
    Case(
        "sum_of_broadcast",
        lambda x: spread(x, (2, 5, 3)).sum((1,)),
        lambda x: shape(spread(shape(x, 1, 1, 3), (2, 1, 3)) * 5.0, 2, 3),
        f8(3),
        ulps=4,
    ),
    *(reduced(name, dtype) for name in ("sum", "prod", "max", "min") for dtype in ("f8", "i4")),
    *(reduced(name, "u1") for name in ("sum", "prod")),
    *(reduced(name, "?") for name in ("any", "all")),
    Case("concatenate_one", lambda x: ops.concatenate(x, axis=0), lambda x: x, f8(3)),
    Case(
        "concatenate_one",
        lambda x, e: ops.concatenate(e, x, e, axis=0),
        lambda x, e: x,
        (*f8(3), *f8(0)),
    ),
    Case(
        "concatenate_one",
        lambda x, e, y: ops.concatenate(x, e, y, axis=1),
        lambda x, e, y: ops.concatenate(x, y, axis=1),
        (*f8(2, 3), *f8(2, 0), *f8(2, 1)),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_rule(case):
    check(case)


NOTHING = [
    (lambda x: spread(x, (2, 3)), f8(3)),
    (lambda x: shape(x, 3, 2), f8(2, 3)),
    (lambda x: shape(spread(x, (2, 3)), 6), f8(3)),
    (lambda x: turn(x, 1, 0), f8(2, 3)),
    (lambda x: ops.reduce_sum(spread(x, (0, 3)), axes=(0,)), f8(3)),
    (lambda x: x.sum((0,)), f8(2, 3)),
    (lambda x: ops.concatenate(x, x, axis=0), f8(2)),
    (lambda x: ops.concatenate(x, x, axis=0), f8(0)),
    (lambda x: spread(x, (4, 3)).sum((1,)), f8(3)),
]


@pytest.mark.parametrize("number", range(len(NOTHING)))
def test_what_looks_alike_is_left_alone(number):
    build, types = NOTHING[number]
    before = graph_of(build, types)
    assert term(simplify(before)) == term(before)


def test_integer_sums_of_broadcasts_are_summed():
    before = graph_of(lambda x: spread(x, (5, 3)).sum((0,)), (ArrayType.of("i4", 3),))
    assert term(simplify(before)) == term(before)


def test_a_sum_of_equal_terms_keeps_what_is_not_a_number():
    """The bound in last places holds for ordinary numbers; the others are the same in kind."""
    before = graph_of(lambda x: spread(x, (5, 6)).sum((0,)), f8(6))
    after = simplify(before)
    x = np.array([np.nan, np.inf, -np.inf, 0.0, 1e300, -1e-310])
    one, other = interpret(before, x)[0], interpret(after, x)[0]
    assert same_bits(one, other)
