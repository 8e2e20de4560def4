"""Printed NumPy source computes what the graph says: bit for bit where NumPy does the same work."""

import linecache
import warnings

import numpy as np
import pytest

from gradc import ops
from gradc.emit.numpy_source import print_numpy
from gradc.ir import (
    REGISTRY,
    Array,
    ArrayType,
    At,
    Graph,
    Kind,
    NewAxis,
    Op,
    Port,
    Program,
    Slice,
    Value,
)
from gradc.ir.interpret import interpret

RNG = np.random.default_rng(7)
ELEMENTWISE = [op for op in REGISTRY.values() if op.kind is Kind.ELEMENTWISE]
SHAPES = [(), (1,), (5,), (2, 3), (0,), (2, 0)]


def program_of(graph: Graph, name: str = "f") -> Program:
    ports = tuple(Port(graph[i].params["name"], graph[i].type) for i in graph.inputs)
    outputs = tuple(Port(f"out{n}", graph[i].type) for n, i in enumerate(graph.outputs))
    return Program(name, graph, ports, outputs)


def call(text: str, name: str, arguments: list[np.ndarray]):
    """Run generated source as a module of its own."""
    space: dict = {}
    exec(compile(text, "<generated>", "exec"), space)
    with np.errstate(all="ignore"):
        return space[name](*arguments)


def agree(graph: Graph, arguments: list[np.ndarray], *, exact: bool = True) -> str:
    """Check the printed source against the interpreter; return the source."""
    before = [np.array(a) for a in arguments]
    text = print_numpy(program_of(graph)).text
    found = call(text, "f", arguments)
    found = found if len(graph.outputs) != 1 else (found,)
    for mine, theirs, id in zip(found, interpret(graph, *arguments), graph.outputs, strict=True):
        mine = np.asarray(mine)
        assert mine.dtype == theirs.dtype == graph[id].type.dtype, text
        assert mine.shape == theirs.shape == graph[id].type.shape, text
        if exact:
            np.testing.assert_array_equal(mine, theirs, err_msg=text)
        else:
            np.testing.assert_allclose(mine, theirs, rtol=4e-7 if mine.itemsize == 4 else 1e-15)
    for argument, kept in zip(arguments, before, strict=True):
        np.testing.assert_array_equal(argument, kept, err_msg="an argument was written to")
        assert not any(np.shares_memory(argument, np.asarray(f)) for f in found), text
    return text


def draw(op: Op, dtype: np.dtype, shape: tuple[int, ...], slot: int) -> np.ndarray:
    samples = op.samples
    low, high = samples.each[slot] if samples.each else (samples.low, samples.high)
    if dtype.kind == "f":
        return RNG.uniform(low, high, shape).astype(dtype)
    return RNG.integers(int(low), int(high) + 1, shape).astype(dtype)


def inputs(graph: Graph, arrays: list[np.ndarray]) -> list[Value]:
    return [graph.input("xyzuvw"[n], ArrayType.like(a)) for n, a in enumerate(arrays)]


def operand_dtypes(op: Op, dtype: str) -> list[np.dtype]:
    fixed = op.samples.fixed or ("",) * len(op.operands)
    return [np.dtype(kind or dtype) for kind in fixed]


def params_of(op: Op) -> dict:
    return {"dtype": np.dtype("f4")} if op.name == "cast" else {}


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("op", ELEMENTWISE, ids=lambda op: op.name)
def test_elementwise(op, shape):
    for dtype in op.samples.dtypes:
        kinds = operand_dtypes(op, dtype)
        arrays = [draw(op, kind, shape, slot) for slot, kind in enumerate(kinds)]
        graph = Graph("f")
        graph.outputs = [op(*inputs(graph, arrays), **params_of(op)).id]
        agree(graph, arrays, exact=op.name not in ("power", "sigmoid"))


