"""The look of printed NumPy source, to the letter."""

import ast
import keyword
import linecache

import numpy as np
import pytest

import gradc
from gradc import ops
from gradc.emit.numpy_expressions import Expression, fill, parse
from gradc.emit.numpy_layout import LONGEST, wrapped
from gradc.emit.numpy_source import print_numpy
from gradc.ir import ArrayType, DimExpr, Graph, Kind, Port, Program, Symbol
from gradc.ir.interpret import interpret
from tests import graphs
from tests.counting import calls_of


def run(text: str, name: str, *arguments):
    space: dict = {}
    exec(compile(text, "<generated>", "exec"), space)
    with np.errstate(all="ignore"):
        return space[name](*arguments)


def check(text: str, program: Program, seed: int = 3) -> None:
    """Run the source and compare with the interpreter."""
    rng = np.random.default_rng(seed)
    arguments = [
        rng.uniform(0.1, 1.0, p.type.extents).astype(p.type.dtype)
        if p.type.dtype.kind == "f"
        else rng.integers(0, 3, p.type.extents)
        for p in program.inputs
    ]
    found = run(text, program.name, *arguments)
    found = found if len(program.outputs) != 1 else (found,)
    for mine, theirs in zip(found, interpret(program.graph, *arguments), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-14)


def test_neuron(golden):
    program, _ = graphs.gradient(graphs.neuron(), [0, 2])
    text = print_numpy(program).text
    check(text, program)
    golden("neuron_grad.py", text)


def test_softmax_loss(golden):
    program, _ = graphs.gradient(graphs.softmax_loss(), [0])
    text = print_numpy(program).text
    check(text, program)
    golden("softmax_loss_grad.py", text)


def test_fill(golden):
    program = graphs.program(graphs.fill())
    text = print_numpy(program).text
    check(text, program)
    golden("fill.py", text)


def test_tables_and_small_constants(golden):
    graph = Graph("tables")
    x = graph.input("x", ArrayType.of("f8", 30))
    big = graph.constant(np.arange(30) / 7.0)
    small = graph.constant(np.array([[0.5], [-1.0]]))
    middle = graph.constant(np.array([True, False] * 2))
    outputs = [big * x, small * 2.0, graphs.named(graph.constant(np.arange(3.0)), "k"), middle]
    graph.outputs = [v.id for v in outputs]
    text = print_numpy(graphs.program(graph)).text
    check(text, graphs.program(graph))
    golden("tables.py", text)


def test_float32_scalars(golden):
    graph = Graph("mix")
    x = graph.input("x", ArrayType.of("f4", 3))
    half = graph.literal(0.5, x.dtype)
    graph.outputs = [(x * half + 1.0).id, (ops.exp(half) * x).id, half.id]
    text = print_numpy(graphs.program(graph)).text
    check(text, graphs.program(graph))
    golden("float32.py", text)


def test_long_expressions_are_split():
    graph = Graph("long")
    values = [graph.input(f"some_long_name_{n}", ArrayType.of("f8", 2)) for n in range(8)]
    total = values[0]
    for value in values[1:]:
        total = ops.sin(total * value) + value
    graph.outputs = [ops.concatenate(*values, total, axis=0).id]
    text = print_numpy(graphs.program(graph)).text
    assert max(map(len, text.splitlines())) <= LONGEST + 11
    assert "t_1 = " in text
    found = run(text, "long", *[np.ones(2)] * 8)
    assert found.shape == (18,)


def test_parentheses_follow_python():
    cases = {
        ("_hole0_ - _hole1_", "a - b", "c - d"): "a - b - (c - d)",
        ("_hole0_ ** _hole1_", "-a", "-b"): "(-a) ** -b",
        ("_hole0_ ** _hole1_", "a ** b", "c ** d"): "(a ** b) ** c ** d",
        ("-_hole0_", "a * b", "x"): "-(a * b)",
        ("-_hole0_", "a ** b", "x"): "-a ** b",
        ("np.exp(-_hole0_)", "a + b", "x"): "np.exp(-(a + b))",
        ("_hole0_.T", "0.5", "x"): "(0.5).T",
        ("_hole0_[:, _hole1_]", "a @ b", "i + j"): "(a @ b)[:, i + j]",
        ("_hole0_ < _hole1_", "a < b", "c | d"): "(a < b) < c | d",
        ("~_hole0_", "a & b", "x"): "~(a & b)",
        ("(_hole0_, _hole1_)", "a + b", "c"): "(a + b, c)",
    }
    for (template, *operands), expected in cases.items():
        made = [fill(parse(text), ()) for text in operands]
        assert fill(parse(template), made).text == expected
    assert fill(parse("_hole0_"), [Expression("a + b", 60)]).strength == 60


