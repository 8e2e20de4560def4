"""The expressions that random programs are made of: places, parts, tests, values, as text."""

import random
from typing import Any

__all__ = ["M", "N", "Phrases"]

N, M = 5, 4


class Phrases:
    """Writes expressions; ``indices`` maps integer variables to their bounds (both inside).

    ``tables`` are integer arrays of five entries below 4; ``late`` are the indices whose value is
    known at the call alone, so that no length may depend on them.
    """

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.vectors, self.matrices, self.scalars = ["v", "w"], ["g"], ["s", "t"]
        self.tables = ["p"]
        self.indices: dict[str, tuple[int, int]] = {}
        self.late: set[str] = set()
        self.helpers: list[str] = []

    def pick(self, *options: Any) -> Any:
        return self.rng.choice(options)

    def number(self) -> str:
        return f"{self.rng.uniform(-1.0, 1.5):.2f}"

    def test(self) -> str:
        value = self.simple()
        tests = [f"{value} > {self.number()}", f"-0.4 < {value} < {self.number()}"]
        tests += [f"{value} > {self.simple()}", f"np.sum(v) > {self.number()}"]
        tests += [f"{value} < 0.9 and {self.simple()} > -0.5", f"not {value} > {self.number()}"]
        tests += [f"np.any({self.vector()} > 1.3)", f"np.all({self.vector()} < {self.number()})"]
        if self.indices:
            index = self.pick(*self.indices)
            tests += [f"{index} % 2 == 0", f"{index} < 2", f"{index} > 0 or {value} > 0"]
            tests += [f"p[{index} % 5] == {self.pick(0, 1, 'n')}"]
        return self.pick(*tests)

    def index(self, size: int) -> str:
        """Return an integer expression inside an axis."""
        fitting = [i for i, (low, high) in self.indices.items() if high < size]
        options = [str(self.rng.randrange(size)), str(-self.rng.randint(1, size))]
        for name in fitting:
            high = self.indices[name][1]
            options += [name, name, f"{name} - 1", f"-{name} - 1", f"{size - 1} - {name}"]
            options += [f"({name} + 2) % {size}", f"{name} // 2", f"max({name} - 1, 0)"]
            if high + 1 < size:
                options += [f"{name} + 1"]
        for name in self.indices:
            options += [f"{name} % {size}", f"{self.table()}[{name} % 5]"]
        return self.pick(*options)

    def vector(self) -> str:
        return self.pick(*self.vectors)

    def matrix(self) -> str:
        return self.pick(*self.matrices)

    def table(self) -> str:
        return self.pick(*self.tables)

    def mask(self, name: str) -> str:
        """Return a boolean array of five entries."""
        return self.pick(
            f"{name} > {self.number()}",
            f"{name} > {self.vector()}",
            f"({name} < 0.8) & ({self.vector()} > -0.6)",
            f"~({self.vector()} > {self.number()})",
            f"{self.table()} == {self.pick(0, 1, 2)}",
            f"np.abs({self.table()} - 2) < 2",
        )

    def place(self) -> str:
        if self.rng.random() < 0.3:
            return f"{self.matrix()}[{self.index(M)}, {self.index(N)}]"
        return f"{self.vector()}[{self.index(N)}]"

    def simple(self) -> str:
        if self.rng.random() < 0.3:
            return self.pick(*self.scalars)
        place = self.place()
        return self.pick(place, place, f"x[{self.index(N)}]", f"m[{self.index(M)}, 1]")

    def value(self) -> str:
        """Return a scalar."""
        if self.rng.random() < 0.2:
            return self.reduction()
        a, b = self.simple(), self.simple()
        forms = [f"np.sin({a})", f"0.5 * {a} * {b}", f"{a} - 0.4 * {b}", f"np.tanh({a} + {b})"]
        forms += [f"0.3 * {a}", f"({a} if {self.test()} else 0.5 * {b})", f"x[{self.index(N)}]"]
        if "helper" in self.helpers:
            forms += [f"helper({a}, {b})"]
        if self.indices:
            forms += [f"{a} / ({self.pick(*self.indices)} + 2)"]
        return self.pick(*forms)

    def reduction(self) -> str:
        """Return a scalar made of a whole array."""
        a, b, g = self.vector(), self.vector(), self.matrix()
        return self.pick(
            f"0.2 * np.sum({a})",
            f"0.2 * np.dot({a}, {b})",
            f"0.2 * ({a} @ {b})",
            f"np.mean({g}[{self.index(M)}])",
            f"np.mean({g}[:, {self.index(N)}])",
            f"0.1 * np.sum({g}, axis={self.pick(0, -1)})[{self.index(M)}]",
            f"np.max({a} + 0.013 * np.arange(5.0))",
            f"np.prod(np.tanh({a}))",
            f"0.3 * np.sum({a}, where={self.mask(a)})",
            f"0.3 * np.cumsum({a})[{self.index(N)}]",
            f"sum(0.2 * {a}[j] for j in range(3))",
            f"0.2 * np.sum({a}[{self.table()}] * {b})",
            f"np.min({a} + 0.017 * np.arange(5.0))",
            f"0.2 * np.sum(np.where({self.mask(a)}, {a}, 0.5))",
        )

    def slice_of(self, name: str) -> tuple[str, str]:
        """Return a part of a vector and the text of its length."""
        options = [
            (f"{name}[:]", "5"),
            (f"{name}[1:4]", "3"),
            (f"{name}[::2]", "3"),
            (f"{name}[::-1]", "5"),
            (f"{name}[-2:]", "2"),
            (f"{name}[3:0:-1]", "3"),
            (f"{name}[::-2]", "3"),
            (f"{name}[-1:-4:-2]", "2"),
            (f"{name}[::-1][1:4]", "3"),
            (f"{name}[1:][::-1][:2]", "2"),
        ]
        for i, (low, high) in self.indices.items():
            if i.startswith("k") or high > 4 or i in self.late:
                continue
            options += [(f"{name}[:{i} + 1]", f"{i} + 1"), (f"{name}[{i}:]", f"5 - {i}")]
            if high < 4:
                options += [(f"{name}[{i}:{i} + 2]", "2")]
            if high < 4 and low >= 1:
                options += [(f"{name}[{i}:0:-1]", f"{i}"), (f"{name}[{i}::-1]", f"{i} + 1")]
        return self.pick(*options)

    def vector_value(self, size: str) -> str:
        """Return a vector of a length given as text, or a scalar."""
        if size == "5" and self.rng.random() < 0.3:
            return self.gathered()
        name = self.pick(*self.vectors, "x", f"m[{self.index(M)}]")
        cut = name if size == "5" else f"{name}[:{size}]"
        back = f"{name}[::-1]" if size == "5" else f"{name}[5 - ({size}):]"
        forms = [f"0.5 * {cut}", f"np.sin({back})", f"{cut} - 0.3 * {back}", f"0.6 * {back}"]
        forms += [f"{cut} * {self.simple()}", self.value(), f"0.3 * np.cumsum({cut})"]
        return self.pick(*forms)

    def gathered(self) -> str:
        """Return a vector of five made of picked, moved or summed elements."""
        a, b, g, q = self.vector(), self.vector(), self.matrix(), self.table()
        return self.pick(
            f"0.7 * {a}[{q}]",
            f"np.take({a}, {q})",
            f"{a}[{q}] * {b}[p]",
            f"{g}[{q}, {self.index(N)}]",
            f"{g}[{q}, np.arange(5)]",
            f"0.5 * {g}[{self.index(M)}][{q}]",
            f"np.concatenate(({a}[1:], {b}[:1]))",
            f"np.where({self.mask(a)}, {a}, 0.5 * {b})",
            f"0.2 * ({g}.T @ m[:, {self.index(N)}])",
            f"np.array([np.sin({a}[j]) for j in range(5)])",
            f"0.3 * np.sum({g}, axis=0)",
            f"{a}[np.array([0, 1, 1, 4, 0])]",
            f"np.clip({a}, -0.91, 1.07)",
        )