@pytest.mark.parametrize("op", [op for op in ELEMENTWISE if len(op.operands) > 1], ids=str)
def test_elementwise_with_literal_and_broadcast(op):
    for dtype in op.samples.dtypes:
        kinds = operand_dtypes(op, dtype)
        for literal in range(len(kinds)):
            shapes = [(), (3, 1), (4,), (2, 3, 4)][-len(kinds) :]
            arrays = [draw(op, k, s, n) for n, (k, s) in enumerate(zip(kinds, shapes, strict=True))]
            graph = Graph("f")
            values = inputs(graph, arrays)
            values[literal] = graph.constant(arrays[literal].flat[0])
            graph.outputs = [op(*values).id]
            agree(graph, arrays, exact=op.name != "power")


@pytest.mark.parametrize("op", ELEMENTWISE, ids=lambda op: op.name)
def test_elementwise_of_literals_only(op):
    for dtype in op.samples.dtypes:
        kinds = operand_dtypes(op, dtype)
        for shape in ((), (3,)):
            graph = Graph("f")
            values = [
                graph.constant(draw(op, kind, (), slot)).broadcast_to(shape)
                for slot, kind in enumerate(kinds)
            ]
            graph.outputs = [op(*values, **params_of(op)).id]
            agree(graph, [], exact=op.name not in ("power", "sigmoid"))


REAL = RNG.uniform(0.5, 2.0, (3, 4))
WHOLE, PICK = np.array([2, 0, 2]), np.array([[1], [3]])
FULL3, FULL4 = Slice(0, 3), Slice(0, 4)


def movement(x: Value) -> list[Value]:
    return [
        x.transpose((1, 0)),
        x.reshape((12,)),
        x.reshape((2, 6)),
        x.reshape((3, 1, 4)),
        x.reshape((1, 3, 4, 1)),
        x.reshape((1, 3, 4)).broadcast_to((2, 3, 4)),
        ops.pad(x, low=(0, 2), high=(1, 0)),
        ops.concatenate(x, x.reshape((3, 4)), axis=1),
        x.sum((0,)).reshape((1, 4)).broadcast_to((3, 4)) * x,
        x / x.sum((1,)).reshape((3, 1)),
        ops.exp(x - ops.reduce_max(x, axes=(1,)).reshape((3, 1))),
    ]


def reductions(x: Value) -> list[Value]:
    found = [op(x, axes=axes) for axes in ((0,), (1,), (0, 1)) for op in _REDUCE]
    found += [op(x, axis=axis) for axis in (0, 1) for op in (ops.argmax, ops.argmin)]
    found += [ops.cumsum(x, axis=1, reverse=r) for r in (False, True)]
    return [*found, ops.cumprod(x, axis=0)]


_REDUCE = (ops.reduce_sum, ops.reduce_prod, ops.reduce_max, ops.reduce_min)


@pytest.mark.parametrize("make", [movement, reductions])
@pytest.mark.parametrize("dtype", ["f8", "f4"])
def test_movement_and_reductions(make, dtype):
    count = len(make(Graph("f").input("x", ArrayType.of(dtype, 3, 4))))
    for number in range(count):
        graph = Graph("f")
        graph.outputs = [make(graph.input("x", ArrayType.of(dtype, 3, 4)))[number].id]
        agree(graph, [REAL.astype(dtype)])


@pytest.mark.parametrize("dtype", ["i4", "u1", "?"])
def test_reductions_keep_small_dtypes(dtype):
    graph = Graph("f")
    x = graph.input("x", ArrayType.of(dtype, 3, 4))
    reduce = [ops.reduce_any, ops.reduce_all] if dtype == "?" else [ops.reduce_sum, ops.reduce_prod]
    graph.outputs = [op(x, axes=(0,)).id for op in (*reduce, ops.reduce_sum)]
    agree(graph, [RNG.integers(0, 2, (3, 4)).astype(dtype)])


