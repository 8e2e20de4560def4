"""DOT, SVG and the page: well formed, inert, readable."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest

from gradc import ops
from gradc.emit.numpy_source import print_numpy
from gradc.ir import ArrayType, Graph
from gradc.view.dot import dot
from gradc.view.layers import arrange
from gradc.view.page import page
from gradc.view.picture import LARGEST, picture
from gradc.view.svg import svg
from tests import graphs

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = (
    "</script><script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    'a\\"b\n c',
    "]]>\x00\x1b",
    "z & <b>",
    "<style>*{display:none}</style>",
    "{{ 7 * 7 }}",
)


def joint(graph: Graph, wrt: tuple[int, ...] = (0,)) -> Graph:
    return graphs.gradient(graph, list(wrt))[0].graph


def test_dot_text(golden):
    golden("neuron.dot", dot(joint(graphs.neuron())))


def test_svg_text(golden):
    golden("neuron.svg", svg(joint(graphs.neuron())))


@pytest.mark.parametrize("make", [graphs.neuron, graphs.softmax_loss, graphs.fill])
def test_svg_shows_every_node_and_operand(make):
    graph = make()
    root = ElementTree.fromstring(svg(graph))
    boxes = [g for g in root.iter(f"{SVG}g") if g.get("id")]
    titles = [box.find(f"{SVG}title").text for box in boxes]
    drawn = picture(graph)
    assert len(boxes) == len(drawn.boxes)
    assert len([p for p in root.iter(f"{SVG}path") if p.get("d")]) == len(drawn.edges) + 1
    for name in graph.names.values():
        assert any(f" {name} = " in title for title in titles)


def test_svg_is_self_contained():
    text = svg(joint(graphs.softmax_loss()))
    assert "href" not in text
    assert re.findall(r"https?://[^\"]+", text) == ["http://www.w3.org/2000/svg"]
    assert "<script" not in text


def test_colours_tell_primal_from_adjoint():
    graph = joint(graphs.neuron())
    roles = {box.lines[0]: box.role for box in picture(graph).boxes}
    assert (roles["w"], roles["z"], roles["z_bar"]) == ("input", "primal", "adjoint")


def test_hostile_names_are_inert():
    graph = graphs.neuron(HOSTILE)
    program, _ = graphs.gradient(graph, [0])
    root = ElementTree.fromstring(svg(program.graph))
    assert not list(root.iter(f"{SVG}script"))
    assert not list(root.iter(f"{SVG}img"))
    text = page(
        program,
        sources={"NumPy": print_numpy(program)},
        report="".join(HOSTILE),
        explanation="".join(HOSTILE),
        python="\n".join(HOSTILE),
    )
    body = text[text.index("<body>") :]
    assert not re.search(r"<(script|img|b)\b", body)
    assert body.count("<style>") == 1, "the picture's own"
    assert "\x1b" not in text
    assert "{{ 7 * 7 }}" in text


def test_dot_escapes_quotes_and_line_ends():
    text = dot(graphs.neuron(HOSTILE))
    strings = re.findall(r'"(?:[^"\\]|\\.)*"', text)
    assert not re.search(r"[<>]", re.sub(r'"(?:[^"\\]|\\.)*"', "", text).replace("->", ""))
    assert any("script" in s for s in strings)
    assert text.count("{") - sum(s.count("{") for s in strings) == 1


def test_dot_labels_slots_only_where_there_are_several():
    graph = Graph("f")
    x = graph.input("x", ArrayType.of("f8"))
    graph.outputs = [(ops.sin(x) * ops.sin(x)).id]
    text = dot(graph)
    assert "n0 -> n1;" in text
    assert 'n1 -> n2 [label="0"];' in text
    assert 'n1 -> n2 [label="1"];' in text


def test_large_graphs_are_drawn_by_their_names():
    graph = graphs.chain(400)
    drawn = picture(graph)
    assert len(drawn.boxes) <= LARGEST
    assert drawn.note.startswith("802 nodes; shown are ")
    root = ElementTree.fromstring(svg(graph))
    assert any((t.text or "").startswith("802 nodes") for t in root.iter(f"{SVG}text"))
    assert dot(graph).count("->") == 3 * 400, "DOT shows every operand"


def overlap(a, b, sizes, centres):
    (aw, ah), (bw, bh) = sizes[a], sizes[b]
    (ax, ay), (bx, by) = centres[a], centres[b]
    return abs(ax - bx) < (aw + bw) / 2 and abs(ay - by) < (ah + bh) / 2


@pytest.mark.parametrize("seed", range(6))
def test_boxes_never_overlap_and_edges_go_down(seed):
    rng = np.random.default_rng(seed)
    count = 40
    sizes = [(float(w), float(h)) for w, h in rng.uniform(20, 120, (count, 2))]
    edges = [(int(rng.integers(0, end)), end) for end in range(1, count) for _ in range(2)]
    layout = arrange(sizes, edges)
    pairs = [(a, b) for a in range(count) for b in range(a)]
    assert not any(overlap(a, b, sizes, layout.centres) for a, b in pairs)
    for route in layout.routes:
        heights = [y for _, y in route]
        assert heights == sorted(heights)
    assert layout.width > 0
    assert all(0 <= x <= layout.width and 0 <= y <= layout.height for x, y in layout.centres)


def test_empty_graph_is_drawn():
    ElementTree.fromstring(svg(Graph("empty")))
    assert arrange([], []).width == 0


def test_page_holds_all_panes_and_no_links_to_anywhere():
    program, _ = graphs.gradient(graphs.neuron(), [0])
    source = print_numpy(program)
    text = page(
        program,
        sources={"NumPy": source, "C": source},
        report="nodes 3",
        explanation="w_bar = z_bar * x",
        python="\n".join(graphs.MODEL.splitlines()[:5]),
    )
    for title in ("Python", "NumPy", "C", "Adjoints", "Report", "Graph"):
        assert f">{title}</h2>" in text
    assert "w_bar = z_bar * x" in text
    assert "<svg" in text
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "").replace("http-equiv", "")
    assert len(text) < 1_000_000


def test_page_marks_lines_that_belong_together():
    program, _ = graphs.gradient(graphs.neuron(), [0])
    python = "\n".join(graphs.MODEL.splitlines()[:5])
    text = page(program, sources={"NumPy": print_numpy(program)}, python=python)
    colour = {
        line: re.search(rf'class="line (s\d+)"[^\n]*{re.escape(line)}', text) for line in LINES
    }
    assert colour["z = w * x + b"][1] == colour["w_bar = z_bar * x"][1]
    assert colour["z = w * x + b"][1] != colour["a = sigmoid(z)"][1]


LINES = ("z = w * x + b", "a = sigmoid(z)", "w_bar = z_bar * x")
