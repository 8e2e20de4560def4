"""Matrices are factored once in C, before loops that do not change them, and in blocks if large."""

import re

import numpy as np
import pytest

import gradc
from tests.backends import BACKENDS

RNG = np.random.default_rng(41)


def matrix(n, dtype="f8"):
    """Return a matrix whose largest elements are not on the diagonal, so rows are exchanged."""
    a = RNG.standard_normal((n, n)) / n + np.roll(np.eye(n), 1 + n // 3, axis=0)
    return a.astype(dtype)


def positive(n, dtype="f8"):
    a = RNG.standard_normal((n, n))
    return (a @ a.T / n + np.eye(n)).astype(dtype)


def calls(function, *arguments):
    """Return how often each routine of factors stands in the C of a function."""
    source = function.source("c", *arguments)
    text = source[source.index("_arena(void) {") :]
    found = re.findall(r"\b(gradc_(?:lu|lower|cholesky)\w*)\(", text)
    return {name: found.count(name) for name in found}


def quadratic(a, b):
    return np.sum(np.linalg.solve(a, b) ** 2)


def test_a_gradient_solves_with_the_factors_of_the_function():
    gradient = gradc.value_and_grad(quadratic, argnums=(0, 1))
    assert calls(gradient, matrix(5), np.ones(5)) == {
        "gradc_lu": 1,
        "gradc_lu_solve": 1,
        "gradc_lu_solve_transposed": 1,
    }
    assert "np.linalg.solve(a.T, " in gradient.source("numpy", matrix(5), np.ones(5))


def test_determinant_inverse_and_system_share_factors():
    def loss(a, b):
        return np.linalg.slogdet(a)[1] + b @ np.linalg.inv(a) @ np.linalg.solve(a, b)

    assert calls(gradc.value_and_grad(loss), matrix(6), np.ones(6))["gradc_lu"] == 1


def test_steps_with_one_matrix_factor_it_before_the_loop():
    """The Crank-Nicolson scheme, and its adjoint that runs backwards through the same factors."""

    def loss(u, k):
        n = u.shape[0]
        d = np.eye(n, k=1) - 2.0 * np.eye(n) + np.eye(n, k=-1)
        for _ in range(40):
            u = np.linalg.solve(np.eye(n) - k * d, u + k * (d @ u))
        return np.sum(u * u)

    gradient = gradc.value_and_grad(loss, argnums=(0, 1))
    u = RNG.random(12)
    source = gradient.source("c", u, 0.1)
    assert source.count("gradc_lu(1, 12, ") == 1
    assert source.index("gradc_lu(1, 12, ") < source.index("for (int64_t turn")
    gradc.check_grads(loss, (u, 0.1))


def test_a_cholesky_factor_needs_no_factors():
    def loss(a, b):
        l = np.linalg.cholesky(a)  # noqa: E741
        y = np.linalg.solve(l, b)
        return y @ y + np.sum(np.log(np.diag(l))) + np.sum(np.linalg.solve(l.T, y))

    gradient = gradc.value_and_grad(loss, argnums=(0, 1))
    found = calls(gradient, positive(6), np.ones(6))
    assert set(found) == {
        "gradc_cholesky",
        "gradc_lower_solve",
        "gradc_lower_solve_transposed",
    }
    gradc.check_grads(lambda a, b: loss(a + a.T, b), (positive(6), RNG.random(6)))


PROGRAMS = {
    "system": lambda a, b: np.sum(np.linalg.solve(a, b[:, 0]) ** 2),
    "columns": lambda a, b: np.sum(np.linalg.solve(a, b) ** 2),
    "transposed": lambda a, b: np.sum(np.linalg.solve(a.T, b) ** 2),
    "inverse": lambda a, b: np.sum(np.linalg.inv(a)[:, :3] * b[:, :3]),
    "logarithm": lambda a, b: np.linalg.slogdet(a)[1] * np.sum(b),
    "sign": lambda a, b: np.linalg.slogdet(a)[0] * np.sum(b * a[:, :4]),
    "cholesky": lambda a, b: np.sum(np.linalg.cholesky(a @ a.T + np.eye(len(a)))[:, :4] * b),
    "lower": lambda a, b: np.sum(
        np.linalg.solve(np.linalg.cholesky(a @ a.T + np.eye(len(a))), b) ** 2
    ),
    "upper": lambda a, b: np.sum(
        np.linalg.solve(np.linalg.cholesky(a @ a.T + np.eye(len(a))).T, b) ** 2
    ),
    "batch": lambda a, b: np.sum(
        np.linalg.solve(np.stack([a, 2.0 * a, a.T]), np.stack([b, b, 2.0 * b])) ** 2
    ),
}


@pytest.mark.parametrize("dtype", ["f8", "f4"])
@pytest.mark.parametrize("n", [4, 40, 97, 170])
@pytest.mark.parametrize("name", PROGRAMS)
def test_both_backends_agree_at_any_size(name, n, dtype):
    """From 97 rows on, work is done in blocks, whose last ones are of all sizes."""
    program = PROGRAMS[name]
    arguments = matrix(n, dtype), RNG.standard_normal((n, 4)).astype(dtype)
    (c, c_bars), (numpy, numpy_bars) = (
        gradc.value_and_grad(program, argnums=(0, 1), backend=backend)(*arguments)
        for backend in ("c", "numpy")
    )
    tolerance = 1e-9 if dtype == "f8" else 2e-2
    np.testing.assert_allclose(c, numpy, rtol=tolerance)
    for one, other in zip(c_bars, numpy_bars, strict=True):
        scale = np.max(np.abs(other)) + 1e-30
        np.testing.assert_allclose(one / scale, other / scale, atol=tolerance)
    np.testing.assert_allclose(c, program(*arguments), rtol=tolerance)


def test_large_matrices_are_worked_on_by_products():
    gradient = gradc.value_and_grad(quadratic, argnums=(0, 1))
    found = calls(gradient, matrix(120), np.ones((120, 4)))
    assert set(found) == {
        "gradc_lu_blocked",
        "gradc_lu_solve_blocked",
        "gradc_lu_solve_transposed_blocked",
    }
    column = calls(gradient, matrix(120), np.ones(120))
    assert set(column) == {"gradc_lu_blocked", "gradc_lu_solve", "gradc_lu_solve_transposed"}


REFUSED = {
    "solve": (lambda a, b: np.linalg.solve(a, b) + 1.0, "the matrix is singular"),
    "inv": (lambda a, b: np.linalg.inv(a) + b[0, 0], "the matrix is singular"),
    "cholesky": (lambda a, b: np.linalg.cholesky(a) + b[0, 0], "not positive definite"),
}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("n", [5, 130])
@pytest.mark.parametrize("name", REFUSED)
def test_what_has_no_result_is_an_error_at_any_size(name, n, backend):
    function, message = REFUSED[name]
    a = positive(n)
    a[n - 2] = a[:, n - 2] = 0.0
    with pytest.raises(gradc.SingularError, match=message) as caught:
        gradc.compile(function, backend=backend)(a, np.ones((n, 2)))
    assert f"np.linalg.{name}(a" in str(caught.value)


def test_a_determinant_has_the_sign_of_its_exchanges():
    for n in (6, 101):
        for seed in range(4):
            order = np.random.default_rng(seed).permutation(n)
            a = np.eye(n)[order] * 1.01
            found = gradc.compile(lambda a: np.linalg.det(a), backend="c")(a)
            np.testing.assert_allclose(found, np.linalg.det(a), rtol=1e-11)