CONTRACTIONS = [
    ((0, 1), (1, 2), (0, 2)),
    ((0, 1), (2, 1), (0, 2)),
    ((1, 0), (1, 2), (0, 2)),
    ((0, 1), (1,), (0,)),
    ((0,), (0,), ()),
    ((0,), (1,), (0, 1)),
    ((0,), (1,), (1, 0)),
    ((0, 1, 2), (0, 2, 3), (0, 1, 3)),
    ((0, 1), (0, 1), ()),
    ((0, 1), (0, 1), (1, 0)),
    ((0, 1, 2), (1, 2, 3), (0, 3)),
]


@pytest.mark.parametrize("labels", CONTRACTIONS, ids=str)
@pytest.mark.parametrize("dtype", ["f8", "f4"])
def test_contractions(labels, dtype):
    a, b, out = labels
    extents = {0: 2, 1: 3, 2: 4, 3: 5}
    arrays = [RNG.standard_normal([extents[i] for i in part]).astype(dtype) for part in (a, b)]
    graph = Graph("f")
    x, y = inputs(graph, arrays)
    z = ops.contract(x + x, y * y, a_labels=a, b_labels=b, out_labels=out)
    graph.outputs = [(z - z * z).id]
    agree(graph, arrays, exact=False)


SPECS = [
    (FULL3, FULL4),
    (At(1), FULL4),
    (At(2), At(0)),
    (Slice(1, 2), Slice(3, 2, -2)),
    (Slice(2, 3, -1), Slice(0, 2, 3)),
    (NewAxis(), Slice(1, 1), NewAxis(), FULL4),
    (Slice(0, 0), FULL4),
    (Array(0), FULL4),
    (FULL3, Array(0)),
    (At(1), Array(0)),
    (Array(0), Array(1)),
    (Slice(1, 2), Array(0)),
    (NewAxis(), FULL3, Array(0)),
]


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: "-".join(map(str, spec)))
@pytest.mark.parametrize("op", ["index", "index_put", "index_add"])
@pytest.mark.parametrize("literal", [False, True])
def test_indexing(spec, op, literal):
    arrays = [WHOLE, PICK][: sum(isinstance(item, Array) for item in spec)]
    graph = Graph("f")
    x = graph.input("x", ArrayType.like(REAL))
    indices = [graph.constant(a) if literal else None for a in arrays]
    handed = [REAL]
    for number, array in enumerate(arrays):
        if not literal:
            indices[number] = graph.input(f"i{number}", ArrayType.like(array))
            handed.append(array)
    part = ops.index(x, *indices, spec=spec)
    if op == "index":
        graph.outputs = [part.id]
    else:
        value = part.full_like(2.5) if literal else part * part
        graph.outputs = [REGISTRY[op](x, value, *indices, spec=spec).id]
    agree(graph, handed)


def test_update_of_a_scalar_and_of_an_array_in_steps():
    graph = Graph("f")
    x, s = graph.input("x", ArrayType.of("f8", 3)), graph.input("s", ArrayType.of("f8"))
    zeros = graph.literal(0.0, np.dtype("f8")).broadcast_to((3,))
    y = zeros
    for at in range(3):
        y = ops.index_put(y, ops.index(x, spec=(At(at),)) * s, spec=(At(at),))
        graph.rename(y.id, "y")
    z = ops.index_add(x, y, spec=(Slice(0, 3),))
    t = ops.index_put(s, s * 2.0, spec=())
    graph.outputs = [y.id, z.id, t.id]
    text = agree(graph, [np.array([1.0, 2.0, 3.0]), np.array(0.5)])
    assert text.count("np.zeros") == 1
    assert text.count(".copy()") == 1, "only the argument is copied"


def test_update_leaves_what_is_read_later():
    graph = Graph("f")
    x = graph.input("x", ArrayType.of("f8", 4))
    y = x * 2.0
    turned = y.reshape((2, 2)).transpose((1, 0))
    z = ops.index_put(y, ops.index(x, spec=(At(3),)), spec=(At(0),))
    w = ops.index_put(z, ops.index(y, spec=(At(0),)), spec=(At(1),))
    graph.outputs = [turned.id, z.id, w.id]
    agree(graph, [np.arange(4.0)])


