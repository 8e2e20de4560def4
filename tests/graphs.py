"""Graphs of small functions, built node by node, with the user's names and lines."""

import dis
import linecache

import numpy as np

from gradc import ops
from gradc.autodiff.derive import Joint, reverse
from gradc.ir import Array, ArrayType, At, Graph, Origin, Port, Program, Slice, Value
from gradc.passes import simplify
from gradc.spans import Span

MODEL = """\
def neuron(w, x, b, y):
    z = w * x + b
    a = sigmoid(z)
    loss = (a - y) ** 2
    return loss


def softmax_loss(w, x, y):
    logits = x @ w
    shifted = logits - np.max(logits, axis=1, keepdims=True)
    p = np.exp(shifted) / np.sum(np.exp(shifted), axis=1, keepdims=True)
    return -np.sum(y * np.log(p))


def fill(x, i):
    y = np.zeros(4)
    y[1:] = np.sin(x)
    y[i] += x
    return y * y[0]
"""
_CODE = compile(MODEL, "/models/model.py", "exec")


def user_line(line: int) -> Origin:
    """Return where a line of `MODEL` stands, as capture would note it."""
    file = "/models/model.py"
    linecache.cache[file] = (len(MODEL), None, MODEL.splitlines(keepends=True), file)
    for code in (c for c in _CODE.co_consts if hasattr(c, "co_code")):
        for instruction in dis.get_instructions(code):
            where = instruction.positions
            if where is not None and where.lineno == line and where.lineno != code.co_firstlineno:
                return Origin(Span(code, instruction.offset))
    raise LookupError(line)


def named(value: Value, name: str) -> Value:
    """Give a value the user's name."""
    value.graph.rename(value.id, name)
    return value


def inputs(graph: Graph, *types: tuple[str, ArrayType]) -> list[Value]:
    return [graph.input(name, kind) for name, kind in types]


def neuron(names: tuple[str, ...] = ("w", "x", "b", "y", "z", "a", "loss")) -> Graph:
    graph, f8 = Graph("neuron"), ArrayType.of("f8")
    w, x, b, y = inputs(graph, *((name, f8) for name in names[:4]))
    with graph.at(user_line(2)):
        z = named(w * x + b, names[4])
    with graph.at(user_line(3)):
        a = named(ops.sigmoid(z), names[5])
    with graph.at(user_line(4)):
        graph.outputs = [named((a - y) ** 2.0, names[6]).id]
    return graph


def softmax_loss() -> Graph:
    graph, f8 = Graph("softmax_loss"), np.dtype("f8")
    shapes = {"w": (5, 3), "x": (4, 5), "y": (4, 3)}
    w, x, y = inputs(graph, *((name, ArrayType(f8, shape)) for name, shape in shapes.items()))
    with graph.at(user_line(9)):
        logits = ops.contract(x, w, a_labels=(0, 1), b_labels=(1, 2), out_labels=(0, 2))
        named(logits, "logits")
    with graph.at(user_line(10)):
        top = ops.reduce_max(logits, axes=(1,)).expand((1,))
        shifted = named(logits - top, "shifted")
    with graph.at(user_line(11)):
        e = ops.exp(shifted)
        p = named(e / e.sum((1,)).expand((1,)), "p")
    with graph.at(user_line(12)):
        graph.outputs = [(-(y * ops.log(p)).sum()).id]
    return graph


def fill() -> Graph:
    graph, f8 = Graph("fill"), ArrayType.of("f8", 3)
    x, i = inputs(graph, ("x", f8), ("i", ArrayType.of("i8", 3)))
    with graph.at(user_line(16)):
        y = named(graph.literal(0.0, f8.dtype).broadcast_to((4,)), "y")
    with graph.at(user_line(17)):
        y = named(ops.index_put(y, ops.sin(x), spec=(Slice(1, 3),)), "y")
    with graph.at(user_line(18)):
        y = named(ops.index_add(y, x, i, spec=(Array(0),)), "y")
    with graph.at(user_line(19)):
        graph.outputs = [(y * ops.index(y, spec=(At(0),))).id]
    return graph


def chain(steps: int, w: str = "w", h: str = "h") -> Graph:
    graph, f8 = Graph("chain"), ArrayType.of("f8")
    value, factor = inputs(graph, (h, f8), (w, f8))
    for _ in range(steps):
        value = named(ops.tanh(factor * value), h)
    graph.outputs = [value.id]
    return graph


def program(graph: Graph, name: str = "", results: tuple[str, ...] = ()) -> Program:
    """Wrap a graph as a program with its inputs' names."""
    ports = tuple(Port(graph.names[i], graph[i].type) for i in graph.inputs)
    names = results or tuple(f"result_{n}" for n in range(len(graph.outputs)))
    outputs = tuple(
        Port(name, graph[i].type, "result") for name, i in zip(names, graph.outputs, strict=True)
    )
    return Program(name or graph.name, graph, ports, outputs)


def gradient(graph: Graph, wrt: list[int], name: str = "") -> tuple[Program, Joint]:
    """Return value and gradient as a program, and the joint graph it was made from."""
    joint = reverse(graph, wrt)
    return program(simplify(joint.graph, final=True), name or f"{graph.name}_grad"), joint
