"""Comments in generated C: the user's lines beside the statements, and what the file is.

All that comes from the user is escaped and cut to the width of a line.
"""

from collections.abc import Iterable
from pathlib import PurePath

from gradc.emit.c_uses import child_blocks, node_of
from gradc.emit.filters import c_comment
from gradc.ir.graph import Graph
from gradc.ir.program import Program
from gradc.kernels.nest import If, Loop, Stmt, While
from gradc.spans import Span

__all__ = ["COLUMNS", "Places", "comment", "origin_of"]

COLUMNS = 100
"""Generated lines are shorter than this where nothing indivisible is longer."""


def comment(text: str, width: int = COLUMNS) -> str:
    """Return ``/* text */``, escaped and at most ``width`` characters long."""
    room = max(width - 6, 16)
    shown = c_comment(text if len(text) <= room else text[: room - 4] + " ...")
    return f"/* {shown} */"


class Places:
    """Which line of the user's source the statements come from."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._known: dict[tuple[int, int], tuple[str, str]] = {}

    def span(self, node: int) -> Span | None:
        """Return where a node was written."""
        return self._graph[node].origin.span if node >= 0 else None

    def of(self, stmt: Stmt) -> tuple[str, str] | None:
        """Return the one place that a statement and all in it come from, None for several."""
        if isinstance(stmt, Loop | While | If) and stmt.node >= 0:
            span = self.span(stmt.node)
            return self._place(span) if span else None
        found: tuple[str, str] | None = None
        waiting = [stmt]
        while waiting:
            part = waiting.pop()
            span = self.span(node_of(part))
            place = self._place(span) if span else None
            if place and found and place != found:
                return None
            found = found or place
            for block in child_blocks(part):
                waiting.extend(block)
        return found

    def _place(self, span: Span) -> tuple[str, str]:
        """Return the file and line, and what stands there."""
        # by identity: equal code objects may come from different files
        key = id(span.code), span.offset
        if key not in self._known:
            where = f"{PurePath(span.filename).name}:{span.line}"
            self._known[key] = where, span.source_line
        return self._known[key]

    @staticmethod
    def text(place: tuple[str, str], width: int) -> str:
        """Print ``/* file:line  source */``."""
        return comment("  ".join(part for part in place if part), width)


def origin_of(program: Program) -> str:
    """Return ``loss in model.py, line 12``: the function that the user wrote; empty if unknown."""
    spans = [node.origin.span for node in program.graph.nodes if node.origin.span]
    if not spans:
        return ""
    span = next((s for s in _first_of_each(spans) if s.function == program.graph.name), spans[0])
    return f"{span.function} in {PurePath(span.filename).name}, line {span.code.co_firstlineno}"


def _first_of_each(spans: Iterable[Span]) -> list[Span]:
    """Return the first span of every function, in order."""
    return list({id(span.code): span for span in reversed(list(spans))}.values())[::-1]
