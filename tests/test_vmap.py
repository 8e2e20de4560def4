"""``gradc.vmap``: the function of one element, against a loop of Python over all of them."""

import numpy as np
import pytest

import gradc
from gradc import ArgumentError, TraceError, UnsupportedError
from tests.backends import BACKENDS
from tests.capture.support import count
from tests.trees import leaves

backends = pytest.mark.parametrize("backend", BACKENDS)
RNG = np.random.default_rng(5)
ROWS = RNG.standard_normal((6, 4))
MATRIX = RNG.standard_normal((3, 4))
FACTORS = RNG.uniform(0.5, 2.0, 6)


def close(found, wanted, rtol=1e-11):
    for a, b in zip(leaves(found), leaves(wanted), strict=True):
        np.testing.assert_allclose(a, b, rtol=rtol, atol=1e-12)
        assert np.asarray(a).dtype == np.asarray(b).dtype


# what runs for each element


def layer(row, matrix, factor):
    return np.tanh(matrix @ row) * factor


def root(row, matrix, factor):
    x = factor
    while np.abs(x * x - factor) > 1e-12:
        x = 0.5 * (x + factor / x)
    return x + row


def halving(row, matrix, factor):
    x, n = row * 1.0, 0
    while np.sum(x * x) > 0.1:
        x = x * 0.5 + 0.01 * matrix[0]
        n += 1
    return x * n


def sided(row, matrix, factor):
    if row[0] > 0:
        return np.sin(row) * factor
    return row @ matrix.T @ matrix


def recurrence(row, matrix, factor):
    out = np.zeros(5)
    out[0] = factor
    for k in range(1, 5):
        out[k] = np.sin(out[k - 1]) + row[k - 1]
    return out


def growing(row, matrix, factor):
    total = np.zeros(3)
    for k in range(1, 4):
        total[k - 1] = row[:k] @ matrix[k - 1, :k]
    return total * factor


def shared_only(row, matrix, factor):
    return np.sum(matrix) * np.ones(2)


def tree_of_results(row, matrix, factor):
    return {"a": row[::-1] * factor, "b": (np.max(row), row[1])}


def by_steps(row, matrix, factor):
    return gradc.scan(lambda s, x: (s * 0.5 + x, s * factor), row[0], row)


ELEMENTS = [
    layer,
    root,
    halving,
    sided,
    recurrence,
    growing,
    shared_only,
    tree_of_results,
    by_steps,
]


def by_rows(function, rows, matrix, factors):
    found = [function(row, matrix, f) for row, f in zip(rows, factors, strict=True)]
    if not isinstance(found[0], dict | tuple):
        return [np.stack(found)]
    columns = zip(*(leaves(one) for one in found), strict=True)
    return [np.stack(column) for column in columns]


def mapped(function):
    return gradc.vmap(function, in_axes=(0, None, 0))


def weighted(tree):
    return sum(np.sum(x * np.cos(1.0 + np.arange(x.size)).reshape(x.shape)) for x in leaves(tree))


def every_mode(batched):
    """Return value, gradient, tangent and a Hessian product of a sum over the results."""

    def loss(rows, matrix, factors):
        every = np.sum(rows) * np.sum(matrix) * np.sum(factors)  # not all depend on all of them
        return weighted(batched(rows, matrix, factors)) + 0.1 * every

    def modes(*point):
        u = (np.sin(point[0]), np.cos(point[1]), np.sin(2 * point[2]))
        gradient = gradc.grad(loss, (0, 1, 2))
        return (
            batched(*point),
            gradient(*point),
            gradc.jvp(loss, point, u)[1],
            gradc.jvp(gradient, point, u)[1],
        )

    return modes


def check_modes(function, backend, rtol=1e-9):
    """Compare the map with the same function run turn by turn, in every mode."""
    compiled = gradc.compile(every_mode(mapped(function)), backend=backend, unroll=0)
    one_by_one = gradc.compile(
        every_mode(lambda *given: by_rows(function, *given)), backend="numpy"
    )
    point = ROWS, MATRIX, FACTORS
    close(compiled(*point), one_by_one(*point), rtol)
    close(leaves(compiled(*point)[0]), by_rows(function, *point))


