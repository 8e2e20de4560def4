"""Rows swept in place, forwards and in reverse: the numbers, and what waits for what."""

import linecache
import re

import numpy as np
import pytest

import gradc
from gradc.kernels.lower import lower
from gradc.kernels.nest import Accumulate, Loop, Ref, Store
from gradc.kernels.verify import verify
from gradc.kernels.walk import statements
from gradc.options import Options

RNG = np.random.default_rng(8)
A, B = RNG.uniform(0.5, 1.5, (6, 23)), RNG.uniform(0.5, 1.5, (6, 23))


def nine_points(a, b):
    a = a.copy()
    for _ in range(3):
        for i in range(1, 5):
            for j in range(1, 22):
                a[i, j] = (
                    a[i - 1, j - 1] + a[i - 1, j] + a[i - 1, j + 1] + a[i, j - 1] + a[i, j]
                    + a[i, j + 1] + a[i + 1, j - 1] + a[i + 1, j] + a[i + 1, j + 1]
                ) / 9.0  # fmt: skip
    return a


def over_relaxed(a, b):
    a = a.copy()
    for _ in range(3):
        for i in range(1, 5):
            for j in range(1, 22):
                a[i, j] = -0.5 * a[i, j] + 0.375 * (
                    a[i - 1, j] + a[i + 1, j] + a[i, j - 1] + a[i, j + 1] - b[i, j]
                )
    return a


def backwards(a, b):
    a = a.copy()
    for i in range(4, 0, -1):
        for j in range(21, 0, -1):
            a[i, j] = (b[i, j] - a[i - 1, j] + a[i, j + 1] - a[i, j - 1]) / -3.0
    return a


def down_a_column(a, b):
    a = a.T.copy()
    for j in range(6):
        for i in range(1, 23):
            a[i, j] = 0.9 * a[i - 1, j] + 0.1 * a[i, j]
    return a


def running_sum(a, b):
    a = a.copy()
    for i in range(6):
        for j in range(1, 23):
            a[i, j] += a[i, j - 1]
    return a


def smoothed(a, b):
    y = b[0] * 0.0
    for j in range(1, 23):
        y[j] = 0.25 * y[j - 1] + 0.75 * b[2, j]
    return y * a


def two_behind(a, b):
    """The turn adds to an element that is not read next: no chain of single steps."""
    a = a.copy()
    for i in range(6):
        for j in range(2, 23):
            a[i, j] = (a[i, j - 1] + a[i, j - 2] + b[i, j]) / 3.0
    return a


def growing(a, b):
    """A factor whose powers leave the ordinary numbers."""
    a = a.copy()
    for i in range(6):
        for j in range(1, 9):
            a[i, j] = a[i, j] + 3e4 * a[i, j - 1]
    return a * 1e-30


PROGRAMS = [
    nine_points, over_relaxed, backwards, down_a_column, running_sum, smoothed, two_behind, growing,
]  # fmt: skip
IN_PASSES = [nine_points, over_relaxed, backwards, running_sum]


def loss_of(function):
    weights = np.cos(np.arange(A.size)).reshape(A.shape)
    weights = weights.T if function is down_a_column else weights
    return lambda a, b: np.sum(weights * function(a, b) ** 2) + 0.1 * np.sum(a * b)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("function", PROGRAMS)
def test_values_and_gradients(function, dtype):
    a, b = A.astype(dtype), B.astype(dtype)
    loss, scale = loss_of(function), 1e-13 if dtype is np.float64 else 2e-5
    made = gradc.compile(function, backend="c", unroll=0)(a, b)
    expected = function(a.astype(float), b.astype(float))
    np.testing.assert_allclose(made, expected, rtol=0, atol=scale * np.max(np.abs(expected)))
    found = gradc.compile(gradc.grad(loss, (0, 1)), backend="c", unroll=0)(a, b)
    for slot, one in enumerate(found):
        wanted = by_complex_step(loss, slot)
        np.testing.assert_allclose(one, wanted, rtol=0, atol=10 * scale * np.max(np.abs(wanted)))


def by_complex_step(loss, slot):
    result = np.zeros(A.shape)
    for place in np.ndindex(A.shape):
        arrays = [A.astype(complex), B.astype(complex)]
        arrays[slot][place] += 1e-30j
        result[place] = loss(*arrays).imag / 1e-30
    return result


