"""Gathers and scatters: positions, wrapping, bounds, writing in place."""

from typing import Any

import numpy as np
import pytest

from gradc import ops
from gradc.errors import IndexBoundsError
from gradc.ir import Array, At, NewAxis, Slice, Value
from tests.kernels.build import check, part, unit_of
from tests.kernels.simulate import CheckFailed, simulate

RNG = np.random.default_rng(0)
V = RNG.normal(size=50)
A = RNG.normal(size=(20, 30))
T3 = RNG.normal(size=(3, 4, 5))

POSITIONS = np.array([[3, -1, 0], [7, 7, -20]])


def test_gathers() -> None:
    def f(a: Value, i: Value) -> tuple[Value, ...]:
        columns = Slice(0, 30)
        return (
            ops.index(a, i, spec=(Array(0), columns)) * 2.0,
            ops.index(a, i, spec=(Slice(0, 20), Array(0))).sum((0,)),
            ops.index(a * a, i, i, spec=(Array(0), Array(1))) + 1.0,
            ops.index(a, i, spec=(At(2), Array(0))),
        )

    check(f, A, POSITIONS)


def test_gathers_in_three_axes() -> None:
    i = np.array([1, -1])

    def f(a: Value, i: Value) -> tuple[Value, ...]:
        return (
            ops.index(a, i, i, spec=(Array(0), Slice(1, 3), Array(1))),
            ops.index(a, i, i, spec=(Slice(0, 3), Array(0), Array(1))),
            ops.index(a, i, spec=(At(1), Slice(3, 4, -1), Array(0))),
            ops.index(a, i, spec=(Array(0), NewAxis(), At(0), Slice(0, 5))),
        )

    check(f, T3, i)


def test_gather_by_constants_and_small_integers() -> None:
    def f(a: Value, i: Value) -> tuple[Value, ...]:
        fixed = a.graph.constant(np.array([4, -1, 2]))
        one = a.graph.constant(np.array(5))
        return (
            ops.index(a, fixed, spec=(Array(0),)),
            ops.index(a, one, spec=(Array(0),)) * 2.0,
            ops.index(a, i, spec=(Array(0),)),
            ops.index(a, i.cast(np.dtype("u1")), spec=(Array(0),)),
        )

    check(f, V, np.array([1, 3], "i4"))


def test_gather_at_a_computed_place() -> None:
    def f(a: Value) -> Value:
        return ops.index(a, ops.argmax(a, axis=0), spec=(Array(0),)) * 2.0

    check(f, V)


def test_index_out_of_bounds_is_found() -> None:
    def f(a: Value, i: Value) -> Value:
        return ops.index(a, i, spec=(Array(0),)) * 2.0

    with pytest.raises(CheckFailed):
        check_only(f, V, np.array([1, 50]))
    with pytest.raises(CheckFailed):
        check_only(f, V, np.array([1, -51]))


def check_only(function: Any, *arguments: Any) -> None:
    simulate(unit_of(function, *arguments), arguments)


def test_scatters() -> None:
    def f(a: Value, v: Value, i: Value) -> tuple[Value, ...]:
        zeros = a.full_like(0.0)
        once = ops.index_add(zeros, v, i, spec=(Array(0),))
        twice = ops.index_add(once, v * 2.0, i, spec=(Array(0),))
        return (
            ops.index_put(a, v, i, spec=(Array(0),)),
            twice,
            ops.index_put(a, part(v, Slice(0, 2)), spec=(Slice(3, 2, -2),)),
            ops.index_put(a * 2.0, v.sum(), spec=(At(7),)).sum(),
        )

    check(f, V, V[:4] + 10.0, np.array([1, -1, 1, 3]))


def test_scatter_rows() -> None:
    def f(a: Value, v: Value, i: Value) -> tuple[Value, ...]:
        return (
            ops.index_add(a, v, i, spec=(Array(0), Slice(0, 30))),
            ops.index_add(ops.exp(a), v, i, spec=(Array(0), Slice(0, 30))) * 2.0,
        )

    check(f, A, A[:3] * 2.0, np.array([1, 1, 5]))


def test_chain_of_writes_uses_one_buffer() -> None:
    def f(x: Value) -> Value:
        y = x * 2.0
        for k in range(10):
            y = ops.index_put(y, ops.sin(part(y, At(k))), spec=(At(k + 1),))
        return y

    check(f, V)

    def g(x: Value) -> Value:
        y = x * 2.0
        for k in range(10):
            y = ops.index_put(y, ops.sin(part(x, At(k))), spec=(At(k + 1),))
        return y

    unit = check(g, V)
    assert unit.plan.arena_bytes == 0


def test_iota() -> None:
    def f(a: Value) -> tuple[Value, ...]:
        i = a.graph.value(a.graph.add(ops.iota, (), {"length": 50}))
        return i, a * i.cast(a.dtype), ops.index(a, i, spec=(Array(0),))

    check(f, V)


def test_constant_index_out_of_bounds_is_refused() -> None:
    def f(a: Value) -> Value:
        return ops.index(a, a.graph.constant(np.array([0, 50])), spec=(Array(0),)) * 2.0

    with pytest.raises(
        IndexBoundsError, match="index 50 is out of bounds for an axis of length 50"
    ):
        unit_of(f, V)
