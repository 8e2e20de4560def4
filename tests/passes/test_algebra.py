"""Identities of arithmetic."""

import numpy as np
import pytest

from gradc import ops
from gradc.ir import ArrayType, Graph
from gradc.ir.interpret import interpret
from gradc.passes import simplify
from gradc.passes.rewrite import RULES
from tests.passes.cases import (
    F8,
    Case,
    check,
    compare,
    graph_of,
    registered,
    rewritten,
    same_bits,
    term,
)

F4, I8, U1, B3 = (ArrayType.of(code, 3) for code in ("f4", "i8", "u1", "?"))
PAIR4, FLAGS = (F4, F4), (B3, F8, F8)


def number(x, value):
    """Return a literal of x's dtype, spread to its shape."""
    return x.full_like(value)


def power_of(x, exponent):
    return ops.power(x, number(x, exponent))


CASES = [
    Case("multiply_by_one", lambda x, y: x * 1.0, lambda x, y: x),
    Case("multiply_by_one", lambda x, y: 1.0 * x, lambda x, y: x),
    Case("multiply_by_one", lambda x: ops.multiply(x, number(x, 1)), lambda x: x, (I8,)),
    Case("multiply_by_one", lambda x: ops.multiply(x, number(x, True)), lambda x: x, (B3,)),
    Case("multiply_by_minus_one", lambda x, y: x * -1.0, lambda x, y: -x),
    Case("multiply_by_minus_one", lambda x, y: -1.0 * x, lambda x, y: -x, PAIR4),
    Case("multiply_negatives", lambda x, y: (-x) * (-y), lambda x, y: x * y),
    Case("divide_negatives", lambda x, y: (-x) / (-y), lambda x, y: x / y),
    Case("divide_by_power_of_two", lambda x, y: x / 1.0, lambda x, y: x),
    Case("divide_by_power_of_two", lambda x, y: x / 8.0, lambda x, y: x * 0.125),
    Case("divide_by_power_of_two", lambda x, y: x / -0.25, lambda x, y: x * -4.0, PAIR4),
    Case("divide_by_power_of_two", lambda x, y: x / 2.0**90, lambda x, y: x * 2.0**-90, PAIR4),
    Case("divide_by_power_of_two", lambda x, y: x / 2.0**98, lambda x, y: x * 2.0**-98, PAIR4),
    Case("divide_by_power_of_two", lambda x, y: x / 2.0**-90, lambda x, y: x * 2.0**90, PAIR4),
    Case("add_negative", lambda x, y: x + (-y), lambda x, y: x - y),
    Case("add_negative", lambda x, y: (-x) + y, lambda x, y: y - x),
    Case("add_negative_zero", lambda x, y: x + -0.0, lambda x, y: x),
    Case("add_negative_zero", lambda x, y: -0.0 + x, lambda x, y: x, PAIR4),
    Case("add_negative_zero", lambda x: ops.add(x, number(x, 0)), lambda x: x, (U1,)),
    Case("subtract_negative", lambda x, y: x - (-y), lambda x, y: x + y),
    Case("subtract_zero", lambda x, y: x - 0.0, lambda x, y: x),
    Case("subtract_zero", lambda x: ops.subtract(x, number(x, 0)), lambda x: x, (I8,)),
    Case("negate_twice", lambda x, y: ops.negative(-x), lambda x, y: x),
    Case("negate_product", lambda x, y: -(x * 3.0), lambda x, y: x * -3.0),
    Case("negate_product", lambda x, y: -(x / 3.0), lambda x, y: x / -3.0),
    Case("negate_product", lambda x, y: -(3.0 / x), lambda x, y: -3.0 / x, PAIR4),
    Case("square_of_negative", lambda x, y: ops.square(-x), lambda x, y: ops.square(x)),
    Case("absolute_of_sign", lambda x, y: ops.absolute(-x), lambda x, y: ops.absolute(x)),
    Case(
        "absolute_of_sign",
        lambda x: ops.absolute(ops.absolute(x)),
        lambda x: ops.absolute(x),
        (I8,),
    ),
    Case("power_of_literal", lambda x, y: power_of(x, 2.0), lambda x, y: ops.square(x), ulps=1),
    Case("power_of_literal", lambda x, y: power_of(x, 1.0), lambda x, y: x),
    Case("power_of_literal", lambda x, y: power_of(x, 0.0), lambda x, y: x.full_like(1.0)),
    Case("power_of_literal", lambda x: power_of(x, 2), ops.square, (I8,)),
    Case("power_of_literal", lambda x: power_of(x, 0), lambda x: x.full_like(1), (U1,)),
    Case("recognise_sigmoid", lambda x, y: 1.0 / (1.0 + ops.exp(-x)), lambda x, y: ops.sigmoid(x)),
    Case(
        "recognise_sigmoid",
        lambda x, y: 1.0 / (ops.exp(-x) + 1.0),
        lambda x, y: ops.sigmoid(x),
        PAIR4,
    ),
    Case("select_same", lambda c, x, y: ops.select(c, x, x), lambda c, x, y: x, FLAGS),
    Case(
        "select_same",
        lambda c, x, y: ops.select(number(c, True), x, y),
        lambda c, x, y: x,
        FLAGS,
    ),
    Case(
        "select_same",
        lambda c, x, y: ops.select(number(c, False), x, y),
        lambda c, x, y: y,
        FLAGS,
    ),
    Case(
        "select_of_not",
        lambda c, x, y: ops.select(ops.logical_not(c), x, y),
        lambda c, x, y: ops.select(c, y, x),
        FLAGS,
    ),
    Case("not_twice", lambda c: ops.logical_not(ops.logical_not(c)), lambda c: c, (B3,)),
    Case("cast_nothing", lambda x, y: ops.cast(x, dtype=np.dtype("f8")), lambda x, y: x),
    Case("cast_twice", lambda x: x.cast(np.dtype("f8")).cast(F4.dtype), lambda x: x, (F4,)),
    *(
        Case(
            "cast_twice",
            lambda x, w=wide, n=to: x.cast(np.dtype(w)).cast(np.dtype(n)),
            lambda x, n=to: x.cast(np.dtype(n)),
            (ArrayType.of(start, 3),),
        )
        for start, wide, to in (
            *(("i4", "i8", "f4"), ("i1", "i8", "u8"), ("u1", "u4", "?"), ("f4", "f8", "?")),
            *(("i8", "i8", "f8"), ("u1", "u8", "i1")),
        )
        if start != wide
    ),
    Case("forget_stop", lambda x, y: ops.stop_gradient(x) * y, lambda x, y: x * y),
]
UNSAFE = [
    Case("multiply_by_zero", lambda x, y: x * 0.0, lambda x, y: x.full_like(0.0)),
    Case("multiply_by_zero", lambda x, y: 0.0 * x, lambda x, y: x.full_like(0.0)),
    Case("add_zero", lambda x, y: x + 0.0, lambda x, y: x),
    Case("add_zero", lambda x, y: 0.0 + x, lambda x, y: x),
    Case("subtract_itself", lambda x, y: x - x, lambda x, y: x.full_like(0.0)),
    Case("divide_by_literal", lambda x, y: x / 3.0, lambda x, y: x * (1.0 / 3.0)),
]
WITNESSES = {
    "multiply_by_zero": np.array([np.nan, np.inf, -1.0]),
    "add_zero": np.array([-0.0, 1.0, 2.0]),
    "subtract_itself": np.array([np.inf, np.nan, 1.0]),
    "divide_by_literal": np.array([5.0, 7.0, 1.0]),
}