def unit_of(function):
    gradient = gradc.value_and_grad(loss_of(function), (0, 1), backend="numpy", unroll=0)
    unit = lower(gradient.artifact(A, B).program, Options())
    verify(unit)
    return unit


@pytest.mark.parametrize("function", IN_PASSES)
def test_the_reverse_row_adds_to_no_element_that_it_reads_next(function):
    rows = {b for b in unit_of(function).buffers if b.name == "row"}
    assert len(rows) == (2 if function is running_sum else 1)  # it spreads forwards as well


@pytest.mark.parametrize("function", [two_behind, growing])
def test_other_sweeps_stay(function):
    assert not any(b.name in ("row", "rest") for b in unit_of(function).buffers)


def test_every_element_of_another_row_is_added_to_once():
    """Nine sums for each element come to one for each of two other rows, and one store."""
    loops = [
        s for stage in unit_of(nine_points).stages for s in statements(stage.body)
        if isinstance(s, Loop) and s.apart and s.symbol.name == "p"
    ]  # fmt: skip
    inside = [s for loop in loops for s in loop.body]
    adds = [s for s in inside if isinstance(s, Accumulate) and isinstance(s.target, Ref)]
    assert (len(adds), sum(isinstance(s, Store) for s in inside)) == (2, 1)


def test_nothing_is_kept_of_a_linear_sweep():
    """The tape is empty: scratch memory is the copy and two rows, however many sweeps there are."""
    artifact = gradc.value_and_grad(loss_of(nine_points), backend="c", unroll=0).artifact(A, B)
    assert artifact.memory().tape == 0


@pytest.mark.parametrize("seed", range(15))
def test_random_sweeps(seed):
    """Random neighbours, weights, directions and lengths."""
    rng = np.random.default_rng(seed)
    print("seed", seed)
    rows, columns = int(rng.integers(4, 6)), int(rng.integers(11, 30))
    up = bool(rng.integers(2))
    behind = (0, -1) if up else (0, 1)
    others = [(-1, -1), (-1, 0), (-1, 2), (1, -2), (1, 0), (1, 1), (0, 0), (0, -behind[1]),
              (0, -2 * behind[1])]  # fmt: skip
    chosen = [others[k] for k in rng.permutation(len(others))[: rng.integers(1, 8)]]
    terms = " + ".join(
        f"{rng.choice([0.1, -0.2, 0.05])} * a[i + {di}, j + {dj}]" for di, dj in (behind, *chosen)
    )
    span = f"range(2, {columns - 2})" if up else f"range({columns - 3}, 1, -1)"
    text = (
        "def swept(a, b):\n    a = a.copy()\n    for _ in range(4):\n"
        f"        for i in range(1, {rows - 1}):\n            for j in {span}:\n"
        f"                a[i, j] = {terms} + b[i, j]\n    return np.sum(np.cos(b) * a)\n"
    )
    name = f"<sweep {seed}>"
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    names: dict = {"np": np}
    exec(compile(text, name, "exec"), names)
    a, b = rng.standard_normal((2, rows, columns))
    results = [
        gradc.value_and_grad(names["swept"], (0, 1), backend=backend, unroll=0)(a, b)
        for backend in ("numpy", "c")
    ]
    np.testing.assert_allclose(results[1][0], results[0][0], rtol=1e-12)
    for one, other in zip(results[1][1], results[0][1], strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-13 * np.max(np.abs(other)))


def test_zeros_keep_their_sign():
    """A row of -0.0 stays -0.0 in the adjoint of a running sum: nothing but the row is added."""
    pull = gradc.grad(lambda a, w: np.sum(running_sum(a, a) * w), backend="c", unroll=0)
    found = pull(A, np.full(A.shape, -0.0))
    assert np.all(np.signbit(found))


def test_the_text(golden):
    source = gradc.grad(loss_of(running_sum), backend="numpy", unroll=0).artifact(A, B).source("c")
    chain = re.search(r" *double before = .*?before = \w+;\n *}\n", source, re.S)
    assert chain, source
    golden("running_sum.c", chain[0])
