"""Generated text and where each part of it came from.

    Source      = text, map: SourceEntry*
    SourceEntry = first_line, last_line, nodes, span

The map is written down while the lines are made, never read back out of comments.  Lines count
from 1; entries are in order of their first line and may nest (a statement inside a loop's stretch).
"""

from gradc.records import dataclass
from gradc.spans import Span

__all__ = ["Source", "SourceEntry"]


@dataclass(frozen=True, slots=True)
class SourceEntry:
    """A stretch of lines, the graph nodes it computes and the user's expression it stands for."""

    first_line: int
    last_line: int
    nodes: tuple[int, ...]
    span: Span | None = None

    def shifted(self, by: int) -> "SourceEntry":
        """Return the entry for the same lines further down."""
        return SourceEntry(self.first_line + by, self.last_line + by, self.nodes, self.span)


@dataclass(frozen=True, slots=True)
class Source:
    """Generated code with its source map.

    ``brief`` is C that only declares the functions ``apart``, which may be compiled once for all,
    and what is done in chunks where ``beside`` defines it, which may be compiled at the same time.
    Each is empty where there is none.
    """

    text: str
    map: tuple[SourceEntry, ...] = ()
    brief: str = ""
    apart: tuple[str, ...] = ()
    beside: str = ""

    def at(self, line: int) -> SourceEntry | None:
        """Return the innermost entry that covers a line."""
        inside = [e for e in self.map if e.first_line <= line <= e.last_line]
        return min(inside, key=lambda e: e.last_line - e.first_line, default=None)

    def lines_of(self, node: int) -> list[int]:
        """Return the lines that compute a node, ascending."""
        found = {
            line
            for entry in self.map
            if node in entry.nodes
            for line in range(entry.first_line, entry.last_line + 1)
        }
        return sorted(found)

    @property
    def function(self) -> str:
        """The function and its parts, without what stands around: support code, tables, entry."""
        if not self.map:
            return self.text
        lines = self.text.splitlines()
        start = self.map[0].first_line - 1
        while start > 0 and (not lines[start] or lines[start].startswith(" ")):
            start -= 1
        end = max(entry.last_line for entry in self.map)
        while end < len(lines) and (not lines[end] or lines[end].startswith(" ")):
            end += 1
        end += lines[end : end + 1] == ["}"]
        return "\n".join(lines[start:end]).rstrip() + "\n"

    def __str__(self) -> str:
        """Return the text."""
        return self.text