@pytest.mark.filterwarnings("ignore::gradc.GradcWarning")
@backends
@pytest.mark.parametrize("function", ELEMENTS[:6] + ELEMENTS[7:], ids=lambda f: f.__name__)
def test_every_mode(function, backend):
    check_modes(function, backend)


@backends
def test_result_of_what_is_shared(backend):
    found = gradc.compile(mapped(shared_only), backend=backend)(ROWS, MATRIX, FACTORS)
    close([found], by_rows(shared_only, ROWS, MATRIX, FACTORS))


# random programs

STEPS = (
    lambda v, w, s, k: np.tanh(v) * s,
    lambda v, w, s, k: np.tanh(w @ v) @ w,
    lambda v, w, s, k: np.concatenate([v[k:], np.sin(v[:k])]),
    lambda v, w, s, k: v * np.sum(w[k % 3] * v),
    lambda v, w, s, k: np.where(v > 0.1 * k, v * v, 0.5 * v),
    lambda v, w, s, k: v[::-1] + np.cumsum(v) * 0.3,
    lambda v, w, s, k: v / (1.0 + v @ v),
    lambda v, w, s, k: np.maximum(v, s - k) + v[k],
    lambda v, w, s, k: np.outer(v, v)[k] * 0.5 + s,
    lambda v, w, s, k: gradc.loop(0, 5, lambda i, h: np.sin(h + w[i % 3]) * v, v),
    lambda v, w, s, k: gradc.cond(v[0] > v[1], lambda h: h * s, lambda h: np.cos(h), v),
    lambda v, w, s, k: gradc.while_loop(lambda h: h @ h > 0.5 * k, lambda h: 0.7 * h, v),
)


def random_function(seed):
    rng = np.random.default_rng(seed)
    chosen = [(STEPS[rng.integers(len(STEPS))], int(rng.integers(1, 4))) for _ in range(5)]

    def function(row, matrix, factor):
        v = row
        for step, k in chosen:
            v = step(v, matrix, factor, k)
        return v + 0.1 * factor * row + 0.01 * matrix[0]

    return function


@pytest.mark.filterwarnings("ignore::gradc.GradcWarning")
@backends
@pytest.mark.parametrize("seed", range(6))
def test_random_programs(seed, backend):
    print("seed", seed)
    check_modes(random_function(seed), backend)


@pytest.mark.full
@pytest.mark.filterwarnings("ignore::gradc.GradcWarning")
@pytest.mark.parametrize("seed", range(100, 130))
def test_many_random_programs(seed):
    print("seed", seed)
    check_modes(random_function(seed), "c")


# many elements: C computes sixteen at once

MANY = np.random.default_rng(8).standard_normal((70, 4))


def straight(row, matrix, factor):
    a = np.tanh(matrix @ row)
    b = np.concatenate([a, np.sin(row[:2]) * np.cos(row[:2])])
    return np.outer(b, a)[1:4].T * factor


def scalars(row, matrix, factor):
    x, y, z = row[0], row[1], row[3] * factor
    u = np.sqrt(x * x + y * y + 1.0)
    return np.sin(u) * z, np.stack([np.cos(u), x / u]), np.where(x > y, x * z, y)


@backends
@pytest.mark.parametrize("function", [straight, scalars], ids=lambda f: f.__name__)
@pytest.mark.parametrize("n", [64, 70])
def test_many_elements(function, backend, n):
    factors = np.linspace(0.5, 2.0, n)
    rows = MANY[:n]

    def both(rows, matrix, factors):
        batched = mapped(function)(rows, matrix, factors)
        slopes = mapped(gradc.jacobian(lambda *a: weighted(function(*a)), argnums=(0, 2)))
        return batched, slopes(rows, matrix, factors)

    compiled = gradc.compile(both, backend=backend)
    values, slopes = compiled(rows, MATRIX, factors)
    close(leaves(values), by_rows(function, rows, MATRIX, factors))
    one = gradc.grad(lambda *a: weighted(function(*a)), argnums=(0, 2))
    each = [one(row, MATRIX, f) for row, f in zip(rows, factors, strict=True)]
    close(slopes, tuple(map(np.stack, zip(*each, strict=True))), 1e-9)