@pytest.mark.parametrize("case", CASES, ids=str)
def test_rule(case):
    check(case)


@pytest.mark.parametrize("case", UNSAFE, ids=str)
def test_an_unsafe_rule_runs_with_fast_math_only(case):
    before = graph_of(case.before, case.types)
    kept = simplify(before, final=True)
    fast = simplify(before, fast_math=True)
    expected, _ = rewritten(graph_of(case.after, case.types), [])
    assert term(fast) == term(expected)
    assert term(kept) != term(expected)
    compare(case, before, kept)


@pytest.mark.parametrize("case", UNSAFE, ids=str)
def test_what_an_unsafe_rule_would_change(case):
    before = graph_of(case.before, case.types)
    after, fired = rewritten(before, registered(case.rule))
    x = WITNESSES[case.rule]
    assert fired[case.rule]
    assert not same_bits(interpret(before, x, x)[0], interpret(after, x, x)[0])


NOTHING = [
    lambda x, y: x / 2.0**99,
    lambda x, y: x * 2.0,
    lambda x, y: x * 0.0,
    lambda x, y: x + 0.0,
    lambda x, y: 0.0 - x,
    lambda x, y: x - -0.0,
    lambda x, y: x - x,
    lambda x, y: x / x,
    lambda x, y: x / 3.0,
    lambda x, y: x / 0.0,
    lambda x, y: x / np.inf,
    lambda x, y: x / 2.0**300,
    lambda x, y: power_of(x, 3.0),
    lambda x, y: power_of(x, 0.5),
    lambda x, y: ops.power(number(x, 1.0), x),
    lambda x, y: 2.0 / (1.0 + ops.exp(-x)),
    lambda x, y: 1.0 / (2.0 + ops.exp(-x)),
    lambda x, y: x.cast(np.dtype("f4")).cast(np.dtype("f8")),
    lambda x, y: x.cast(np.dtype("i8")).cast(np.dtype("f8")),
]


