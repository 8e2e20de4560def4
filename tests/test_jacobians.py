"""Full Jacobians and Hessians: against differences, in both modes, few sweeps and many."""

import numpy as np
import pytest

import gradc
from gradc import DerivativeError
from gradc.kernels import threads
from tests.backends import BACKENDS
from tests.capture.support import count

backends = pytest.mark.parametrize("backend", BACKENDS)
RNG = np.random.default_rng(11)
WIDE = RNG.standard_normal((7, 40))
TALL = RNG.standard_normal((40, 7))
SQUARE = RNG.standard_normal((30, 30)) / 6


def layer(matrix):
    return lambda x: np.tanh(matrix @ x) * np.sum(x)


def stencil(x):
    y = np.sin(x)
    y[1:] = y[1:] + x[:-1] ** 2
    return np.concatenate([y, x[:3] * x[-1]])


def recurrence(x):
    out = np.zeros(30)
    out[0] = x[0]
    for i in range(1, 30):
        out[i] = np.sin(out[i - 1]) * x[i] + x[0]
    return out


def matrix_result(x):
    return np.outer(x, np.cos(x))[:, ::-1]


def of_matrices(x):
    return x @ x.T + np.sum(x, axis=0)[:5]


def until_small(x):
    while x @ x > 0.5:
        x = x * 0.6 + 0.01
    return np.exp(x)


CASES = {
    "rows": (layer(WIDE), RNG.standard_normal(40)),
    "columns": (layer(TALL), RNG.standard_normal(7)),
    "square": (layer(SQUARE), RNG.standard_normal(30)),
    "one row": (lambda x: np.sum(np.sin(x)) * x[:1], RNG.standard_normal(50)),
    "scalar": (lambda x: np.sum(np.sin(x) ** 2), RNG.standard_normal(50)),
    "stencil": (stencil, RNG.standard_normal(40)),
    "loop": (recurrence, RNG.standard_normal(30)),
    "matrix": (matrix_result, RNG.standard_normal(30)),
    "of matrices": (of_matrices, RNG.standard_normal((5, 6)) / 2),
    "while": (until_small, RNG.standard_normal(30)),
    "empty": (lambda x: x[:0] * x[0], RNG.standard_normal(30)),
}


def by_differences(function, x, h=1e-6):
    steps = h * np.eye(x.size).reshape((x.size, *x.shape))
    columns = [(function(x + s) - function(x - s)) / (2 * h) for s in steps]
    return np.stack(columns, axis=-1).reshape(np.shape(columns[0]) + x.shape)


@backends
@pytest.mark.parametrize("case", CASES, ids=str)
def test_against_differences(case, backend):
    function, x = CASES[case]
    found = gradc.jacobian(function, backend=backend, unroll=0)(x)
    np.testing.assert_allclose(found, by_differences(function, x), atol=1e-6, rtol=1e-6)


def energy(x):
    return np.sum(np.sin(x[1:] * x[:-1])) + np.exp(-x @ x) * x[0]


@backends
@pytest.mark.parametrize("n", [3, 40])
def test_hessian(n, backend):
    x = RNG.standard_normal(n) / 3
    found = gradc.hessian(energy, backend=backend)(x)
    np.testing.assert_allclose(found, found.T, atol=1e-14)
    np.testing.assert_allclose(found, by_differences(gradc.grad(energy), x), atol=1e-7)


@backends
def test_derivatives_of_a_jacobian(backend):
    """The trace of the Hessian, differentiated: third derivatives, through the loop."""
    x = RNG.standard_normal(25) / 3

    def trace(x):
        return np.sum(np.diagonal(gradc.hessian(energy)(x)))

    gradient = gradc.grad(trace, backend=backend)(x)
    np.testing.assert_allclose(gradient, by_differences(trace, x), atol=1e-6)

    def squares(x):
        return np.sum(gradc.jacobian(layer(SQUARE))(np.append(x, x[:5])) ** 2)

    gradient = gradc.grad(squares, backend=backend)(x)
    np.testing.assert_allclose(gradient, by_differences(squares, x), rtol=1e-5, atol=1e-6)


@backends
def test_several_arguments(backend):
    def affine(w, b, x):
        return np.tanh(w @ x + b)

    w, b, x = RNG.standard_normal((20, 6)), RNG.standard_normal(20), RNG.standard_normal(6)
    by_w, by_b = gradc.jacobian(affine, argnums=(0, 1), backend=backend)(w, b, x)
    slope = 1 - np.tanh(w @ x + b) ** 2
    np.testing.assert_allclose(by_b, np.diag(slope), atol=1e-15)
    np.testing.assert_allclose(
        by_w, np.einsum("i,ij,k->ijk", slope, np.eye(20), x), rtol=1e-13, atol=1e-15
    )


@pytest.mark.parametrize("transform", [gradc.jacobian, gradc.hessian])
def test_code_does_not_grow_with_the_matrix(transform, monkeypatch):
    """Threads left out: whether a loop is worth sharing depends on its work.

    Both sizes leave eight turns over.
    """
    monkeypatch.setattr(threads, "LEAST_WORK", 1 << 62)

    def sizes(n):
        function = energy if transform is gradc.hessian else stencil
        artifact = transform(function).artifact(np.ones(n))
        return count(artifact.program.graph), [
            len(artifact.source(kind).splitlines()) for kind in ("numpy", "c")
        ]

    assert sizes(104) == sizes(1000)


def test_few_sweeps_leave_out_what_is_zero():
    """Two rows of one observation: straight lines, no loop, no array of the basis."""
    made = gradc.jacobian(lambda x: np.stack([np.sin(x[0]) * x[1], x[2] * x[3]]))
    artifact = made.artifact(np.ones(4))
    assert not any(node.regions for node in artifact.program.graph.nodes)
    np.testing.assert_allclose(
        made(np.array([0.0, 2.0, 3.0, 4.0])), [[2.0, 0, 0, 0], [0, 0, 4.0, 3.0]]
    )


def test_refused():
    with pytest.raises(DerivativeError, match="needs one floating-point array"):
        gradc.jacobian(lambda x: (x, x), backend="numpy")(np.ones(3))
