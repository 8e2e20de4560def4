"""Wrong programs, one mistake each, and the inputs that show it.

What gradc says of them stands in ``tests/golden/test_errors``.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

import gradc

VECTOR = np.array([0.5, -1.5, 2.0])
MATRIX = np.arange(6.0).reshape(2, 3)


@dataclass(frozen=True)
class Mistake:
    """A call that must end in an error."""

    name: str
    call: Callable[[str], Any]


MISTAKES: list[Mistake] = []


def compiled(*arguments: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add a function whose compilation must be refused."""

    def use(fn: Callable[..., Any], backend: str) -> Any:
        return gradc.compile(fn, backend=backend)(*arguments)

    return _add(use)


def gradient(
    *arguments: Any, argnums: Any = 0, **more: Any
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add a function whose gradient must be refused."""

    def use(fn: Callable[..., Any], backend: str) -> Any:
        derived = gradc.grad(fn, argnums, backend=backend, **more)
        return derived(*arguments)

    return _add(use)


def _add(use: Callable[..., Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def enter(fn: Callable[..., Any]) -> Callable[..., Any]:
        MISTAKES.append(Mistake(fn.__name__, partial(use, fn)))
        return fn

    return enter


# values asked of what is not known yet


@compiled(VECTOR)
def branches_of_two_shapes(x):
    if x[0] > 0:
        return x
    return x[:2]


@compiled(VECTOR)
def choice_of_two_shapes(x):
    return x if x.sum() > 0 else x[:1]


@compiled(VECTOR)
def loop_that_grows_an_array(x):
    while x.sum() < 10:
        x = np.concatenate([x, x])
    return x


@compiled(VECTOR)
def chained_comparison(x):
    return np.where(0 < x < 1, x, 0.0)


@compiled(VECTOR)
def and_of_masks(x):
    return np.where((x > 0) and (x < 1), x, 0.0)


@compiled(VECTOR)
def not_of_a_mask(x):
    return np.where(not x, x, 0.0)


@compiled(VECTOR)
def assert_on_a_value(x):
    assert np.all(x > -9)
    return x


@compiled(VECTOR)
def int_of_an_array(x):
    return x * int(x)


@compiled(VECTOR)
def item_of_a_value(x):
    return x[0].item() * 2


@compiled(VECTOR)
def list_of_a_value(x):
    return sum(x.tolist())


@compiled(VECTOR)
def size_from_a_value(x):
    return np.zeros(np.argmax(x)) + x[0]


@compiled(VECTOR)
def list_index_from_a_value(x):
    return [x, 2 * x, 3 * x][np.argmax(x)]


@compiled(VECTOR)
def sorted_by_python(x):
    return np.stack(sorted([x, x + 1]))


@compiled(VECTOR)
def math_of_an_array(x):
    return math.exp(x)


@compiled(VECTOR)
def unknown_math_function(x):
    return math.lgamma(x[0])


@compiled(VECTOR)
def length_from_a_mask(x):
    return x[x > 0]


# shapes and indices


@compiled(MATRIX, MATRIX)
def inner_sizes_differ(x, w):
    h = np.tanh(x @ w)
    return h


@compiled(VECTOR, MATRIX)
def vector_times_matrix(x, w):
    return x @ w


@compiled(MATRIX, VECTOR)
def shapes_that_do_not_broadcast(x, b):
    return x + b[:2]


@compiled(MATRIX, MATRIX)
def dot_of_wrong_sizes(x, w):
    return np.dot(x, w)


@compiled(MATRIX, VECTOR)
def einsum_of_wrong_sizes(x, v):
    return np.einsum("ij,i->j", x, v)


@compiled(MATRIX)
def einsum_with_wrong_labels(x):
    return np.einsum("ijk->i", x)


@compiled(MATRIX, VECTOR)
def concatenate_of_wrong_ranks(x, v):
    return np.concatenate([x, v])


@compiled(MATRIX, VECTOR)
def stack_of_wrong_shapes(x, v):
    return np.stack([x, v])


@compiled(MATRIX)
def reshape_to_another_size(x):
    return x.reshape(4, 2)


@compiled(MATRIX)
def reshape_with_two_unknowns(x):
    return x.reshape(-1, -1)


@compiled(MATRIX)
def axis_out_of_range(x):
    return np.sum(x, axis=2)


@compiled(MATRIX)
def axis_named_twice(x):
    return x.sum(axis=(0, -2))


@compiled(MATRIX)
def transpose_with_wrong_axes(x):
    return np.transpose(x, (0, 1, 2))


@compiled(VECTOR)
def index_out_of_bounds(x):
    return x[3] + x[0]


@compiled(VECTOR)
def too_many_indices(x):
    return x[0, 1]


@compiled(VECTOR)
def index_by_a_float(x):
    return x[1.0]


@compiled(VECTOR)
def index_by_a_name(x):
    return x["first"]


@compiled(VECTOR)
def constant_index_out_of_bounds(x):
    return x[np.array([0, 5])]


@compiled(MATRIX)
def assignment_of_a_wrong_shape(x):
    y = x.copy()
    y[0] = np.ones(4) * x[0, 0]
    return y


@compiled(MATRIX, VECTOR)
def in_place_sum_that_would_grow(x, v):
    y = v * 2
    y += x
    return y


@compiled(MATRIX)
def split_into_unequal_parts(x):
    return np.split(x, 2, axis=1)


@compiled(MATRIX)
def squeeze_of_a_long_axis(x):
    return np.squeeze(x, axis=0)


@compiled(MATRIX)
def ragged_list(x):
    return np.array([[x[0, 0], 1.0], [x[0, 1]]])


# functions and types


@compiled(VECTOR)
def unsupported_function(x):
    return np.unique(x)


@compiled(VECTOR)
def unsupported_method(x):
    return x.partition(2)


@compiled(VECTOR)
def unknown_attribute(x):
    return x.ctypes.data


@compiled(VECTOR)
def unsupported_keyword(x):
    return np.sum(x, dtype=complex)


@compiled(VECTOR)
def unknown_keyword(x):
    return np.mean(x, axes=0)


@compiled(VECTOR)
def unsupported_linear_algebra(x):
    return np.linalg.svd(np.outer(x, x))


@compiled(VECTOR)
def fourier_transform(x):
    return np.fft.fft(x)


@compiled(VECTOR)
def complex_intermediate(x):
    return np.abs(x + 1j)


@compiled(VECTOR)
def half_precision(x):
    return x.astype(np.float16)


@compiled(VECTOR)
def plus_a_string(x):
    return x + "one"


@compiled(VECTOR)
def plus_none(x):
    return x + None


@compiled(VECTOR)
def float_bits(x):
    return x & 1


@compiled(VECTOR)
def in_place_into_integers(x):
    k = np.zeros(3, dtype=int)
    k += x
    return k


@compiled(np.array([1.0, "a", None], dtype=object))
def object_argument(x):
    return x


@compiled(np.array([1 + 2j]))
def complex_argument(x):
    return x * 2


@compiled(np.array(["a", "b"]))
def string_argument(x):
    return x


@compiled(np.ones(3, dtype=np.float16))
def half_precision_argument(x):
    return x * 2


@compiled(np.zeros(2, dtype=[("a", "f8")]))
def structured_argument(x):
    return x


@compiled(np.ma.masked_array([1.0, 2.0], [True, False]))
def masked_argument(x):
    return x * 2


# effects on the world outside


@compiled(VECTOR)
def generator_function(x):
    yield x[0]


@compiled(VECTOR)
def number_in_a_numpy_buffer_of_other_code(x):
    return np.fromiter(iter(x), dtype=float)
