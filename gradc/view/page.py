"""One HTML page on one compiled function: source, graph, generated code, report.

The page is a single file without scripts and without links to anywhere.  Everything of the user's
(names, source text, constants) is escaped on its way in.
"""

from collections.abc import Iterable, Mapping, Sequence

from gradc.emit.filters import Rendered, html
from gradc.emit.render import render
from gradc.emit.source import Source, SourceEntry
from gradc.ir import Program
from gradc.records import dataclass
from gradc.spans import Span
from gradc.view.svg import svg

__all__ = ["Pane", "page"]

_COLOURS = 12


@dataclass(frozen=True, slots=True)
class Pane:
    """One pane of text; lines that share a colour come from the same line of the user's source.

    Parameters
    ----------
    key : str
        An identifier for the element.
    title : str
        What stands above it.
    lines : tuple of str
        Escaped lines.
    """

    key: str
    title: str
    lines: tuple[Rendered, ...]


def page(
    program: Program,
    *,
    sources: Mapping[str, Source],
    report: str = "",
    explanation: str = "",
    python: str = "",
    first_line: int = 1,
) -> str:
    """Return the whole page.

    Parameters
    ----------
    program : Program
        Drawn as the graph.
    sources : mapping of str to Source
        Generated code by title: ``{"NumPy": ..., "C": ...}``.
    report, explanation : str
        Texts of `gradc.view.report.report` and `gradc.view.explain.explain`.
    python : str
        The user's function as it stands in its file, from line `first_line` on.
    """
    colours = _colours(sources.values())
    panes = []
    if python:
        panes.append(_python(python, first_line, colours))
    for title, source in sources.items():
        panes.append(Pane(_key(title), title, _coloured(source, colours)))
    for title, text in (("Adjoints", explanation), ("Report", report)):
        if text:
            panes.append(Pane(_key(title), title, _numbered(text.splitlines(), {}, 1, False)))
    return render(
        "view/page.html.j2", name=program.name, graph=svg(program.graph), panes=tuple(panes)
    )


def _key(title: str) -> str:
    return "pane_" + "".join(c for c in title.lower() if c.isascii() and c.isalnum())


def _colours(sources: Iterable[Source]) -> dict[tuple[str, int], int]:
    """Give the user's lines that generated code comes from a colour each."""
    found = {_line(e.span) for s in sources for e in s.map if e.span}
    return {line: number % _COLOURS for number, line in enumerate(sorted(found))}


def _line(span: Span) -> tuple[str, int]:
    return span.filename, span.line


def _python(text: str, first_line: int, colours: Mapping[tuple[str, int], int]) -> Pane:
    by_line = {line: colour for (_, line), colour in colours.items()}
    lines = text.splitlines()
    marks = {n: by_line[n] for n in range(first_line, first_line + len(lines)) if n in by_line}
    return Pane("pane_python", "Python", _numbered(lines, marks, first_line, True))


def _coloured(source: Source, colours: Mapping[tuple[str, int], int]) -> tuple[Rendered, ...]:
    marks: dict[int, int] = {}
    for entry in sorted(source.map, key=_breadth, reverse=True):
        if entry.span is not None:
            lines = range(entry.first_line, entry.last_line + 1)
            marks.update(dict.fromkeys(lines, colours[_line(entry.span)]))
    return _numbered(source.text.splitlines(), marks, 1, True)


def _breadth(entry: SourceEntry) -> int:
    return entry.last_line - entry.first_line


def _numbered(
    lines: Sequence[str], marks: Mapping[int, int], first: int, numbers: bool
) -> tuple[Rendered, ...]:
    """Return escaped lines with their numbers and the colours of the lines they come from."""
    width = len(str(first + len(lines)))
    found = []
    for number, line in enumerate(lines, first):
        kind = f' class="line s{marks[number]}"' if number in marks else ' class="line"'
        lead = f'<span class="number">{number:>{width}}</span> ' if numbers else ""
        found.append(Rendered(f"<span{kind}>{lead}{html(line)}</span>"))
    return tuple(found)
