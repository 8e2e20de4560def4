"""Which loops are run turn by turn, and that code does not grow with the turns of the others."""

import re

import numpy as np
import pytest

import gradc
from gradc.kernels import threads
from tests.capture import loop_kernels
from tests.capture.support import record

X = np.linspace(0.5, 1.5, 40)


def dot3(x):
    total = 0.0
    for k in range(3):
        total = total + x[k] * x[k + 1]
    return total


def dot9(x):
    total = 0.0
    for k in range(9):
        total = total + x[k] * x[k + 1]
    return total


def small_vector(x):
    out = np.zeros(3)
    for k in range(3):
        out[k] = x[k] ** 2
    return out


def large_array(x):
    out = x.copy()
    for k in range(3):
        out[1:-1] = 0.5 * (out[2:] + out[:-2]) * x[k]
    return out


def added_up(x):
    out = np.zeros(30)
    for k in range(3):
        out += x[k : k + 30] * x[k]
    return out


def small_sum(x):
    out = np.zeros(3)
    for k in range(3):
        out += x[k : k + 3] * x[k]
    return out


def layers(x):
    for k in range(3):
        x = np.tanh(x * 0.5) + x[k]
    return x


def nested(x):
    total = 0.0
    for _ in range(2):
        for k in range(20):
            total = total * 0.5 + x[k]
    return total


def known_numbers(x):
    weights = np.ones(12)
    for k in range(1, 12):
        weights[k] = weights[k - 1] * (12 - k) / k
    return np.sum(weights * x[:12])


CHOICES = [
    (dot3, {}, ["unrolled: it is short"]),
    (dot3, {"unroll": 0}, ["kept"]),
    (dot9, {}, ["kept"]),
    (dot9, {"unroll": 9}, ["unrolled: it is short"]),
    (small_vector, {}, ["unrolled: it is short"]),
    (large_array, {}, ["kept"]),
    (large_array, {"unroll": 100}, ["kept"]),
    (added_up, {}, ["kept"]),
    (small_sum, {}, ["unrolled: it is short"]),
    (layers, {}, ["unrolled: it is short"]),
    (nested, {}, ["kept", "kept"]),
    (known_numbers, {}, ["unrolled: its numbers are known while recording"]),
    (known_numbers, {"unroll": 0}, ["kept"]),
]


@pytest.mark.parametrize(("function", "options", "expected"), CHOICES)
def test_choice(function, options, expected):
    recording = record(function, X, options=gradc.Options(**options))
    assert [choice for _, choice in recording.choices] == expected


def test_a_loop_of_too_many_operations_stays():
    def chain(x):
        for _ in range(400):
            x = np.sin(x) * np.cos(x) + np.tanh(x) * np.exp(-x) + x
        return x

    recording = record(chain, X, options=gradc.Options(unroll=1000))
    assert [choice for _, choice in recording.choices] == ["kept"]


def test_known_numbers_stay_known():
    graph = record(known_numbers, X).graph
    assert not any(node.regions for node in graph.nodes)


def test_the_choice_is_in_the_report():
    report = gradc.compile(gradc.grad(dot9), backend="numpy").artifact(X).report()
    line = dot9.__code__.co_firstlineno + 2
    assert re.search(rf"loop at test_unrolling\.py:{line} +kept", report)


# sizes


def nodes(graph):
    return sum(1 + sum(map(nodes, node.regions)) for node in graph.nodes)


def sizes(function, args, argnums):
    """Count nodes, lines of NumPy source and lines of C of value and gradient."""
    transformed = gradc.value_and_grad(function, argnums=argnums)
    artifact = gradc.compile(transformed, backend="numpy").artifact(*args)
    texts = [artifact.source(kind) for kind in ("numpy", "c")]
    return [nodes(artifact.program.graph), *(len(text.splitlines()) for text in texts)]


@pytest.mark.parametrize("case", loop_kernels.CASES, ids=lambda case: case.function.__name__)
def test_code_does_not_grow_with_sizes_and_turns(case, monkeypatch):
    """Threads left out (see test_threads_lines.py): what is shared depends on its work."""
    monkeypatch.setattr(threads, "LEAST_WORK", 1 << 62)
    small, medium, large = (sizes(case.function, args, case.argnums) for args in case.inputs())
    assert small[:2] == medium[:2] == large[:2], "graph and NumPy source"
    assert abs(medium[2] - large[2]) <= 2, "C: a line may break where numbers have more digits"
    assert small[2] <= 1.1 * large[2], "C of tiny sizes"


def turns(x, count):
    y = x.copy()
    total = 0.0
    for t in range(count):
        y[1:-1] = 0.25 * y[:-2] + 0.5 * y[1:-1] * np.cos(x[1:-1] * t) + 0.25 * y[2:]
        total = total + y[3] * 0.9**t
    return total + np.sum(y)


def test_a_thousand_turns_give_the_code_of_ten():
    few, many = (sizes(turns, (X, count), 0) for count in (10, 1000))
    assert few == many
