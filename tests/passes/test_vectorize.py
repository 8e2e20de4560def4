"""Maps as operations on whole batches: which loops, and what they become."""

import numpy as np
import pytest

import gradc
from gradc.kernels.lower import lower
from gradc.options import Options
from gradc.passes.vectorize import vectorize, vectorized
from tests.trees import leaves

ROWS = np.random.default_rng(3).standard_normal((9, 4))
MATRIX = np.random.default_rng(4).standard_normal((3, 4))
TABLE = np.random.default_rng(5).standard_normal((6, 2, 4))
NUMBERS = np.array([5, 0, 3, 3, 1, 2, 0, 4, 5])


def shapes(x):
    y = np.concatenate([x[1:], np.zeros(2), x[::-1]])
    y = np.reshape(y[:8], (2, 4)) * x
    return np.transpose(y), y.T @ y, np.broadcast_to(np.sum(y), (2, 3))


def sums(x):
    y = np.outer(x, x)
    return np.cumsum(y, axis=1), np.max(y, axis=0), np.argmax(y, axis=1), np.prod(x), np.any(x > 1)


def written(x):
    out = np.zeros((4, 3))
    out[1] = x[0]
    out[:, 2] += x * x
    out[3, 0] = np.sin(x[1])
    return out, np.where(x > 0, x, 2.0 * x).astype(np.float32)


def products(x):
    return MATRIX @ x, x @ x, np.outer(MATRIX @ x, x) @ MATRIX.T, np.einsum("i,j->ij", x, x)


ELEMENTS = [shapes, sums, written, products]


def loops(graph):
    return [n for n in graph.nodes if n.regions]


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("function", ELEMENTS, ids=lambda f: f.__name__)
def test_every_kind_of_operation(function, axis):
    made = gradc.vmap(function, in_axes=axis, backend="numpy")
    rows = ROWS if axis == 0 else np.ascontiguousarray(ROWS.T)
    artifact = made.artifact(rows)
    assert loops(artifact.program.graph)
    assert not loops(vectorize(artifact.program.graph))
    assert "for i in" not in artifact.source("numpy")
    found = made(rows)
    for k, row in enumerate(ROWS):
        for a, b in zip(leaves(found), leaves(function(row)), strict=True):
            np.testing.assert_allclose(a[k], b, rtol=1e-12, atol=1e-14)
            assert a.dtype == np.asarray(b).dtype


@pytest.mark.parametrize("function", ELEMENTS, ids=lambda f: f.__name__)
def test_derivatives(function):
    """Sums over the turns for what is shared, rows written in place for what is not."""

    def loss(rows, factor):
        found = gradc.vmap(lambda x, f: function(x * f), in_axes=(0, None))(rows, factor)
        return sum(np.sum(x * x) for x in leaves(found) if x.dtype.kind == "f") + np.sum(rows)

    def by_rows(rows, factor):
        found = [leaves(function(row * factor)) for row in rows]
        every = [x for one in found for x in one if x.dtype.kind == "f"]
        return sum(np.sum(x * x) for x in every) + np.sum(rows)

    gradient = gradc.grad(loss, (0, 1), backend="numpy")
    assert "for i in" not in gradient.source("numpy", ROWS, 1.5)
    one = gradc.grad(by_rows, (0, 1), backend="numpy")(ROWS, 1.5)
    for a, b in zip(gradient(ROWS, 1.5), one, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5 if function is written else 1e-11)


def test_maps_in_maps_are_one_product():
    table = gradc.vmap(gradc.vmap(lambda a, b: a @ b, in_axes=(None, 0)), in_axes=(0, None))
    assert "x @ y.T" in gradc.vmap(
        gradc.vmap(lambda x, y: x @ y, in_axes=(None, 0)), in_axes=(0, None)
    ).source("numpy", ROWS, MATRIX)
    np.testing.assert_allclose(
        gradc.compile(table, backend="numpy")(ROWS, MATRIX), ROWS @ MATRIX.T, rtol=1e-12
    )


def test_a_table_with_a_number_for_each():
    made = gradc.vmap(lambda i, t: t[i] * 2.0, in_axes=(0, None), backend="numpy")
    assert "for i in" not in made.source("numpy", NUMBERS, TABLE)
    np.testing.assert_array_equal(made(NUMBERS, TABLE), 2.0 * TABLE[NUMBERS])


def test_a_basis():
    """The seeds of a Jacobian: one written at the turn's own place."""
    x = np.linspace(0.1, 1.0, 60)

    def function(x):
        return np.sin(x[::-1]) * np.cumsum(x)

    made = gradc.jacobian(function, backend="numpy")
    assert "for i in" not in made.source("numpy", x)
    steps = 1e-6 * np.eye(60)
    wanted = np.stack([(function(x + s) - function(x - s)) / 2e-6 for s in steps], axis=-1)
    np.testing.assert_allclose(made(x), wanted, atol=1e-8)


def settled(x):
    while x @ x > 0.5:
        x = 0.5 * x
    return x


def stepped(x):
    for k in range(1, 4):
        x[k] = np.sin(x[k - 1]) + x[k]
    return x


@pytest.mark.parametrize("function", [settled, stepped], ids=lambda f: f.__name__)
def test_other_loops_inside_stay_in_a_loop(function):
    made = gradc.vmap(function, backend="numpy", unroll=0)
    assert "for i in range(9):" in made.source("numpy", ROWS)
    np.testing.assert_allclose(made(ROWS), np.stack([function(row.copy()) for row in ROWS]))


