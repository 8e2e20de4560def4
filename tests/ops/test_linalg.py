"""Linear algebra of square matrices, as the user meets it: both backends against NumPy."""

import numpy as np
import pytest

import gradc
from tests.backends import BACKENDS

CLOSE = {"f8": 1e-11, "f4": 2e-4}


def matrices(*shape, seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal(shape) + 2 * shape[-1] ** 0.5 * np.eye(shape[-1])


A, STACK = matrices(5, 5), matrices(2, 3, 4, 4)
POSITIVE = A @ A.T
VECTOR, COLUMNS = np.arange(1.0, 6.0), np.linspace(-1.0, 1.0, 10).reshape(5, 2)


def cholesky_of_lower(a):
    return np.linalg.cholesky(np.tril(a) + np.tril(a, -1).T)


CASES = {
    "solve": (lambda a, b: np.linalg.solve(a, b), A, VECTOR),
    "solve columns": (lambda a, b: np.linalg.solve(a, b), A, COLUMNS),
    "solve a stack": (lambda a, b: np.linalg.solve(a, b), STACK, COLUMNS[:4]),
    "solve a stack by a vector": (lambda a, b: np.linalg.solve(a, b), STACK, VECTOR[:4]),
    "solve by a stack": (lambda a, b: np.linalg.solve(a, b), STACK[0, 0], STACK[0]),
    "solve transposed": (lambda a, b: np.linalg.solve(a.T, 2.0 * b[::-1]), A, VECTOR),
    "inv": (lambda a: np.linalg.inv(a), A),
    "inv of a stack": (lambda a: np.linalg.inv(a), STACK),
    "det": (lambda a: np.linalg.det(a), A),
    "det of a stack": (lambda a: np.linalg.det(-a), STACK),
    "slogdet": (lambda a: np.linalg.slogdet(-a)[1], A),
    "slogdet of a stack": (lambda a: np.linalg.slogdet(a).logabsdet, STACK),
    "cholesky": (lambda a: np.linalg.cholesky(a), POSITIVE),
    "cholesky of a product": (lambda a: np.linalg.cholesky(a @ np.swapaxes(a, -1, -2)), STACK),
    "cholesky, upper": (lambda a: np.linalg.cholesky(a, upper=True), POSITIVE),
}
every_case = pytest.mark.parametrize("name", CASES)
backends = pytest.mark.parametrize("backend", BACKENDS)


@backends
@every_case
@pytest.mark.parametrize("dtype", CLOSE)
def test_values(name, dtype, backend):
    function, *args = CASES[name]
    args = [a.astype(dtype) for a in args]
    found, wanted = gradc.compile(function, backend=backend)(*args), function(*args)
    assert found.dtype == wanted.dtype == np.dtype(dtype)
    np.testing.assert_allclose(found, wanted, rtol=CLOSE[dtype], atol=CLOSE[dtype])


@backends
@every_case
def test_derivatives_to_second_order(name, backend):
    function, *args = CASES[name]
    gradc.check_grads(function, tuple(args), order=2, backend=backend)


@backends
def test_integers_become_float64(backend):
    a = np.array([[2, 1], [7, 4]])
    found = gradc.compile(lambda a: np.linalg.inv(a), backend=backend)(a)
    np.testing.assert_allclose(found, [[4.0, -1.0], [-7.0, 2.0]], rtol=1e-14)
    assert found.dtype == np.float64


@backends
def test_slogdet_is_numpys_named_tuple(backend):
    found = gradc.compile(lambda a: np.linalg.slogdet(a), backend=backend)(STACK)
    assert type(found) is type(np.linalg.slogdet(STACK))
    np.testing.assert_array_equal(found.sign, np.linalg.slogdet(STACK).sign)


@backends
@pytest.mark.parametrize("n", [0, 1, 2, 60])
def test_sizes(n, backend):
    a = matrices(n, n, seed=n) if n else np.zeros((0, 0))
    found = gradc.compile(lambda a: np.linalg.det(a), backend=backend)(a)
    np.testing.assert_allclose(found, np.linalg.det(a), rtol=1e-11)


@backends
def test_determinants_neither_overflow_on_the_way_nor_lose_their_sign(backend):
    a = np.diag([1e200, 1e200, 1e-200, -1e-200])[[1, 0, 2, 3]]
    det = gradc.compile(lambda a: np.linalg.det(a), backend=backend)
    assert det(a) == pytest.approx(1.0, rel=1e-12)
    assert det(np.zeros((3, 3))) == 0.0
    assert np.isnan(det(np.full((2, 2), np.nan)))


@backends
def test_singular_values_of_slogdet(backend):
    found = gradc.compile(lambda a: np.linalg.slogdet(a), backend=backend)(np.zeros((2, 2)))
    assert tuple(found) == (0.0, -np.inf)


@backends
@pytest.mark.parametrize("n", [1, 2])
def test_an_operand_may_be_a_constant_of_one_number(n, backend):
    """All its elements are the same, so it is no table of its own unless somebody points at it."""
    solve = gradc.compile(lambda a: np.linalg.solve(np.array([[4.0]]), a), backend=backend)
    np.testing.assert_array_equal(solve(np.ones((1, n))), np.full((1, n), 0.25))


REFUSED = {
    "inv": (lambda a: np.linalg.inv(a) + 1.0, "the matrix is singular"),
    "solve": (lambda a: np.linalg.solve(a, a[0]) + 1.0, "the matrix is singular"),
    "cholesky": (lambda a: np.linalg.cholesky(a) + 1.0, "the matrix is not positive definite"),
}


@backends
@pytest.mark.parametrize("name", REFUSED)
def test_what_has_no_result_is_an_error_at_the_users_line(name, backend):
    function, message = REFUSED[name]
    compiled = gradc.compile(function, backend=backend)
    with pytest.raises(np.linalg.LinAlgError, match=message) as caught:
        compiled(np.zeros((2, 2)))
    assert isinstance(caught.value, gradc.SingularError)
    assert f"np.linalg.{name}(a" in str(caught.value)
    assert "test_linalg.py" in str(caught.value)


@backends
def test_the_gradient_of_cholesky_lies_where_numpy_reads(backend):
    """Only the lower triangle is read, so the gradient is lower triangular."""
    gradient = gradc.grad(lambda a: np.sum(np.linalg.cholesky(a) ** 3), backend=backend)
    found = gradient(POSITIVE)
    assert not np.triu(found, 1).any()
    symmetric = gradc.grad(lambda a: np.sum(cholesky_of_lower(a) ** 3), backend=backend)
    np.testing.assert_allclose(found, symmetric(POSITIVE), rtol=1e-10, atol=1e-12)


@backends
def test_growing_systems_in_a_loop(backend):
    """The sizes depend on the loop's index, and the loop stays one."""

    def total(a, b):
        s = 0.0
        for k in range(1, 5):
            s += np.sum(np.linalg.solve(a[:k, :k], b[:k]) ** 2)
        return s

    found = gradc.grad(total, backend=backend)(A, VECTOR)
    step = 1e-6
    moved = np.zeros_like(A)
    moved[1, 2] = step
    slope = (total(A + moved, VECTOR) - total(A - moved, VECTOR)) / (2 * step)
    assert found[1, 2] == pytest.approx(slope, rel=1e-6)


@pytest.mark.parametrize("shape", [(3,), (2, 3)])
def test_square_matrices_are_asked_for(shape):
    with pytest.raises(gradc.ShapeError, match=r"np\.linalg\.inv needs square matrices"):
        gradc.compile(lambda a: np.linalg.inv(a))(np.zeros(shape))


def test_the_right_side_must_fit():
    with pytest.raises(gradc.ShapeError, match="needs 3 rows on the right side"):
        gradc.compile(lambda a, b: np.linalg.solve(a, b))(np.eye(3), np.zeros(4))