def test_wrapped_keeps_tokens_together():
    code = "y = f(" + ", ".join(f"argument_{n}" for n in range(20)) + ")"
    lines = wrapped(code, 4)
    assert len(lines) > 1
    assert ast.dump(ast.parse("\n".join(lines))) == ast.dump(ast.parse(code))


HOSTILE = ["lambda", "np", "__import__", "π", "x\ny = 1", "a b", "'''", "print", "#", "None", "h"]


def test_hostile_names_do_not_break_the_source():
    graph = Graph("f")
    values = [graph.input(name, ArrayType.of("f8", 2)) for name in HOSTILE]
    total = values[0]
    for value, name in zip(values[1:], HOSTILE, strict=False):
        total = graphs.named(total + value, name)
    graph.outputs = [total.id]
    for name in HOSTILE:
        text = print_numpy(graphs.program(graph, name)).text
        function = next(n for n in ast.parse(text).body if isinstance(n, ast.FunctionDef))
        names = [a.arg for a in function.args.args]
        assert len(set(names)) == len(HOSTILE)
        assert not any(keyword.iskeyword(n) or n in ("np", "print") for n in names)
        assert run(text, function.name, *np.ones((len(HOSTILE), 2))).tolist() == [11.0, 11.0]


def test_source_map_finds_every_operation():
    program, _ = graphs.gradient(graphs.softmax_loss(), [0])
    source = print_numpy(program)
    silent = ("broadcast_to", "reshape")
    for node in program.nodes:
        if node.op.kind in (Kind.INPUT, Kind.CONSTANT) or node.op.name in silent:
            continue
        assert source.lines_of(node.id), node
    logits = next(i for i, name in program.graph.names.items() if name == "logits")
    (line,) = source.lines_of(logits)
    assert source.text.splitlines()[line - 1].strip().startswith("logits = x @ w")
    entry = source.at(line)
    assert entry is not None
    assert entry.span is not None
    assert entry.span.line == 9


def test_same_program_gives_the_same_text():
    texts = {print_numpy(graphs.gradient(graphs.softmax_loss(), [0])[0]).text for _ in range(2)}
    assert len(texts) == 1


def test_nothing_to_return():
    graph = Graph("nothing")
    graph.input("x", ArrayType.of("f8", 2))
    assert run(print_numpy(graphs.program(graph)).text, "nothing", np.ones(2)) == ()


def test_symbolic_sizes_are_read_off_the_inputs():
    n = Symbol("n").expr()
    assert isinstance(n, DimExpr)
    graph = Graph("spread")
    x = graph.input("x", ArrayType.of("f8", n, 3))
    b = graph.input("n", ArrayType.of("f8", 3))
    graph.outputs = [(x + b).id, b.broadcast_to((n, 3)).id]
    text = print_numpy(graphs.program(graph)).text
    total, spread = run(text, "spread", np.ones((5, 3)), np.arange(3.0))
    assert total.shape == spread.shape == (5, 3)


@pytest.mark.parametrize("named", [False, True])
def test_work_is_linear(named):
    def calls(count: int) -> float:
        graph = Graph("chain")
        x = value = graph.input("x", ArrayType.of("f8", 3))
        for number in range(count // 2):
            value = ops.multiply(value, x)
            value = ops.add(value, value) if number % 2 else ops.sin(value)
            if named:
                graph.rename(value.id, "h")
        graph.outputs = [value.id]
        program = Program("chain", graph, (Port("x", x.type),), (Port("y", value.type),))
        assert max(map(len, print_numpy(program).text.splitlines())) < LONGEST + 12
        return calls_of(lambda: print_numpy(program)) / count

    assert calls(20_000) < 1.3 * calls(2_000)


@pytest.mark.parametrize("make", [graphs.neuron, graphs.softmax_loss, graphs.fill])
def test_printed_source_is_accepted_back(make):
    """Compiling the printed source and printing that again gives the same values."""
    graph = make()
    program = graphs.gradient(graph, [0])[0] if make is not graphs.fill else graphs.program(graph)
    text = print_numpy(program).text
    file = f"/models/{program.name}.py"
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    space: dict = {}
    exec(compile(text, file, "exec"), space)
    rng = np.random.default_rng(5)
    arguments = [rng.uniform(0.1, 1.0, p.type.extents) for p in program.inputs]
    if make is graphs.fill:
        arguments[1] = np.array([0, 3, 3])
    found = gradc.compile(space[program.name], backend="numpy")(*arguments)
    found = found if len(program.outputs) != 1 else (found,)
    for mine, theirs in zip(found, interpret(program.graph, *arguments), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-14)
