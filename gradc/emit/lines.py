"""Lines of generated code under construction, with indentation and the source map.

>>> lines = Lines(indent="    ")
>>> with lines.entry((7,)), lines.block("for (;;) {", "}"):
...     lines.add("x = 1;")
>>> print(lines.text)
for (;;) {
    x = 1;
}
>>> lines.entries[0].last_line
3
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from gradc.emit.source import Source, SourceEntry
from gradc.spans import Span

__all__ = ["Lines", "framed"]


class Lines:
    """Appends lines at the current depth and remembers which nodes they are for."""

    __slots__ = ("_indent", "_margin", "entries", "texts")

    def __init__(self, indent: str = "    ") -> None:
        self.texts: list[str] = []
        self.entries: list[SourceEntry] = []
        self._indent = indent
        self._margin = ""

    def __len__(self) -> int:
        """Count the lines."""
        return len(self.texts)

    @property
    def width_used(self) -> int:
        """How many columns the current indentation takes."""
        return len(self._margin)

    @property
    def text(self) -> str:
        """All lines joined, without a line break at the end."""
        return "\n".join(self.texts)

    def add(self, *texts: str) -> None:
        """Append lines at the current depth; an empty text gives an empty line."""
        margin = self._margin
        self.texts.extend(margin + text if text else "" for text in texts)

    def extend(self, other: "Lines") -> None:
        """Append another's lines at the current depth, with their entries."""
        by = len(self.texts)
        self.add(*other.texts)
        self.entries.extend(entry.shifted(by) for entry in other.entries)

    def join(self, other: "Lines") -> None:
        """Append another's lines as they are, with their entries."""
        by = len(self.texts)
        self.texts.extend(other.texts)
        self.entries.extend(entry.shifted(by) for entry in other.entries)

    def indent(self) -> None:
        """Go one level deeper; for printers that keep their own stack."""
        self._margin += self._indent

    def dedent(self) -> None:
        """Come back up one level."""
        self._margin = self._margin[: len(self._margin) - len(self._indent)]

    @contextmanager
    def indented(self) -> Iterator[None]:
        """Indent what is added inside."""
        self.indent()
        try:
            yield
        finally:
            self.dedent()

    @contextmanager
    def block(self, opening: str, closing: str = "") -> Iterator[None]:
        """Frame what is added inside, one level deeper; no closing line when it is empty."""
        self.add(opening)
        with self.indented():
            yield
        if closing:
            self.add(closing)

    @contextmanager
    def entry(self, nodes: Iterable[int], span: Span | None = None) -> Iterator[None]:
        """Map the lines added inside to nodes and a span; nothing is noted when there are none."""
        start = len(self.texts)
        yield
        self.note(start, nodes, span)

    def note(self, start: int, nodes: Iterable[int], span: Span | None = None) -> None:
        """Map the lines added since there were ``start`` of them."""
        known = tuple(dict.fromkeys(node for node in nodes if node >= 0))
        if len(self.texts) > start and (known or span is not None):
            self.entries.append(SourceEntry(start + 1, len(self.texts), known, span))


def framed(text: str, *parts: Lines) -> Source:
    """Return the source ``text``, in which each of ``parts`` stands as one block of whole lines.

    Templates put blocks somewhere in their frame; this finds the line each block begins at.

    Raises
    ------
    ValueError
        A block does not stand in the text.
    """
    entries: list[SourceEntry] = []
    position = line = 0
    for part in parts:
        if not part.texts:
            continue
        found = text.index(part.text, position)
        line += text.count("\n", position, found)
        entries.extend(entry.shifted(line) for entry in part.entries)
        position = found
    entries.sort(key=lambda entry: (entry.first_line, -entry.last_line))
    return Source(text, tuple(entries))