def test_many_elements_are_in_lanes():
    text = gradc.vmap(scalars, in_axes=(0, None, 0)).source("c", MANY, MATRIX, MANY[:, 0].copy())
    assert "batch += 16" in text
    assert text.count("lane < 16") == 3


# of transforms, in transforms


@backends
def test_derivatives_of_one_element(backend):
    def loss(row, matrix, factor):
        return np.sum(np.tanh(matrix @ row) ** 2) * factor

    for transform in (gradc.grad, gradc.hessian, gradc.value_and_grad):
        derived = transform(loss)
        found = gradc.compile(mapped(derived), backend=backend)(ROWS, MATRIX, FACTORS)
        one = [derived(row, MATRIX, f) for row, f in zip(ROWS, FACTORS, strict=True)]
        wanted = one if transform is not gradc.value_and_grad else list(zip(*one, strict=True))
        close(leaves(found), list(map(np.stack, wanted)) if len(wanted) == 2 else [np.stack(one)])
    found = gradc.compile(mapped(gradc.jacobian(layer)), backend=backend)(ROWS, MATRIX, FACTORS)
    slopes = (1 - np.tanh(ROWS @ MATRIX.T) ** 2) * FACTORS[:, None]
    close(found, slopes[:, :, None] * MATRIX)


@backends
def test_maps_in_maps_and_in_loops(backend):
    def pairs(a, b):
        return np.sin(a) * b + a

    table = gradc.vmap(gradc.vmap(pairs, in_axes=(None, 0)), in_axes=(0, None), backend=backend)
    a, b = FACTORS, ROWS[0]
    close(table(a, b), np.sin(a)[:, None] * b + a[:, None])

    def summed(rows):
        total = np.zeros(4)
        for i in range(40):
            total = total * 0.9 + gradc.vmap(lambda row, x: row @ x, in_axes=(1, None))(
                rows, np.cos(rows[:, i % 4])
            )
        return total

    def plain(rows):
        total = np.zeros(4)
        for i in range(40):
            total = total * 0.9 + rows.T @ np.cos(rows[:, i % 4])
        return total

    close(gradc.compile(summed, backend=backend, unroll=0)(ROWS), plain(ROWS))
    mine, theirs = (gradc.jacobian(f, backend=backend)(ROWS) for f in (summed, plain))
    close(mine, theirs, 1e-10)


@backends
def test_axes_and_trees(backend):
    def affine(p, x, n, *, shift):
        return {"y": p["w"] @ x * n + p["b"], "rest": [shift, 2.0]}

    p = {"w": MATRIX, "b": np.arange(6.0)}
    function = gradc.vmap(
        affine,
        in_axes=({"w": None, "b": 0}, 1, None),
        out_axes={"y": -1, "rest": 0},
        backend=backend,
    )
    found = function(p, ROWS.T, 3, shift=FACTORS)
    close(found["y"], MATRIX @ ROWS.T * 3 + np.arange(6.0))
    close(found["rest"], [FACTORS, np.full(6, 2.0)])


@backends
def test_closures_and_types(backend):
    table = RNG.standard_normal((5, 2))

    def pick(i, x):
        return table[i] * x, i * 2, x > 0, x.astype(np.float32)

    numbers = np.array([0, 4, 4, 1, 2, 3])
    found = gradc.vmap(pick, backend=backend)(numbers, ROWS[:, 0])
    x = ROWS[:, 0]
    close(found, (table[numbers] * x[:, None], numbers * 2, x > 0, x.astype(np.float32)))
    for n in (0, 1):
        close(gradc.vmap(np.sum, backend=backend)(ROWS[:n]), ROWS[:n].sum(axis=1))


