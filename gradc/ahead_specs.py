"""Arguments described by text: ``w:f8[3], params={w1:f8[3,4], b1:f8[4]}, n=3``.

    arguments = [item {"," item}]
    item      = [name (":" | "=")] value
    value     = array | number | text | True | False | None | "float" | "generator" | tree
    array     = dtype "[" [extent {"," extent}] "]" ["<" limit]
    tree      = "{" item {"," item} "}" | "(" value {"," value} ")" | "[" value {"," value} "]"

A dtype alone is a NumPy scalar, ``float`` a Python float, ``generator`` a random generator;
numbers, texts and the like stand for themselves.  Random integers of ``i8[30]<100`` stay below 100.
"""

import math
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from gradc.errors import ArgumentError
from gradc.trees import map_tree

__all__ = ["ArraySpec", "examples", "parse_arguments", "parse_array"]

_CODES = {
    **{f"{kind}{size}": f"{kind}{size}" for kind in "iu" for size in (1, 2, 4, 8)},
    **{"f4": "f4", "f8": "f8", "f32": "f4", "f64": "f8", "float32": "f4", "float64": "f8"},
    **{"b1": "b1", "bool": "b1", "i32": "i4", "i64": "i8", "int32": "i4", "int64": "i8"},
}
_WORDS = {"True": True, "False": False, "None": None, "true": True, "false": False}
_TOKEN = re.compile(
    r"\s*(?:(?P<name>[^\W\d]\w*)|(?P<number>[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)"
    r"|(?P<string>'[^'\\]*'|\"[^\"\\]*\")|(?P<mark>[\[\]{}():,=<])|(?P<end>$)|(?P<wrong>.))",
    re.DOTALL,
)
_MAX_TEXT, _MAX_DEPTH, _MAX_BYTES = 100_000, 32, 1 << 40


class ArraySpec:
    """The type of an array, a NumPy scalar (``shape`` None) or a Python float (``dtype`` too)."""

    __slots__ = ("below", "dtype", "shape")

    def __init__(self, dtype: str | None, shape: tuple[int, ...] | None, below: int = 2) -> None:
        self.dtype, self.shape, self.below = dtype, shape, below

    def example(self, rng: np.random.Generator | None) -> Any:
        """Return zeros that take no memory, or random numbers from ``rng``."""
        shape, dtype = self.shape or (), np.dtype(self.dtype or "f8")
        if rng is None:
            array: Any = np.broadcast_to(np.zeros((), dtype), shape)
        elif dtype.kind == "f":
            array = np.asarray(rng.standard_normal(shape)).astype(dtype)
        else:
            array = np.asarray(rng.integers(0, self.below, shape)).astype(dtype)
        if self.dtype is None:
            return float(array)
        return array[()] if self.shape is None else array


class _Generator:
    """Stands for a random generator."""

    __slots__ = ()


def examples(tree: Any, seed: int | None = None) -> Any:
    """Replace the descriptions in a tree by zeros, or with a seed by random numbers."""
    rng = None if seed is None else np.random.default_rng(seed)

    def example(leaf: Any) -> Any:
        if isinstance(leaf, ArraySpec):
            return leaf.example(rng)
        return np.random.default_rng(seed or 0) if isinstance(leaf, _Generator) else leaf

    return map_tree(example, tree)


def parse_array(text: str) -> ArraySpec | None:
    """Read ``"f8[4, 3]"``; None for any other text."""
    if not re.fullmatch(r"\s*[a-z]+[0-9]*\s*\[[\s\d,]*\]\s*", text, re.ASCII):
        return None
    (_, spec), *rest = parse_arguments(text)
    return spec if isinstance(spec, ArraySpec) and not rest else None


def parse_arguments(text: str) -> list[tuple[str, Any]]:
    """Read a list of arguments; the name is empty where none is given.

    Raises
    ------
    ArgumentError
        When the text is no such list; the message marks the place.

    Examples
    --------
    >>> [(name, value.shape) for name, value in parse_arguments("w:f8[3], f4[2, 2]")]
    [('w', (3,)), ('', (2, 2))]
    """
    return _Parser(text).arguments()


class _Token(NamedTuple):
    kind: str
    text: str
    at: int


def _tokens(text: str) -> Iterator[_Token]:
    at = 0
    while True:
        found = _TOKEN.match(text, at)
        kind = str(found.lastgroup) if found else "end"
        yield _Token(kind, found[kind] if found else "", found.start(kind) if found else at)
        if found is None or kind == "end":
            return
        at = found.end()


