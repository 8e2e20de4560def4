"""Sweeps in place along long rows: recurrences run ahead, and their adjoints are gathered."""

import linecache
import re

import numpy as np
import pytest

import gradc

RNG = np.random.default_rng(11)
ROWS, COLUMNS = 5, 27


def nine_points(a, b, turns=2):
    a = a.copy()
    for _ in range(turns):
        for i in range(1, ROWS - 1):
            for j in range(1, COLUMNS - 1):
                a[i, j] = (
                    a[i - 1, j - 1] + a[i - 1, j] + a[i - 1, j + 1]
                    + a[i, j - 1] + a[i, j] + a[i, j + 1]
                    + a[i + 1, j - 1] + a[i + 1, j] + a[i + 1, j + 1]
                ) / 9.0  # fmt: skip
    return a + b


def relaxed(a, b):
    a = a.copy()
    for i in range(1, ROWS - 1):
        for j in range(COLUMNS - 2, 0, -1):
            r = 0.25 * (a[i - 1, j] + a[i + 1, j] + a[i, j - 1] + a[i, j + 1] - b[i, j])
            a[i, j] += 1.5 * (r - a[i, j])
    return a


def upwind(a, b):
    a = a.copy()
    for i in range(ROWS):
        for j in range(1, COLUMNS):
            a[i, j] = a[i, j] - b[i, j] * (a[i, j] - a[i, j - 1])
    return a


def filtered(a, b):
    y = np.zeros_like(a)
    for i in range(ROWS):
        for j in range(1, COLUMNS):
            y[i, j] = 0.3 * a[i, j] + 0.2 * a[i, j - 1] - 0.6 * y[i, j - 1]
    return y * b


def path_costs(a, b):
    d = a.copy()
    for i in range(1, ROWS):
        for j in range(1, COLUMNS):
            d[i, j] = b[i, j] + 0.5 * d[i - 1, j] + 0.3 * d[i, j - 1] + 0.2 * d[i - 1, j - 1]
    return d


def back_substituted(a, b):
    x = np.zeros_like(a)
    for i in range(ROWS):
        for j in range(COLUMNS - 2, -1, -1):
            x[i, j] = a[i, j] - b[i, j] * x[i, j + 1]
    return x


def two_apart(a, b):
    a = a.copy()
    for i in range(ROWS):
        for j in range(2, COLUMNS):
            a[i, j] = 0.5 * (a[i, j - 2] + b[i, j])
    return a


def element_by_element(a, b):
    v = b.copy()
    for i in range(1, ROWS - 1):
        for j in range(1, COLUMNS - 1):
            v[i, j] = 0.2 * (a[i, j] + a[i - 1, j] + a[i + 1, j] + a[i, j - 1] + a[i, j + 1])
    return v * v


def growing(a, b):
    a = a.copy()
    for i in range(ROWS):
        for j in range(1, COLUMNS):
            a[i, j] = 3.0 * a[i, j - 1] + b[i, j]
    return a


def divided(a, b):
    a = a.copy()
    for i in range(ROWS):
        for j in range(1, COLUMNS):
            a[i, j] = (a[i, j] - 0.3 * a[i, j - 1]) / b[i, j]
    return a


def exponential(a, b):
    a = a.copy()
    for i in range(ROWS):
        for j in range(1, COLUMNS):
            a[i, j] = np.exp(-b[i, j]) * (a[i, j - 1] + b[i, j - 1])
    return a


PROGRAMS = [
    nine_points, relaxed, upwind, filtered, path_costs, back_substituted, two_apart,
    element_by_element, growing, divided, exponential,
]  # fmt: skip


def inputs(dtype=float):
    return tuple(RNG.uniform(0.5, 1.5, (ROWS, COLUMNS)).astype(dtype) for _ in range(2))


def loss_of(function):
    return lambda a, b: np.sum(function(a, b) ** 2)


def source(function, transform=gradc.grad):
    return transform(loss_of(function)).source("c", *inputs())


def by_complex_step(function, a, b, slot):
    result = np.zeros(a.shape)
    for place in np.ndindex(a.shape):
        arrays = [a.astype(complex), b.astype(complex)]
        arrays[slot][place] += 1e-30j
        result[place] = np.sum(function(*arrays) ** 2).imag / 1e-30
    return result


