"""Many small products over one long axis: loops along that axis, with their sums in registers."""

import numpy as np
import pytest

import gradc
from gradc.kernels.lower import lower
from gradc.kernels.nest import LANES, Accumulate, Apply, Fill, Lane, Loop, MatMul, Ref, Store
from gradc.kernels.tiles import tile_sizes
from gradc.kernels.verify import problems
from gradc.kernels.walk import expressions, statements, subexpressions
from gradc.options import Options


def unit_of(function, argnums, *args):
    transformed = gradc.value_and_grad(function, argnums=argnums)
    unit = lower(transformed.artifact(*args).program, Options())
    assert list(problems(unit)) == []
    return unit


def against_numpy(function, argnums, *args, tolerance=1e-10):
    got = gradc.value_and_grad(function, argnums=argnums)(*args)
    want = gradc.value_and_grad(function, argnums=argnums, backend="numpy")(*args)
    np.testing.assert_allclose(got[0], want[0], rtol=tolerance)
    for a, b in zip(got[1], want[1], strict=True):
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance * np.abs(b).max())
    plain = function(*args)
    np.testing.assert_allclose(got[0], plain, rtol=tolerance)


def everything(unit):
    return [s for stage in unit.stages for s in statements(stage.body)]


def sums_in_registers(unit):
    """Count sums in lanes, in the loops over whole rows of lanes."""
    loops = [s for s in everything(unit) if isinstance(s, Loop) and s.step == LANES]
    return sum(
        isinstance(s, Accumulate) and isinstance(s.target, Lane)
        for loop in loops
        for s in statements([loop])
    )


def products(unit):
    return sum(isinstance(s, MatMul) for s in everything(unit))


# programs


def distances(means, Q, x):
    """Mahalanobis distances of points from several means."""
    centred = x[None, :, :] - means[:, None, :]
    y = np.matmul(centred, np.swapaxes(Q, 1, 2))
    return np.sum(np.log1p(np.sum(y * y, axis=2)))


def mixture(logits, means, factors, x):
    """Mixture of normals whose factors are written into a triangle."""
    d = means.shape[1]
    L = np.zeros((means.shape[0], d, d))
    rows, columns = np.tril_indices(d)
    L[:, rows, columns] = factors
    y = np.einsum("kij,nkj->nki", L, x[:, None, :] - means)
    main = logits - 0.5 * np.sum(y**2, axis=-1)
    top = np.max(main, axis=1, keepdims=True)
    return np.sum(top[:, 0] + np.log(np.sum(np.exp(main - top), axis=1)))


def quadratic(means, P, x):
    """Quadratic forms, without a factor."""
    v = x[:, None, :] - means
    return np.sum(np.exp(-0.5 * np.einsum("nki,kij,nkj->nk", v, P, v)))


def directly(Q, x):
    """Arguments as they come, as factors of a product whose result is not kept."""
    return np.sum(np.tanh(x @ Q) ** 2)


def columns(A, x):
    """The long axis is last already, in the arguments and in the result."""
    return np.sum(np.sin(A @ x))


def moments(w, x):
    """A sum along the long axis in the primal."""
    weighted = w[:, :, None] * x
    return np.sum(np.matmul(np.swapaxes(weighted, 1, 2), x) ** 2)


def kept(Q, x):
    """The product is used in both orders of its axes."""
    y = x @ Q
    return np.sum(y * np.sin(y)) + np.sum(np.cumsum(y, axis=2)[:, ::7])


