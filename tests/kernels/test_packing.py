"""What products pack into: less, or nothing, where a library does them."""

import numpy as np
import pytest

import gradc
from gradc.ir import ArrayType
from gradc.kernels.nest import Buffer, MatMul, Matrix, Ref, Stage
from gradc.kernels.packing import matmul_scratch, packing
from gradc.native import blas


def product(m, n, k, a=None, b=None, c=None):
    """A product of matrices stored by rows; ``a``, ``b`` and ``c`` are other steps."""

    def matrix(rows, columns, steps):
        buffer = Buffer("temporary", ArrayType(np.dtype("f8"), (rows * columns * 9,)))
        return Matrix(Ref(buffer, 0), *(steps or (columns, 1)))

    return MatMul(m, n, k, matrix(m, k, a), matrix(k, n, b), matrix(m, n, c))


def stages(*products):
    return [Stage([one]) for one in products]


@pytest.mark.parametrize("sizes", [(16, 16, 16), (1, 900, 900), (900, 1, 900)])
def test_small_ones_and_vectors_pack_nothing(sizes):
    assert matmul_scratch(product(*sizes)) == 0


def test_large_ones_pack_strips_of_both():
    assert matmul_scratch(product(100, 200, 300)) == (132 + 216) * 256 * 8 + 64


def test_the_largest_counts():
    small, large = product(40, 40, 40), product(80, 90, 100)
    assert packing(stages(small, large))[0] == matmul_scratch(large)
    assert packing(stages(product(2, 2, 2))) == (0, 0)


@pytest.mark.parametrize(
    "one",
    [
        product(40, 50, 60),
        product(40, 50, 60, a=(1, 40), b=(1, 60)),
        product(40, 50, 60, c=(1, 40)),
        product(40, 50, 60, a=(70, 1), c=(64, 1)),
    ],
)
def test_a_library_packs_for_itself(one):
    alone, lent = packing(stages(one))
    assert alone > 0
    assert lent == 0


@pytest.mark.parametrize(
    "one",
    [
        product(40, 50, 60, a=(120, 2)),
        product(40, 50, 60, b=(0, 1)),
        product(40, 50, 60, c=(100, 2)),
        product(40, 50, 60, a=(-60, 1)),
        product(40, 50, 60, c=(40, 1)),
    ],
)
def test_what_no_library_takes_is_packed(one):
    alone, lent = packing(stages(one))
    assert lent == alone > 0


def network(x, w, v):
    return np.sum(np.tanh(x @ w) @ v)


def test_a_call_takes_no_room_that_the_library_makes_needless():
    rng = np.random.default_rng(5)
    x, w, v = (rng.standard_normal(shape) for shape in ((64, 300), (300, 200), (200, 50)))
    artifact = gradc.grad(network, argnums=(1, 2)).artifact(x, w, v)
    plan, memory = artifact.caller.plan, artifact.memory()
    assert 0 <= plan.lent_arena_bytes < memory.arena
    expected = plan.lent_arena_bytes if blas.environment().has_blas else memory.arena
    assert plan.arena_bytes == expected
    assert artifact.facts["arena"] == f"{expected} bytes"


def test_without_a_library_there_is_room_to_pack(monkeypatch):
    rng = np.random.default_rng(6)
    x, w, v = (rng.standard_normal(shape) for shape in ((64, 300), (300, 200), (200, 50)))
    usual = gradc.grad(network, argnums=(1, 2))(x, w, v)
    lone = blas.Environment(blas._struct({}), "none")
    monkeypatch.setattr("gradc.runtime.call.blas.environment", lambda *_, **__: lone)
    artifact = gradc.grad(network, argnums=(1, 2)).artifact(x, w, v)
    assert artifact.caller.plan.arena_bytes == artifact.memory().arena
    for one, other in zip(artifact.caller([x, w, v]), usual, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-11)