@pytest.mark.parametrize("number", range(len(NOTHING)))
def test_what_looks_alike_is_left_alone(number):
    before = graph_of(NOTHING[number], (F8, F8))
    assert term(simplify(before, final=True)) == term(before)


@pytest.mark.parametrize(
    "build",
    [
        lambda x, y: x - y,
        lambda x, y: x / y,
        lambda x, y: x / 0.0,
        lambda x, y: 3.0 / x,
        lambda x, y: x * 2.0,
        lambda x, y: x + 2.0,
    ],
)
def test_what_looks_alike_is_left_alone_with_fast_math(build):
    before = graph_of(build, (F8, F8))
    assert term(simplify(before, final=True, fast_math=True)) == term(before)


def test_stop_gradient_stays_until_the_end():
    graph = graph_of(lambda x: ops.stop_gradient(x) * 2.0, (F8,))
    assert "stop_gradient" in term(simplify(graph))
    assert "stop_gradient" not in term(simplify(graph, final=True))


def test_all_rules_together_keep_bits():
    """Long random expressions of what the rules look for."""
    safe = [r for r in RULES if not r.unsafe and r.name not in ("power_of_literal",)]
    rng = np.random.default_rng(11)
    for number in range(60):
        graph = Graph("f")
        pool = [graph.input("x", F8), graph.input("y", F8)]
        for _ in range(25):
            x, y = (pool[i] for i in rng.integers(0, len(pool), 2))
            literals = (0.0, -0.0, 1.0, -1.0, 2.0, 0.25, 3.0, np.inf)
            c = x.full_like(literals[rng.integers(0, len(literals))])
            makers = [x + y, x - y, x * y, x / y, -x, x * c, x / c, x + c, c - x]
            makers += [ops.absolute(x), ops.square(x), ops.select(ops.less(x, y), x, y)]
            pool.append(makers[rng.integers(0, len(makers))])
        graph.outputs = [pool[-1].id]
        after, _ = rewritten(graph, safe)
        compare(Case(f"random {number}", None, None), graph, after, rounds=6)
