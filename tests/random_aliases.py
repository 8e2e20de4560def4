"""Random programs about memory: names, views and list elements that hold the same arrays.

Like ``tests/random_programs.py``, but with little arithmetic: what matters is which write shows
where.  All arrays hang together from the start; loops and branches exchange and rebind their names,
write into them, and after the loop there may be one more write.
"""

import linecache
from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["inputs_of", "program_of", "text_of"]

_NAMES = "abcd"
_START = {
    "b": ["a", "y * 1.0", "a[:]", "a[::-1]", "a[1:5]"],
    "c": ["b", "a", "np.zeros(6)", "x", "b[:]", "y", "b[1:]", "np.array([x, y])[0]"],
    "d": ["a[2:]", "b", "c[:2]", "x * y", "a.reshape(2, 3)[1]", "c"],
}
_STATEMENTS = [
    "{p}[0] = {p}[0] * 0.5 + {q}[-1]",
    "{p}[1] += np.sin(total)",
    "{p}[-1] *= 0.7",
    "{p}[:2] = {q}[-2:] * 0.8",
    "{p}[:2] = {q}[:2]",
    "{p}[i % 2] += 0.2",
    "{p} += 0.1",
    "{p} *= 0.9",
    "bump({p}, {q})",
    "held[1][0] += {p}[1]",
    "{p} = {q}",
    "{p} = {q} * 0.5",
    "{p} = {q}[:]",
    "{p} = {q}[::-1]",
    "{p} = {p} + 0.1 * {p}[0]",
    "{p} = np.maximum({p}, -0.5)",
    "{p} = bump({p}, {q})",
    "{p}, {q} = {q}, {p}",
    "{p}, {q}, {r} = {q}, {r}, {p}",
    "held[0] = {p}",
    "{p} = held[0]",
    "held[0], held[1] = held[1], held[0]",
    "total = total * 0.9 + {p}[0] ** 2",
    "total += np.sum({p}) * 0.1",
    "total += {p}[i % 2]",
    "if {p}[0] > {q}[1] + 0.5: break",
    "if total > 1.5: continue",
    "swap()",
    "{p} = given(lambda z: z[::1], {p})",
    "{p}, {q} = pair({p}, {q})",
    "{p} = {p} if total > 0.1 else {q}",
    "{p} = {p} if i % 2 else {q}",
    "for v in ({p}, {q}): v[0] *= 0.9",
    "{p}[np.array([0, 0, 1])] += {q}[0]",
    "np.add.at({p}, [0, 1], {q}[:2])",
    "{p}[{p} > 0.5] *= 0.8",
    "np.multiply({p}, 0.9, out={p})",
    "{p} = box['k']",
    "box['k'] = {p}",
]
_LAST = ["a[0] = 2.0 * total", "b[1] += 1.0", "held[0][0] *= 2.0", "total += 1.0", "c, d = d, c"]
_HEAD = """\
def bump(z, w):
    z[0] += 0.3 * w[1]
    return z


def given(f, z):
    return f(z)


def pair(z, w):
    w[0] += 0.1
    return w, z


def program(x, y):
    a = x * 1.0
"""
_REST = """\
    box = {"k": a}
    total = 0.0

    def swap():
        nonlocal a, c
        a, c = c, a

"""
_RESULT = (
    "total + np.sum(a**2) + np.sum(b) * 0.5 + np.sum(c**3) * 0.1 + np.sum(d * d[0]) "
    "+ np.sum(held[0]) + held[1][0]"
)


class _Writer:
    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)

    def one(self, choices: Any) -> str:
        return str(choices[int(self.rng.integers(len(choices)))])

    def statement(self, indent: str, depth: int) -> list[str]:
        names = {key: self.one(_NAMES) for key in "pqr"}
        kind = int(self.rng.integers(30))
        inner = indent + "    "
        if kind >= 26 and depth < 2:
            heads = [
                "if {p}[0] > {q}[1]:".format(**names),
                "if total > 0.2:",
                f"for j in range({int(self.rng.integers(2, 4))}):",
                "if i == 1:",
            ]
            body = [*self.statement(inner, depth + 1), *self.statement(inner, depth + 1)]
            lines = [indent + heads[kind - 26], *body]
            if kind == 26:
                lines += [indent + "else:", *self.statement(inner, depth + 1)]
            return lines
        return [indent + self.one(_STATEMENTS).format(**names)]

    def text(self) -> str:
        lines = [f"    {name} = {self.one(start)}" for name, start in _START.items()]
        lines += [f"    held = [{self.one(_NAMES)}, {self.one(_NAMES)}]", *_REST.splitlines()]
        turns = int(self.rng.integers(2, 7))
        conditional = self.rng.integers(4) == 0
        test = f"    while i < {turns - 1} and total < 50.0:"
        each = [f"    for i in range({turns}):"]
        lines += ["    i = -1", test, "        i += 1"] if conditional else each
        for _ in range(int(self.rng.integers(2, 6))):
            lines += self.statement("        ", 0)
        lines += ["    " + self.one(_LAST)] if self.rng.integers(2) else []
        return _HEAD + "\n".join([*lines, f"    return {_RESULT}"]) + "\n"


def text_of(seed: int) -> str:
    """Return the source of a program."""
    return _Writer(seed).text()


def program_of(seed: int) -> Callable[[Any, Any], Any]:
    """Return the program of a seed, with its source where tracebacks look for it."""
    text, name = text_of(seed), f"<random aliases {seed}>"
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    space: dict[str, Any] = {"np": np}
    exec(compile(text, name, "exec"), space)
    program: Callable[[Any, Any], Any] = space["program"]
    return program


def inputs_of(seed: int) -> tuple[Any, Any]:
    """Return fresh inputs, the same at every call."""
    rng = np.random.default_rng(seed)
    return rng.standard_normal(6), rng.standard_normal(6)