def test_elements_are_values():
    def doubled(row):
        row[0] = 7.0
        return row * 2

    rows = ROWS.copy()
    found = gradc.vmap(doubled, backend="numpy")(rows)
    np.testing.assert_array_equal(rows, ROWS)
    np.testing.assert_array_equal(found[:, 0], np.full(6, 14.0))


def test_size_does_not_depend_on_the_number_of_elements():
    def sizes(n):
        made = gradc.vmap(gradc.value_and_grad(lambda x: np.sum(np.sin(x * x[0]))))
        artifact = made.artifact(np.ones((n, 5)))
        return count(artifact.program.graph), [
            len(artifact.source(kind).splitlines()) for kind in ("numpy", "c")
        ]

    assert sizes(100) == sizes(1000)


def draw(row):
    return row + np.random.default_rng(0).standard_normal(4)


def write_around(rows):
    total = np.zeros(4)

    def add(row):
        total[:] += row
        return row

    return gradc.vmap(add)(rows), total


def count_around(rows):
    total = np.zeros(4)

    def add(row):
        total[0] += 1.0
        return row

    return gradc.vmap(add)(rows), total


REFUSED = {
    "lengths": (
        lambda: gradc.vmap(lambda x, y: x + y)(ROWS, MATRIX),
        ArgumentError,
        "same number of elements in each mapped argument: x has 6, y has 3",
    ),
    "a number": (
        lambda: gradc.vmap(lambda x, n: x * n)(ROWS, 3),
        ArgumentError,
        "cannot map n along axis 0: it is int",
    ),
    "no such axis": (
        lambda: gradc.vmap(lambda x: x, in_axes=2)(ROWS),
        ArgumentError,
        r"cannot map x along axis 2: it is f8\[6, 4\]",
    ),
    "nothing mapped": (
        lambda: gradc.vmap(lambda x: x, in_axes=None)(ROWS),
        ArgumentError,
        "no argument to map",
    ),
    "count of in_axes": (
        lambda: gradc.vmap(lambda x: x, in_axes=(0, 0))(ROWS),
        ArgumentError,
        "in_axes speaks of 2 arguments, and there are 1",
    ),
    "structure of in_axes": (
        lambda: gradc.vmap(lambda p: p["a"], in_axes=({"b": 0},))({"a": ROWS}),
        ArgumentError,
        "in_axes does not fit the structure",
    ),
    "out_axes": (
        lambda: gradc.vmap(lambda x: x, out_axes=2)(ROWS),
        ArgumentError,
        "out_axes 2 is no axis of a result of 2 axes",
    ),
    "text": (
        lambda: gradc.vmap(lambda x: "a")(ROWS),
        ArgumentError,
        "returns 'a', which cannot be one of many",
    ),
    "random numbers": (lambda: gradc.vmap(draw)(ROWS), UnsupportedError, "draws random numbers"),
    "writes": (
        lambda: gradc.compile(write_around)(ROWS),
        TraceError,
        "writes into an array of the function around it",
    ),
    "writes numbers": (
        lambda: gradc.compile(count_around)(ROWS),
        TraceError,
        "writes into an array of the function around it",
    ),
}


@pytest.mark.parametrize("case", REFUSED, ids=str)
def test_refused(case):
    call, kind, message = REFUSED[case]
    with pytest.raises(kind, match=message) as caught:
        call()
    assert "test_vmap.py" in str(caught.value)


def test_a_function_under_grad_writes_into_nothing_outside():
    def program(x):
        seen = np.zeros(4)

        def loss(x):
            seen[:] = 2 * x
            return np.sum(x * x)

        return gradc.grad(loss)(x), seen

    with pytest.raises(TraceError, match="writes into an array of the function around it"):
        gradc.compile(program)(ROWS[0])
