"""Bytes of tape: none for linear sweeps, none for factors in place, a triangle for growing rows."""

import numpy as np
import pytest

import gradc

RNG = np.random.default_rng(31)


def seidel_2d(a, turns):
    a = a.copy()
    n = a.shape[0]
    for _ in range(turns):
        for i in range(1, n - 1):
            for j in range(1, n - 1):
                a[i, j] = (
                    a[i - 1, j - 1] + a[i - 1, j] + a[i - 1, j + 1]
                    + a[i, j - 1] + a[i, j] + a[i, j + 1]
                    + a[i + 1, j - 1] + a[i + 1, j] + a[i + 1, j + 1]
                ) / 9.0  # fmt: skip
    return np.sum(a)


def five_points(u):
    return 0.2 * (u[1:-1, 1:-1] + u[1:-1, :-2] + u[1:-1, 2:] + u[2:, 1:-1] + u[:-2, 1:-1])


def jacobi_2d(a, turns):
    a, b = a.copy(), 0.5 * a
    for _ in range(turns):
        b[1:-1, 1:-1] = five_points(a)
        a[1:-1, 1:-1] = five_points(b)
    return np.sum(a * a)


def heat_step(u):
    c = u[1:-1, 1:-1, 1:-1]
    return (
        c + 0.125 * (u[2:, 1:-1, 1:-1] - 2.0 * c + u[:-2, 1:-1, 1:-1])
        + 0.125 * (u[1:-1, 2:, 1:-1] - 2.0 * c + u[1:-1, :-2, 1:-1])
        + 0.125 * (u[1:-1, 1:-1, 2:] - 2.0 * c + u[1:-1, 1:-1, :-2])
    )  # fmt: skip


def heat_3d(a, turns):
    a, b = a.copy(), 2.0 * a
    for _ in range(turns):
        b[1:-1, 1:-1, 1:-1] = heat_step(a)
        a[1:-1, 1:-1, 1:-1] = heat_step(b)
    return np.sum(a)


def over_relaxation(a, turns):
    u, n = a.copy(), a.shape[0]
    for _ in range(turns):
        for i in range(1, n - 1):
            for j in range(1, n - 1):
                r = 0.25 * (u[i - 1, j] + u[i + 1, j] + u[i, j - 1] + u[i, j + 1] - a[i, j])
                u[i, j] += 1.5 * (r - u[i, j])
    return np.sum(u * u)


def red_and_black(a, turns):
    u = a.copy()
    for _ in range(turns):
        for first in (1, 2):
            u[first:-1:2, 1:-1] = 0.25 * (
                u[first - 1 : -2 : 2, 1:-1] + u[first + 1 :: 2, 1:-1]
                + u[first:-1:2, :-2] + u[first:-1:2, 2:]
            )  # fmt: skip
    return np.sum(u * u)


def there_and_back(a, turns):
    u, n = a.copy(), a.shape[0]
    for _ in range(turns):
        for i in range(1, n - 1):
            u[i] = (u[i - 1] + u[i + 1] + a[i]) / 2.5
        for i in range(n - 2, 0, -1):
            u[i] = (u[i - 1] + u[i + 1] + a[i]) / 2.5
    return np.sum(u * u)


def filtered(a, turns):
    y = np.zeros_like(a)
    for i in range(1, a.shape[0]):
        y[i] = 0.3 * a[i] + 0.1 * a[i - 1] - 0.6 * y[i - 1]
    return np.sum(y * y)


SWEEPS = [
    (seidel_2d, (24, 24)),
    (jacobi_2d, (30, 30)),
    (heat_3d, (12, 12, 12)),
    (over_relaxation, (24, 24)),
    (red_and_black, (25, 25)),
    (there_and_back, (200,)),
    (filtered, (200,)),
]


@pytest.mark.parametrize(("loss", "shape"), SWEEPS)
@pytest.mark.parametrize("turns", [15, 40])
def test_linear_sweeps_keep_no_byte(loss, shape, turns):
    found = gradc.value_and_grad(loss).artifact(RNG.random(shape), turns).memory()
    assert found.tape == 0
    assert found.tapes == ()


@pytest.mark.parametrize(("loss", "shape"), SWEEPS)
def test_their_memory_does_not_grow_with_the_turns(loss, shape):
    a = RNG.random(shape)
    arenas = {gradc.value_and_grad(loss).artifact(a, turns).memory().arena for turns in (15, 40)}
    assert len(arenas) == 1
    assert arenas.pop() <= 5 * a.nbytes + 4096  # two grids, their adjoints, one sweep


# factors and growing rows


def lu(a):
    a, n = a.copy(), a.shape[0]
    for i in range(n):
        for j in range(i):
            a[i, j] -= a[i, :j] @ a[:j, j]
            a[i, j] /= a[j, j]
        for j in range(i, n):
            a[i, j] -= a[i, :i] @ a[:i, j]
    return np.sum(a)


def cholesky(a):
    a, n = a.copy(), a.shape[0]
    for i in range(n):
        for j in range(i):
            a[i, j] -= a[i, :j] @ a[j, :j]
            a[i, j] /= a[j, j]
        a[i, i] -= a[i, :i] @ a[i, :i]
        a[i, i] = np.sqrt(a[i, i])
    return np.sum(np.tril(a))


