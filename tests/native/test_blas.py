import numpy as np
import pytest

from gradc.native import blas
from gradc.native.ffi import NULL, ffi


@pytest.fixture
def environment() -> blas.Environment:
    found = blas.environment()
    if not found.has_blas:
        pytest.skip(found.route)
    return found


def test_always_an_environment() -> None:
    found = blas.environment()
    assert found.pointer.version == 1
    assert found.pointer.parallel_for == NULL
    assert blas.describe() == found.route
    assert blas.environment() is found


@pytest.mark.parametrize(("dtype", "name"), [(np.float64, "dgemm"), (np.float32, "sgemm")])
def test_gemm(environment: blas.Environment, dtype: type, name: str) -> None:
    rng = np.random.default_rng(1)
    a, b = rng.standard_normal((70, 30)).astype(dtype), rng.standard_normal((30, 50)).astype(dtype)
    c = np.zeros((70, 50), dtype)
    real = "double *" if dtype is np.float64 else "float *"
    pointers = [ffi.from_buffer(real, array) for array in (a, b, c)]
    gemm = getattr(environment.pointer, name)
    gemm(101, 111, 111, 70, 50, 30, 1.0, pointers[0], 30, pointers[1], 50, 0.0, pointers[2], 50)
    np.testing.assert_allclose(c, a @ b, rtol=1e-4 if dtype is np.float32 else 1e-12, atol=1e-5)


def test_a_wrong_routine_is_not_trusted() -> None:
    environment = blas.environment()
    assert not blas._all_work({"dgemm": lambda *arguments: None})
    assert not blas._all_work({"sgemv": lambda *arguments: None})
    assert environment is not None


def test_without_blas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blas, "_loaded_libraries", lambda: iter(()))
    found = blas._with_routines.__wrapped__()
    assert not found.has_blas
    assert found.pointer.dgemm == NULL
    assert "own loops" in found.route
