"""The public face: decorators, options, names."""

import copy
import pickle

import numpy as np
import pytest

import gradc
from gradc.native import blas
from gradc.native.ffi import NULL
from tests.backends import BACKENDS


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_function_may_have_the_name_of_a_library_function(backend):
    """glibc exports ``step``: a call by that name must not leave the compiled unit."""

    @gradc.compile(backend=backend)
    def step(x):
        return np.sum(x * 2.0)

    assert step(np.ones(3)) == 6.0


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_overwritten_argument_must_not_overlap_another(backend):
    @gradc.compile(backend=backend)
    def shift(x, y):
        x[1:] = y[:-1]
        return np.sum(y)

    x = np.arange(4.0)
    assert shift(x, np.ones(4)) == 4.0
    np.testing.assert_array_equal(x, [0.0, 1.0, 1.0, 1.0])
    with pytest.raises(gradc.ArgumentError, match="shares memory with y"):
        shift(x, x)
    both = np.arange(8.0)
    shift(both[:4], both[4:])
    np.testing.assert_array_equal(both[:4], [0.0, 4.0, 5.0, 6.0])


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_generator_as_argument_draws_from_the_one_that_is_passed(backend):
    @gradc.compile(backend=backend)
    def noisy(x, generator):
        return x + generator.standard_normal(3)

    one, two = np.random.default_rng(1), np.random.default_rng(2)
    for generator, seed in ((one, 1), (two, 2)):
        expected = np.random.default_rng(seed).standard_normal(3)
        np.testing.assert_array_equal(noisy(np.zeros(3), generator), expected)


@pytest.mark.parametrize("backend", BACKENDS)
def test_guards_notice_what_changed(backend):
    rates = {"step": 2.0}

    @gradc.compile(backend=backend)
    def scaled(x):
        return x * rates["step"] + offset

    offset = 1.0
    assert scaled(3.0) == 7.0
    offset = 2.0
    assert scaled(3.0) == 8.0
    rates["step"] = 10.0
    assert scaled(3.0) == 32.0


@pytest.mark.parametrize("backend", BACKENDS)
def test_bind_reads_the_arrays_as_they_are_now(backend):
    x = np.arange(3.0)
    run = gradc.value_and_grad(lambda x: np.sum(x * x), backend=backend).bind(x)
    value, gradient = run()
    assert value == 5.0
    x[:] = 1.0
    value, gradient = run()
    assert value == 3.0
    np.testing.assert_array_equal(gradient, [2.0, 2.0, 2.0])


def test_unknown_options_are_refused():
    with pytest.raises(gradc.GradcError, match="unknown option 'speed'"):
        gradc.compile(lambda x: x, speed="high")
    with pytest.raises(gradc.GradcError, match="backend='fortran'"):
        gradc.compile(lambda x: x, backend="fortran")


def test_products_stay_in_the_compiled_loops_where_the_user_says_so():
    """One library serves both: what the process lends is chosen at the call."""

    def product(a, b):
        return np.sum(a @ b)

    a = np.arange(96.0 * 96).reshape(96, 96) % 7
    own, lent = (gradc.compile(product, backend="c", blas=choice) for choice in (False, True))
    assert own(a, a) == lent(a, a) == product(a, a)
    kept, called = (one.artifact(a, a) for one in (own, lent))
    assert kept.facts["blas"] == "own loops, as asked"
    assert called.facts["blas"] == blas.describe()
    assert kept.caller._environment.dgemm == NULL
    assert called.caller._environment == blas.environment().pointer


@gradc.compile(backend="numpy")
def scaled(x, factor=2.0):
    return np.sum(np.sin(x) * factor)


class Spring:
    def __init__(self, stiffness):
        self.stiffness = stiffness

    @gradc.compile(backend="numpy")
    def energy(self, x):
        return np.sum(self.stiffness * x * x)

    def plain(self, x):
        return np.sum(self.stiffness * x)


def cubes(x):
    return np.sum(x**3)


PICKLED = {
    "decorated": scaled,
    "gradient of a decorated one": gradc.grad(scaled),
    "value and gradient": gradc.value_and_grad(cubes, backend="numpy"),
    "list of numbers": gradc.grad(cubes, argnums=[0], backend="numpy"),
    "jacobian": gradc.jacobian(gradc.grad(cubes, backend="numpy")),
    "mapped": gradc.vmap(gradc.grad(scaled)),
    "method": Spring(3.0).energy,
    "gradient of a method": gradc.grad(Spring(3.0).plain, backend="numpy"),
}


@pytest.mark.parametrize("name", PICKLED)
def test_functions_are_pickled(name):
    function = PICKLED[name]
    x = np.array([0.5, 1.5]) if name != "mapped" else np.array([[0.5, 1.5]])
    again = pickle.loads(pickle.dumps(function))
    np.testing.assert_equal(again(x), function(x))


def test_a_pickled_function_is_one_each_time_it_arrives():
    """Else a pool of processes would compile anew for each task."""
    gradient = PICKLED["gradient of a decorated one"]
    text = pickle.dumps(gradient)
    assert pickle.loads(text) is pickle.loads(text)
    assert pickle.loads(pickle.dumps(scaled)) is scaled
    text = pickle.dumps(PICKLED["gradient of a method"])
    assert pickle.loads(text) is not pickle.loads(text)  # each has a spring of its own


def test_functions_are_copied_as_functions_are():
    held = {"loss": scaled, "gradient": gradc.grad(scaled)}
    held["gradient"](np.ones(2))
    for copied in (copy.copy(held), copy.deepcopy(held)):
        assert copied["loss"] is scaled
        assert copied["gradient"] is held["gradient"]


def test_a_function_that_has_no_place_is_refused_by_pickle():
    with pytest.raises((AttributeError, pickle.PicklingError), match="local"):
        pickle.dumps(gradc.grad(lambda x: np.sum(x)))