def arguments(name, k, n, d, e):
    draw = np.random.default_rng(100 * n + 10 * d + e).standard_normal
    if name == "mixture":
        return draw(k), draw((k, d)), 0.3 * draw((k, d * (d + 1) // 2)), draw((n, d))
    made = {
        "distances": lambda: (draw((k, d)), 0.3 * draw((k, e, d)), draw((n, d))),
        "quadratic": lambda: (0.3 * draw((k, d)), 0.1 * draw((k, d, d)), 0.3 * draw((n, d))),
        "directly": lambda: (0.3 * draw((k, d, e)), draw((k, n, d))),
        "columns": lambda: (0.3 * draw((k, e, d)), draw((k, d, n))),
        "moments": lambda: (draw((k, n)), draw((k, n, d))),
        "kept": lambda: (0.3 * draw((k, d, e)), draw((k, n, d))),
    }
    return made[name]()


PROGRAMS = {
    "distances": (distances, (0, 1, 2)),
    "mixture": (mixture, (0, 1, 2, 3)),
    "quadratic": (quadratic, (0, 1, 2)),
    "directly": (directly, (0, 1)),
    "columns": (columns, (0, 1)),
    "moments": (moments, (0, 1)),
    "kept": (kept, (0, 1)),
}
SIZES = [
    (6, 140, 3, 2),
    (3, 200, 10, 10),
    (2, 131, 4, 7),
    (5, 128, 9, 11),
    (2, 143, 17, 4),
    (4, 160, 32, 5),
]


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("name", PROGRAMS)
def test_products_along_a_long_axis(name, sizes):
    function, argnums = PROGRAMS[name]
    args = arguments(name, *sizes)
    against_numpy(function, argnums, *args)
    unit = unit_of(function, argnums, *args)
    assert products(unit) <= (name in ("directly", "kept"))  # a result, see below
    assert sums_in_registers(unit) >= 4


@pytest.mark.parametrize("name", PROGRAMS)
def test_single_precision(name):
    function, argnums = PROGRAMS[name]
    args = [np.asarray(a, np.float32) for a in arguments(name, 3, 150, 6, 5)]
    against_numpy(function, argnums, *args, tolerance=2e-4)


@pytest.mark.parametrize("name", PROGRAMS)
def test_second_order(name):
    function, argnums = PROGRAMS[name]
    args = arguments(name, 2, 130, 5, 4)

    def slope(*args):
        return sum(np.sum(g * g) for g in gradc.grad(function, argnums=argnums)(*args))

    against_numpy(slope, (0,), *args, tolerance=1e-9)


def test_nothing_is_skipped_for_being_zero():
    """A zero of a triangle times an infinite element is not a number, as in NumPy."""
    _, means, factors, x = arguments("mixture", 2, 130, 4, 4)
    x[5, 2] = np.inf

    def parts(means, factors, x):
        L = np.zeros((2, 4, 4))
        L[:, *np.tril_indices(4)] = factors
        return np.matmul(x[None] - means[:, None], np.swapaxes(L, 1, 2))

    with np.errstate(invalid="ignore"):
        want = parts(means, factors, x)
    assert np.isnan(want[:, 5, :2]).all()
    np.testing.assert_array_equal(np.isnan(gradc.compile(parts)(means, factors, x)), np.isnan(want))


# batches of tiny matrices


def rotated(A, B):
    return np.sum(np.tanh(A @ B))


def twice(A, x):
    return np.sum(np.cos(A @ (A @ x)))


@pytest.mark.parametrize("sides", [(3, 3, 3), (2, 3, 4), (4, 4, 2)])
@pytest.mark.parametrize("count", [1024, 1501])
def test_batches_of_tiny_matrices(count, sides):
    m, k, n = sides
    draw = np.random.default_rng(count + m).standard_normal
    args = draw((count, m, k)), draw((count, k, n))
    against_numpy(rotated, (0, 1), *args)
    square = draw((count, k, k)), draw((count, k, n))
    against_numpy(twice, (0, 1), *square)


def test_tiny_matrices_along_the_batch():
    """What is computed runs along the batch, not along three columns."""
    draw = np.random.default_rng(2).standard_normal
    unit = unit_of(rotated, (0, 1), draw((1024, 3, 3)), draw((1024, 3, 3)))
    lengths = {
        loop.stop - loop.start
        for loop in everything(unit)
        if isinstance(loop, Loop) and not any(isinstance(s, Loop) for s in loop.body)
        for s in loop.body
        for whole in expressions(s)
        for part in subexpressions(whole)
        if isinstance(part, Apply) and part.op.name == "tanh"
    }
    assert lengths == {LANES}


# what is written


def test_rows_are_written_once():
    """The zeros that sums began with are not written, nor are the centred points.

    What is made of a row follows at once, so that all rows of a thread take the memory of one.
    """
    args = arguments("distances", 25, 1000, 10, 10)
    unit = lower(gradc.compile(distances).artifact(*args).program, Options())
    (rows,) = [b for b in unit.buffers if b.name == "y"]
    assert rows.type.shape == (5, 10_000)
    assert not any(b.name == "centred" for b in unit.buffers)
    writes = [s for s in everything(unit) if isinstance(s, Store) and s.ref.buffer is rows]
    assert len(writes) == 2 * 5  # rows of lanes, and what is left over of them
    adds = [s.target for s in everything(unit) if isinstance(s, Accumulate)]
    assert not any(isinstance(t, Ref) and t.buffer is rows for t in adds)
    assert not any(isinstance(s, Fill) and s.buffer is rows for s in everything(unit))


def test_the_adjoint_keeps_one_row():
    """The adjoint of what is multiplied is as large as one turn of the loop over products."""
    args = arguments("distances", 25, 1000, 10, 10)
    unit = unit_of(distances, (0, 1), *args)
    large = [b for b in unit.buffers if b.kind == "temporary" and b.type.size == 250_000]
    assert len(large) == 1
    assert unit.plan.arena_bytes < 3_500_000


def test_a_single_product_is_left_to_the_library():
    draw = np.random.default_rng(1).standard_normal
    unit = unit_of(lambda x, W: np.sum(np.tanh(x @ W)), (1,), draw((1000, 10)), draw((10, 10)))
    assert products(unit) == 2


def test_a_result_is_written_by_the_library():
    """The gradient by the points has its axes in their order: a transposed copy costs more."""
    args = arguments("directly", 25, 1000, 10, 10)
    assert products(unit_of(directly, (0,), *args)) == 0
    assert products(unit_of(directly, (1,), *args)) == 1


@pytest.mark.parametrize("limits", [(8, 4), (5, 2), (2, 2)])
def test_tiles_fill_an_extent(limits):
    most, least = limits
    for extent in range(2, 40):
        sizes = tile_sizes(extent, most, least)
        assert sum(sizes) == extent
        assert max(sizes) <= most
        assert len(set(sizes)) <= 2
        assert sizes == sorted(sizes, reverse=True)
