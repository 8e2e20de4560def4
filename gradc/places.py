"""Where in the user's source a line of generated Python comes from, for errors when it runs."""

from collections.abc import Iterator

from gradc.emit.source import Source
from gradc.ir import Array, Graph, Node, Program
from gradc.runtime.failures import Place
from gradc.spans import Span

__all__ = ["place_in"]


def place_in(program: Program, source: Source) -> Place:
    """Return what finds the user's expression for a line of generated code.

    A line may hold several expressions of one statement of the user's: the one that indexes an axis
    of the right length is taken when there is just one, otherwise the statement.
    """

    def place(line: int, length: int | None) -> Span | None:
        entry = source.at(line)
        span = None if entry is None else entry.span
        if length is None:
            return span
        spans = [one for one in _indexing(program.graph, length) if _beside(one, span)]
        return spans[0] if spans and all(one == spans[0] for one in spans) else span

    return place


def _beside(span: Span, statement: Span | None) -> bool:
    """Tell whether an expression stands on the line of a statement, if that is known."""
    return statement is None or (span.filename, span.line) == (statement.filename, statement.line)


def _indexing(graph: Graph, length: int) -> Iterator[Span]:
    """Yield the places of lookups along axes of a length, in a graph and in those inside it."""
    for node in graph.nodes:
        span = node.origin.span
        if span is not None and length in _lengths(graph, node):
            yield span
        for region in node.regions:
            yield from _indexing(region, length)


def _lengths(graph: Graph, node: Node) -> list[object]:
    """Return the lengths of the axes that a node looks up by index arrays."""
    spec = node.params.get("spec", ())
    shape = graph[node.operands[0]].type.shape if spec else ()
    axes = [item for item in spec if type(item).__name__ != "NewAxis"]
    return [n for item, n in zip(axes, shape, strict=False) if isinstance(item, Array)]
