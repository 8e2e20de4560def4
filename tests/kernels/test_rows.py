"""Products of matrices and vectors walk over the matrix as seldom as they can."""

import numpy as np
import pytest

import gradc
from gradc.kernels.lower import lower
from gradc.kernels.nest import LANES, Accumulate, Loop, Ref
from gradc.kernels.verify import problems
from gradc.kernels.walk import loads, nested, statements
from gradc.options import Options


def unit_of(function, argnums, *args):
    transformed = gradc.value_and_grad(function, argnums=argnums)
    unit = lower(transformed.artifact(*args).program, Options())
    assert list(problems(unit)) == []
    return unit


def against_numpy(function, argnums, *args):
    got = gradc.value_and_grad(function, argnums=argnums)(*args)
    want = gradc.value_and_grad(function, argnums=argnums, backend="numpy")(*args)
    np.testing.assert_allclose(got[0], want[0], rtol=1e-11)
    for a, b in zip(got[1], want[1], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)


def sweeps(unit, name):
    """Count the outermost loops that read an argument of rank two."""
    return sum(
        isinstance(s, Loop) and any(b.name == name for b in read_in(s))
        for stage in unit.stages
        for s in stage.body
    )


def read_in(loop):
    return {ref.buffer for s in statements([loop]) for ref in loads(s)}


# one row at a time


def there_and_back(A, x):
    return np.sum((A @ x) @ A)


@pytest.mark.parametrize(("m", "n"), [(700, 900), (701, 903), (3000, 301)])
def test_both_products_share_one_pass(m, n):
    rng = np.random.default_rng(m)
    A, x = rng.standard_normal((m, n)) / n, rng.standard_normal(n)
    against_numpy(there_and_back, (0, 1), A, x)
    assert sweeps(unit_of(there_and_back, (0, 1), A, x), "A") == 1


def needs_all(A, x):
    y = A @ x
    return np.sum((y / np.sum(y)) @ A)


def test_a_product_that_needs_the_whole_first_one_is_a_pass_of_its_own():
    rng = np.random.default_rng(1)
    A, x = rng.uniform(0.1, 1.0, (700, 900)), rng.uniform(0.1, 1.0, 900)
    against_numpy(needs_all, (0, 1), A, x)
    assert sweeps(unit_of(needs_all, (0, 1), A, x), "A") > 1


# four rows at a time


def logistic(w, X, y):
    m = y * (X @ w)
    return np.mean(np.log1p(np.exp(-m)))


@pytest.mark.parametrize("n", [1, 3, 8, 9, 64, 130, 1003])
def test_rows_are_added_four_at_a_time(n):
    rng = np.random.default_rng(n)
    w, X, y = rng.standard_normal(5), rng.standard_normal((n, 5)), rng.choice([-1.0, 1.0], n)
    against_numpy(logistic, (0,), w, X, y)
    jammed = [s for s in adding(unit_of(logistic, (0,), w, X, y)) if s.step == 4]
    assert bool(jammed) == (n >= 8)


def adding(unit):
    """Return the loops over rows whose inner loop adds to memory."""
    return [
        s
        for stage in unit.stages
        for s in statements(stage.body)
        if isinstance(s, Loop)
        and any(isinstance(i, Loop) and adds(i) for b in nested(s) for i in b)
    ]


def adds(loop):
    return all(isinstance(s, Accumulate) and isinstance(s.target, Ref) for s in loop.body)


def test_loops_over_several_temporaries_are_known_to_be_apart():
    rng = np.random.default_rng(0)
    w, X, y = (
        rng.standard_normal(100),
        rng.standard_normal((5000, 100)),
        rng.choice([-1.0, 1.0], 5000),
    )
    unit = unit_of(logistic, (0,), w, X, y)
    for stage in unit.stages:
        for loop in (s for s in statements(stage.body) if isinstance(s, Loop)):
            if any(nested(s) for s in loop.body):
                continue
            own = {b for s in loop.body for b in buffers(s) if b.kind == "temporary"}
            stores = any(isinstance(s, Accumulate) and isinstance(s.target, Ref) for s in loop.body)
            short = isinstance(loop.stop, int) and abs(loop.stop - loop.start) < LANES
            assert loop.apart or len(own) < 2 or stores or short


def buffers(statement):
    found = {ref.buffer for ref in loads(statement)}
    ref = getattr(statement, "ref", None)
    return found | ({ref.buffer} if ref is not None else set())


def shifted(x):
    y = np.cumsum(x) * 2.0
    y[1:] = y[:-1] + x[1:]
    return np.sum(y * y)


def test_a_loop_that_reads_its_neighbours_is_not():
    x = np.linspace(0.0, 1.0, 4000)
    against_numpy(lambda x, z: shifted(x) + z, (0,), x, np.array(0.0))
