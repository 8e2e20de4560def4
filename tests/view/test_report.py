"""The report: ports, stages, sections, what is stored for the adjoint part."""

import re

import numpy as np

from gradc import ops
from gradc.ir import ArrayType, Graph, Port, Program, Symbol
from gradc.view.report import report, residual_report
from gradc.view.text import bytes_text, count_text, short, table
from tests import graphs


def test_report_text(golden):
    program, joint = graphs.gradient(graphs.softmax_loss(), [0])
    facts = {"backend": "c", "compiler": "cc 12.2", "math": "fast", "BLAS": "scipy-openblas"}
    golden(
        "softmax_loss.txt", report(program, facts, {"joint": joint.graph, "final": program.graph})
    )


def test_residuals_have_shapes_and_bytes():
    program, _ = graphs.gradient(graphs.softmax_loss(), [0])
    text = residual_report(program)
    line = next(line for line in text.splitlines() if " p " in line)
    assert line.split() == ["p", "f8[4,", "3]", "96", "B", "model.py:11"]
    sizes = [int(row) for row in re.findall(r"  (\d+) B", text)]
    assert text.splitlines()[0].endswith(f"{len(sizes)} values, {sum(sizes)} B")


def test_primal_alone_stores_nothing():
    assert residual_report(graphs.program(graphs.neuron())) == "residuals: none\n"


def test_many_residuals_are_cut_short_and_counted():
    graph = graphs.chain(60)
    program, _ = graphs.gradient(graph, [0])
    text = residual_report(program)
    assert len(text.splitlines()) < 50
    assert "more values" in text


def test_symbolic_sizes():
    n = Symbol("n").expr()
    graph = Graph("f")
    x = graph.input("x", ArrayType.of("f8", n))
    graph.outputs = [ops.sin(x).id]
    assert "8*n B" in report(graphs.program(graph))


def test_hostile_text_stays_inside_its_cell():
    graph = Graph("f")
    x = graph.input("x", ArrayType.of("f8"))
    graph.outputs = [x.id]
    port = Port("x", x.type, path="params['a\nb\x1b[2J']")
    text = report(Program("f\nrm", graph, (port,), ()), {"cc": "a\nb"})
    assert "\x1b" not in text
    assert "params['a b?[2J']" in text
    assert text.splitlines()[0] == "f rm: 1 node"


def test_small_texts():
    assert table([("a", "1"), ("bbb", "22")], right=(1,)) == ["a     1", "bbb  22"]
    assert table([]) == []
    assert [count_text(n, "op") for n in (0, 1, 2)] == ["0 ops", "1 op", "2 ops"]
    assert bytes_text(3 * 1024**3) == "3 GiB"
    assert short(np.arange(3.0)) == "[0, 1, 2]"
    assert short(np.array([[True], [False]])) == "[[True], [False]]"
    assert short(np.full(9, 2.0)) == "norm 6, 2 .. 2"
    assert short(np.arange(9)) == "0 .. 8"
    assert short(np.array([1.0, np.nan])) == "[1, nan]"
    assert short(np.zeros(0)) == "[]"
