"""The user's Python: scopes, closures, defaults, methods, comprehensions, and positions."""

import functools
import math

import numpy as np
import pytest

from gradc import capture
from gradc.capture.rewrite import rewritten_code
from gradc.errors import UnsupportedError
from tests.capture.support import check, record

X = np.linspace(0.5, 2.0, 6).reshape(2, 3)
SCALE = 3.0


def helper(v, power=2):
    return v**power * SCALE


def comprehensions(x):
    rows = [r * i for i, r in enumerate(x)]
    squares = {k: v**2 for k, v in zip("ab", rows, strict=False)}
    nested = [[a + b for a in rows[0]] for b in rows[1] if b is not None]
    total = sum(v.sum() for v in squares.values())
    return total, nested, [s for s in (x for x in rows)]


def defaults_and_stars(x):
    def inner(a, /, b, *rest, scale=2.0, **more):
        return a * b + sum(rest) * scale + more["k"]

    parts = [x[0], x[1]]
    return inner(x, 2.0, *parts, k=1.0), inner(x, b=1, scale=x, **{"k": 2})


def closures(x):
    k = 3

    def outer(v):
        def innermost():
            return v * k + SCALE

        return innermost()

    return outer(x) + (lambda q, r=k: q * r)(x)


def walrus_and_ternary(x):
    if (n := x.shape[0]) > 1 and not n > 5:
        y = x if n == 2 else -x
    else:
        y = x * 0
        n = 1
    while n < 4:
        n += 1
        y = y + n
    return y, n


def decorated(x):
    @functools.lru_cache
    def size():
        return 7

    return x * size()


def math_functions(x):
    s = x.sum()
    return math.exp(s / 10), math.log(s, 2), math.atan2(s, 2.0), s * math.pi, math.sqrt(x[0, 0])


def builtin_functions(x):
    v = x[0]
    return (
        len(x), min(v), max(v[0], v[1]), sum(v), abs(-v), list(reversed(list(v))),
        isinstance(x, np.ndarray), isinstance(v[0], float), sorted([3, 1]), round(v[0], 1),
        divmod(v, 0.7),
    )  # fmt: skip


def array_of_tracers(x):
    a, b, c = x[0]
    return (
        np.array([a, b, [c][0]]),
        np.array([[a, 1], [b, c]]),
        np.stack([x, x]),
        np.asarray([x[0]]),
    )


def calls_helper(x):
    return helper(x) + helper(v=x, power=1) + helper(*[x], **{"power": 3})


def partials(x):
    cube = functools.partial(helper, power=3)
    return cube(x) + sum(map(helper, x))


class Model:
    factor = 2.0

    def __init__(self, size):
        self.bias = np.ones(size)
        self.__hidden = 3.0

    def forward(self, x):
        return x * self.factor + self.bias * self.__hidden

    @staticmethod
    def square(x):
        return x * x

    @classmethod
    def build(cls, size):
        return cls(size)

    def __call__(self, x):
        return self.forward(self.square(x))


class Child(Model):
    def forward(self, x):
        return super().forward(x) + 1


MODEL = Child(3)


def methods(x):
    return MODEL(x) + MODEL.forward(x) + Model.build(3)(x)


def helper_generator(x):
    def rows():
        yield from x

    return sum(r * 2 for r in rows())


def try_and_with(x):
    try:
        with np.errstate(divide="ignore"):
            y = x / 2
    finally:
        y = y + 1
    for i, row in enumerate(y):
        if i == 1:
            break
        y[i] = row * 2
    else:
        y = y * 0
    return y


PROGRAMS = [
    comprehensions, defaults_and_stars, closures, walrus_and_ternary, decorated, math_functions,
    builtin_functions, array_of_tracers, calls_helper, partials, methods, helper_generator,
    try_and_with,
]  # fmt: skip


@pytest.mark.parametrize("function", PROGRAMS, ids=lambda f: f.__name__)
def test_programs(function):
    check(function, X)


def test_lambdas_on_one_line_are_told_apart():
    twice, thrice = lambda v: v * 2, lambda v: v * 3
    check(twice, X)
    check(thrice, X)


def test_bound_methods_are_recorded():
    recording = check(MODEL.forward, X)
    assert [i.name for i in recording.inputs] == ["x", "self.bias"]


def test_functions_without_source_are_traced_plainly():
    space = {"np": np}
    exec("def f(x):\n    return np.tanh(x) * 2", space)
    assert rewritten_code(space["f"]) is None
    check(space["f"], X)


def test_edited_source_is_not_used(tmp_path):
    path = tmp_path / "edited.py"
    path.write_text("def f(x):\n    return x + 1\n")
    space = {}
    exec(compile(path.read_text(), str(path), "exec"), space)
    path.write_text("def f(x):\n    return x - 1\n")
    assert rewritten_code(space["f"]) is None
    check(space["f"], X)


def test_generators_are_refused():
    def gen(x):
        yield x

    with pytest.raises(UnsupportedError, match="generator"):
        record(gen, X)


def positions(x):
    h = np.tanh(x @ x.T)
    return h + np.exp(x.sum())


def test_nodes_point_at_the_users_text():
    graph = record(positions, X).graph
    texts = {node.op.name: node.origin.span.text for node in graph.nodes[1:]}
    assert texts["tanh"] == "np.tanh(x @ x.T)"
    assert texts["contract"] == "x @ x.T"
    assert texts["transpose"] == "x.T"
    assert texts["reduce_sum"] == "x.sum()"
    spans = [node.origin.span for node in graph.nodes[1:]]
    assert {span.function for span in spans} == {"positions"}
    assert {span.filename for span in spans} == {__file__}
    first = positions.__code__.co_firstlineno
    assert next(n.origin.span.line for n in graph.nodes if n.op.name == "exp") == first + 2


def named(x):
    h = np.tanh(x)
    a, (b, c) = h[0], (h + 1, h + 2)
    total = 0.0
    for row in h:
        total += row.sum()
    d = np.zeros(3)
    d[0] = total
    return (w := a * 2), b, c, d, w.shape


def test_values_have_the_users_names():
    recording = record(named, X)
    names = set(recording.graph.names.values())
    assert {"x", "h", "a", "b", "c", "total", "d", "w"} <= names


def test_globals_are_read_when_the_function_runs():
    recording = record(helper, X)
    paths = [guard.path for guard in recording.guards]
    assert paths == ["the code of helper", "default 0", "SCALE"]


def test_hooks_leave_functions_alone_after_the_recording():
    kept = []

    def f(x):
        kept.append(lambda v: helper(v) + len([v]))
        return x

    capture.trace(f, (X,))
    np.testing.assert_array_equal(kept[0](X), helper(X) + 1)