@pytest.mark.parametrize("function", PROGRAMS)
@pytest.mark.parametrize("backend", ["c", "numpy"])
def test_values_and_gradients(function, backend):
    a, b = inputs()
    both = gradc.value_and_grad(loss_of(function), argnums=(0, 1))
    value, found = gradc.compile(both, backend=backend, unroll=0)(a, b)
    np.testing.assert_allclose(value, loss_of(function)(a, b), rtol=1e-13)
    for slot, one in enumerate(found):
        expected = by_complex_step(function, a, b, slot)
        np.testing.assert_allclose(one, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("function", [nine_points, relaxed, filtered, upwind])
def test_second_order(function):
    a, b = inputs()
    towards = RNG.standard_normal(a.shape)

    def slope(a, b):
        return np.sum(gradc.grad(loss_of(function))(a, b) * towards)

    found = gradc.compile(gradc.grad(slope), backend="c", unroll=0)(a, b)
    expected = gradc.compile(gradc.grad(slope), backend="numpy", unroll=0)(a, b)
    np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("function", [nine_points, relaxed, filtered])
def test_single_precision(function):
    a, b = inputs(np.float32)
    found = gradc.grad(loss_of(function))(a, b)
    expected = by_complex_step(function, a.astype(float), b.astype(float), 0)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=2e-5, atol=2e-5)


# what the code looks like


def reverse_of(function, transform=gradc.grad):
    text = source(function, transform)
    return text[text.index("/* adjoint */") : text.index("return 0;", text.index("/* adjoint */"))]


def test_nine_points_add_to_each_neighbouring_row_once():
    text = reverse_of(nine_points)
    row = text[text.index("int64_t i = 2; i >= 0") :]
    assert len(re.findall(r"a_bar\[[^=]*\] \+= ", row)) == 4
    assert len(re.findall(r"for \(int64_t", row)) == 3


@pytest.mark.parametrize("function", [upwind, back_substituted, exponential])
def test_other_factors_have_the_share_of_the_next_turn_in_a_register(function):
    serial = re.search(r"double (\w+) = -0.0;\s*(?:/\*.*?\*/\s*)*for [^{]*\{([^}]*)\}",
                       reverse_of(function), re.S)  # fmt: skip
    assert serial, reverse_of(function)
    name, body = serial.groups()
    assert len(re.findall(rf"\+ {name}\b", body)) == 1
    assert len(re.findall(rf"^ *{name} = ", body, re.M)) == 1
    assert "+=" not in body


def test_sums_over_neighbours_are_loops_without_a_scalar_between_the_turns():
    text = reverse_of(element_by_element)
    assert "before" not in text
    for body in re.findall(r"for \(int64_t j[^{]*\{([^{}]*)\}", text):
        assert len(re.findall(r"v_bar\[|a_bar\[", body.split("=")[0])) <= 1


@pytest.mark.parametrize("function", PROGRAMS)
def test_rows_keep_no_tape_where_updates_are_linear(function):
    needed = {upwind, back_substituted, divided, exponential}
    tapes = gradc.grad(loss_of(function)).artifact(*inputs()).memory().tapes
    assert function in needed or not tapes


# programs of the kind


def written(seed):
    """Return the text of a random sweep in place over rows."""
    rng = np.random.default_rng(seed)
    down = rng.random() < 0.4
    shifts = [(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1)]
    picked = rng.choice(len(shifts), rng.integers(2, 6), replace=False)
    terms = [f"b[i, j + {rng.integers(-1, 2)}]"]
    for k in picked:
        number = rng.choice(["", "0.5 * ", "0.25 * ", "b[i, j] * ", "w * "])
        terms.append(f"{number}a[i + {shifts[k][0]}, j + {shifts[k][1]}]")
    signs = rng.choice(["+", "-"], len(terms))
    whole = " ".join(f"{s} {t}" for s, t in zip(signs, rng.permutation(terms), strict=True))
    columns = "range(COLUMNS - 2, 0, -1)" if down else "range(1, COLUMNS - 1)"
    how = rng.choice(["=", "+=", "="])
    scale = rng.choice(["/ 3.0", "* 0.2", "/ -4.0"])
    lines = ["def swept(a, b, w):", "    a = a.copy()", "    for _ in range(2):"]
    lines += ["        for i in range(1, ROWS - 1):", f"            for j in {columns}:"]
    lines += [f"                a[i, j] {how} ({whole}) {scale}"]
    if rng.random() < 0.3:
        lines += ["                b[i, j] += 0.1 * a[i, j]"]
        lines.insert(2, "    b = b.copy()")
    return "\n".join([*lines, "    return np.sum(a * a) + w * np.sum(b)"]) + "\n"


@pytest.mark.parametrize("seed", range(24))
def test_random_sweeps(seed):
    print("seed", seed)
    text = written(seed)
    name = f"<sweep {seed}>"
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    names: dict = {"np": np, "ROWS": ROWS, "COLUMNS": COLUMNS}
    exec(compile(text, name, "exec"), names)
    a, b = inputs()
    gradient = gradc.value_and_grad(names["swept"], argnums=(0, 1, 2))
    value, found = gradc.compile(gradient, backend="c", unroll=0)(a, b, 0.3)
    _, expected = gradc.compile(gradient, backend="numpy", unroll=0)(a, b, 0.3)
    np.testing.assert_allclose(value, names["swept"](a, b, 0.3), rtol=1e-12)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-11)
