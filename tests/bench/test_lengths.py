"""Loops stay loops: neither the graph nor the code knows how many elements and turns there are.

Graph and NumPy source are as long at every size.  In C a loop that does enough work is cut into
chunks that threads may share, which adds their frame, once: so lines are equal within a tenth
between sizes that are treated alike.
"""

import numpy as np
import pytest

import gradc
from tests.bench.models import diffusion, elimination, gauss_seidel, substitution

RNG = np.random.default_rng(27)


def two_grids(A, B, turns):
    for _ in range(turns):
        B[1:-1, 1:-1] = 0.2 * (
            A[1:-1, 1:-1] + A[1:-1, :-2] + A[1:-1, 2:] + A[2:, 1:-1] + A[:-2, 1:-1]
        )
        A[1:-1, 1:-1] = 0.2 * (
            B[1:-1, 1:-1] + B[1:-1, :-2] + B[1:-1, 2:] + B[2:, 1:-1] + B[:-2, 1:-1]
        )
    return np.sum(A)


def cube(A, turns):
    B = A.copy()
    for _ in range(turns):
        B[1:-1, 1:-1, 1:-1] = 0.125 * (
            A[2:, 1:-1, 1:-1] - 2.0 * A[1:-1, 1:-1, 1:-1] + A[:-2, 1:-1, 1:-1]
        ) + 0.125 * (A[1:-1, 2:, 1:-1] + A[1:-1, :-2, 1:-1])
        A = B + 0.01 * A
    return np.sum(A * A)


def sweeps_of_lines(u, turns):
    p = np.zeros_like(u)
    for _ in range(turns):
        for j in range(1, u.shape[0] - 1):
            p[:, j] = -0.5 / (0.3 * p[:, j - 1] + 1.5)
            u[:, j] = (u[:, j] - 0.3 * u[:, j - 1]) * p[:, j]
        for j in range(u.shape[0] - 2, 0, -1):
            u[:, j] = p[:, j] * u[:, j + 1] + u[:, j]
    return np.sum(u)


def products(A, B, C):
    return np.sum(np.tanh(A @ B @ C))


def _square(*counts):
    return lambda n: tuple(RNG.random((n, n)) for _ in range(counts[0])) + counts[1:]


KERNELS = {
    # arguments of a size; sizes: small and large, each with one twice as large
    two_grids: (lambda n: (*_square(2)(n), n // 3), (0, 1), (60, 120, 350, 700)),
    cube: (lambda n: (RNG.random((n, n, n)), n), (0,), (12, 24, 60, 120)),
    diffusion: (lambda n: (RNG.random((n, n)), n // 2), (0,), (60, 120, 350, 700)),
    gauss_seidel: (lambda n: (RNG.random((n, n)), n // 4), (0,), (50, 100, 400, 800)),
    elimination: (_square(1), (0,), (60, 120, 240, 480)),
    substitution: (lambda n: (*_square(1)(n), RNG.random(n)), (0, 1), (250, 500, 2000, 4000)),
    sweeps_of_lines: (lambda n: (RNG.random((n, n)), n // 10), (0,), (50, 100, 200, 400)),
    products: (_square(3), (0, 1, 2), (150, 300, 900, 1800)),
}


@pytest.mark.parametrize("kernel", KERNELS, ids=lambda kernel: kernel.__name__)
def test_neither_graph_nor_code_grows_with_the_sizes(kernel):
    make, argnums, sizes = KERNELS[kernel]
    gradient = gradc.value_and_grad(kernel, argnums=argnums)
    graphs = [gradient.artifact(*make(n)) for n in sizes]
    nodes = {len(one.program.graph.nodes) for one in graphs}
    assert len(nodes) == 1, nodes
    lines = [len(one.source("numpy").splitlines()) for one in graphs]
    assert max(lines) <= min(lines) + 1, lines  # longer numbers may take a statement apart
    lines = [len(one.source("c").splitlines()) for one in graphs]
    for alike in (lines[:2], lines[2:]):
        assert max(alike) <= 1.1 * min(alike), lines
    assert max(lines) <= 1.5 * min(lines), lines
