"""Random graphs of loops in a loop that write arrays, some of them the same in each turn."""

import random

from gradc import ops
from gradc.ir import Graph, Value
from tests.region_graphs import add, branch, build, get, loop, put

LENGTH = 6


def graph_of(seed: int) -> Graph:
    """Return a graph of two arrays of length ``LENGTH``."""
    return build(_Turns(random.Random(seed)).program, (LENGTH,), (LENGTH,))


class _Turns:
    """Draws a loop over t of loops over j, two deep, that carry three arrays."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.loops = 0

    def program(self, x: Value, y: Value) -> list[Value]:
        """Return some of the arrays after the last turn."""
        turns, reverse = self.rng.choice([2, 3, 4]), self.rng.random() < 0.2
        made = loop("t", turns, self._turn, [x], [x, y, y * 2.0], reverse=reverse)
        return [array for array in made if self.rng.random() < 0.8] or made

    def _turn(self, t, x, *arrays):
        made = self._body(t, None, 0, x, list(arrays))
        if self.rng.random() < 0.7:
            k = self.rng.randrange(3)
            made[k] = add(made[k], get(x, t), self.rng.choice([0, LENGTH - 1]))
        return made

    def _body(self, t, j, depth, x, arrays):
        for _ in range(self.rng.randrange(1, 5)):
            k, kind = self.rng.randrange(3), self.rng.random()
            if depth < 2 and kind < 0.6:
                self._inner(t, depth, x, arrays)
            elif depth < 2 and kind < 0.68:
                arrays[:] = self._branch(t, k, x, arrays)
            else:
                arrays[k] = self._write(t, j, x, arrays, k)
        return arrays

    def _inner(self, t, depth, x, arrays) -> None:
        """Add a loop that carries some of the arrays."""
        some = self.rng.random() < 0.5
        carried = sorted(self.rng.sample(range(3), self.rng.randrange(1, 4)) if some else range(3))
        captured = [k for k in range(3) if k not in carried]

        def inner(j, x, *given):
            inside = dict(zip([*captured, *carried], given, strict=True))
            made = self._body(t, j, depth + 1, x, [inside[k] for k in range(3)])
            return [made[k] for k in carried]

        self.loops += 1
        name, count = f"j{self.loops}", self.rng.randrange(2, LENGTH)
        operands = [x, *(arrays[k] for k in captured)], [arrays[k] for k in carried]
        made = loop(name, count, inner, *operands, reverse=self.rng.random() < 0.3)
        for k, value in zip(carried, made, strict=True):
            arrays[k] = value

    def _branch(self, t, k, x, arrays):
        def then(x, *arrays):
            made = list(arrays)
            made[k] = self._write(t, None, x, arrays, k)
            return made

        return branch(
            ops.greater(get(arrays[0], 0), 1.0), then, lambda x, *arrays: arrays, [x, *arrays]
        )

    def _write(self, t, j, x, arrays, k):
        """Write, or add, one element or a slice."""
        rng = self.rng
        if rng.random() < 0.75 if j is not None else rng.random() < 0.5:
            places = [0, 0, 1, LENGTH - 1] if j is None else [j, j + 1, j + 1, LENGTH - 1 - j]
            into = add if rng.random() < 0.1 else put
            return into(arrays[k], self._value(t, j, None, x, arrays), rng.choice(places))
        size = rng.choice([1, 2, 3, 5, 6, 6])
        start = rng.randrange(LENGTH - size + 1)
        value, kind = self._value(t, j, size, x, arrays), rng.random()
        if kind < 0.1:
            return add(arrays[k], value, (start, size))
        if kind < 0.2 and size <= 3:
            return put(arrays[k], value, (0 if size == 3 else start % 2, size, 2))
        place = (start + size - 1, size, -1) if kind < 0.3 else (start, size)
        return put(arrays[k], value, place)

    def _value(self, t, j, size, x, arrays):
        """Return an element, or ``size`` of them, of an array, with something done to it."""
        rng, source = self.rng, self.rng.choice([*arrays, x])
        if size is None:
            places = [0, 1, LENGTH - 1, *([] if j is None else [j, j + 1])]
            places += [t] if rng.random() < 0.3 else []
            value = get(source, rng.choice(places))
        else:
            value = get(source, (rng.randrange(LENGTH - size + 1), size))
        value = ops.exp(value * 0.1) if rng.random() < 0.6 else value
        value = 1.0 / (value + 3.0) if rng.random() < 0.4 else value
        return value * 0.5 + 1.0 if rng.random() < 0.3 else value
