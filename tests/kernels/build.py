"""Short ways to graphs, programs and units for the tests of the kernels."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gradc import ops
from gradc.ir import ArrayType, Graph, Port, Program, Value
from gradc.ir.interpret import interpret
from gradc.kernels.lower import lower
from gradc.kernels.nest import Unit
from gradc.kernels.verify import verify
from gradc.options import Options
from tests.kernels.simulate import simulate

__all__ = ["check", "matmul", "part", "program_of", "unit_of"]


def part(x: Value, *items: Any) -> Value:
    """Return ``x[items]``."""
    return ops.index(x, spec=tuple(items))


def matmul(a: Value, b: Value) -> Value:
    """Return ``a @ b`` of two matrices."""
    return ops.contract(a, b, a_labels=(0, 1), b_labels=(1, 2), out_labels=(0, 2))


def program_of(function: Callable[..., Any], arguments: Sequence[Any]) -> Program:
    """Record a function of graph values."""
    graph = Graph(getattr(function, "__name__", "f"))
    arrays = [np.asarray(a) for a in arguments]
    inputs = [graph.input(f"x{i}", ArrayType.like(a)) for i, a in enumerate(arrays)]
    results = function(*inputs)
    results = results if isinstance(results, tuple | list) else (results,)
    values: list[Value] = list(results)
    graph.outputs = [value.id for value in values]
    return Program(
        graph.name,
        graph,
        tuple(Port(f"x{i}", v.type) for i, v in enumerate(inputs)),
        tuple(Port(f"y{i}", v.type, "result") for i, v in enumerate(values)),
    )


def unit_of(function: Callable[..., Any], *arguments: Any) -> Unit:
    """Lower a function of graph values."""
    return lower(program_of(function, arguments), Options())


def check(function: Callable[..., Any], *arguments: Any, tolerance: float = 1e-12) -> Unit:
    """Compare a lowered function with the interpreter; return the unit."""
    program = program_of(function, arguments)
    unit = lower(program, Options())
    verify(unit)
    expected = interpret(program.graph, *arguments)
    found = simulate(unit, arguments)
    for want, have in zip(expected, found, strict=True):
        assert have.dtype == want.dtype
        assert have.shape == want.shape
        loose = 1e-5 if want.dtype == np.float32 else tolerance
        np.testing.assert_allclose(have, want, rtol=loose, atol=loose)
    return unit
