"""Random programs that can be made again, and made smaller.

A recipe is a seed and the numbers of the steps to take.  Every step draws from a generator of its
own, so a recipe with a step left out is otherwise the same program.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from gradc.autodiff import forward, reverse
from gradc.ir import ArrayType, Graph, Port, Program, Value
from gradc.passes import simplify
from tests.kernels.test_random import Maker

__all__ = ["Recipe", "shrink"]

SHAPES = ((4, 3), (3,), (1, 3), (2, 17), ())
STEPS = 12


@dataclass(frozen=True)
class Recipe:
    """How a random program is made.

    Attributes
    ----------
    seed : int
        What the steps and the arguments are drawn from.
    steps : tuple of int
        Numbers of the steps that are taken.
    dtype : str
        Of the floating-point arguments.
    """

    seed: int
    steps: tuple[int, ...] = tuple(range(STEPS))
    dtype: str = "f8"

    @property
    def name(self) -> str:
        """A name for the C function."""
        return f"fuzz_{self.seed}_{self.dtype}"

    def primal(self) -> Graph:
        """Return the graph of the loss: the sum of the last values and of squares."""
        graph = Graph(self.name)
        inputs = [
            graph.input(f"x{k}", ArrayType.of(self.dtype, *shape)) for k, shape in enumerate(SHAPES)
        ]
        graph.input("rows", ArrayType.of("i8", 3))
        maker = Maker(self.seed, list(inputs))
        for number in self.steps:
            maker.rng = np.random.default_rng((self.seed, number))
            maker.step()
        tail = [v for v in maker.values[len(inputs) :][-4:] if v.dtype.kind == "f"]
        loss: Value = graph.literal(0.0, inputs[0].dtype)
        for value in (*tail, *(x * x for x in inputs)):  # squares: every second derivative exists
            loss = loss + value.sum()
        graph.outputs = [loss.id]
        return simplify(graph)

    def gradient(self) -> Program:
        """Return value and gradient as a program."""
        return self._program(reverse(self.primal(), range(len(SHAPES))).graph)

    def tangent(self) -> Graph:
        """Return value and directional derivative, directions as further inputs."""
        return simplify(forward(self.primal(), range(len(SHAPES))).graph)

    def second(self) -> Graph:
        """Return the gradient of ``<gradient, weights>``, with the weights as further inputs."""
        graph = reverse(self.primal(), range(len(SHAPES))).graph
        bars = graph.outputs[1:]
        total: Value = graph.literal(0.0, np.dtype(self.dtype))
        for number, id in enumerate(bars):
            weight = graph.input(f"w{number}", graph[id].type)
            total = total + (graph.value(id) * weight).sum()
        graph.outputs = [total.id]
        again = reverse(simplify(graph), range(len(SHAPES))).graph
        again.outputs = again.outputs[1:]
        return simplify(again)

    def _program(self, graph: Graph) -> Program:
        final = simplify(graph, final=True)
        final.name = self.name
        ports = [Port(f"x{k}", final[id].type) for k, id in enumerate(final.inputs)]
        results = [Port(f"r{k}", final[id].type, "result") for k, id in enumerate(final.outputs)]
        return Program(self.name, final, tuple(ports), tuple(results))

    def arguments(self) -> list[np.ndarray]:
        """Return the arguments that it is run with."""
        rng = np.random.default_rng(self.seed)
        drawn = [rng.uniform(-1.5, 1.5, shape).astype(self.dtype) for shape in SHAPES]
        return [*drawn, np.zeros(3, np.int64)]

    def directions(self, salt: int) -> list[np.ndarray]:
        """Return one random direction for each floating-point argument."""
        rng = np.random.default_rng((self.seed, salt, 1))
        return [rng.standard_normal(shape).astype(self.dtype) for shape in SHAPES]


def shrink(recipe: Recipe, fails: Callable[[Recipe], bool]) -> Recipe:
    """Leave out steps as long as the program still fails."""
    smaller = True
    while smaller:
        smaller = False
        for number in reversed(recipe.steps):
            steps = tuple(step for step in recipe.steps if step != number)
            candidate = replace(recipe, steps=steps)
            if fails(candidate):
                recipe, smaller = candidate, True
    return recipe
