"""The verifier of units finds what it is there for."""

from dataclasses import replace

import numpy as np
import pytest

from gradc import ops
from gradc.errors import GradcError
from gradc.ir import Value
from gradc.kernels.nest import BufferPlan, Loop, Number, Ref, Store, Unit
from gradc.kernels.verify import problems, verify
from tests.kernels.build import unit_of

X = np.linspace(0.1, 1.0, 20)


def softmax(x: Value) -> Value:
    e = ops.exp(x)
    return e / e.sum()


def two_temporaries(x: Value) -> Value:
    e, s = ops.exp(x), ops.sin(x)
    return e * s.sum() + s * e.sum()


def first_loop(unit: Unit) -> Loop:
    return next(s for s in unit.stages[0].body if isinstance(s, Loop))


def test_a_lowered_unit_has_no_problems() -> None:
    assert not list(problems(unit_of(softmax, X)))


def test_reference_out_of_bounds() -> None:
    unit = unit_of(lambda x: x * 2.0, X)
    first_loop(unit).stop = 21
    with pytest.raises(GradcError, match=r"elements 0 to 20 of node 0, which has 20"):
        verify(unit)


def test_read_before_it_is_written() -> None:
    unit = unit_of(softmax, X)
    unit.stages.reverse()
    assert any("is read before it is written" in problem for problem in problems(unit))


def test_written_input() -> None:
    unit = unit_of(softmax, X)
    source = next(b for b in unit.buffers if b.kind == "input")
    unit.stages[0].body.append(Store(Ref(source, 0), Number(1.0, np.dtype("f8"))))
    assert "an input is written" in list(problems(unit))


def test_overlapping_memory() -> None:
    unit = unit_of(two_temporaries, X)
    plan = unit.plan
    assert len(plan.offsets) == 2
    same = BufferPlan(dict.fromkeys(plan.offsets, 0), plan.arena_bytes, plan.scratch)
    unit.plan = same
    assert any("share memory while both are alive" in problem for problem in problems(unit))


def test_memory_outside_the_arena() -> None:
    unit = unit_of(two_temporaries, X)
    unit.plan = replace(unit.plan, arena_bytes=64)
    assert any("lies at byte" in problem for problem in problems(unit))
