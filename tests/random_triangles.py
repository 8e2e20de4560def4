"""Random functions of nested loops over triangles: growing slices, rows, columns, elements.

Every function is plain NumPy source, so that the recorder, both printers and the scheduler of loops
see what a user would write.  Values stay of moderate size.
"""

import linecache
from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["random_triangle"]

SIDE = 5


def random_triangle(seed: int) -> tuple[Callable[..., Any], tuple[np.ndarray, ...], str]:
    """Return a function of two matrices and a vector, arguments for it, and its source."""
    rng = np.random.default_rng(seed)
    text = _Writer(rng).function()
    name = f"<triangle {seed}>"
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    space: dict[str, Any] = {"np": np}
    exec(compile(text, name, "exec"), space)
    arguments = (
        *(rng.uniform(0.3, 1.0, (SIDE, SIDE)) for _ in range(2)),
        rng.uniform(0.3, 1, SIDE),
    )
    return space["f"], arguments, text


class _Writer:
    """Writes statements over the loop indices that are open."""

    def __init__(self, rng: Any) -> None:
        self.rng = rng
        self.open: list[str] = []
        self.lines: list[str] = []

    def pick(self, *options: Any) -> Any:
        return options[self.rng.integers(len(options))]

    def function(self) -> str:
        self.lines = ["def f(A, B, x):", "    A, B, x = A.copy(), B.copy(), x.copy()"]
        self.lines += ["    N = x.shape[0]", "    s = 0.0"]
        for _ in range(self.rng.integers(1, 3)):
            self.pick(self.loop, self.factor)()
        self.lines.append("    return np.sum(A * A) + np.sum(B) + np.sum(x * x) + s")
        return "\n".join(self.lines) + "\n"

    def write(self, text: str) -> None:
        self.lines.append("    " * (len(self.open) + 1) + text)

    def loop(self) -> None:
        index = "ijk"[len(self.open)]
        spans = ["N", "0, N", "N - 1, -1, -1"]
        for outer in self.open:
            spans += 2 * [outer, f"{outer}, N", f"{outer} + 1, N", f"{outer} - 1, -1, -1"]
        self.write(f"for {index} in range({self.pick(*spans)}):")
        self.open.append(index)
        for _ in range(self.rng.integers(1, 4)):
            if len(self.open) < 3 and self.rng.random() < 0.45:
                self.loop()
            else:
                self.statement()
        self.open.pop()

    def factor(self) -> None:
        """Two loops around a statement that uses what it made in turns before."""
        outer = self.pick("N", "N - 1, -1, -1")
        inner = self.pick("i", "i, N", "i + 1, N", "N", "i - 1, -1, -1", "N - 1, i, -1")
        for index, span in (("i", outer), ("j", inner)):
            self.write(f"for {index} in range({span}):")
            self.open.append(index)
        self.solved("j", "i")
        if self.rng.random() < 0.3:
            self.element()
        self.open.clear()

    # what is written

    def statement(self) -> None:
        self.pick(self.element, self.element, self.growing, self.scalar, self.solved)()

    def element(self) -> None:
        target = self.place()
        how = self.pick("=", "+=", "-=")
        self.write(f"{target} {how} 0.2 * {self.number()}")

    def solved(self, at: str = "", other: str = "") -> None:
        """What earlier turns have made goes into what this one makes."""
        at, other = at or self.index(), other or self.index()
        part = self.pick(f":{at}", f"{at} + 1:")
        left, right = f"A[{other}, {part}]", f"A[{part}, {at}]"
        target, factor = f"A[{other}, {at}]", f"(2.0 + B[{at}, {at}] ** 2)"
        if self.rng.random() < 0.5:
            right, target = f"x[{part}]", f"x[{at}]"
        if self.rng.random() < 0.5:
            self.write(f"{target} = ({target} - 0.2 * {left} @ {right}) / {factor}")
        else:
            self.write(f"{target} = {target} / {factor}")
            self.write(f"{right} -= 0.2 * {left} * {target}")

    def scalar(self) -> None:
        self.write(f"s = 0.5 * s + 0.1 * {self.number()}")

    def growing(self) -> None:
        part = self.part()
        target = self.slice(part)
        how = self.pick("=", "+=", "-=")
        self.write(f"{target} {how} 0.2 * {self.vector(part)}")

    # what is read

    def index(self) -> str:
        return str(self.pick(*self.open))

    def place(self) -> str:
        matrix = f"{self.pick('A', 'B')}[{self.index()}, {self.index()}]"
        return str(self.pick(matrix, matrix, f"x[{self.index()}]"))

    def part(self) -> str:
        at = self.index()
        return str(self.pick(f":{at}", f":{at}", f"{at}:", f"{at} + 1:", f":{at} + 1"))

    def slice(self, part: str) -> str:
        row = f"{self.pick('A', 'B')}[{self.index()}, {part}]"
        column = f"{self.pick('A', 'B')}[{part}, {self.index()}]"
        return str(self.pick(row, column, f"x[{part}]"))

    def vector(self, part: str) -> str:
        one, other = self.slice(part), self.slice(part)
        return str(
            self.pick(
                one,
                f"{one}[::-1]",
                f"np.sin({one})",
                f"{one} * {other}",
                f"{one} * {self.place()}",
                f"({one} + {self.number()} * {other})",
            )
        )

    def number(self) -> str:
        part = self.part()
        return str(
            self.pick(
                self.place(),
                f"{self.place()} * {self.place()}",
                f"np.sin({self.place()})",
                f"({self.slice(part)} @ {self.slice(part)})",
                f"({self.slice(part)}[::-1] @ {self.slice(part)})",
                f"({self.place()} - {self.slice(part)} @ {self.slice(part)}) / (2.0 + x[0] * x[0])",
                f"s * {self.place()}",
            )
        )
