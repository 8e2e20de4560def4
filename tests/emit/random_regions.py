"""Random programs of loops, branches, views and writes, to find values that share memory."""

import numpy as np

from gradc import ops
from gradc.ir import At, Dim, Graph, Slice, Symbol, Value
from gradc.ir.verify import verify
from gradc.ops.regions import make_cond, make_loop, make_while
from tests.emit.region_graphs import N
from tests.emit.region_tools import SCALAR, add, put, region, take, vector

WHOLE = Slice(0, N)


class Maker:
    """Grows a pool of vectors and scalars."""

    def __init__(self, rng: np.random.Generator, depth: int = 0, index: Dim | None = None) -> None:
        self.rng, self.depth, self.index = rng, depth, index

    def pick(self, values: list[Value]) -> Value:
        return values[self.rng.integers(0, len(values))]

    def position(self) -> At:
        choices: list[Dim] = [0, 2, N - 1]
        if self.index is not None:
            choices += [self.index, N - 1 - self.index]
        return At(choices[self.rng.integers(0, len(choices))])

    def grow(self, vectors: list[Value], scalars: list[Value], steps: int) -> None:
        for _ in range(steps):
            self.step(vectors, scalars)

    def step(self, vectors: list[Value], scalars: list[Value]) -> None:
        y, z, s = self.pick(vectors), self.pick(vectors), self.pick(scalars)
        simple = [
            lambda: take(y, self.position()) * 0.5,
            lambda: s * 0.5 + take(y, self.position()),
            lambda: put(y, s, self.position()),
            lambda: put(z, s, self.position()),
            lambda: add(y, take(z, self.position()), self.position()),
            lambda: put(y, take(z, Slice(1, 3)), Slice(2, 3)),
            lambda: take(y, Slice(N - 1, N, -1)),
            lambda: y.reshape((2, N // 2)).transpose((1, 0)).reshape((N,)),
            lambda: y * 0.5 + z * 0.25,
            lambda: s.broadcast_to((N,)),
        ]
        choice = int(self.rng.integers(0, len(simple) + (3 if self.depth < 3 else 0)))
        if choice >= len(simple):
            self.nested(choice, vectors, scalars)
        else:
            made = simple[choice]()
            (vectors if made.shape else scalars).append(made)
        if self.rng.random() < 0.3:
            self.rename(vectors[-1])

    def rename(self, value: Value) -> None:
        value.graph.rename(value.id, "yzw"[self.rng.integers(0, 3)])

    def nested(self, kind: int, vectors: list[Value], scalars: list[Value]) -> None:
        captures = [self.pick(vectors), self.pick(vectors), self.pick(scalars)]
        carries = [self.pick(vectors), self.pick(vectors), self.pick(scalars)]
        makers = {10: self.loop, 11: self.loop, 12: self.cond}
        make = self.loop_while if kind == 11 and self.rng.random() < 0.5 else makers[kind]
        a, b, s = make(captures, carries)
        vectors += [a, b]
        scalars.append(s)

    def body(self, index: Dim | None, *, captures: bool = True) -> Graph:
        inner = Maker(self.rng, self.depth + 1, index if index is not None else self.index)

        def build(x, w, c, y, z, s):
            vectors, scalars = [x, w, y, z, y, z], [c, s, s]
            inner.grow(vectors, scalars, int(self.rng.integers(1, 6)))
            late = [*vectors[-4:], y, z]
            return inner.pick(late), inner.pick(late), inner.pick(scalars[-3:])

        kinds = {"x": vector(N), "w": vector(N), "c": SCALAR}
        return region(build, **kinds, y=vector(N), z=vector(N), s=SCALAR)

    def loop(self, captures: list[Value], carries: list[Value]) -> list[Value]:
        symbol = Symbol("ijk"[self.depth % 3], "index")
        count, reverse = int(self.rng.integers(0, 4)), bool(self.rng.integers(0, 2))
        body = self.body(symbol.expr())
        return make_loop(body, captures, carries, index=symbol, count=count, reverse=reverse)

    def loop_while(self, captures: list[Value], carries: list[Value]) -> list[Value]:
        """Run until a counter that is hidden in a vector is used up."""
        graph = captures[0].graph
        kinds = {"x": vector(N), "w": vector(N), "c": SCALAR}
        rest = {"y": vector(N), "z": vector(N), "s": SCALAR, "n": SCALAR}
        body, limit = self.body(None), float(self.rng.integers(0, 4))
        n = body.input("n", SCALAR)
        body.outputs.append((n + 1.0).id)
        test = region(lambda *v: (ops.less(v[-1], limit),), **kinds, **rest)
        start = graph.literal(0.0, captures[0].dtype)
        return make_while(test, body, captures, [*carries, start], limit=9)[:3]

    def cond(self, captures: list[Value], carries: list[Value]) -> list[Value]:
        test = ops.less(self.pick([captures[2], carries[2]]), 0.4)
        return make_cond(test, self.body(None), self.body(None), [*captures, *carries])


def random_program(seed: int) -> Graph:
    rng = np.random.default_rng(seed)
    graph = Graph("random")
    vectors = [graph.input("x", vector(N)), graph.input("y", vector(N))]
    scalars = [graph.input("s", SCALAR)]
    maker = Maker(rng)
    vectors.append(vectors[0] * 2.0)
    maker.grow(vectors, scalars, 4)
    maker.nested(10, vectors, scalars)
    maker.grow(vectors, scalars, 4)
    maker.nested(int(rng.integers(10, 13)), vectors, scalars)
    maker.grow(vectors, scalars, 3)
    count = int(rng.integers(1, 4))
    graph.outputs = [maker.pick(vectors[-6:]).id for _ in range(count)] + [scalars[-1].id]
    return verify(graph)
