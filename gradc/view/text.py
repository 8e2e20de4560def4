"""Plain text for people: aligned tables, sizes, short numbers."""

from collections.abc import Iterable, Sequence
from pathlib import PurePath

import numpy as np

from gradc.emit.filters import py_comment
from gradc.ir import Dim
from gradc.spans import Span

__all__ = ["bytes_text", "count_text", "place", "plain", "short", "table"]

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")
_SHOWN = 4


def plain(text: str) -> str:
    """Return text on one line, with control and invisible characters replaced by ``?``."""
    return str(py_comment(text.replace("\n", " ")))


def table(
    rows: Iterable[Sequence[str]], *, right: Sequence[int] = (), margin: str = ""
) -> list[str]:
    """Return lines with aligned columns, two blanks apart; the last column is not padded.

    Parameters
    ----------
    rows : iterable of sequence of str
        All of one length.
    right : sequence of int
        Columns to align at the right.
    margin : str
        What each line begins with.
    """
    cells = [[plain(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [margin + _line(row, widths, right) for row in cells]


def _line(row: Sequence[str], widths: Sequence[int], right: Sequence[int]) -> str:
    columns = enumerate(zip(row, widths, strict=True))
    padded = [cell.rjust(w) if at in right else cell.ljust(w) for at, (cell, w) in columns]
    return "  ".join(padded).rstrip()


def bytes_text(count: Dim) -> str:
    """Return ``1.5 KiB``; an extent that is not known yet stays an expression.

    >>> bytes_text(96), bytes_text(1536)
    ('96 B', '1.5 KiB')
    """
    if not isinstance(count, int):
        return f"{count} B"
    size, unit = float(count), 0
    while size >= 1024 and unit < len(_UNITS) - 1:
        size, unit = size / 1024, unit + 1
    return f"{size:.4g} {_UNITS[unit]}"


def count_text(count: int, noun: str) -> str:
    """Return a number with its noun in the right form.

    >>> count_text(1, "node"), count_text(1200, "node")
    ('1 node', '1,200 nodes')
    """
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def short(value: np.ndarray) -> str:
    """Return a value in six digits: whole when it is small, else its norm and range.

    >>> short(np.array(2 / 3)), short(np.array([1.0, 0.5]))
    ('0.666667', '[1, 0.5]')
    """
    if value.size <= _SHOWN:
        return _nested(value)
    if value.dtype.kind != "f":
        return f"{value.min()} .. {value.max()}"
    with np.errstate(all="ignore"):
        norm = np.sqrt(np.sum(np.square(value, dtype=float)))
    return f"norm {norm:.6g}, {value.min():.6g} .. {value.max():.6g}"


def _nested(value: np.ndarray) -> str:
    if value.ndim:
        return f"[{', '.join(map(_nested, value))}]"
    return f"{value.item():.6g}" if value.dtype.kind == "f" else str(value.item())


def place(span: Span | None) -> str:
    """Return ``model.py:12``, or nothing where the line is not known.

    >>> place(None)
    ''
    """
    return "" if span is None else f"{PurePath(span.filename).name}:{span.line}"
