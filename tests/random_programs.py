"""Random programs of loops, branches, views and writes in place, as text.

``program_of(seed)`` writes a function of a vector ``x`` (5), a matrix ``m`` (4, 5), a table ``p``
of five integers below 4 and an integer ``n`` (3).  Indices stay inside by construction; values stay
moderate.  What plain NumPy refuses all the same is not used by the tests.
"""

import linecache
import random
from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["inputs_of", "program_of", "text_of"]

N, M = 5, 4
_COUNT = 0


def inputs_of(seed: int) -> tuple[Any, ...]:
    """Return the arguments of the program of a seed."""
    rng = np.random.default_rng(seed)
    return (rng.standard_normal(N), rng.standard_normal((M, N)), rng.integers(0, M, N), np.int64(3))


def program_of(seed: int) -> Callable[..., Any]:
    """Return a random program as a function with source text."""
    text = text_of(seed)
    filename = f"<random program {seed}>"
    linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
    space: dict[str, Any] = {"np": np}
    exec(compile(text, filename, "exec"), space)
    return space["random_program"]  # type: ignore[no-any-return]


def text_of(seed: int) -> str:
    """Return the text of the program of a seed."""
    return _Writer(random.Random(seed)).text()


class _Writer:
    """Writes one program; ``indices`` maps integer variables to their bounds (both inside)."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.lines: list[str] = []
        self.vectors, self.matrices, self.scalars = ["v", "w"], ["g"], ["s", "t"]
        self.indices: dict[str, tuple[int, int]] = {}
        self.late: set[str] = set()
        self.fresh = 0
        self.budget = rng.randint(6, 14)

    def text(self) -> str:
        """Return the whole function."""
        self.put(0, "def random_program(x, m, p, n):")
        if self.rng.random() < 0.4:
            self.helper()
        self.put(1, "v, w = x.copy(), np.zeros(5)")
        self.put(1, "g = m.copy()")
        self.put(1, "s, t = x[0], 0.5")
        if self.rng.random() < 0.5:
            self.view(1)
        while self.budget > 0:
            self.statement(1, 0)
        self.put(1, f"return {self.result()}")
        return "\n".join(self.lines) + "\n"

    def helper(self) -> None:
        self.put(1, "def helper(a, b):")
        if self.rng.random() < 0.5:
            self.put(2, "if a > b:")
            self.put(3, "return a - 0.5 * b")
        self.put(2, "for k in range(2):")
        self.put(3, "a = np.sin(a + 0.3 * b) + 0.1 * k")
        self.put(2, "return a")

    def result(self) -> str:
        weighted = [
            f"np.sum({name} * np.cos(np.arange(5.0) + {k}))" for k, name in enumerate(self.vectors)
        ]
        sums = [f"np.sum({name} * np.arange(1.0, 6.0))" for name in self.matrices]
        return " + ".join([*weighted, *sums, *self.scalars])

    def put(self, depth: int, line: str) -> None:
        self.lines.append("    " * depth + line)

    def name(self, stem: str) -> str:
        self.fresh += 1
        return f"{stem}{self.fresh}"

    def pick(self, *options: Any) -> Any:
        return self.rng.choice(options)

    # statements

    def statement(self, depth: int, loops: int) -> None:
        self.budget -= 1
        kinds = [self.scalar, self.element, self.element, self.part, self.part, self.matrix_part]
        kinds += [self.scatter, self.out, self.swap, self.rebind]
        if depth < 4:
            kinds += [self.branch, self.branch]
        if loops < 3 and depth < 4:
            kinds += [self.loop] * 5 + [self.while_loop]
        if loops:
            kinds += [self.leave]
        self.pick(*kinds)(depth, loops)

    def block(self, depth: int, loops: int) -> None:
        for _ in range(self.rng.randint(1, 3)):
            self.statement(depth, loops)

    def scalar(self, depth: int, loops: int) -> None:
        name = self.pick(*self.scalars)
        form = self.pick("{n} = {e}", "{n} = 0.5 * {n} + {e}", "{n} += 0.3 * {e}", "{n} *= {e}")
        self.put(depth, form.format(n=name, e=self.value()))

    def element(self, depth: int, loops: int) -> None:
        target = self.place()
        self.put(depth, f"{target} {self.pick('=', '=', '+=', '*=', '-=')} {self.value()}")

    def part(self, depth: int, loops: int) -> None:
        name = self.pick(*self.vectors)
        part, size = self.slice_of(name)
        self.put(depth, f"{part} {self.pick('=', '+=', '*=')} {self.vector_value(size)}")

    def matrix_part(self, depth: int, loops: int) -> None:
        name = self.pick(*self.matrices)
        row, column = self.index(M), self.index(N)
        target = self.pick(f"{name}[{row}]", f"{name}[{row}, ::-1]", f"{name}.T[:, {row}]")
        value = self.vector_value("5")
        if self.rng.random() < 0.4:
            target = f"{name}[:, {column}]"
            value = self.pick(
                f"{name}[:, {self.index(N)}] * 0.5", f"0.5 * m[:, {column}] + {self.value()}"
            )
        self.put(depth, f"{target} {self.pick('=', '+=', '*=')} {value}")

    def scatter(self, depth: int, loops: int) -> None:
        name = self.pick(*self.vectors)
        line = self.pick(
            f"{name}[p] += {self.vector_value('5')}",
            f"{name}[p] = {self.vector_value('5')}",
            f"np.add.at({name}, p, {self.vector_value('5')})",
            f"{name}[{name} > 0.7] *= 0.5",
            f"{name}[p[{self.index(N)}]] += {self.value()}",
            f"{self.pick(*self.matrices)}[p[:2]] *= 0.9",
        )
        self.put(depth, line)

    def out(self, depth: int, loops: int) -> None:
        name, other = self.pick(*self.vectors), self.pick(*self.vectors)
        part, size = self.slice_of(name)
        ufunc = self.pick("add", "multiply", "subtract")
        self.put(depth, f"np.{ufunc}({self.vector_value(size)}, 0.5, out={part})")
        if self.rng.random() < 0.3:
            self.put(depth, f"np.sin({other}, out={name})")

    def swap(self, depth: int, loops: int) -> None:
        if self.rng.random() < 0.5:
            a, b = self.place(), self.place()
            self.put(depth, f"{a}, {b} = {b}, {a}")
        else:
            self.put(depth, self.pick("v, w = w, v", "s, t = t, s", "s, t = t, 0.5 * s"))

    def rebind(self, depth: int, loops: int) -> None:
        self.put(
            depth,
            self.pick(
                "v = v * 0.9",
                "w = w + 0.1 * v",
                "w = v.copy()",
                "v = 0.5 * (v + w)",
                "g = g * 0.8",
                "v = np.roll(v, 1)",
                f"w = g[{self.index(M)}].copy()",
                "v = np.where(v > w, v, 0.5 * w)",
            ),
        )

    def view(self, depth: int) -> None:
        name, made = self.pick(
            ("view", "v[::-1]"),
            ("view", "g[1]"),
            ("view", "g.reshape(-1)[5:10]"),
            ("view", "g.T[:, 2]"),
            ("view", "v"),
        )
        self.put(depth, f"{name} = {made}")
        self.vectors.append(name)

    def loop(self, depth: int, loops: int) -> None:
        index = self.name("i")
        low, high = sorted(self.rng.sample(range(0, 6), 2))
        header, bounds = self.pick(
            (f"for {index} in range({low}, {high}):", (low, high - 1)),
            (f"for {index} in range({high - 1}, {low - 1}, -1):", (low, high - 1)),
            (f"for {index} in range({low}, {high}, 2):", (low, high - 1)),
            (f"for {index} in range(n):", (0, 2)),
            (f"for {index} in reversed(range({high})):", (0, high - 1)),
            (self.ranged(index), None),
            (f"for {index}, e{index} in enumerate({self.pick(*self.vectors)}):", (0, 4)),
            (f"for e{index} in {self.pick('v', 'w', 'x', 'v[1:]', 'm[1]')}:", None),
            (f"for {index}, e{index} in zip(range(4), x):", (0, 3)),
        )
        if header.startswith("triangle"):
            outer = header.split()[1]
            header, bounds = f"for {index} in range({outer} + 1):", (0, self.indices[outer][1])
        known = dict(self.indices), list(self.scalars)
        if bounds is not None:
            self.indices[index] = bounds
        if "range(n)" in header or any(name in header for name in self.late):
            self.late.add(index)
        self.put(depth, header)
        if f"e{index} in" in header:
            self.put(depth + 1, f"s = 0.5 * s + 0.2 * e{index}")
        self.block(depth + 1, loops + 1)
        self.indices, self.scalars = known
        if self.rng.random() < 0.15:
            self.put(depth, "else:")
            self.put(depth + 1, "t = t * 0.7")

    def ranged(self, index: str) -> str:
        if self.indices:
            return f"triangle {self.pick(*self.indices)}"
        return f"for {index} in range(5):"

    def while_loop(self, depth: int, loops: int) -> None:
        index = self.name("k")
        self.put(depth, f"{index} = 0")
        test = self.pick("", "", f" and s < {self.number()}", f" and v[{index}] < 1.5")
        self.put(depth, f"while {index} < {self.pick(3, 4, 'n')}{test}:")
        known = dict(self.indices)
        self.indices[index] = (0, 3)
        self.block(depth + 1, loops + 3)
        self.put(depth + 1, f"{index} += 1")
        self.indices = known

    def branch(self, depth: int, loops: int) -> None:
        self.put(depth, f"if {self.test()}:")
        self.block(depth + 1, loops)
        if self.rng.random() < 0.3:
            self.put(depth, f"elif {self.test()}:")
            self.block(depth + 1, loops)
        if self.rng.random() < 0.5:
            self.put(depth, "else:")
            self.block(depth + 1, loops)

    def leave(self, depth: int, loops: int) -> None:
        self.put(depth, f"if {self.test()}:")
        if self.rng.random() < 0.4:
            self.put(depth + 1, f"t = t + {self.value()}")
        self.put(depth + 1, self.pick("break", "continue", "continue"))

    # expressions

    def number(self) -> str:
        return f"{self.rng.uniform(-1.0, 1.5):.2f}"

    def test(self) -> str:
        value = self.simple()
        tests = [f"{value} > {self.number()}", f"-0.4 < {value} < {self.number()}"]
        tests += [f"{value} > {self.simple()}", f"np.sum(v) > {self.number()}"]
        tests += [f"{value} < 0.9 and {self.simple()} > -0.5", f"not {value} > {self.number()}"]
        if self.indices:
            index = self.pick(*self.indices)
            tests += [f"{index} % 2 == 0", f"{index} < 2", f"{index} > 0 or {value} > 0"]
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
            options += [f"{name} % {size}"]
        return self.pick(*options)

    def place(self) -> str:
        if self.rng.random() < 0.3:
            return f"{self.pick(*self.matrices)}[{self.index(M)}, {self.index(N)}]"
        return f"{self.pick(*self.vectors)}[{self.index(N)}]"

    def simple(self) -> str:
        if self.rng.random() < 0.3:
            return self.pick(*self.scalars)
        place = self.place()
        return self.pick(place, place, f"x[{self.index(N)}]", f"m[{self.index(M)}, 1]")

    def value(self) -> str:
        a, b = self.simple(), self.simple()
        forms = [f"np.sin({a})", f"0.5 * {a} * {b}", f"{a} - 0.4 * {b}", f"np.tanh({a} + {b})"]
        forms += [f"0.3 * {a}", f"({a} if {self.test()} else 0.5 * {b})", f"x[{self.index(N)}]"]
        if any("def helper" in line for line in self.lines):
            forms += [f"helper({a}, {b})"]
        if self.indices:
            forms += [f"{a} / ({self.pick(*self.indices)} + 2)"]
        return self.pick(*forms)

    def slice_of(self, name: str) -> tuple[str, str]:
        """Return a part of a vector and the text of its length."""
        options = [
            (f"{name}[:]", "5"),
            (f"{name}[1:4]", "3"),
            (f"{name}[::2]", "3"),
            (f"{name}[::-1]", "5"),
            (f"{name}[-2:]", "2"),
            (f"{name}[3:0:-1]", "3"),
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
        name = self.pick(*self.vectors, "x", f"m[{self.index(M)}]")
        cut = name if size == "5" else f"{name}[:{size}]"
        back = f"{name}[::-1]" if size == "5" else f"{name}[5 - ({size}):]"
        forms = [f"0.5 * {cut}", f"np.sin({back})", f"{cut} - 0.3 * {back}", f"0.6 * {back}"]
        forms += [f"{cut} * {self.simple()}", self.value()]
        return self.pick(*forms)
