"""How generated Python looks: the user's lines beside the statements, long lines broken."""

from collections.abc import Iterable, Sequence
from pathlib import PurePath

from gradc.emit.filters import py_comment
from gradc.emit.lines import Lines
from gradc.records import dataclass
from gradc.spans import Span

__all__ = ["INDENT", "LONGEST", "Row", "add_rows", "wrapped"]

LONGEST = 88
"""Columns that a line of code may take before what stands inside it gets a statement."""
INDENT = "    "
_BESIDE = 60
_EXCERPT = 24
_WHOLE = 130


@dataclass(slots=True)
class Row:
    """One statement, the nodes it computes, the user's expression it stands for, and its depth."""

    code: str
    nodes: tuple[int, ...] = ()
    span: Span | None = None
    depth: int = 0


def add_rows(lines: Lines, rows: Sequence[Row]) -> None:
    """Append statements with the user's file, line and source text beside them.

    The text stands once for each stretch of statements that come from the same line.
    """
    comments = _comments(rows)
    texts = [_indented(row, lines.width_used) for row in rows]
    lengths = [len(text[0]) for text, comment in zip(texts, comments, strict=True) if comment]
    column = max((length for length in lengths if length <= _BESIDE), default=0)
    for row, (first, *more), comment in zip(rows, texts, comments, strict=True):
        start = len(lines)
        lines.add(f"{first:<{column}}  {comment}" if comment else first, *more)
        lines.note(start, row.nodes, row.span)


def _indented(row: Row, margin: int) -> list[str]:
    indent = INDENT * row.depth
    return [indent + line for line in wrapped(row.code, margin + len(indent))]


def _comments(rows: Sequence[Row]) -> list[str]:
    """Return the text beside each row, empty where the row above comes from the same line."""
    found, before = [], None
    for row in rows:
        here = (row.span.filename, row.span.line) if row.span else before
        found.append(_comment(row.span, len(row.code)) if row.span and here != before else "")
        before = here
    return found


def _comment(span: Span, beside: int) -> str:
    place = f"# {PurePath(span.filename).name}:{span.line}"
    source = span.source_line
    room = max(_WHOLE - max(beside, _BESIDE // 2) - len(place), _EXCERPT)
    if len(source) > room:
        source = source[: room - 4] + " ..."
    return py_comment(f"{place}  {source}".rstrip())


def wrapped(code: str, margin: int) -> list[str]:
    """Break a long line after commas inside brackets; what follows is indented by two levels."""
    room = LONGEST + 11 - margin
    if len(code) <= room:
        return [code]
    lines, line, depth = [], "", 0
    for piece in _pieces(code):
        if depth and len(line) + len(piece.rstrip()) > room:
            lines.append(line.rstrip())
            line = " " * 8
        line += piece
        depth += sum(piece.count(c) for c in "([{") - sum(piece.count(c) for c in ")]}")
    return [*lines, line]


def _pieces(code: str) -> Iterable[str]:
    """Split after every comma that a blank follows."""
    *heads, last = code.split(", ")
    return [*(head + ", " for head in heads), last]
