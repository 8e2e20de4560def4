"""The registry of rewrites as a whole, and what the rewriting graph does with them."""

import numpy as np
import pytest

from gradc import ops
from gradc.ir import ArrayType, Graph
from gradc.ir.text import dump
from gradc.passes.rewrite import RULES, RewritingGraph, Rule, literal
from gradc.passes.simplify import rules_for
from tests.passes import (
    test_algebra,
    test_contractions,
    test_derived,
    test_indices,
    test_movement,
    test_restore,
)
from tests.passes.cases import F8, Case, check, graph_of, registered, rewritten

MODULES = (test_algebra, test_contractions, test_derived, test_indices, test_movement, test_restore)
CASES = [case for module in MODULES for case in module.CASES]
UNSAFE = {rule.name for rule in RULES if rule.unsafe}


def test_every_rule_has_a_case():
    with_case = {case.rule for case in (*CASES, *test_algebra.UNSAFE)}
    assert {rule.name for rule in RULES} <= with_case


def test_every_root_of_a_rule_has_a_case():
    """A rule that several ops share is tested from each of them."""
    seen = set()
    for case in (*CASES, *test_algebra.UNSAFE):
        graph = graph_of(case.before, case.types)
        seen |= {(case.rule, node.op.name) for node in graph.nodes}
    assert {(rule.name, rule.root) for rule in RULES} <= seen


def test_rules_that_round_differently_are_few():
    assert {case.rule for case in CASES if case.ulps} == {
        *("power_of_literal", "sum_of_broadcast", "contract_broadcast", "add_to_cleared"),
        *("sum_before_product", "sum_of_repeated", "contract_number"),
        *("multiply_numbers", "add_what_masks_leave", "divide_the_sum"),
    }


def test_unsafe_rules_are_off_by_default():
    assert not UNSAFE & {rule.name for rule in rules_for(final=True)}
    assert {rule.name for rule in rules_for(fast_math=True)} >= UNSAFE
    finals = {rule.name for rule in RULES if rule.final}
    sums = {"sum_before_product", "sum_of_repeated"}
    derived = {"multiply_numbers", "add_what_masks_leave", "divide_the_sum"}
    assert finals == {"forget_stop"} | derived | sums
    assert not finals & {rule.name for rule in rules_for(fast_math=True)}


WRONG = {
    "multiply_by_one": lambda x, y: x if literal(y) in (1, 2) or literal(x) == 1 else None,
    "subtract_zero": lambda x, y: x if literal(y) == 0 else None,
    "add_negative": lambda x, y: y - x,
    "divide_by_power_of_two": lambda x, y: x * 0.1 if literal(y) == 10 else None,
    "negate_twice": ops.absolute,
    "index_of_index": lambda x, *a, spec: ops.index(x.graph.value(x.node.operands[0]), spec=spec),
    "reduce_nothing": lambda x, axes: x.reshape(()),
    "transpose_twice": lambda x, axes: x,
}
NEGATIVES = [
    Case("multiply_by_one", lambda x, y: x * 2.0, lambda x, y: x),
    Case("subtract_zero", lambda x, y: x - (-0.0), lambda x, y: x),
    Case("add_negative", lambda x, y: x + (-y), lambda x, y: x - y),
    Case("divide_by_power_of_two", lambda x, y: x / 10.0, lambda x, y: x * 0.1),
    Case("negate_twice", lambda x, y: ops.negative(-x), lambda x, y: x),
    *(c for c in CASES if c.rule == "index_of_index"),
    *(c for c in CASES if c.rule == "transpose_twice" and c.types[0].ndim == 3),
]


@pytest.mark.parametrize("case", NEGATIVES, ids=str)
def test_a_broken_rule_is_caught(case, monkeypatch):
    """The comparison by numbers alone tells a wrong rule from a right one."""
    broken = [
        Rule(rule.root, rule.name, WRONG[rule.name], rule.unsafe, rule.final)
        if rule.name == case.rule
        else rule
        for rule in RULES
    ]
    monkeypatch.setitem(globals(), "RULES", broken)
    monkeypatch.setattr("tests.passes.cases.RULES", broken)
    monkeypatch.setattr("tests.passes.cases.term", lambda graph: "")
    with pytest.raises((AssertionError, IndexError)):
        check(case)


def test_the_first_rule_that_fires_wins_and_is_remembered():
    graph = RewritingGraph("f", registered("multiply_by_one", "add_negative"))
    x = graph.input("x", F8)
    assert x * 1.0 == x
    assert x * 1.0 == x
    assert graph.fired == {"multiply_by_one": 1}, "the second time it is known"


@pytest.mark.parametrize("op", ["add", "multiply"])
def test_commuted_operands_are_one_node(op):
    graph = RewritingGraph("f", [])
    x, y = graph.input("x", F8), graph.input("y", F8)
    combine = getattr(ops, op)
    assert combine(x, y) == combine(y, x)
    assert ops.subtract(x, y) != ops.subtract(y, x)


def test_rules_apply_to_what_rules_make():
    graph = graph_of(lambda x, y: ops.negative(-(x * 1.0)) + ops.negative(-y), (F8, F8))
    found, fired = rewritten(graph, RULES)
    assert dump(found).splitlines()[1:] == ["  %2 = add(%0, %1): f8[3]", "  return %2"]
    assert fired["negate_twice"] == 2


def test_literal_reads_through_movement():
    graph = Graph("f")
    half = graph.literal(0.5, np.dtype("f8"))
    assert literal(half) == literal(half.broadcast_to((2, 3)).reshape((6,))) == 0.5
    assert literal(graph.constant([[2.0]])) == 2.0
    assert literal(graph.constant([1.0, 1.0])) is None
    assert literal(graph.input("x", ArrayType.of("f8"))) is None
    assert np.signbit(literal(graph.literal(-0.0, np.dtype("f8"))))