class _Parser:
    """Reads one text, a token at a time."""

    def __init__(self, text: str) -> None:
        self.text = text
        if len(text) > _MAX_TEXT:
            raise ArgumentError("the description of the arguments is too long")
        self.tokens = list(_tokens(text))
        self.position = 0
        self.depth = 0

    @property
    def next(self) -> _Token:
        """The token to be read."""
        return self.tokens[self.position]

    def arguments(self) -> list[tuple[str, Any]]:
        """Read the whole text."""
        found = self._items("") if self.next.kind != "end" else []
        if self.next.kind != "end":
            raise self._wrong('"," or the end')
        return found

    def _items(self, closing: str) -> list[tuple[str, Any]]:
        found = []
        while self.next.text != closing and self.next.kind != "end":
            found.append(self._item())
            if not self._take(","):
                break
        return found

    def _item(self) -> tuple[str, Any]:
        token, follows = self.next, self.tokens[min(self.position + 1, len(self.tokens) - 1)]
        named = token.kind in ("name", "string") and follows.text in (":", "=")
        if named:
            self.position += 2
        name = token.text.strip("'\"") if named else ""
        return name, self._value()

    def _value(self) -> Any:
        token = self.next
        if token.text in ("{", "(", "[") and token.kind == "mark":
            return self._tree(token.text)
        self.position += 1
        if token.kind == "number":
            return self._number(token)
        if token.kind == "string":
            return token.text[1:-1]
        if token.text in _WORDS:
            return _WORDS[token.text]
        if token.text in _CODES:
            return self._array(_CODES[token.text])
        if token.text == "generator":
            return _Generator()
        if token.text == "float":
            return ArraySpec(None, None)
        self.position -= 1
        raise self._wrong("a dtype such as f8, a number, or a tree")

    def _tree(self, opening: str) -> Any:
        closing = {"{": "}", "(": ")", "[": "]"}[opening]
        self.position += 1
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise self._wrong(f"at most {_MAX_DEPTH} levels")
        items = self._items(closing)
        self.depth -= 1
        self._demand(closing)
        if opening == "{":
            if not all(name for name, _ in items):
                raise self._wrong("a name for every value in {}")
            return dict(items)
        return tuple(v for _, v in items) if opening == "(" else [v for _, v in items]

    def _number(self, token: _Token) -> int | float:
        try:
            return int(token.text) if re.fullmatch(r"[-+]?\d+", token.text) else float(token.text)
        except ValueError:  # an int of thousands of digits
            self.position -= 1
            raise self._wrong("a shorter number") from None

    def _array(self, code: str) -> ArraySpec:
        if not self._take("["):
            return ArraySpec(code, None)
        extents: list[int] = []
        while self.next.text != "]":
            extents.append(self._extent())
            if not self._take(","):
                break
        self._demand("]")
        if math.prod(extents) * np.dtype(code).itemsize > _MAX_BYTES or len(extents) > 32:
            raise ArgumentError(f"an array of shape {tuple(extents)} is too large")
        below = self._extent() if code[0] in "iu" and self._take("<") else 2
        return ArraySpec(code, tuple(extents), below)

    def _extent(self) -> int:
        if not re.fullmatch(r"\d{1,18}", self.next.text, re.ASCII):
            raise self._wrong("an extent such as 3")
        self.position += 1
        return int(self.tokens[self.position - 1].text)

    def _take(self, mark: str) -> bool:
        found = self.next.kind == "mark" and self.next.text == mark
        self.position += found
        return found

    def _demand(self, mark: str) -> None:
        if not self._take(mark):
            raise self._wrong(f'"{mark}"')

    def _wrong(self, wanted: str) -> ArgumentError:
        token = self.next
        shown = ascii(token.text[:40]) if token.text else "the end"
        start = max(0, token.at - 60)
        excerpt = ascii(self.text[start : token.at + 20])[1:-1]
        caret = " " * len(ascii(self.text[start : token.at])[1:-1]) + "^"
        return ArgumentError(
            f"cannot read the arguments: expected {wanted}, found {shown}\n  {excerpt}\n  {caret}",
            repair="write them as w:f8[3], x:f8[4,3], n=3, params={w1:f8[3,4], b1:f8[4]}",
        )
