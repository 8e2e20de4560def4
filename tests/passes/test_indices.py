"""Slices of slices, of paddings, of joined arrays and of arrays that were written into."""

import pytest

from gradc import ops
from gradc.ir import Array, ArrayType, At, NewAxis, Slice, Symbol
from gradc.passes import simplify
from tests.passes.cases import Case, check, compare, graph_of, registered, rewritten, term

X = ArrayType.of("f8", 4, 5)
V = ArrayType.of("f8", 2, 5)
I2 = ArrayType.of("u1", 2)
ALL4, ALL5 = Slice(0, 4), Slice(0, 5)


def take(x, *spec):
    return ops.index(x, spec=spec)


def put(x, v, *spec):
    return ops.index_put(x, v, spec=spec)


def zeros(x, *shape):
    return x.graph.literal(0.0, x.dtype).broadcast_to(shape)


CASES = [
    Case("index_everything", lambda x: take(x, ALL4, ALL5), lambda x: x, (X,)),
    Case(
        "index_everything",
        lambda x: take(x, At(0), Slice(0, 3)),
        lambda x: x.reshape((3,)),
        (ArrayType.of("f8", 1, 3),),
    ),
    Case(
        "index_everything",
        lambda x: take(x, NewAxis(), Slice(1, 2), NewAxis(), At(3)),
        lambda x: take(x, Slice(1, 2), At(3)).reshape((1, 2, 1)),
        (X,),
    ),
    Case(
        "index_of_index",
        lambda x: take(take(x, Slice(1, 3), At(2)), Slice(1, 2)),
        lambda x: take(x, Slice(2, 2), At(2)),
        (X,),
    ),
    Case(
        "index_of_index",
        lambda x: take(take(x, Slice(1, 3), Slice(2, 3)), At(1), At(0)),
        lambda x: take(x, At(2), At(2)),
        (X,),
    ),
    Case(
        "index_of_broadcast",
        lambda x: take(ops.broadcast_to(x, shape=(3, 4, 5)), Slice(1, 2), At(2), Slice(1, 3)),
        lambda x: take(x.reshape((1, 4, 5)), Slice(0, 1), At(2), Slice(1, 3)).broadcast_to((2, 3)),
        (X,),
    ),
    Case(
        "index_of_broadcast",
        lambda x: take(ops.broadcast_to(x, shape=(3, 4, 5)), Slice(1, 2), At(2), Slice(1, 3)),
        lambda x: take(x.reshape((1, 1, 5)), Slice(0, 1), At(0), Slice(1, 3)).broadcast_to((2, 3)),
        (ArrayType.of("f8", 5),),
    ),
    Case(
        "index_of_broadcast",
        lambda x: take(ops.broadcast_to(x, shape=(4, 5)), Slice(1, 2), Slice(2, 3)),
        lambda x: take(x, Slice(1, 2), Slice(0, 1)).broadcast_to((2, 3)),
        (ArrayType.of("f8", 4, 1),),
    ),
    Case(
        "index_of_pad",
        lambda x: take(ops.pad(x, low=(1, 2), high=(0, 1)), Slice(2, 2), At(4)),
        lambda x: take(x, Slice(1, 2), At(2)),
        (X,),
    ),
    Case(
        "index_of_pad",
        lambda x: take(ops.pad(x, low=(1, 2), high=(0, 1)), Slice(1, 4), At(2)),
        lambda x: take(x, ALL4, At(0)),
        (X,),
    ),
    Case(
        "index_of_pad",
        lambda x: take(ops.pad(x, low=(1, 2), high=(0, 1)), At(0), Slice(1, 3)),
        lambda x: zeros(x, 3),
        (X,),
    ),
    Case(
        "index_of_concatenate",
        lambda x, v: take(ops.concatenate(x, v, x, axis=0), Slice(4, 2), At(1)),
        lambda x, v: take(v, Slice(0, 2), At(1)),
        (X, V),
    ),
    Case(
        "index_of_put",
        lambda x, v: take(put(x, v, Slice(1, 2), ALL5), Slice(1, 2), ALL5),
        lambda x, v: v,
        (X, V),
    ),
    Case(
        "index_of_put",
        lambda x, v: take(put(x, v, Slice(1, 2), ALL5), At(3), Slice(1, 2)),
        lambda x, v: take(x, At(3), Slice(1, 2)),
        (X, V),
    ),
    Case("put_everything", lambda x, v: put(x, v, ALL4, ALL5), lambda x, v: v, (X, X)),
    Case(
        "put_everything",
        lambda x, v: put(x, v, At(0), Slice(0, 5)),
        lambda x, v: v.reshape((1, 5)),
        (ArrayType.of("f8", 1, 5), ArrayType.of("f8", 5)),
    ),
    Case("pad_nothing", lambda x: ops.pad(x, low=(0, 0), high=(0, 0)), lambda x: x, (X,)),
    Case(
        "pad_nothing",
        lambda x: ops.pad(zeros(x, 2), low=(1,), high=(2,)),
        lambda x: zeros(x, 5),
        (X,),
    ),
    Case(
        "pad_twice",
        lambda x: ops.pad(ops.pad(x, low=(1, 0), high=(0, 2)), low=(1, 1), high=(3, 0)),
        lambda x: ops.pad(x, low=(2, 1), high=(3, 2)),
        (X,),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_rule(case):
    check(case)


i, n = Symbol("i", "index").expr(), Symbol("n").expr()
NOTHING = [
    (lambda x: take(take(x, Slice(3, 4, -1), ALL5), At(0), At(1)), (X,)),
    (lambda x: take(ops.pad(x, low=(1, 2), high=(0, 1)), Slice(0, 2), At(4)), (X,)),
    (lambda x, v: take(ops.concatenate(x, v, axis=0), Slice(3, 2), At(1)), (X, V)),
    (lambda x, v: take(put(x, v, Slice(1, 2), ALL5), Slice(2, 2), ALL5), (X, V)),
    (lambda x, v: take(put(x, v, Slice(2, 2, -1), ALL5), Slice(1, 2), ALL5), (X, V)),
    (lambda x, v: put(x, v, Slice(0, 2), ALL5), (X, V)),
    (lambda x: take(x, At(i), ALL5), (X,)),
    (lambda x: take(x, NewAxis(), Slice(0, 2, 2), At(0)), (X,)),
    (lambda x: take(ops.broadcast_to(x, shape=(2, 4, 5)), Slice(1, 0), ALL4, At(0)), (X,)),
    (lambda x: take(take(x, Slice(0, i), ALL5), At(0), ALL5), (X,)),
]


@pytest.mark.parametrize("number", range(len(NOTHING)))
def test_what_looks_alike_is_left_alone(number):
    build, types = NOTHING[number]
    before = graph_of(build, types)
    assert term(simplify(before)) == term(before)


def test_padding_of_negative_zeros_keeps_their_sign():
    def build(x):
        return ops.pad(x.graph.literal(-0.0, x.dtype).broadcast_to((2,)), low=(1,), high=(2,))

    before = graph_of(build, (X,))
    compare(Case("pad_nothing", build, build, (X,)), before, simplify(before), rounds=2)


def test_writes_through_index_arrays_are_left_alone():
    def build(x, v, at):
        written = ops.index_put(x, v, at, spec=(Array(0), ALL5))
        return take(written, Slice(0, 2), ALL5)

    before = graph_of(build, (X, V, I2))
    assert term(simplify(before)) == term(before)


def test_symbolic_extents_are_compared_as_symbols():
    kind = ArrayType.of("f8", n)
    whole = graph_of(lambda x: take(x, Slice(0, n)), (kind,))
    found, _ = rewritten(whole, registered("index_everything"))
    part = graph_of(lambda x: take(x, Slice(0, n - 1)), (kind,))
    assert "index" in term(simplify(part))
    assert term(found) in ("x", term(whole))