def forward_substitution(a):
    n = a.shape[0]
    x = np.zeros(n)
    for i in range(n):
        x[i] = (1.0 - a[i, :i] @ x[:i]) / a[i, i]
    return np.sum(x)


@pytest.mark.parametrize("loss", [lu, cholesky, forward_substitution])
@pytest.mark.parametrize("n", [20, 50])
def test_factors_in_place_are_read_where_they_lie(loss, n):
    a = RNG.random((n, n))
    found = gradc.value_and_grad(loss).artifact(a @ a.T + n * np.eye(n)).memory()
    assert found.tape == 0
    assert found.arena <= 2 * 8 * n * n + 4096


def durbin(r):
    n = r.shape[0]
    y = np.zeros(n)
    alpha = -r[0]
    beta = 1.0
    y[0] = -r[0]
    for k in range(1, n):
        beta = beta * (1.0 - alpha * alpha)
        alpha = -(r[k] + r[:k][::-1] @ y[:k]) / beta
        y[:k] = y[:k] + alpha * y[:k][::-1]
        y[k] = alpha
    return np.sum(y)


@pytest.mark.parametrize("n", [40, 100])
def test_rows_that_grow_keep_a_triangle(n):
    r = 0.2 * RNG.standard_normal(n) / np.arange(1.0, n + 1.0)
    found = gradc.value_and_grad(durbin).artifact(r).memory()
    triangle = 8 * n * (n - 1) // 2
    assert triangle <= found.tape <= triangle + 3 * 8 * n


def folded_best(score):
    n = score.shape[0]
    t = np.zeros((n, n))
    for i in range(n - 1, -1, -1):
        for j in range(i + 1, n):
            t[i, j] = np.maximum(t[i, j], t[i, j - 1])
            t[i, j] = np.maximum(t[i, j], t[i + 1, j])
            if i < j - 1:
                t[i, j] = np.maximum(t[i, j], t[i + 1, j - 1] + score[i, j])
            else:
                t[i, j] = np.maximum(t[i, j], t[i + 1, j - 1])
            for k in range(i + 1, j):
                t[i, j] = np.maximum(t[i, j], t[i, k] + t[k + 1, j])
    return t[0, n - 1] + 0.5 * t[1, n - 2]


@pytest.mark.parametrize("n", [20, 40])
def test_a_branch_in_a_triangle_keeps_elements(n):
    """Row ``i + 1`` exists wherever ``range(i + 1, n)`` has a turn, so no whole array is kept."""
    score = RNG.random((n, n))
    found = gradc.value_and_grad(folded_best).artifact(score).memory()
    turns, innermost = n * (n - 1) // 2, n * (n - 1) * (n - 2) // 6
    assert found.tape <= 4 * 8 * turns + 8 * innermost


def test_a_branch_in_a_triangle_has_its_gradient():
    score, step = RNG.random((12, 12)), 1e-6 * RNG.standard_normal((12, 12))
    for backend in ("numpy", "c"):
        bar = gradc.compile(gradc.grad(folded_best), backend=backend)(score)
        ahead, behind = folded_best(score + step), folded_best(score - step)
        assert np.sum(bar * step) == pytest.approx((ahead - behind) / 2, rel=1e-6)


def weighted_windows(u, turns):
    """Each window times one number, which depends on the indices alone."""
    u = u.copy()
    n, m = u.shape
    for _ in range(turns):
        s = np.zeros((n - 2, m - 2))
        for i in range(3):
            for j in range(3):
                s += u[i : n - 2 + i, j : m - 2 + j] * (1.0 / (1 + abs(i - 1) + abs(j - 1)))
        u[1:-1, 1:-1] = np.tanh(0.1 * s)
    return np.sum(u * u)


def test_numbers_are_kept_not_arrays_that_repeat_them():
    u = RNG.random((12, 14))
    made = gradc.value_and_grad(lambda u: weighted_windows(u, 5), backend="c", unroll=0)
    found = made.artifact(u).memory()
    assert found.tape <= 8 * (5 * 10 * 12 + 2 * 9)
    assert found.arena <= 8 * (8 * 10 * 12 + 3 * 12 * 14)
    _, wanted = gradc.value_and_grad(lambda u: weighted_windows(u, 5), backend="numpy")(u)
    np.testing.assert_allclose(made(u)[1], wanted, rtol=1e-12)


def eliminated(a):
    """Rows that grow shorter, each less a number times another row."""
    a = a.copy()
    n = a.shape[0]
    for k in range(n - 1):
        a[k + 1 :, k] = a[k + 1 :, k] / a[k, k]
        for i in range(k + 1, n):
            a[i, k + 1 :] = a[i, k + 1 :] - a[i, k] * a[k, k + 1 :]
        a[k, :k] = 0.5 * a[k, :k]
    return np.sum(a * a)


def test_a_number_is_kept_where_rows_grow_shorter():
    """A row has one element in the last turn, and many in the first: a number is always one."""
    n = 20
    made = gradc.value_and_grad(eliminated, backend="c").artifact(RNG.random((n, n)) + np.eye(n))
    turns = n * (n - 1) // 2
    assert made.memory().tape <= 8 * (turns * (n - 1) + 3 * turns)
