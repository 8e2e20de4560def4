"""Builders of programs with regions, for the corpus."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradc import ops
from gradc.ir import Array, ArrayType, At, Dim, Graph, Port, Program, Slice, Symbol, Value
from gradc.ops.regions import make_cond, make_loop, make_while

__all__ = ["CORPUS", "Case", "at", "branch", "loop", "program", "put", "repeat"]

Body = Callable[..., Sequence[Value]]
SIDE = 9


def at(*items: Any) -> tuple[Any, ...]:
    """Return an index of positions, slices ``(start, length[, step])`` and arrays ``[slot]``."""
    return tuple(
        Slice(*item)
        if isinstance(item, tuple)
        else Array(*item)
        if isinstance(item, list)
        else At(item)
        for item in items
    )


def get(x: Value, *items: Any) -> Value:
    return ops.index(x, spec=at(*items))


def put(x: Value, value: Any, *items: Any) -> Value:
    return ops.index_put(x, value, spec=at(*items))


def add(x: Value, value: Any, *items: Any) -> Value:
    return ops.index_add(x, value, spec=at(*items))


def _inputs(body: Graph, values: Sequence[Value], names: str) -> list[Value]:
    return [
        body.input(names[k] if k < len(names) else f"v{k}", v.graph[v.id].type)
        for k, v in enumerate(values)
    ]


def loop(
    count: Dim,
    captures: Sequence[Value],
    initial: Sequence[Value],
    turn: Body,
    *,
    name: str = "i",
    names: str = "",
    reverse: bool = False,
) -> list[Value]:
    """Add a loop whose body is ``turn(i, *captures, *carries)``."""
    symbol = Symbol(name, "index")
    body = Graph("body")
    given = _inputs(body, [*captures, *initial], names)
    body.outputs = [v.id for v in turn(symbol.expr(), *given)]
    return make_loop(body, captures, initial, index=symbol, count=count, reverse=reverse)


def repeat(
    captures: Sequence[Value], initial: Sequence[Value], test: Body, turn: Body, limit: int = 1000
) -> list[Value]:
    """Add a loop with a condition."""
    first, body = Graph("test"), Graph("body")
    first.outputs = [test(*_inputs(first, [*captures, *initial], "")).id]  # type: ignore[attr-defined]
    body.outputs = [v.id for v in turn(*_inputs(body, [*captures, *initial], ""))]
    return make_while(first, body, captures, initial, limit=limit)


def branch(condition: Value, then: Body, otherwise: Body, captures: Sequence[Value]) -> list[Value]:
    """Add a branch."""
    parts = Graph("then"), Graph("otherwise")
    for part, turn in zip(parts, (then, otherwise), strict=True):
        part.outputs = [v.id for v in turn(*_inputs(part, captures, ""))]
    return make_cond(condition, *parts, captures)


def program(function: Callable[..., Any], arguments: Sequence[Any]) -> Program:
    """Record a function of graph values."""
    graph = Graph(function.__name__)
    inputs = [graph.input(f"x{k}", ArrayType.like(a)) for k, a in enumerate(arguments)]
    graph.outputs = [v.id for v in function(*inputs)]
    return Program(
        graph.name,
        graph,
        tuple(Port(f"x{k}", v.graph[v.id].type) for k, v in enumerate(inputs)),
        tuple(Port(f"y{k}", graph[id].type, "result") for k, id in enumerate(graph.outputs)),
    )


@dataclass(frozen=True)
class Case:
    """A function and its arguments."""

    function: Callable[..., Any]
    arguments: tuple[Any, ...]

    @property
    def name(self) -> str:
        return self.function.__name__

    @property
    def program(self) -> Program:
        return program(self.function, self.arguments)


CORPUS: list[Case] = []


def case(*arguments: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def add(function: Callable[..., Any]) -> Callable[..., Any]:
        CORPUS.append(Case(function, arguments))
        return function

    return add


def draw(*shape: int, low: float = -1.0, high: float = 1.0, seed: int = 3) -> np.ndarray:
    return np.random.default_rng(seed + sum(shape)).uniform(low, high, shape)


def zeros(graph: Graph, *shape: int) -> Value:
    zero = graph.literal(0.0, np.dtype(float))
    return ops.broadcast_to(zero, shape=shape) if shape else zero


VECTOR, MATRIX = draw(SIDE), draw(SIDE, SIDE) + 4 * np.eye(SIDE)
