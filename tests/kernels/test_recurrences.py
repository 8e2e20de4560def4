"""Recurrences along a row: one multiplication and one addition from turn to turn, same numbers."""

import re

import numpy as np
import pytest

import gradc

RNG = np.random.default_rng(5)
A, B = RNG.uniform(0.5, 1.5, (7, 9)), RNG.uniform(0.5, 1.5, (7, 9))


def gauss_seidel(a, b):
    a = a.copy()
    for i in range(1, 6):
        for j in range(1, 8):
            a[i, j] = (a[i, j - 1] + a[i - 1, j + 1] + a[i, j] + a[i, j + 1] + b[i, j]) / 4.0
    return a


def backwards(a, b):
    a = a.copy()
    for i in range(6, 0, -1):
        for j in range(7, -1, -1):
            a[i, j] = (b[i, j] - a[i - 1, j] + a[i, j + 1] - a[i, j]) / -3.0
    return a


def prefix(a, b):
    a = a.copy()
    for i in range(7):
        for j in range(1, 9):
            a[i, j] = a[i, j - 1] + b[i, j] * a[i, j]
    return a


def read_twice(a, b):
    a = a.copy()
    for i in range(7):
        for j in range(1, 9):
            a[i, j] = (b[i, j] + a[i, j - 1] * a[i, j - 1]) / 8.0
    return a


def subtracted(a, b):
    a = a.copy()
    for i in range(7):
        for j in range(1, 9):
            a[i, j] = (b[i, j] - a[i, j - 1]) / 2.0
    return a


def damped(a, b):
    a = a.copy()
    for i in range(7):
        for j in range(1, 9):
            a[i, j] = a[i, j] - b[i, j] * (a[i, j] - a[i, j - 1])
    return a


def column(a, b):
    a = a.copy()
    for i in range(7):
        for j in range(2, 9):
            a[i, j] = (b[i, j] + a[i, j - 2]) / 2.0
    return a


SHORTENED = [gauss_seidel, backwards, prefix, subtracted]
IN_A_REGISTER = [read_twice, damped]
LEFT_ALONE = [column]


def text(function):
    return gradc.compile(function, backend="numpy", unroll=0).artifact(A, B).source("c")


@pytest.mark.parametrize("function", SHORTENED)
def test_the_element_before_is_added_last_from_a_register(function):
    source = text(function)
    assert len(re.findall(r"^ *before = ", source, re.M)) == 1
    chain = re.search(r"= \w+ [-+] before( \* [^;]*)?;", source)
    assert chain, source


@pytest.mark.parametrize("function", IN_A_REGISTER)
def test_other_forms_keep_their_order_and_have_the_element_in_a_register(function):
    source = text(function)
    assert len(re.findall(r"^ *double before = ", source, re.M)) == 1
    compiled = gradc.compile(function, backend="c", unroll=0)
    np.testing.assert_array_equal(compiled(A, B), function(A, B))


@pytest.mark.parametrize("function", LEFT_ALONE)
def test_other_recurrences_stay(function):
    assert "before" not in text(function)


@pytest.mark.parametrize("function", SHORTENED + IN_A_REGISTER + LEFT_ALONE)
def test_numbers_are_those_of_numpy(function):
    compiled = gradc.compile(function, backend="c", unroll=0)
    np.testing.assert_allclose(compiled(A, B), function(A, B), rtol=1e-13)
    weights = RNG.uniform(-1.0, 1.0, A.shape)
    gradient = gradc.grad(lambda a, b: np.sum(weights * function(a, b) ** 2), argnums=(0, 1))
    found = gradc.compile(gradient, backend="c", unroll=0)(A, B)
    for slot, one in enumerate(found):
        expected = by_complex_step(lambda a, b: np.sum(weights * function(a, b) ** 2), slot)
        np.testing.assert_allclose(one, expected, rtol=1e-11, atol=1e-12)


def by_complex_step(function, slot):
    result = np.zeros(A.shape)
    for place in np.ndindex(A.shape):
        arrays = [A.astype(complex), B.astype(complex)]
        arrays[slot][place] += 1e-30j
        result[place] = function(*arrays).imag / 1e-30
    return result


@pytest.mark.parametrize("seed", range(12))
def test_random_recurrences(seed):
    rng = np.random.default_rng(seed)
    print("seed", seed)
    shifts = [(-1, 0), (-1, 1), (0, 0), (0, 1), (1, -1), (1, 0), (0, -1)]
    order = rng.permutation(len(shifts))
    signs = rng.choice([-1.0, 1.0], len(shifts))
    divisor = float(rng.choice([3.0, -5.0, 7.5, 9.0]))
    body = " ".join(
        f"{'+' if signs[k] > 0 else '-'} a[i + {shifts[k][0]}, j + {shifts[k][1]}]" for k in order
    )
    lines = "    a = a.copy()\n    for _ in range(4):\n        for i in range(1, 6):\n"
    lines += f"            for j in range(1, 8):\n                a[i, j] = (b[i, j] {body})"
    names: dict = {}
    exec(f"def swept(a, b):\n{lines} / {divisor}\n    return a\n", names)
    swept = names["swept"]
    compiled = gradc.compile(kept_source(swept, lines, divisor), backend="c")
    np.testing.assert_allclose(compiled(A, B), swept(A, B), rtol=1e-11)


def kept_source(function, lines, divisor):
    """Give a function made of text a source that can be looked up."""
    import linecache

    name = f"<recurrence {hash((lines, divisor))}>"
    text = f"def swept(a, b):\n{lines} / {divisor}\n    return a\n"
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    names: dict = {"np": np}
    exec(compile(text, name, "exec"), names)
    return names["swept"]
