"""Corpus: Python around the arrays: closures, classes, trees, arguments, comprehensions."""

import functools
import operator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from tests.programs import normals, positives, program

TEMPERATURE = 0.7
OFFSETS = np.array([0.5, -1.0, 2.0])


class Gaussian(NamedTuple):
    mean: np.ndarray
    scale: np.ndarray


@dataclass
class Layer:
    weight: np.ndarray
    bias: np.ndarray

    def __call__(self, x):
        return np.tanh(x @ self.weight + self.bias)


def sigmoid(z):
    return 1.0 / (1.0 + np.exp(-z))


@program(normals(4, 4))
def helper_functions(x, y):
    return sigmoid(x) * sigmoid(-y) + sigmoid(x * y)


@program(normals(4))
def nested_functions(x):
    scale = x.sum()

    def outer(v):
        def inner(w):
            return w * scale + v

        return inner(v) + inner(2 * v)

    return outer(x)


@program(normals(3))
def globals_and_closed_over_numbers(x):
    return x / TEMPERATURE + OFFSETS * x**2


def _closing_over(array, power):
    def closure(x):
        return array * x**power

    return closure


program(normals(3), name="closed_over_array")(_closing_over(np.array([1.0, 2.0, 3.0]), 3))
program(normals(3), name="lambda_expression")(lambda x: np.sum(np.sin(x) * x))
program(normals(3, 3), name="partial_application")(
    functools.partial(lambda a, x, y: a * x + y, 2.5)
)


class Model:
    """Parameters of its own and a method with the argument to be differentiated."""

    def __init__(self):
        self.weight = np.array([[0.5, -1.0], [0.3, 0.8], [1.0, 0.1]])
        self.rate = 0.3

    def energy(self, x):
        return self._hidden(x) * self.rate

    def _hidden(self, x):
        return np.tanh(x @ self.weight).sum()

    def __call__(self, x):
        return self.energy(x) + 1.0

    @staticmethod
    def double(x):
        return x * 2

    @property
    def norm(self):
        return np.sum(self.weight**2)


program(normals(3), name="bound_method")(Model().energy)
program(normals(3), name="callable_object")(Model())


@program(normals(3))
def object_made_inside(x):
    model = Model()
    return model(x) * Model.double(x) + model.norm


@program(
    lambda r: ({"w": r.standard_normal((3, 2)), "b": r.standard_normal(2)}, r.standard_normal(3))
)
def parameters_in_a_dict(params, x):
    return np.tanh(x @ params["w"] + params["b"])


@program(lambda r: ([(r.standard_normal((3, 3)), r.standard_normal(3)) for _ in range(3)],))
def parameters_in_a_list_of_pairs(layers):
    h = np.array([0.2, -0.4, 1.0])
    for w, b in layers:
        h = np.tanh(h @ w + b)
    return h


@program(lambda r: (Gaussian(r.standard_normal(3), r.uniform(0.5, 2, 3)), r.standard_normal(3)))
def named_tuple(g, x):
    z = (x - g.mean) / g.scale
    return Gaussian(mean=z, scale=np.log(g.scale) * 2)


@program(lambda r: (Layer(r.standard_normal((3, 2)), r.standard_normal(2)), r.standard_normal(3)))
def dataclass_with_a_method(layer, x):
    return layer(x) * layer.bias


@program(lambda r: ({"a": [r.standard_normal(2), 0.5], "b": (r.standard_normal(()), {"c": 1.5})},))
def nested_tree(tree):
    a, b = tree["a"], tree["b"]
    return {"sum": a[0] * a[1] + b[0], "rest": [b[1]["c"] ** 2, (a[0],)]}


@program(normals(3, 3))
def default_and_keyword_arguments(x, y):
    def mix(a, b=2.0, *, power=2, shift=0.0):
        return a**power * b + shift

    return mix(x) + mix(x, y) + mix(y, power=3, shift=x)


@program(normals(3, 3, 3))
def star_arguments(*xs):
    def total(first, *others, **named):
        return first * sum(others) + named.get("bonus", 0.0)

    return total(*xs, bonus=xs[0]) + total(xs[0], xs[1])


@program(normals(4))
def comprehensions(x):
    squares = [x[i] ** 2 for i in range(4)]
    named = {f"k{i}": value * i for i, value in enumerate(squares) if i % 2}
    return (
        np.stack(squares),
        sum(v for v in named.values()),
        np.array([a * b for a, b in zip(x, x, strict=True)]),
    )


@program(normals(3), name="default_argument_array")
def _default_argument(x, scale=OFFSETS, power=2):
    return scale * x**power


@program(normals(4))
def functions_as_values(x):
    table = {"sin": np.sin, "cube": lambda v: v**3}
    composed = functools.reduce(lambda f, g: lambda v: g(f(v)), [table["sin"], table["cube"]])
    return composed(x) + sum(map(table["sin"], [x, 2 * x])) + functools.reduce(operator.mul, [x, x])


@program(normals(3))
def static_branches(x):
    if x.shape[0] == 3 and x.ndim == 1:  # noqa: SIM108
        y = x * 2
    else:
        y = x * 3
    return y if TEMPERATURE < 1 else -y


