"""Arrays that share memory with one that a function overwrites: refused, whoever holds them."""

import numpy as np
import pytest

import gradc
from tests.backends import BACKENDS

SHARED = np.arange(1.0, 7.0)
backends = pytest.mark.parametrize("backend", BACKENDS)


def beside_a_closed_over_array(a):
    a[0] = 100.0
    return np.sum(a * SHARED)


def into_a_closed_over_array(a):
    SHARED[0] = 100.0
    return np.sum(a * SHARED)


def into_the_first(a, b):
    a[0] = 100.0
    return np.sum(a * b)


def reads_only(a, b):
    return np.sum(a * b * SHARED)


@backends
@pytest.mark.parametrize("function", [beside_a_closed_over_array, into_a_closed_over_array])
@pytest.mark.parametrize("step", [1, -1])
def test_an_argument_and_a_closed_over_array(function, step, backend):
    compiled = gradc.compile(function, backend=backend)
    before = SHARED.copy()
    with pytest.raises(gradc.ArgumentError, match="which shares memory with") as caught:
        compiled(SHARED[::step])
    assert ".copy()" in str(caught.value)
    assert f"in {function.__name__}" in str(caught.value)
    np.testing.assert_array_equal(SHARED, before)


@backends
def test_an_argument_beside_a_closed_over_array_of_its_own(backend):
    given = SHARED.copy()
    found = gradc.compile(beside_a_closed_over_array, backend=backend)(given)
    assert found == 100.0 + np.sum(SHARED[1:] ** 2)
    assert given[0] == 100.0


TRANSFORMS = {
    "value_and_grad": lambda f: gradc.value_and_grad(f, (0, 1)),
    "grad of one": lambda f: gradc.grad(f, 1),
    "jvp": lambda f: lambda a, b: gradc.jvp(f, (a, b), (b, a))[0],
    "grad of a view": lambda f: lambda a, b: gradc.grad(f)(a[:4], b[:4]),
    "grad in grad": lambda f: gradc.grad(lambda a, b: np.sum(gradc.grad(f)(a, b) * b), 1),
}


@backends
@pytest.mark.parametrize("name", TRANSFORMS)
def test_a_derivative_of_a_function_that_overwrites_one_of_two(name, backend):
    """It writes into a copy; which value NumPy would give depends on the overlap all the same."""
    compiled = gradc.compile(TRANSFORMS[name](into_the_first), backend=backend)
    x = np.arange(1.0, 7.0)
    for _ in range(3):
        compiled(x, x.copy())
        with pytest.raises(gradc.ArgumentError, match="overwrites a, which shares memory with b"):
            compiled(x, x)
        with pytest.raises(gradc.ArgumentError, match="overwrites a, which shares memory with b"):
            compiled(x, x[::-1])


@backends
def test_arrays_that_nobody_overwrites_may_overlap(backend):
    x = SHARED
    found = gradc.grad(reads_only, (0, 1), backend=backend)(x, x[::-1])
    np.testing.assert_allclose(found[0], x[::-1] * x)
    np.testing.assert_allclose(found[1], x * x)
