"""Functions whose source is not at hand: typed at a prompt, or made by ``exec``."""

import dataclasses
import os
import random
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest

import gradc
from gradc.errors import UnsupportedError

X = np.array([1.0, 2.0])


def made(text, **variables):
    """Return the function ``f`` of a text that nobody can read again."""
    variables = {"np": np, **variables}
    exec(textwrap.dedent(text), variables)
    return variables["f"], variables


def compiled(function):
    return gradc.compile(function, backend="numpy")


def test_numbers_arrays_and_functions_of_a_prompt():
    text = """
    def half(x):
        return x * RATE
    def f(x):
        total = 0.0
        for k in range(3):
            total = total + np.sum(half(x) * W) * k
        return total
    """
    function, variables = made(text, RATE=0.5, W=np.ones(2))
    run = gradc.value_and_grad(function, backend="numpy")
    for name, value in [("RATE", 0.5), ("RATE", 0.25), ("W", np.array([3.0, 4.0]))]:
        variables[name] = value
        total, x_bar = run(X)
        assert total == function(X)
        np.testing.assert_allclose(x_bar, 3 * variables["RATE"] * variables["W"])
    variables["W"][0] = 9.0
    assert run(X)[0] == function(X)


def test_arrays_are_inputs_and_no_constants():
    function, _ = made("def f(x): return np.sum(x * W) + np.sum(W)", W=np.ones(2))
    run = compiled(function)
    run(X)
    ((version,),) = run._dispatch._versions.values()
    assert [one.name for one in version.recording.inputs] == ["x", "W"]


def test_recursion_closures_and_defaults():
    text = """
    def outer(weight, rate):
        def fib(x, n, scale=SCALE):
            return x * scale if n < 2 else fib(x, n - 1) + fib(x, n - 2) + np.sum(weight) * rate
        return fib
    f = outer(W, 0.5)
    """
    function, variables = made(text, W=np.ones(2), SCALE=2.0)
    run = compiled(function)
    assert run(1.5, 6) == function(1.5, 6)
    variables["W"][:] = 4.0
    assert run(1.5, 6) == function(1.5, 6)
    function.__defaults__ = (3.0,)
    assert run(1.5, 6) == function(1.5, 6)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("np.random.rand()", "uses numpy, which may give something else each time"),
        ("random.random()", "uses random, which may give something else each time"),
        ("time.time()", "uses time, which may give something else each time"),
        ("len(os.environ)", "uses os, which may give something else each time"),
        ("eval('1.0')", "calls eval, which reads what nobody sees"),
        ("rng.normal()", "rng draws random numbers in a function"),
        ("[rng][0].normal()", "rng draws random numbers in a function"),
        ("rngs[0].normal()", "rngs[0] draws random numbers in a function"),
        ("next(numbers)", "numbers is an object of type list_iterator from outside"),
    ],
)
def test_what_would_go_unseen_is_refused(body, said):
    rng = np.random.default_rng(1)
    function, _ = made(
        f"def f(x): return np.sum(x) * {body}",
        **{"os": os, "time": time, "rng": rng, "rngs": [rng]},
        **({"random": random} if body.startswith("random.") else {}),
        numbers=iter([1.0]),
    )
    with pytest.raises(UnsupportedError) as caught:
        compiled(function)(X)
    assert said in caught.value.headline
    assert caught.value.repair


@pytest.mark.parametrize(
    "text",
    [
        """
        def f(x):
            global N
            N = N + 1
            return np.sum(x)
        """,
        """
        def outer():
            count = 0
            def f(x):
                nonlocal count
                count += 1
                return np.sum(x)
            return f
        f = outer()
        """,
    ],
)
def test_writes_to_variables_are_refused(text):
    function, _ = made(text, N=0)
    with pytest.raises(UnsupportedError, match="writes the variable"):
        compiled(function)(X)


def test_at_a_prompt():
    """As somebody types it, in a process of its own."""
    text = """
    import numpy as np, gradc
    RATE = 0.5
    def f(x):
        return np.sum(x) * RATE
    g = gradc.grad(f, backend="numpy")
    x = np.ones(2)
    first = g(x)
    RATE = 2.0
    print(first.tolist(), g(x).tolist())
    """
    done = subprocess.run(
        [sys.executable], input=textwrap.dedent(text), capture_output=True, text=True, check=True
    )
    assert done.stdout.split("\n")[0] == "[0.5, 0.5] [2.0, 2.0]"


DATA = iter([1.0])
"""Has the name of a field below, and nothing can be said of it."""


@dataclasses.dataclass
class Point:
    DATA: np.ndarray
    scale: float = 2.0
    names: list[str] = dataclasses.field(default_factory=list)


def test_the_generated_methods_of_a_dataclass():
    def f(x):
        point = dataclasses.replace(Point(x), scale=3.0)
        return np.sum(point.DATA) * point.scale + len(point.names)

    assert compiled(f)(X) == f(X)
