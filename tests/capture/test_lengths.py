"""Arrays whose length changes from turn to turn: loops that stay loops, and those that do not."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradc
from tests.programs import load

LENGTHS = [p for p in load() if p.fn.__module__ == "tests.programs_lengths"]


def nodes(function: Callable[..., Any], *args: Any) -> int:
    graph = gradc.value_and_grad(function, backend="numpy").graph(*args)
    return int(graph.number_of_nodes())


@pytest.mark.parametrize("program", LENGTHS, ids=str)
def test_what_stays_a_loop(program: Any) -> None:
    recording = gradc.compile(program.fn, backend="numpy", **program.options)
    text = recording.source("numpy", *program.arguments())
    assert ("for " in text) == ("kept" in program.tags), text


def tree(n: int) -> Callable[..., Any]:
    def value(x: Any) -> Any:
        v = np.maximum(x * np.linspace(0.5, 2.0, n + 1) - 1.0, 0.0)
        for _ in range(n):
            v = 0.6 * v[:-1] + 0.39 * v[1:]
        return v[0]

    return value


def path(n: int) -> Callable[..., Any]:
    def value(x: Any) -> Any:
        found = np.array([x])
        for _ in range(n):
            found = np.append(found, found[-1] * 0.9)
        return np.sum(found**2)

    return value


@pytest.mark.parametrize("make", [tree, path])
def test_the_graph_does_not_grow_with_the_turns(make: Callable[[int], Any]) -> None:
    assert nodes(make(100), 1.1) == nodes(make(400), 1.1)


def test_what_changes_by_another_amount_is_run_turn_by_turn() -> None:
    def halves(x: Any) -> Any:
        for _ in range(4):
            half = len(x) // 2
            x = x[:half] * x[half:]
        return x[0]

    x = np.linspace(0.5, 1.5, 16)
    value, gradient = gradc.value_and_grad(halves, backend="numpy")(x)
    np.testing.assert_allclose(value, np.prod(x), rtol=1e-14)
    np.testing.assert_allclose(gradient, np.prod(x) / x, rtol=1e-13)


def test_what_is_used_up_stays_empty() -> None:
    def beyond(x: Any) -> Any:
        for _ in range(9):
            x = x[1:] - x[:-1]
        return np.sum(x) + len(x)

    assert gradc.compile(beyond, backend="numpy")(np.ones(5)) == beyond(np.ones(5)) == 0.0


def test_draws_are_those_of_numpy() -> None:
    def noisy(x: Any, rng: np.random.Generator) -> Any:
        for _ in range(6):
            x = x[1:] * rng.standard_normal() + x[:-1]
        return np.sum(x)

    x = np.linspace(0.1, 1.0, 8)
    found = gradc.compile(noisy, backend="numpy")(x, np.random.default_rng(3))
    np.testing.assert_allclose(found, noisy(x, np.random.default_rng(3)), rtol=1e-13)