@program(lambda r: (r.standard_normal(3), "cubic", 2, None, True), argnums=(0,))
def options_as_arguments(x, kind, repeat, extra, flag):
    y = x**3 if kind == "cubic" else x
    for _ in range(repeat):
        y = y * 0.5 + x
    if extra is None and flag:
        y = y + 1
    return y


@program(normals(5))
def early_return(x):
    if x.size == 0:
        return x
    total = 0.0
    for k in range(10):
        if k == x.size:
            break
        if k == 2:
            continue
        total = total + x[k] ** k
    else:
        return x
    return total


@program(normals(3))
def recursion(x):
    def power(v, n):
        if n == 0:
            return np.ones(3)
        half = power(v, n // 2)
        return half * half * (v if n % 2 else 1.0)

    return power(x, 7)


@program(normals(4))
def while_over_python_numbers(x):
    n, y = 1, x
    while n < 8:
        y = np.sin(y) * n
        n *= 2
    return y


@program(normals(2))
def several_results(x):
    return x[0] * x[1], {"a": x, "b": [x * 2]}, 3.0, np.ones(2)


@program(normals(3))
def try_and_with(x):
    try:
        with np.errstate(divide="ignore"):
            y = np.log(x * x + 1)
    finally:
        z = x * 2
    assert y.shape == z.shape
    return y + z


@program(normals(3))
def walrus_and_chained_assignment(x):
    a = b = x * 2
    if (n := len(a)) > 2:
        a = a * n
    first, (second, third) = a[0], b[1:]
    return a + b, first * second * third


@program(normals(3, 3))
def decorated_helper(x, y):
    @functools.wraps(sigmoid)
    def doubled(z):
        return 2 * sigmoid(z)

    return doubled(x) * y


@program(normals((2, 3)))
def nonlocal_and_closures_over_arrays(x):
    total = np.zeros(3)
    count = 0

    def add(row):
        nonlocal count, total
        count += 1
        total = total + row * count

    for row in x:
        add(row)
    return total / count


@program(normals(3))
def generators_and_zip(x):
    weights = (w for w in (1.0, 2.0, 3.0))
    pairs = zip(x, weights, strict=True)
    return sum(a * w for a, w in pairs) + np.sum(np.array([v for v in reversed(list(x))]) * x)


@program(normals((3, 3)))
def operator_module(x):
    return operator.add(operator.matmul(x, x), operator.mul(x, 2)) - operator.neg(x)


@program(normals(4))
def lists_that_grow(x):
    history = []
    state = 1.0
    for k in range(4):
        state = np.tanh(state * x[k])
        history.append(state)
    history.extend([state * 2])
    history[0] = history[0] ** 2
    return np.array(history), history[-1]


@program(normals(3))
def annotated_assignments(x: np.ndarray) -> np.ndarray:
    y: np.ndarray = x * 2
    z: float
    z = 3.0
    return y**2 + z


@program(normals(3), "real")
def string_formatting_and_printing_of_shapes(x):
    text = f"shape {x.shape} of {x.dtype}"
    assert text.startswith("shape (3,)")
    return x * len(text)


@program(normals(4))
def star_expressions(x):
    first, *middle, last = x
    return np.stack([*middle, first * last])


@program(normals((2, 2)))
def matching(x):
    match x.shape:
        case (2, n):
            return x * n
        case _:
            return x


@program(normals((), ()), "real")
def python_floats_stay_python_floats(x, y):
    return x, x * 2, x // 1, abs(x), x**2, min(x, 3.0), max(x, y, -9), divmod(x, 1.5), float(x)


@program(positives((3, 3)))
def any_and_all_of_items(x):
    if any(v > 100 for v in x.ravel()):
        return x.sum()
    if all(x[0] > 0) and not any(x[1] < 0):
        return x.prod()
    return x.max()


@program(positives(5))
def sorted_numbers(x):
    s = sorted(x)
    t = sorted([x[0], x[1] * 2, x[2]], reverse=True)
    return s[0] * 3 + s[-1] + t[0] * 2 + t[2]


@program(positives(5))
def a_list_sorts_itself(x):
    found = [x[0] * 2, x[1], x[3]]
    found.sort()
    found.sort(key=lambda v: -v)
    best = max(found, key=lambda v: (v - 1) ** 2)
    return found[0] + 2 * found[2] + max(found) + min(x) + best


@program(normals((5, 2)))
def rows_by_a_key(x):
    rows = sorted(x, key=lambda r: r @ r, reverse=True)
    k = min(range(5), key=lambda i: abs(x[i, 0]))
    return rows[0] * 2 + rows[-1], x[k]


@program(positives(4), "kept")
def until_all_are_large(x):
    t, n = x, 0
    while any(t < 30) and n < 50:
        t = t * 1.5 + 1
        n += 1
    while not all(v > 99 for v in t):
        t = t * 2
    return t * n


@program(positives(3))
def known_items_are_asked_in_python(x):
    names = sorted({"b": 1, "a": 0}, key=lambda k: k)
    order = sorted([3, 1, 2], reverse=True)
    flag = any([False, 0]) or all([])
    return x[order[2] - 1] * len(names) + flag * x[0] + max([1, 2], key=lambda k: -k) * x[2]


@program(positives(3), "flat")
def truths_of_items(x):
    return any(x > 1), all([x[0] > 0, True]), any([]), all(v < 0 for v in x)
