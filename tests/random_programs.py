"""Random programs of loops, branches, views and writes in place, as text.

``program_of(seed)`` writes a function of a vector ``x`` (5), a matrix ``m`` (4, 5), a table ``p``
of five integers below 4 and an integer ``n`` (3).  Indices stay inside by construction; values stay
moderate; loops end.  What plain NumPy refuses all the same is not used by the tests.
"""

import linecache
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from tests.random_phrases import M, N, Phrases

__all__ = ["inputs_of", "program_of", "text_of"]

HELPERS = {
    "helper": """
    def helper(a, b):
        for k in range(2):
            a = np.sin(a + 0.3 * b) + 0.1 * k
        return a
""",
    "helper ": """
    def helper(a, b):
        for k in range(3):
            if a > b + 0.2 * k:
                return a - 0.5 * b
            a = np.sin(a + 0.3 * b) + 0.1
        return a * b
""",
    "damp": """
    def damp(a, j):
        a[j] *= 0.8
        back = a[::-1]
        back[1:3] -= 0.1 * a[j]
""",
    "bump": """
    def bump(a):
        nonlocal s
        s = 0.5 * s + 0.3 * a
        if s > 1.1:
            return
        s = np.sin(s)
""",
}


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


class _Writer(Phrases):
    """Writes one program; ``turns`` holds what every open loop has to count before its next."""

    def __init__(self, rng: random.Random) -> None:
        super().__init__(rng)
        self.lines: list[str] = []
        self.turns: list[str] = []
        self.fresh = 0
        self.budget = rng.randint(6, 14)

    def text(self) -> str:
        """Return the whole function."""
        self.put(0, "def random_program(x, m, p, n):")
        self.put(1, "v, w = x.copy(), np.zeros(5)")
        self.put(1, "g = m.copy()")
        self.put(1, "s, t = x[0], 0.5")
        for name, text in HELPERS.items():
            if self.rng.random() < 0.2:
                self.lines += text.strip("\n").split("\n")
                self.helpers.append(name.strip())
        if self.rng.random() < 0.3:
            self.put(1, "c = 0")
            self.indices["c"] = (0, 3)
            self.late.add("c")
        if self.rng.random() < 0.5:
            self.view(1, 0)
        if self.rng.random() < 0.4:
            self.new_table(1, 0)
        while self.budget > 0:
            self.statement(1, 0)
        self.put(1, f"return {self.result()}")
        return "\n".join(self.lines) + "\n"

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

    @contextmanager
    def scope(self) -> Iterator[None]:
        """Forget afterwards the names that are bound inside."""
        known = dict(self.indices), list(self.vectors), list(self.tables)
        yield
        self.indices, self.vectors, self.tables = known

    # statements

    def statement(self, depth: int, loops: int) -> None:
        self.budget -= 1
        kinds = [self.scalar, self.element, self.element, self.part, self.part, self.matrix_part]
        kinds += [self.scatter, self.scatter, self.out, self.swap, self.rebind, self.masked]
        kinds += [self.view, self.new_table, self.call]
        if depth < 4:
            kinds += [self.branch, self.branch]
        if loops < 3 and depth < 4:
            kinds += [self.loop] * 5 + [self.while_loop] * 2
        if loops:
            kinds += [self.leave]
        if self.rng.random() < 0.02:
            kinds = [self.early]
        self.pick(*kinds)(depth, loops)

    def block(self, depth: int, loops: int) -> None:
        with self.scope():
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
        name = self.vector()
        part, size = self.slice_of(name)
        self.put(depth, f"{part} {self.pick('=', '+=', '*=', '-=')} {self.vector_value(size)}")

    def matrix_part(self, depth: int, loops: int) -> None:
        name = self.matrix()
        row, column = self.index(M), self.index(N)
        target = self.pick(f"{name}[{row}]", f"{name}[{row}, ::-1]", f"{name}.T[:, {row}]")
        value = self.vector_value("5")
        if self.rng.random() < 0.4:
            target = f"{name}[:, {column}]"
            value = self.pick(
                f"{name}[:, {self.index(N)}] * 0.5", f"0.5 * m[:, {column}] + {self.value()}"
            )
        elif self.rng.random() < 0.2:
            target = self.pick(f"{name}[::-1]", f"{name}[::2, ::-1]")
        self.put(depth, f"{target} {self.pick('=', '+=', '*=')} {value}")

    def scatter(self, depth: int, loops: int) -> None:
        name, q, g = self.vector(), self.table(), self.matrix()
        line = self.pick(
            f"{name}[{q}] += {self.vector_value('5')}",
            f"{name}[{q}] = {self.vector_value('5')}",
            f"{name}[{q}] *= {self.vector_value('5')}",
            f"np.add.at({name}, {q}, {self.vector_value('5')})",
            f"np.subtract.at({name}, {q}, 0.3 * {self.vector()})",
            f"np.add.at({g}, ({q}, {self.index(N)}), {self.vector_value('5')})",
            f"np.add.at({g}, {q}[:3], 0.4 * m[1:])",
            f"np.add.at({name}[::-1], {q}, {self.vector_value('5')})",
            f"{name}[{q}[{self.index(N)}]] += {self.value()}",
            f"{name}[[0, 1, 1]] = {self.vector_value('3')}",
            f"{name}[[4, 2, 4]] += {self.vector_value('3')}",
            f"{g}[{q}[:2]] *= 0.9",
            f"{g}[{q}, np.arange(5)] = {self.vector_value('5')}",
            f"{g}[{q}[1:4], {self.index(N)}] -= {self.vector_value('3')}",
        )
        self.put(depth, line)

    def masked(self, depth: int, loops: int) -> None:
        name, other, g = self.vector(), self.vector(), self.matrix()
        mask = self.mask(name)
        line = self.pick(
            f"{name}[{name} > 0.7] *= 0.5",
            f"{name}[{mask}] = {self.value()}",
            f"{name}[{mask}] += 0.3",
            f"{name}[{mask}] = {other}[{mask}]",
            f"{name}[{mask}] -= 0.4 * x[{mask}]",
            f"{g}[{g} > 0.9] *= 0.6",
            f"np.add({name}, 0.2, out={name}, where={mask})",
            f"{g}[:, {mask}] *= 0.8",
            f"np.copyto({name}, {self.vector_value('5')}, where={mask})",
        )
        self.put(depth, line)

    def out(self, depth: int, loops: int) -> None:
        name, other = self.vector(), self.vector()
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
                f"w = g[{self.index(M)}]",
                "w = v",
                f"v = {self.gathered()} + 0.0",
                "g = np.where(g > m, g, 0.7 * m)",
            ),
        )

    def view(self, depth: int, loops: int) -> None:
        made = self.pick(
            f"{self.vector()}[::-1]",
            f"{self.matrix()}[{self.index(M)}]",
            f"{self.matrix()}.reshape(-1)[5:10]",
            f"{self.matrix()}.T[:, {self.index(M)}]",
            f"{self.matrix()}[{self.index(M)}, ::-1]",
            "v",
        )
        name = self.name("view")
        self.put(depth, f"{name} = {made}")
        self.vectors.append(name)

    def new_table(self, depth: int, loops: int) -> None:
        """Make an integer array, or change one that was made here."""
        made = [name for name in self.tables if name != "p"]
        if made and self.rng.random() < 0.5:
            name = self.pick(*made)
            line = f"{name}[{self.index(N)}] = {self.index(M)} % 4"
            self.put(depth, self.pick(line, f"{name}[:] = ({name} + 1) % 4"))
            return
        name = self.name("q")
        texts = ("p.copy()", "p[::-1].copy()", "(p + 1) % 4", "np.arange(5) % 4", "p // 2")
        self.put(depth, f"{name} = {self.pick(*texts)}")
        self.tables.append(name)

    def call(self, depth: int, loops: int) -> None:
        """Call a helper that writes, or step the counter; something else where there is none."""
        lines = []
        if "damp" in self.helpers:
            lines.append(f"damp({self.pick(self.vector(), 'g[1]')}, {self.index(N)})")
        if "bump" in self.helpers:
            lines.append(f"bump({self.value()})")
        if "c" in self.indices:
            lines.append(f"c = (c + {self.pick(1, 2, self.index(M))}) % 4")
        if lines:
            self.put(depth, self.pick(*lines))
        else:
            self.element(depth, loops)

    def loop(self, depth: int, loops: int) -> None:
        index = self.name("i")
        header, bounds = self.header(index)
        with self.scope():
            scalars = list(self.scalars)
            if bounds is not None:
                self.indices[index] = bounds
            if "range(n)" in header or " in p:" in header or any(i in header for i in self.late):
                self.late.add(index)
            if f"r{index} in" in header:
                self.vectors.append(f"r{index}")
            self.put(depth, header)
            if f"e{index} in" in header:
                self.put(depth + 1, f"s = 0.5 * s + 0.2 * e{index}")
            self.turns.append("")
            self.block(depth + 1, loops + 1)
            self.turns.pop()
            self.scalars = scalars
        if self.rng.random() < 0.15:
            self.put(depth, "else:")
            self.put(depth + 1, "t = t * 0.7")

    def header(self, index: str) -> tuple[str, tuple[int, int] | None]:
        """Return the first line of a loop and the bounds of its index."""
        low, high = sorted(self.rng.sample(range(0, 6), 2))
        header, bounds = self.pick(
            (f"for {index} in range({low}, {high}):", (low, high - 1)),
            (f"for {index} in range({high - 1}, {low - 1}, -1):", (low, high - 1)),
            (f"for {index} in range({low}, {high}, 2):", (low, high - 1)),
            (f"for {index} in range(n):", (0, 2)),
            (f"for {index} in reversed(range({high})):", (0, high - 1)),
            (self.ranged(index), None),
            (self.ranged(index), None),
            (f"for {index}, e{index} in enumerate({self.vector()}):", (0, 4)),
            (f"for e{index} in {self.pick('v', 'w', 'x', 'v[1:]', 'm[1]')}:", None),
            (f"for {index}, e{index} in zip(range(4), x):", (0, 3)),
            (f"for {index} in p:", (0, 3)),
            (f"for r{index} in {self.pick('g', 'g[::-1]', 'g[1:3]', '(v, w)')}:", None),
            (f"for {index}, r{index} in enumerate(g):", (0, 3)),
        )
        if header.startswith("triangle"):
            outer = header.split()[1]
            top = self.indices[outer][1]
            header, bounds = self.pick(
                (f"for {index} in range({outer} + 1):", (0, top)),
                (f"for {index} in range({outer}):", (0, max(top - 1, 0))),
                (f"for {index} in range({outer}, 5):", (0, 4)),
                (f"for {index} in range({outer}, -1, -1):", (0, top)),
                (f"for {index} in range(4, {outer}, -1):", (0, 4)),
            )
        return header, bounds

    def ranged(self, index: str) -> str:
        if self.indices:
            return f"triangle {self.pick(*self.indices)}"
        return f"for {index} in range(5):"

    def while_loop(self, depth: int, loops: int) -> None:
        index, top = self.name("k"), self.pick(3, 4, "n")
        self.put(depth, f"{index} = 0")
        with self.scope():
            if self.rng.random() < 0.2:
                self.put(depth, "while True:")
                self.put(depth + 1, f"if {index} >= {top} or {self.test()}:")
                self.put(depth + 2, "break")
            else:
                tests = ("", f" and s < {self.number()}", f" and v[{index}] < 1.5")
                self.put(depth, f"while {index} < {top}{self.pick('', *tests)}:")
            self.indices[index] = (0, 3)
            self.late.add(index)
            self.turns.append(f"{index} += 1")
            self.block(depth + 1, loops + 1)
            self.turns.pop()
            self.put(depth + 1, f"{index} += 1")

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
        way = self.pick("break", "continue", "continue")
        if way == "continue" and self.turns[-1]:
            self.put(depth + 1, self.turns[-1])
        self.put(depth + 1, way)

    def early(self, depth: int, loops: int) -> None:
        self.put(depth, f"if {self.test()}:")
        self.put(depth + 1, f"return {self.result()}")
