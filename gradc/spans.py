"""Where a value comes from in the user's source.

A span is captured as a code object and an instruction offset, which costs a third of a
microsecond, and is resolved to file, line and columns only when somebody looks.
"""

import linecache
import re
import sys
from functools import cached_property, lru_cache
from pathlib import Path
from types import CodeType, FrameType
from typing import NamedTuple

import numpy as np

from gradc.records import dataclass

__all__ = ["Position", "Span", "caller_span", "definition_span"]

_PACKAGE = str(Path(__file__).resolve().parent)


class Position(NamedTuple):
    """Lines count from 1, columns from 0 in characters; ``end_column`` is exclusive."""

    line: int
    end_line: int
    column: int
    end_column: int


@dataclass(frozen=True)
class Span:
    """One expression of the user's source: a code object and an offset into its instructions."""

    code: CodeType
    offset: int

    @property
    def filename(self) -> str:
        """The file as Python knows it."""
        return self.code.co_filename

    @property
    def function(self) -> str:
        """The name of the function the expression stands in."""
        return self.code.co_name

    @cached_property
    def position(self) -> Position:
        """Line and columns, resolved from the code object's position table."""
        table = _positions(self.code)
        unit = self.offset // 2
        if self.offset and 0 < unit < len(table):
            return table[unit]
        return _definition(self.code)

    @property
    def line(self) -> int:
        """First line of the expression, counted from 1."""
        return self.position.line

    @property
    def source_line(self) -> str:
        """The whole first line of the expression, stripped; empty when the file is not at hand."""
        return linecache.getline(self.filename, self.line).strip()

    @property
    def text(self) -> str:
        """The expression itself; empty when it is not on one line or the file is not at hand."""
        where = self.position
        if where.line != where.end_line:
            return ""
        line = linecache.getline(self.filename, where.line).encode()
        return line[where.column : where.end_column].decode(errors="ignore")

    @property
    def location(self) -> str:
        """``model.py:12 in loss``."""
        return f"{Path(self.filename).name}:{self.line} in {self.function}"

    def excerpt(self) -> list[str]:
        """Location, source line and caret line, for an error message."""
        raw = linecache.getline(self.filename, self.line).rstrip("\n")
        if not raw.strip():
            return [self.location]
        indent = len(raw) - len(raw.lstrip())
        return [self.location, "  " + raw.strip(), *self._carets(raw, indent)]

    def _carets(self, raw: str, indent: int) -> list[str]:
        where = self.position
        start = _character(raw, where.column)
        end = _character(raw, where.end_column) if where.end_line == where.line else len(raw)
        if end <= start:
            return []
        return ["  " + " " * (start - indent) + "^" * (end - start)]


def _character(line: str, byte_column: int) -> int:
    """Return the character index of a UTF-8 byte column."""
    return len(line.encode()[:byte_column].decode(errors="ignore"))


@lru_cache(maxsize=512)
def _positions(code: CodeType) -> tuple[Position, ...]:
    """Return the position of each two-byte unit of the code, inline caches included."""
    first = code.co_firstlineno
    return tuple(
        Position(line or first, end_line or line or first, column or 0, end_column or 0)
        for line, end_line, column, end_column in code.co_positions()
    )


def _definition(code: CodeType) -> Position:
    """Find the name of a function below its decorators, or the body of a lambda."""
    first = code.co_firstlineno
    for line in range(first, first + _DECORATORS):
        text = linecache.getline(code.co_filename, line)
        found = re.match(rf"\s*(?:async\s+)?def\s+({re.escape(code.co_name)})\b", text)
        if found:
            start, end = (len(text[: found.span(1)[i]].encode()) for i in (0, 1))
            return Position(line, line, start, end)
    inside = [p for p in _positions(code) if p.line == p.end_line == first and p.end_column]
    start = min((p.column for p in inside), default=0)
    return Position(first, first, start, max((p.end_column for p in inside), default=0))


_DECORATORS = 50
"""How many lines of decorators are looked through."""


def _is_user_code(filename: str) -> bool:
    return not filename.startswith((_PACKAGE, _numpy_folder(), "<__array_function__"))


@lru_cache(maxsize=1)
def _numpy_folder() -> str:
    return str(Path(np.__file__).parent)


_user_code: dict[str, bool] = {}


def caller_span(frame: FrameType | None = None) -> Span | None:
    """Return the span of the nearest frame that is neither gradc's nor NumPy's, if there is one."""
    frame = frame or sys._getframe(1)
    while frame is not None:
        filename = frame.f_code.co_filename
        known = _user_code.get(filename)
        if known is None:
            known = _user_code[filename] = _is_user_code(filename)
        if known:
            return Span(frame.f_code, frame.f_lasti)
        frame = frame.f_back
    return None


def definition_span(function: object) -> Span | None:
    """Return the place where a Python function is defined, looking through wrappers."""
    while hasattr(function, "__wrapped__"):
        function = function.__wrapped__
    code = getattr(getattr(function, "__func__", function), "__code__", None)
    return Span(code, 0) if isinstance(code, CodeType) else None
