"""Parts of adjoints that are cleared and added back to."""

import pytest

from gradc import ops
from gradc.ir import ArrayType, Slice, Value, op_named
from gradc.ir.node import Origin
from gradc.passes import simplify
from tests.passes.cases import Case, check, graph_of, term

X, V = ArrayType.of("f8", 6), ArrayType.of("f8", 3)
PART, OTHER = (Slice(1, 3),), (Slice(2, 2),)


def take(x, spec=PART):
    return ops.index(x, spec=spec)


def put(x, v, spec=PART):
    return ops.index_put(x, v, spec=spec)


def add(x, v, spec=PART):
    return ops.index_add(x, v, spec=spec)


def cleared(x, *, adjoint=True) -> Value:
    """Return x with zeros in a part, as the reverse of a write to it."""
    zeros = x.graph.literal(0.0, x.dtype).broadcast_to((3,))
    origin = Origin(None, "", x.id) if adjoint else Origin(None)
    params = {"spec": PART}
    return x.graph.value(x.graph.add(op_named("index_put"), (x.id, zeros.id), params, (), origin))


CASES = [
    Case("add_to_cleared", lambda x, v: add(cleared(x), take(x)), lambda x, v: x, (X, V), 1),
    Case("add_to_cleared", lambda x, v: add(cleared(x), v), put, (X, V), 1),
    Case(
        "add_to_cleared",
        lambda x, y: add(cleared(x), take(y)),
        lambda x, y: put(x, take(y)),
        (X, X),
        1,
    ),
    Case(
        "add_to_cleared",
        lambda x, v: add(add(cleared(x), take(v, (Slice(0, 2),)), OTHER), take(x)),
        lambda x, v: add(x, take(v, (Slice(0, 2),)), OTHER),
        (X, V),
        1,
    ),
    Case(
        "add_to_cleared",
        lambda x, v: add(add(cleared(x), take(v, (Slice(0, 2),)), OTHER), v),
        lambda x, v: add(put(x, v), take(v, (Slice(0, 2),)), OTHER),
        (X, V),
        1,
    ),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_rule(case):
    check(case)


def made_from_the_cleared(x):
    at = cleared(x)
    return add(at, ops.cos(take(at, (Slice(0, 3),))))


LEFT_ALONE = {
    "zeros of the user have a sign": lambda x: add(cleared(x, adjoint=False), take(x)),
    "another part": lambda x: add(cleared(x), take(x), (Slice(0, 3),)),
    "made from what was cleared": made_from_the_cleared,
}


@pytest.mark.parametrize("name", LEFT_ALONE)
def test_left_alone(name):
    graph = simplify(graph_of(LEFT_ALONE[name], (X,)))
    assert [n.op.name for n in graph.nodes if "index_" in n.op.name] == ["index_put", "index_add"]
    assert term(simplify(graph)) == term(graph)
