"""Long straight lines are cut into functions, and compute what they did in one piece."""

import re
from functools import partial

import numpy as np
import pytest

import gradc
from gradc import ops
from gradc.emit.c_source import print_c
from gradc.ir import Array, Value
from gradc.kernels import steps
from gradc.kernels.lower import lower
from gradc.kernels.nest import Unit
from gradc.kernels.walk import statements_in
from gradc.options import Options
from tests.kernels.build import check, program_of

POINT = [np.array(number) for number in (0.3, -0.7, 1.1, 0.9)]


def chain(*x: Value, count: int = 40) -> Value:
    """Compute scalars of which each reads the one before and an older one, angles among them."""
    values = [*x]
    for k in range(count):
        a, b = values[-1], values[max(0, len(values) - 7)]
        chosen = ops.select(ops.greater(a, b), a, b * b)
        values.append((ops.sin(b) * a, ops.cos(b) + a, chosen)[k % 3])
    return values[-1] + values[4]


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut after few statements, so that tests are quick."""
    monkeypatch.setattr(steps, "STEP", 12)


def unit_of(count: int = 40) -> Unit:
    return lower(program_of(partial(chain, count=count), POINT), Options())


def text_of(count: int) -> str:
    return print_c(unit_of(count), Options(math="libm"), symbol="f").text


@pytest.mark.usefixtures("short")
def test_steps_compute_what_one_function_does() -> None:
    unit = check(chain, *POINT)
    assert max(stage.step for stage in unit.stages) > 3


def test_a_short_one_stays_whole() -> None:
    assert {stage.step for stage in unit_of().stages} == {0}
    assert "step" not in text_of(40)


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("count", [200, 400, 800])
def test_no_step_grows_with_the_program(count: int) -> None:
    """The longest step has as many statements, however long the whole is."""
    unit = unit_of(count)
    lengths = [0] * (1 + max(stage.step for stage in unit.stages))
    for stage in unit.stages:
        lengths[stage.step] += sum(1 for _ in statements_in([stage]))
    assert lengths[0] == 0
    assert max(lengths) < 4 * steps.STEP


@pytest.mark.usefixtures("short")
def test_places_are_used_again() -> None:
    """What waits takes as many places as there are values alive at once."""
    sizes = {unit_of(count).plan.arena_bytes for count in (400, 800)}
    assert len(sizes) == 1
    assert sizes.pop() <= 64 * 8


@pytest.mark.usefixtures("short")
def test_every_step_is_a_function_that_is_called_once() -> None:
    text = text_of(100)
    defined = re.findall(r"^static GRADC_STEP void (f_step_\d+)\(", text, re.MULTILINE)
    called = re.findall(r"^    (f_step_\d+)\(", text, re.MULTILINE)
    assert defined == called
    assert len(called) > 5
    assert text.count("#define GRADC_STEP __attribute__((noinline))") == 1


@pytest.mark.usefixtures("short")
def test_a_sine_and_a_cosine_of_one_value_are_in_one_step() -> None:
    def both(first: Value) -> Value:
        total, late = ops.sin(first), first
        for _ in range(60):
            late = late * total + first
        return late * ops.cos(first)

    unit = check(both, POINT[0])
    text = print_c(unit, Options(math="libm"), symbol="f").text
    bodies = text.split("static GRADC_STEP")
    found = [sorted(re.findall(r"\b(sin|cos)\(", body)) for body in bodies]
    assert [names for names in found if names] == [["cos", "sin"]]


@pytest.mark.usefixtures("short")
def test_one_that_may_stop_stays_whole() -> None:
    """An index that is looked at may end the function early."""

    def looked(table: Value, at: Value, *x: Value) -> Value:
        return chain(*x) + ops.index(table, at, spec=(Array(0),))

    unit = check(looked, np.arange(3.0), np.array(2), *POINT)
    assert {stage.step for stage in unit.stages} == {0}


def test_a_long_function_is_the_same_in_both_backends() -> None:
    def f(x: np.ndarray) -> np.ndarray:
        v = [x[0], x[1], x[2], x[3]]
        for k in range(240):
            a, b = v[-1], v[-3 - k % 9] if k > 12 else v[k % 4]
            v.append((np.sin(b) * a, 0.6 * a + 0.5 * b, a * b / (1.0 + a * a))[k % 3])
        return v[-1] + v[40]

    x = np.array(POINT)
    found = gradc.value_and_grad(f, backend="c", math="libm")
    wanted = gradc.value_and_grad(f, backend="numpy")
    assert "f_value_and_grad_step_2" in found.source("c", x)
    np.testing.assert_allclose(found(x)[0], wanted(x)[0], rtol=1e-14)
    np.testing.assert_allclose(found(x)[1], wanted(x)[1], rtol=1e-12)