def test_results_share_no_memory():
    graph = Graph("f")
    x = graph.input("x", ArrayType.of("f8", 4))
    y = x + x
    table = graph.constant(np.arange(30.0))
    outputs = [x, x.reshape((2, 2)), y, y, y.reshape((4, 1)), x.sum().broadcast_to((3,)), table]
    graph.outputs = [v.id for v in outputs]
    text = agree(graph, [np.arange(4.0)])
    found = call(text, "f", [np.arange(4.0)])
    for number, result in enumerate(found):
        assert result.flags.writeable
        assert not any(np.shares_memory(result, other) for other in found[:number])
    assert not np.shares_memory(found[-1], call(text, "f", [np.arange(4.0)])[-1])


NUMBERS = [0.1, -0.0, 1e-45, 3.4028235e38, np.inf, -np.inf, np.nan, 1 / 3, 16777217.0, 5e-324]


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("shape", [(), (1,), (2, 3)], ids=str)
def test_numbers_read_back_bit_for_bit(dtype, shape):
    for number in NUMBERS:
        with np.errstate(all="ignore"):
            value = np.full(shape, number, dtype)
        graph = Graph("f")
        x = graph.input("x", ArrayType.of(dtype, 2, 3))
        graph.outputs = [graph.constant(value).id, (graph.constant(value) * x).id]
        text = agree(graph, [np.ones((2, 3), dtype)])
        assert call(text, "f", [np.ones((2, 3), dtype)])[0].tobytes() == value.tobytes()


@pytest.mark.parametrize("dtype", ["i1", "u1", "i8", "u8", "?"])
def test_integers_read_back(dtype):
    kind = np.dtype(dtype)
    ends = [0, 1] if dtype == "?" else [np.iinfo(kind).min, np.iinfo(kind).max]
    graph = Graph("f")
    x = graph.input("x", ArrayType.of(dtype, 2))
    constant = graph.constant(np.array(ends, kind))
    scalars = [graph.constant(np.array(end, kind)) for end in ends]
    graph.outputs = [constant.id, ops.add(scalars[1], x).id, *(s.id for s in scalars)]
    agree(graph, [np.array([0, 1], kind)])


def test_scalar_types_do_not_drift():
    """0-d float32 values meet literals, arrays and each other without becoming float64."""
    graph = Graph("f")
    s, x = graph.input("s", ArrayType.of("f4")), graph.input("x", ArrayType.of("f4", 3))
    t = s * 0.1 + 0.5
    c = graph.literal(0.1, np.dtype("f4"))
    outputs = [t, t * x, ops.exp(c), ops.exp(c) * x, ops.select(ops.greater(x, s), 1.0 * c, c)]
    graph.outputs = [v.id for v in outputs]
    agree(graph, [np.float32(0.7), np.array([0.1, 0.7, 1.3], "f4")])


def test_no_warning_that_errstate_does_not_silence():
    graph = Graph("f")
    x = graph.input("x", ArrayType.of("f8"))
    graph.outputs = [(1.0 / x).id, ops.log(-x).id, (graph.literal(1.0, x.dtype) / 0.0).id]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        agree(graph, [np.float64(0.0)])


def test_source_can_be_imported(tmp_path, monkeypatch):
    graph = Graph("loss")
    x = graph.input("x", ArrayType.of("f8", 3))
    graph.outputs = [ops.sin(x).sum().id]
    (tmp_path / "alone_generated.py").write_text(print_numpy(program_of(graph, "loss")).text)
    monkeypatch.syspath_prepend(tmp_path)
    module = __import__("alone_generated")
    assert module.loss(np.zeros(3)) == 0.0
    linecache.checkcache()