def test_loops_of_the_user_stay():
    def squares(x):
        out = np.zeros(9)
        for i in range(9):
            out[i] = x[i] @ x[i]
        return out

    text = gradc.compile(squares, backend="numpy", unroll=0).source("numpy", ROWS)
    assert "for i in range(9):" in text


def test_c_takes_large_products_together():
    def layer(x, w):
        return np.tanh(w @ x)

    def source(n):
        made = gradc.vmap(layer, in_axes=(0, None))
        return made.source("c", np.ones((100, n)), np.ones((n, n)))

    assert "gradc_matmul(" in source(40)
    assert "gradc_matmul(" not in source(3)


def filtered(x, w):
    """A product of a window and the weights for each place."""
    size, out = w.shape[0], np.zeros((x.shape[0], x.shape[1] - w.shape[0] + 1, w.shape[2]))
    for j in range(out.shape[1]):
        part = x[:, j : j + size, :, None] * w[None]
        out[:, j] = np.sum(part, axis=(1, 2))
    return np.sum(out * out)


def in_place(a, w):
    """A product with each row, written where the row was."""
    a = a.copy()
    for r in range(a.shape[0]):
        for q in range(a.shape[1]):
            row = a[r, q, :] @ w
            a[r, q, :] = row
    return np.sum(a * a)


def attracted(x, w):
    """As many values in a turn as there are turns, and more than all the results."""
    pulls = np.zeros((x.shape[0], w.shape[1]))
    for i in range(x.shape[0]):
        near = np.exp(-((x - x[i]) ** 2))
        pulls[i] = np.sum(near @ w, axis=0)
    return np.sum(pulls * pulls)


def handed_on(x, w):
    """Each row from the one before."""
    y = np.zeros((x.shape[0], w.shape[0]))
    for i in range(1, x.shape[0]):
        y[i] = np.tanh(y[i - 1] @ w) + x[i, 0]
    return np.sum(y * y)


RNG = np.random.default_rng(11)
LOOPS = {
    # arguments, loops that are left in value and gradient
    "filtered": (filtered, RNG.random((3, 20, 4)), RNG.random((3, 4, 5)), 0),
    "in place": (in_place, RNG.random((5, 7, 9)), RNG.random((9, 9)), 0),
    "attracted": (attracted, RNG.random((40, 9)), RNG.random((9, 8)), 2),
    "handed on": (handed_on, RNG.random((12, 3)), RNG.random((10, 10)) / 10, 2),
}


@pytest.mark.parametrize("name", LOOPS)
def test_c_takes_loops_of_products_together(name):
    function, x, w, left = LOOPS[name]
    made = gradc.value_and_grad(function, (0, 1), backend="c", unroll=0)
    program = made.artifact(x, w).program
    assert len(loops(vectorized(program, heavy=True).graph)) == left
    value, found = made(x, w)
    wanted_value, wanted = gradc.value_and_grad(function, (0, 1), backend="numpy")(x, w)
    assert value == pytest.approx(function(x, w), rel=1e-12)
    assert value == pytest.approx(wanted_value, rel=1e-12)
    for a, b in zip(found, wanted, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10)


def test_rows_that_survive_are_on_no_tape():
    """Each row is read before it is written: the argument has them all."""
    function, x, w, _ = LOOPS["in place"]
    program = gradc.value_and_grad(function, (0, 1)).artifact(x, w).program
    arena = lower(vectorized(program, heavy=True), Options()).plan.arena_bytes
    assert arena < 2 * x.nbytes + 2 * w.nbytes + 1024


def everything(graph):
    for node in graph.nodes:
        yield node
        for region in node.regions:
            yield from everything(region)


def test_tiles_are_copied_by_nobody():
    """Blocks that share no element are small products where they are."""

    def by_blocks(a, b):
        out = np.zeros((16, 16))
        for i in range(0, 16, 8):
            for j in range(0, 16, 8):
                for k in range(0, 16, 8):
                    out[i : i + 8, j : j + 8] += a[i : i + 8, k : k + 8] @ b[k : k + 8, j : j + 8]
        return np.sum(out * out)

    a, b = RNG.random((16, 16)), RNG.random((16, 16))
    program = gradc.value_and_grad(by_blocks, (0, 1), unroll=0).artifact(a, b).program
    graph = vectorized(program, heavy=True).graph
    assert not any(node.op.name == "concatenate" for node in everything(graph))


def test_loops_inside_a_loop_that_stays():
    def kept(x, w):
        total = np.zeros((x.shape[0], 5))
        for turn in range(3):
            for j in range(total.shape[0]):
                total[j] = np.tanh(x[j] @ w) + 0.1 * total[j]
            x = x * (1.0 + 0.01 * turn * np.sum(total))
        return np.sum(total)

    x, w = RNG.random((30, 14)), RNG.random((14, 5))
    program = gradc.compile(kept, unroll=0).artifact(x, w).program
    (outer,) = loops(vectorized(program, heavy=True).graph)
    assert not loops(outer.regions[0])


def test_too_many_elements_stay_in_a_loop():
    made = gradc.vmap(lambda x, y: np.outer(y, y) @ y * x, in_axes=(0, None), backend="numpy")
    text = made.source("numpy", np.ones(50_000), np.ones(100))
    assert "np.outer" in text
    text = gradc.vmap(lambda x, y: np.sum(np.outer(y, y + x)), in_axes=(0, None)).source(
        "numpy", np.ones(50_000), np.ones(100)
    )
    assert "for i in range(50000):" in text
