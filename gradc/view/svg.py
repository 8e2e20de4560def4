"""Graphs as SVG: one self-contained picture, drawn without any other program."""

from collections.abc import Iterator, Sequence

from gradc.emit.filters import html
from gradc.emit.render import render
from gradc.ir import Graph
from gradc.view.layers import Layout, arrange
from gradc.view.picture import LARGEST, Box, Edge, Picture, picture

__all__ = ["svg"]

_CHAR = 7.3
_LINE = 16.0
_PADDING = 8.0
_MARGIN = 20.0
_HEAD = 52.0


def svg(graph: Graph, *, largest: int | None = LARGEST) -> str:
    """Return the picture of a graph as SVG text.

    Parameters
    ----------
    graph : Graph
        Its live nodes are drawn, operands above their users.
    largest : int or None
        With more nodes than this only named values are drawn, and a note says so.
    """
    drawn = picture(graph, largest=largest)
    layout = arrange([_size(box) for box in drawn.boxes], [(e.start, e.end) for e in drawn.edges])
    edges = [part for e, r in zip(drawn.edges, layout.routes, strict=True) for part in _edge(e, r)]
    boxes = [
        part for box, at in zip(drawn.boxes, layout.centres, strict=True) for part in _box(box, at)
    ]
    width, height = _extent(drawn, layout)
    return render(
        "view/graph.svg.j2",
        width=f"{width:.0f}",
        height=f"{height:.0f}",
        view=f"0 0 {width:.0f} {height:.0f}",
        name=graph.name,
        note=drawn.note,
        edges=edges,
        boxes=boxes,
    )


def _extent(drawn: Picture, layout: Layout) -> tuple[float, float]:
    least = max(430.0, len(drawn.note) * _CHAR)
    return max(layout.width, least) + 2 * _MARGIN, layout.height + _HEAD + 2 * _MARGIN


def _size(box: Box) -> tuple[float, float]:
    wide = max(len(line) for line in box.lines) * _CHAR + 2 * _PADDING
    return max(wide, 30.0), len(box.lines) * _LINE + 2 * _PADDING - 4


def _box(box: Box, centre: tuple[float, float]) -> Iterator[str]:
    width, height = _size(box)
    x, y = centre[0] + _MARGIN, centre[1] + _HEAD + _MARGIN
    kind = f"{box.role} output" if box.output else box.role
    yield f'<g class="{kind}" id="{box.key}"><title>{html(box.title)}</title>'
    yield (
        f'<rect x="{x - width / 2:.1f}" y="{y - height / 2:.1f}" '
        f'width="{width:.1f}" height="{height:.1f}" rx="6"/>'
    )
    top = y - (len(box.lines) - 1) * _LINE / 2 + 4
    for number, line in enumerate(box.lines):
        kind = ' class="name"' if box.named and number == 0 else ""
        yield f'<text{kind} x="{x:.1f}" y="{top + number * _LINE:.1f}">{html(line)}</text>'
    yield "</g>"


def _edge(edge: Edge, route: Sequence[tuple[float, float]]) -> Iterator[str]:
    points = [(x + _MARGIN, y + _HEAD + _MARGIN) for x, y in route]
    x, y = points[0]
    parts = [f"M{x:.1f} {y:.1f}"]
    for bend, (to_x, to_y) in enumerate(points[1:]):
        if bend % 2:
            parts.append(f"L{to_x:.1f} {to_y:.1f}")
        else:
            middle = (y + to_y) / 2
            parts.append(f"C{x:.1f} {middle:.1f} {to_x:.1f} {middle:.1f} {to_x:.1f} {to_y:.1f}")
        x, y = to_x, to_y
    yield f'<path d="{" ".join(parts)}"/>'
    if edge.slot is not None:
        yield f'<text class="slot" x="{x + 4:.1f}" y="{y - 8:.1f}">{edge.slot}</text>'
