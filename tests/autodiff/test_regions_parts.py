"""What branches read of arrays that a loop updates, at places that only the run knows."""

import numpy as np
import pytest

import gradc

RNG = np.random.default_rng(7)
N = 14
A, B = RNG.random((N, N)), RNG.random((N, N))
ORDER = np.array([3, 5, 2, 7, -1, 0, 12, 5, 9, 3, -14, 8, 1, 13])


def along_diagonals(a, b):
    n, c = a.shape[0], a.copy()
    for d in range(2, 2 * n - 1):
        for i in range(max(1, d - n + 1), min(d, n)):
            j = d - i
            if c[i - 1, j] > c[i, j - 1]:
                c[i, j] += 0.3 * c[i - 1, j] * b[i, j]
            else:
                c[i, j] += 0.3 * c[i, j - 1]
    return np.sum(c * c)


def by_a_table(a, b):
    y = a[0].copy()
    for i in range(N):
        k = ORDER[i]
        if b[0, i] > 0.5:
            y[k] = y[k] * b[1, i] + y[k] ** 2
        elif b[0, i] > 0.25:
            y[k - 1 if k > 0 else k] *= 1.5
    return np.sum(y * y)


def rows_by_a_table(a, b):
    c = a.copy()
    for i in range(N):
        k = ORDER[i]
        if np.sum(c[k]) > 7.0:
            c[k] = c[k] * b[i]
        else:
            c[k] += np.sin(c[k])
    return np.sum(c * c)


def beside_the_end(a, b):
    """The branch that is taken at the end would not look where the other one does."""
    y = a[0].copy()
    for i in range(N):
        j = int(ORDER[i] * 0) + i
        if j + 1 < N:
            y[j + 1] = y[j] * y[j + 1] + b[0, j]
        else:
            y[j] *= 2.0
    return np.sum(y * y)


def until_small(a, b):
    y, i = a[0].copy(), 0
    while i < N - 1 and y[i] < 3.0:
        if y[i] > y[i + 1]:
            y[i + 1] = y[i] * y[i + 1] + b[0, i]
        i += 1
    return np.sum(y * y)


def around_obstacles(a, b):
    """The rows below are written later, so they are no final ones."""
    c = a.copy()
    for _ in range(3):
        for i in range(1, N - 1):
            for j in range(1, N - 1):
                if b[i, j] < 0.5:
                    near = c[i - 1, j] + c[i + 1, j] + c[i, j - 1] + c[i, j + 1]
                    c[i, j] = 0.25 * near * c[i, j]
    return np.sum(c * c)


PROGRAMS = [
    around_obstacles,
    along_diagonals,
    by_a_table,
    rows_by_a_table,
    beside_the_end,
    until_small,
]


@pytest.mark.parametrize("loss", PROGRAMS)
@pytest.mark.parametrize("backend", ["numpy", "c"])
def test_gradients(loss, backend):
    value, found = gradc.value_and_grad(loss, argnums=(0,), backend=backend)(A, B)
    assert value == pytest.approx(loss(A, B), rel=1e-13)
    da = RNG.standard_normal((N, N))
    ahead, behind = (loss(A + h * da, B) for h in (1e-6, -1e-6))
    assert float(np.sum(found[0] * da)) == pytest.approx((ahead - behind) / 2e-6, rel=1e-6)


@pytest.mark.parametrize(
    ("loss", "most"),
    [
        (around_obstacles, 3 * (N - 2) ** 2 * 8),
        (along_diagonals, (2 * N - 3) * (N - 1) * 9),
        (by_a_table, N * 3 * 8),
        (rows_by_a_table, N * (N + 2) * 8),
        (beside_the_end, N * 4 * 8),
        (until_small, 1_000_000 * 8),
    ],
)
def test_elements_are_kept_and_not_arrays(loss, most):
    """The array would be kept for each turn."""
    memory = gradc.value_and_grad(loss).artifact(A, B).memory()
    assert max(tape.nbytes for tape in memory.tapes if tape.depth == 0) <= most


def test_a_branch_may_not_look_outside_the_array():
    """Reading beside a branch hides no error, and makes none."""

    def loss(a, b):
        y = a[0].copy()
        for i in range(N):
            j = ORDER[i] + 4
            if b[0, i] > 2.0 or j < N:
                y[j] = y[j] * y[j]
        return np.sum(y)

    assert gradc.grad(loss)(A, B).shape == A.shape
    with pytest.raises(IndexError):
        gradc.grad(loss)(A, B + 2.0)
