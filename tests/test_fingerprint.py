"""What a fingerprint holds: every change that could make another graph, and nothing unknown."""

import functools
import linecache
import random
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

import gradc
from gradc.capture.trace import trace
from gradc.fingerprint import fingerprint
from gradc.fingerprint_policy import is_closed
from gradc.ir.digest import digest
from gradc.trees import flatten

TEXT = """
import math
import numpy as np
import gradc

RATE = 0.5
SIZES = [2, 3]
TABLE = {"a": 1.0}

def inner(x):
    return x * 2.0

def helper(x):
    return np.tanh(inner(x))

def make(scale):
    def scaled(x):
        return x * scale
    return scaled

scaled = make(3.0)

def f(x, n=2, *, shift=1.0):
    total = np.zeros(x.shape)
    for k in range(n):
        total = total + helper(scaled(x)) * RATE ** k + shift + SIZES[0] + TABLE["a"]
    return np.sum(total) * other.gain(1.0) + math.pi
"""

OTHER = "def gain(x):\n    return x * 2.0\n"


def load(folder: Path, text: str, name: str = "sample") -> dict[str, Any]:
    """Run a module's text from a file, as an import does; the file is the same each time."""
    path = folder / f"{name}.py"
    path.write_text(text)
    linecache.checkcache(str(path))
    variables: dict[str, Any] = {"__name__": name}
    exec(compile(text, str(path), "exec"), variables)
    return variables


def module(folder: Path, text: str = TEXT, other: str = OTHER) -> dict[str, Any]:
    found = load(folder, text)
    found["other"] = ModuleType("other")
    vars(found["other"]).update(load(folder, other, "other"))
    return found


def look(function: Any, *args: Any, **kwargs: Any) -> Any:
    compiled = function if isinstance(function, gradc.Function) else gradc.compile(function)
    return fingerprint(compiled, *flatten((args, kwargs)))


def mark(function: Any, *args: Any, **kwargs: Any) -> str:
    found = look(function, *args, **kwargs)
    assert found is not None
    return found.text


X = np.linspace(0.0, 1.0, 4)


def test_the_same_function_has_the_same_fingerprint(tmp_path):
    first, second = (module(tmp_path)["f"] for _ in range(2))
    assert first.__code__ is not second.__code__
    assert mark(first, X) == mark(second, X + 1.0)
    assert is_closed(look(first, X))


