"""Nests side by side over the same box are one, where no turn waits for a later one."""

import re

import numpy as np
import pytest

import gradc
from gradc.kernels.apart import turns_are_apart
from gradc.kernels.lower import lower
from gradc.kernels.nest import Loop
from gradc.kernels.walk import statements_in
from gradc.options import Options
from gradc.passes.for_c import for_c

RNG = np.random.default_rng(37)


def shortest(p):
    p = p.copy()
    for k in range(p.shape[0]):
        p[:] = np.minimum(p, np.add.outer(p[:, k], p[k, :]))
    return np.sum(p * p)


def along_columns(a):
    n = a.shape[1]
    c, d = np.zeros_like(a), np.zeros_like(a)
    for k in range(1, n):
        c[:, k] = c[:, k - 1] * a[:, k] + a[:, k - 1]
        d[:, k] = d[:, k - 1] + c[:, k] * c[:, k - 1]
    return np.sum(c * d)


def upwards_then_downwards(a):
    b, c = a.copy(), np.zeros_like(a)
    for k in range(5):
        b[1:-1, 1:-1] = b[1:-1, 1:-1] * a[1:-1, 1:-1] + 0.1 * k
        c[1:-1, 1:-1] = c[1:-1, 1:-1] + b[2:, 1:-1] * b[:-2, 1:-1]
    return np.sum(c * c)


def deep(a):
    x = np.stack([a, a + 1.0, a - 1.0])
    c, d = np.zeros_like(x), np.zeros_like(x)
    for k in range(1, a.shape[1]):
        c[:, :, k] = c[:, :, k - 1] * x[:, :, k] + x[:, :, k - 1]
        d[:, :, k] = c[:, :, k] * d[:, :, k - 1] + c[:, :, k - 1]
    return np.sum(d * d)


PROGRAMS = [shortest, along_columns, upwards_then_downwards, deep]


@pytest.mark.parametrize("loss", PROGRAMS)
@pytest.mark.parametrize("n", [5, 18, 33])
def test_c_gives_what_numpy_gives(loss, n):
    a = RNG.random((n, n)) * 0.5
    found = gradc.value_and_grad(loss, backend="c")(a)
    expected = gradc.value_and_grad(loss, backend="numpy")(a)
    assert found[0] == pytest.approx(expected[0], rel=1e-12)
    np.testing.assert_allclose(found[1], expected[1], rtol=1e-10, atol=1e-12)


def primal_of(loss, *at) -> str:
    source = gradc.value_and_grad(loss).source("c", *at)
    return source.partition("/* primal */")[2].partition("/* primal and adjoint */")[0]


def test_a_tape_is_written_where_its_value_is_computed():
    text = primal_of(shortest, np.ones((20, 20)))
    turn = text.partition("int64_t k")[2]
    assert len(re.findall(r"for \(int64_t i ", turn)) == 2  # row and column are put aside before
    assert len(re.findall(r"for \(int64_t j ", turn)) == 1
    assert len(re.findall(r"\w+_tape\w*\[k \* 400.*\] = ", turn)) == 1


def test_a_minimum_keeps_one_byte_an_element():
    found = gradc.value_and_grad(shortest).artifact(np.ones((20, 20))).memory()
    assert found.tape == 20**3


def test_recurrences_of_three_axes_share_a_sweep():
    text = primal_of(deep, np.ones((20, 20)))
    turn = text.partition("int64_t k = 0; k < 19")[2].partition("\n    }")[0]
    assert len(re.findall(r"for \(", turn)) == 1


def test_what_reads_the_row_below_stays_a_sweep_of_its_own():
    text = primal_of(upwards_then_downwards, np.ones((20, 20)))
    turn = text.partition("int64_t k = 0")[2]
    assert len(re.findall(r"for \(int64_t i ", turn)) >= 2


def coupled(a):
    y, v = a.copy(), a * 0.5
    for _ in range(6):
        w = v - 0.1 * y
        y = y + 0.1 * np.sin(w) * y
        v = w * y * v
    return np.sum(y * v)


def test_arrays_made_of_each_other_are_one_sweep():
    """The one that both read is copied back where it is made, and not kept."""
    a = RNG.random((18, 18))
    expected = gradc.value_and_grad(coupled, backend="numpy")(a)
    found = gradc.value_and_grad(coupled, backend="c")
    np.testing.assert_allclose(found(a)[1], expected[1], rtol=1e-12)
    turn = gradc.compile(coupled).source("c", a).partition("int64_t turn")[2]
    assert "memcpy" not in turn.partition("return np.sum")[0]
    assert turn.partition("return np.sum")[0].count("for (") == 1


def test_sums_and_the_store_over_what_they_read_are_one_sweep():
    source = gradc.value_and_grad(shortest).source("c", np.ones((20, 20)))
    turn = source.partition("k >= 0")[2]
    assert len(re.findall(r"_bar\[[^\]]*lane\] = ", turn)) == 1


def periodic(u):
    for _ in range(5):
        u = u - 0.1 * u * (u - np.roll(u, 1)) + 0.05 * (np.roll(u, -1) - 2.0 * u + np.roll(u, 1))
    return np.sum(u**2)


def test_what_a_turn_adds_for_the_next_one_is_a_sweep_before_it():
    """Turns that read what the one before them wrote would be done one after the other."""
    u = RNG.random(64)
    expected = gradc.value_and_grad(periodic, backend="numpy")(u)
    found = gradc.value_and_grad(periodic, backend="c")
    np.testing.assert_allclose(found(u)[1], expected[1], rtol=1e-12)
    unit = lower(for_c(found.artifact(u).program), Options())
    inner = [
        s
        for s in statements_in(unit.stages)
        if isinstance(s, Loop) and not any(isinstance(t, Loop) for t in s.body)
    ]
    assert inner
    assert all(turns_are_apart(loop) for loop in inner if loop.stop - loop.start >= 60)
