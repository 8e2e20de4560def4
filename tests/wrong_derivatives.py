"""Derivatives that do not exist, or are asked for in a wrong way; see ``wrong_programs``."""

import numpy as np

import gradc
from tests.wrong_programs import MATRIX, MISTAKES, VECTOR, Mistake, gradient

INTEGERS = np.array([1, 2, 3])


def mistake(call):
    """Add a call with a mistake of its own."""
    MISTAKES.append(Mistake(call.__name__, call))
    return call


NO_PLACE = {
    "unknown_option",
    "unknown_backend",
    "unknown_math_mode",
    "unknown_kind_of_source",
    "something_that_is_no_function",
    "too_few_tangents",
    "without_source_a_branch",
    "without_source_a_buffer",
}
"""Mistakes in the call of gradc itself, or in code without source: there is no line to show."""


def loss(x, y=1.0):
    return np.sum(x * x) * y


@gradient(VECTOR)
def derivative_through_argmax(x):
    return np.argmax(x) * 1.0


@gradient(np.float64(2.0))
def float_of_a_value(x):
    return float(x) * 2


@gradient(VECTOR)
def loss_is_an_argmax(x):
    return np.argmax(x)


@gradient(VECTOR)
def derivative_through_rounding_to_integers(x):
    k = x.astype(int)
    return np.sum(k * 2.0)


@gradient(VECTOR)
def derivative_through_a_comparison(x):
    return np.sum(x > 0)


@gradient(INTEGERS)
def derivative_by_integers(k):
    return np.sum(k * 2.0)


@gradient(3)
def derivative_by_a_python_integer(k):
    return k * 2.0


@gradient("text")
def derivative_by_a_string(name):
    return 1.0


@gradient({"w": VECTOR, "steps": 3})
def derivative_by_a_tree_with_an_integer(params):
    return np.sum(params["w"] * params["steps"])


@gradient(VECTOR)
def loss_is_a_vector(x):
    y = np.sin(x)
    return y * 2


@gradient(VECTOR)
def loss_is_a_matrix_of_one_element(x):
    return np.sum(x).reshape(1, 1)


@gradient(VECTOR)
def loss_is_a_pair(x):
    return np.sum(x), x


@gradient(VECTOR)
def loss_is_a_dict(x):
    return {"loss": np.sum(x)}


@gradient(VECTOR)
def loss_is_nothing(x):
    np.sum(x)


@gradient(VECTOR)
def loss_is_a_constant(x):
    return 3.0


@gradient(VECTOR, VECTOR)
def loss_without_the_argument(x, y):
    return np.sum(y)


@gradient(VECTOR, VECTOR, argnums=(0, 1))
def loss_without_the_second_argument(x, y):
    shape_only = np.zeros_like(y)
    return np.sum(x + shape_only)


@gradient(VECTOR, VECTOR, argnums=2)
def argument_number_out_of_range(x, y):
    return np.sum(x * y)


@gradient(VECTOR, VECTOR, argnums="z")
def argument_of_an_unknown_name(x, y):
    return np.sum(x * y)


@gradient(VECTOR, VECTOR, argnums=1.5)
def argument_number_of_a_wrong_type(x, y):
    return np.sum(x * y)


@gradient(VECTOR, VECTOR, argnums=(0, None))
def argument_number_none(x, y):
    return np.sum(x * y)


@gradient(VECTOR, argnums=())
def no_argument_at_all(x):
    return np.sum(x)


@gradient(VECTOR, has_aux=True)
def auxiliary_result_missing(x):
    return np.sum(x)


@gradient(MATRIX)
def shape_mistake_inside_a_loss(x):
    h = x @ x
    return np.sum(h)


@mistake
def tangent_of_a_wrong_shape(backend):
    return gradc.jvp(loss, (VECTOR,), (np.ones(2),), backend=backend)


@mistake
def too_few_tangents(backend):
    return gradc.jvp(loss, (VECTOR, 2.0), (VECTOR,), backend=backend)


@mistake
def cotangent_of_a_wrong_shape(backend):
    _, pullback = gradc.vjp(lambda x: x * 2, VECTOR, backend=backend)
    return pullback(np.ones(2))


@mistake
def pullback_of_integers(backend):
    return gradc.vjp(lambda k: k * 2, INTEGERS, backend=backend)


@mistake
def jacobian_of_a_pair(backend):
    return gradc.jacobian(lambda x: (x, x), backend=backend)(VECTOR)


@mistake
def unknown_option(backend):
    return gradc.compile(loss, backend=backend, fast=True)


@mistake
def unknown_backend(backend):
    return gradc.compile(loss, backend="fortran")


@mistake
def unknown_math_mode(backend):
    return gradc.compile(loss, backend=backend, math="exact")


@mistake
def something_that_is_no_function(backend):
    return gradc.grad(3.0, backend=backend)(VECTOR)


@mistake
def unknown_kind_of_source(backend):
    return gradc.grad(loss, backend=backend).source("fortran", VECTOR)


@mistake
def value_kept_beyond_the_call(backend):
    kept = []

    def keep(x):
        kept.append(x * 2)
        return x

    gradc.compile(keep, backend=backend)(VECTOR)
    return kept[0] + 1


@mistake
def value_of_another_trace(backend):
    kept = []
    put = kept.append

    def keep(x):
        put(x)
        return x * 2

    def use(x):
        return x + kept[0]

    gradc.compile(keep, backend=backend)(VECTOR)
    return gradc.compile(use, backend=backend)(VECTOR)


@mistake
def without_source_a_branch(backend):
    scope = {"np": np}
    exec("def unseen(x):\n    return x if x.sum() > 0 else -x", scope)
    return gradc.compile(scope["unseen"], backend=backend)(VECTOR)


@mistake
def without_source_a_buffer(backend):
    scope = {"np": np}
    exec("def unseen(x):\n    y = np.zeros(3)\n    y[0] = x[0]\n    return y", scope)
    return gradc.compile(scope["unseen"], backend=backend)(VECTOR)


@mistake
def too_many_operations(backend):
    def chain(x):
        for _ in range(300):
            x = np.sin(x)
        return x

    return gradc.compile(chain, backend=backend, max_nodes=100, regions=False)(VECTOR)


@mistake
def another_size_than_the_mask(backend):
    def masked(x):
        return x[np.array([True, False])]

    return gradc.compile(masked, backend=backend)(VECTOR)