CHANGES = {
    "body": ("total + helper", "total - helper"),
    "constant": ("math.pi", "math.e"),
    "number": ("RATE ** k", "RATE ** k * 1.5"),
    "sign of zero": ("shift=1.0", "shift=-0.0"),
    "type of a number": ("n=2", "n=True"),
    "default": ("n=2", "n=3"),
    "keyword default": ("shift=1.0", "shift=2.0"),
    "closed-over value": ("make(3.0)", "make(4.0)"),
    "closed-over type": ("make(3.0)", "make(3)"),
    "helper": ("np.tanh(inner", "np.sin(inner"),
    "the helper's helper": ("x * 2.0\n\ndef helper", "x * 3.0\n\ndef helper"),
    "global number": ("RATE = 0.5", "RATE = 0.25"),
    "global list": ("SIZES = [2, 3]", "SIZES = [2, 4]"),
    "list or tuple": ("SIZES = [2, 3]", "SIZES = (2, 3)"),
    "global dict": ('{"a": 1.0}', '{"a": 1}'),
    "line": ("def f(", "\ndef f("),
    "name": ("def f(", "def g(x):\n    return x\n\ndef f("),
    "another file's line": ("import math", "import math  # and no more"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_of_the_text_is_seen(change, tmp_path):
    before, after = CHANGES[change]
    assert before in TEXT
    first = mark(module(tmp_path)["f"], X)
    assert mark(module(tmp_path, TEXT.replace(before, after))["f"], X) != first


def test_a_change_of_what_is_read_is_seen(tmp_path):
    found = module(tmp_path)
    seen = {mark(found["f"], X)}

    def changed() -> None:
        text = mark(found["f"], X)
        assert text not in seen
        seen.add(text)

    found["RATE"] = 0.75
    changed()
    found["SIZES"].append(4)
    changed()
    vars(found["other"])["gain"] = found["inner"]
    changed()
    vars(found["other"])["gain"] = np.sin
    changed()
    found["helper"] = found["inner"]
    changed()
    found["f"].__defaults__ = (5,)
    changed()
    found["inner"].__code__ = found["scaled"].__code__.replace(co_freevars=(), co_name="inner")
    changed()
    found["np"] = SimpleNamespace(zeros=np.zeros, sum=np.sum, tanh=np.tanh)
    assert look(found["f"], X) is None


def test_a_change_of_numpy_is_seen(tmp_path, monkeypatch):
    found = module(tmp_path)
    first = mark(found["f"], X)
    monkeypatch.setattr(np, "tanh", np.sinh)
    assert mark(found["f"], X) != first
    monkeypatch.setattr(np, "tanh", np.frompyfunc(lambda x: x, 1, 1))
    assert look(found["f"], X) is None


def test_arguments_and_options_are_seen(tmp_path):
    f = module(tmp_path)["f"]
    marks = [
        mark(f, X),
        mark(f, X.astype(np.float32)),
        mark(f, X.astype(">f8")),
        mark(f, X[:3]),
        mark(f, X[None]),
        mark(f, 1.0),
        mark(f, np.float64(1.0)),
        mark(f, np.float32(1.0)),
        mark(f, X, 2),
        mark(f, X, 3),
        mark(f, X, True),
        mark(f, X, n=2),
        mark(f, X, shift=1.0),
        mark(f, [X]),
        mark(f, (X,)),
        mark(f, {"x": X}),
        mark(gradc.compile(f, unroll=0), X),
        mark(gradc.compile(f, math="libm"), X),
        mark(gradc.grad(f), X),
        mark(gradc.grad(f, "x"), X),
        mark(gradc.grad(f, (0,)), X),
        mark(gradc.value_and_grad(f), X),
        mark(gradc.grad(f, has_aux=True), X),
        mark(gradc.jacobian(f), X),
        mark(gradc.hessian(f), X),
        mark(gradc.vmap(f), X),
        mark(gradc.vmap(f, in_axes=(0,)), X),
        mark(gradc.grad(gradc.grad(f)), X),
        mark(gradc.grad(gradc.checkpoint(f)), X),
        mark(gradc.compile(functools.partial(f, n=3)), X),
    ]
    assert len(set(marks)) == len(marks)


def test_the_content_of_arrays_is_not_seen(tmp_path):
    found = load(tmp_path, "import numpy as np\nA = np.ones(3)\ndef f(x):\n    return x @ A\n")
    first = mark(found["f"], X[:3])
    found["A"][:] = 2.0
    assert mark(found["f"], X[:3]) == first
    found["A"] = np.ones(4)
    assert mark(found["f"], X[:3]) != first


WITHOUT = {
    "print": "def f(x):\n    print(x)\n    return x\n",
    "open": "def f(x):\n    open('f')\n    return x\n",
    "getattr": "def f(x):\n    return getattr(x, 'T')\n",
    "eval": "def f(x):\n    return eval('x')\n",
    "exec": "def f(x):\n    exec('y = 1')\n    return x\n",
    "globals": "def f(x):\n    return x * globals()['a']\na = 1.0\n",
    "time": "import time\ndef f(x):\n    return x * time.time()\n",
    "random": "import random\ndef f(x):\n    return x * random.random()\n",
    "numpy.random": "def f(x):\n    return x * np.random.rand()\n",
    "a generator": "rng = np.random.default_rng(0)\ndef f(x):\n    return x + rng.normal()\n",
    "a generator made inside": "def f(x):\n    return x + np.random.default_rng(0).normal()\n",
    "a file": "def f(x):\n    return x + np.load('a.npy')\n",
    "a module as a value": "def f(x):\n    m = np\n    return m.sin(x)\n",
    "a module passed": "def g(m, x):\n    return m.sin(x)\ndef f(x):\n    return g(np, x)\n",
    "a module in a tuple": "ms = (np,)\ndef f(x):\n    return ms[0].sin(x)\n",
    "an object": "class A:\n    a = 1.0\nA = A()\ndef f(x):\n    return x * A.a\n",
    "a class": "class A:\n    a = 1.0\ndef f(x):\n    return x * A.a\n",
    "a method": (
        "class A:\n    def g(self, x):\n        return x\ng = A().g\ndef f(x):\n    return g(x)\n"
    ),
    "an attribute": "def g(x):\n    return x\ng.a = 1.0\ndef f(x):\n    return g(x) * g.a\n",
    "its code": "def g(x):\n    return x\ndef f(x):\n    return x * len(g.__code__.co_consts)\n",
    "a class by a value": "def f(x):\n    return x * len(x.__class__.__name__)\n",
    "a cache": (
        "import functools\n@functools.cache\ndef g(x):\n    return x\n"
        "def f(x):\n    return g(2) * x\n"
    ),
    "a decorator": (
        "import functools\ndef d(g):\n    @functools.wraps(g)\n    def h(x):\n        return g(x)\n"
        "    return h\n@d\ndef f(x):\n    return x\n"
    ),
    "a global written": "a = 1.0\ndef f(x):\n    global a\n    a = 2.0\n    return x * a\n",
    "a cell written": (
        "def m():\n    a = 1.0\n    def f(x):\n        nonlocal a\n        a = 2.0\n"
        "        return x * a\n    return f\nf = m()\n"
    ),
    "an attribute written": "def g(x):\n    return x\ndef f(x):\n    g.a = x\n    return x\n",
    "an import": "def f(x):\n    import math\n    return x * math.pi\n",
    "a class inside": "def f(x):\n    class A:\n        pass\n    return x\n",
    "a set": "def f(x):\n    for k in {'a', 'b'}:\n        x = x * len(k)\n    return x\n",
    "a module's own attribute": "def f(x):\n    return x * len(np.__getattr__.__name__)\n",
    "a missing attribute": "def f(x):\n    return np.no_such_thing(x)\n",
    "a fixed set": "def f(x):\n    return x if 'a' in {'a', 'b'} else -x\n",
    "an address": "def f(x):\n    return x * id(x)\n",
    "a hash": "def f(x):\n    return x * hash('a')\n",
    "formats": "def f(x):\n    return x * len('{0.real}'.format(1))\n",
    "arrays in a list": "As = [np.ones(3)]\ndef f(x):\n    return x * As[0]\n",
    "a coroutine": "async def f(x):\n    return x\n",
}  # fmt: skip


@pytest.mark.parametrize("kind", WITHOUT)
def test_what_is_not_understood_is_not_stored(kind, tmp_path):
    found = load(tmp_path, "import numpy as np\n" + WITHOUT[kind])
    seen = look(found["f"], X)
    assert seen is None or not is_closed(seen)


def test_bound_methods_and_objects_have_none():
    class Model:
        def __call__(self, x):
            return x

        def apply(self, x):
            return x

    assert look(Model(), X) is None
    assert look(Model().apply, X) is None
    assert look(lambda x: x, Model()) is None
    assert look(lambda x: x, np.ma.masked_array(X)) is None


def test_an_op_of_the_user_ends_it(tmp_path, monkeypatch):
    f = module(tmp_path)["f"]
    monkeypatch.setattr("gradc.ops.OWN", gradc.ops.OWN - 1)
    assert look(f, X) is None


POOL = [0.0, -0.0, 1, 1.0, True, 2, np.float64(1.0), np.float32(1.0), float("nan")]
MIXED = """
import numpy as np

def f(x, d=None, *, k=None):
    y = h(x * a + c[0]) * d
    for n in range(int(k) % 3):
        y = y + np.sum(x) * b["b"]
    return np.sum(y) + e(x)
"""


def test_equal_fingerprints_mean_equal_graphs(tmp_path):
    """Draws what a function reads; whatever the draw, its fingerprint tells graphs apart."""
    seed = random.randrange(10**6)
    print("seed", seed)
    draw = random.Random(seed)
    found = load(tmp_path, MIXED)
    functions = [np.sin, np.tanh, np.abs, lambda x: x * 2.0, lambda x: x * 2, lambda x: x / 2.0]
    graphs: dict[str, set[str]] = {}
    for _ in range(120):
        cell = draw.choice(POOL)
        found["a"], found["b"] = draw.choice(POOL), {"b": draw.choice(POOL[:6])}
        found["c"] = draw.choice([[draw.choice(POOL[:4])], (draw.choice(POOL[:4]), 1)])
        found["h"] = draw.choice(functions)
        found["e"] = (lambda held: lambda x: np.sum(x) * held)(cell)
        f = found["f"]
        f.__defaults__, f.__kwdefaults__ = (draw.choice(POOL[:6]),), {"k": draw.choice([0, 1, 2])}
        x = draw.choice([X, X[:3], X.astype(np.float32)])
        text = mark(f, x)
        graphs.setdefault(text, set()).add(digest(trace(f, (x,)).graph))
    assert all(len(known) == 1 for known in graphs.values())
    assert 1 < len(set().union(*graphs.values())) <= len(graphs)
