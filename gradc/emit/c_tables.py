"""Constant arrays as static tables."""

from collections.abc import Iterable, Iterator

import numpy as np

from gradc.emit.c_comments import COLUMNS
from gradc.emit.c_types import literal, memory_type
from gradc.kernels.nest import Buffer

__all__ = ["table_lines"]


def table_lines(buffer: Buffer, name: str) -> Iterator[str]:
    """Print ``static const double name[6] = {...};`` with as many numbers on a line as fit."""
    if buffer.data is None:
        raise ValueError(f"the constant {name} has no data")
    values = np.asarray(buffer.data).ravel()
    kind = memory_type(values.dtype)
    head = f"static const {kind} {name}[{max(values.size, 1)}] = {{"
    texts = _texts(values) or ["0"]
    line = f"{head}{', '.join(texts[:64])}}};"
    if len(texts) <= 64 and len(line) < COLUMNS:
        yield line
        return
    yield head
    yield from _rows(texts)
    yield "};"


def _texts(values: np.ndarray) -> list[str]:
    if values.dtype.kind == "b":
        return ["1" if value else "0" for value in values]
    return [literal(value, values.dtype).text for value in values]


def _rows(texts: Iterable[str]) -> Iterator[str]:
    row, width = list[str](), 4
    for text in texts:
        if row and width + len(text) + 1 >= COLUMNS:
            yield "    " + " ".join(row)
            row, width = [], 4
        row.append(text + ",")
        width += len(text) + 2
    yield "    " + " ".join(row)
