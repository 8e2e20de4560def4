"""What the registry tests feed every op: operands and parameters."""

from dataclasses import dataclass, field

import numpy as np

from gradc.ir import Array, ArrayType, At, Kind, NewAxis, Slice
from gradc.ops.factors import lu_of, stacked
from gradc.ops.index_spec import indexed_shape
from tests.ops.graphs import generator

SHAPES = ((), (0,), (1,), (3, 0), (5,), (2, 3))


@dataclass(frozen=True)
class Case:
    op: object
    arrays: tuple
    params: dict = field(default_factory=dict)

    def __str__(self):
        shapes = ",".join("x".join(map(str, a.shape)) or "0d" for a in self.arrays)
        params = ",".join(f"{k}={v}" for k, v in self.params.items())
        dtype = self.arrays[0].dtype if self.arrays else ""
        return f"{self.op.name}-{dtype}-{shapes}-{params}"


def draw(rng, op, slot, shape, dtype):
    """Draw one operand inside the op's domain and away from its kinks."""
    samples = op.samples
    if samples.fixed and samples.fixed[slot]:
        dtype = np.dtype(samples.fixed[slot])
    dtype = np.dtype(dtype)
    if dtype.kind == "b":
        return rng.integers(0, 2, shape).astype(bool)
    low, high = samples.each[slot] if samples.each else (samples.low, samples.high)
    if dtype.kind in "iu":
        low = max(low, 0) if dtype.kind == "u" else low
        return np.asarray(rng.integers(int(low), int(high) + 1, shape)).astype(dtype)
    values = np.asarray(rng.uniform(low, high, shape))
    for point in samples.avoid:
        values = np.where(np.abs(values - point) < 1e-3, point + 2e-3, values)
    return values.astype(dtype)


def elementwise_cases(op, dtypes=None, shapes=SHAPES):
    for dtype in dtypes or op.samples.dtypes:
        for shape in shapes:
            rng = generator(op.name, dtype, shape)
            yield Case(op, tuple(draw(rng, op, i, shape, dtype) for i in range(op.arity)), {})


def _axes(rank):
    return {0: [()], 1: [(), (0,)], 2: [(0,), (1,), (0, 1)], 3: [(1,), (0, 2), (0, 1, 2)]}[rank]


REDUCED = ((), (1,), (5,), (2, 3), (4, 1), (2, 3, 4))


def _reduction_params(op):
    empty = () if op.name in ("reduce_max", "reduce_min") else ((0,), (3, 0))
    for shape in (*REDUCED, *empty):
        for axes in _axes(len(shape)):
            yield (shape,), {"axes": axes}


def _position_params(op):
    for shape in ((1,), (5,), (2, 3), (2, 3, 4), (3, 0)):
        for axis in range(len(shape)):
            if shape[axis]:
                yield (shape,), {"axis": axis}


def _scan_params(op):
    for shape in ((0,), (1,), (2,), (5,), (2, 3), (3, 0), (2, 3, 4)):
        for axis in range(len(shape)):
            rest = [{"reverse": False}, {"reverse": True}] if op.name == "cumsum" else [{}]
            for more in rest:
                yield (shape,), {"axis": axis, **more}


def _broadcasts(op):
    for before, after in (
        ((), (3,)),
        ((), ()),
        ((1,), (4,)),
        ((3,), (2, 3)),
        ((3, 1), (2, 3, 4)),
        ((1, 1), (2, 3)),
        ((1,), (0,)),
        ((3,), (0, 3)),
        ((2, 3), (1, 2, 3)),
        ((1, 1), (1, 1)),
    ):
        yield (before,), {"shape": after}


def _reshapes(op):
    for before, after in (
        ((), (1, 1)),
        ((1,), ()),
        ((6,), (2, 3)),
        ((2, 3), (6,)),
        ((2, 3), (3, 2)),
        ((2, 3), (2, 1, 3)),
        ((3, 0), (0, 5)),
        ((4,), (1, 4)),
    ):
        yield (before,), {"shape": after}


def _transposes(op):
    for shape, axes in (
        ((), ()),
        ((4,), (0,)),
        ((2, 3), (1, 0)),
        ((2, 3, 4), (2, 0, 1)),
        ((2, 3, 4), (2, 1, 0)),
        ((2, 3, 4), (0, 2, 1)),
        ((3, 0), (1, 0)),
    ):
        yield (shape,), {"axes": axes}


def _pads(op):
    for shape, low, high in (
        ((), (), ()),
        ((3,), (1,), (0,)),
        ((3,), (0,), (2,)),
        ((2, 3), (1, 0), (0, 2)),
        ((0,), (2,), (1,)),
        ((2, 0), (1, 1), (1, 1)),
    ):
        yield (shape,), {"low": low, "high": high}


def _concatenations(op):
    for shapes, axis in (
        (((3,),), 0),
        (((3,), (2,)), 0),
        (((1, 2), (3, 2), (2, 2)), 0),
        (((2, 1), (2, 3)), 1),
        (((0,), (2,)), 0),
    ):
        yield shapes, {"axis": axis}


WHOLE2, WHOLE3, WHOLE4 = Slice(0, 2), Slice(0, 3), Slice(0, 4)
INDICES = (
    # shape of x, spec, index arrays
    ((), (), ()),
    ((), (NewAxis(),), ()),
    ((5,), (At(2),), ()),
    ((5,), (At(4),), ()),
    ((5,), (Slice(0, 5),), ()),
    ((5,), (Slice(1, 3),), ()),
    ((5,), (Slice(0, 4),), ()),
    ((5,), (Slice(1, 4),), ()),
    ((5,), (Slice(4, 5, -1),), ()),
    ((5,), (Slice(3, 2, -1),), ()),
    ((5,), (Slice(0, 3, 2),), ()),
    ((5,), (Slice(1, 2, 2),), ()),
    ((5,), (Slice(4, 2, -3),), ()),
    ((5,), (Slice(3, 0),), ()),
    ((5,), (Slice(3, 0, -1),), ()),
    ((0,), (Slice(0, 0),), ()),
    ((5,), (NewAxis(), Slice(1, 2), NewAxis()), ()),
    ((2, 3), (At(1), At(0)), ()),
    ((2, 3), (At(1), NewAxis(), Slice(2, 3, -1)), ()),
    ((2, 3), (WHOLE2, Slice(1, 2)), ()),
    ((2, 3), (Slice(1, 2, -1), Slice(0, 2, 2)), ()),
    ((2, 3, 4), (WHOLE2, At(2), Slice(3, 2, -2)), ()),
    ((5,), (Array(0),), ([0, 2, 2, -1],)),
    ((5,), (Array(0),), ([[0, 1], [4, -5]],)),
    ((5,), (Array(0),), ([],)),
    ((5,), (Array(0),), (3,)),
    ((2, 3), (Array(0), Array(1)), ([0, 1, 1], [2, 0, 2])),
    ((2, 3), (Array(1), Array(0)), ([0, 1, 1], [[0], [1]])),
    ((2, 3), (Array(0), WHOLE3), ([1, 1, 0],)),
    ((2, 3), (WHOLE2, Array(0)), ([2, 2],)),
    ((2, 3), (Slice(1, 2, -1), Array(0)), ([[2, 2], [0, 1]],)),
    ((2, 3, 4), (WHOLE2, Array(0), Array(1)), ([0, 2], [3, 1])),
    ((2, 3, 4), (Array(0), WHOLE3, Array(1)), ([0, 1, 1], [3, 1, 1])),
    ((2, 3, 4), (Array(0), NewAxis(), Array(1), WHOLE4), ([0, 1], [2, 2])),
    ((2, 3, 4), (NewAxis(), Array(0), WHOLE3, WHOLE4), ([0, 0, 1],)),
    ((2, 3, 4), (At(1), WHOLE3, Array(0)), ([0, 2, 2],)),
    ((2, 3, 4), (Array(0), At(1), Array(1)), ([0, 1, 0], [3, 0, 3])),
    ((2, 3, 4), (At(0), Array(0), NewAxis(), Slice(0, 2)), ([0, 2, 2],)),
)

CONTRACTIONS = (
    # shapes of a and b, labels of a, b and the result
    ((4,), (4,), (0,), (0,), ()),
    ((4,), (3,), (0,), (1,), (0, 1)),
    ((4,), (3,), (0,), (1,), (1, 0)),
    ((2, 4), (4,), (0, 1), (1,), (0,)),
    ((4, 2), (4,), (1, 0), (1,), (0,)),
    ((4,), (4, 3), (0,), (0, 1), (1,)),
    ((4,), (3, 4), (0,), (1, 0), (1,)),
    ((2, 4), (4, 3), (0, 1), (1, 2), (0, 2)),
    ((2, 4), (4, 3), (0, 1), (1, 2), (2, 0)),
    ((2, 4), (3, 4), (0, 1), (2, 1), (0, 2)),
    ((2, 4), (3, 4), (0, 1), (2, 1), (2, 0)),
    ((4, 2), (4, 3), (1, 0), (1, 2), (0, 2)),
    ((4, 2), (4, 3), (1, 0), (1, 2), (2, 0)),
    ((4, 2), (3, 4), (1, 0), (2, 1), (0, 2)),
    ((4, 2), (3, 4), (1, 0), (2, 1), (2, 0)),
    ((2, 0), (0, 3), (0, 1), (1, 2), (0, 2)),
    ((5, 2, 4), (5, 4, 3), (9, 0, 1), (9, 1, 2), (9, 0, 2)),
    ((5, 2, 4), (5, 3, 4), (9, 0, 1), (9, 2, 1), (9, 0, 2)),
    ((5, 4, 2), (5, 4, 3), (9, 1, 0), (9, 1, 2), (9, 0, 2)),
    ((5, 2, 4), (5, 4, 3), (9, 0, 1), (9, 1, 2), (9, 2, 0)),
    ((5, 2, 4), (4, 3), (9, 0, 1), (1, 2), (9, 0, 2)),
    ((5, 2, 4), (3, 4), (9, 0, 1), (2, 1), (9, 0, 2)),
    ((5, 2, 4), (4,), (9, 0, 1), (1,), (9, 0)),
    ((4,), (5, 4, 3), (1,), (9, 1, 2), (9, 2)),
    ((2, 4), (5, 4, 3), (0, 1), (9, 1, 2), (9, 0, 2)),
    ((5, 4), (5, 4, 3), (9, 1), (9, 1, 2), (9, 2)),
    ((5, 4), (5, 4), (9, 1), (9, 1), (9,)),
    ((5, 2, 4), (5, 2, 3), (8, 9, 0), (8, 9, 1), (0, 1)),
    ((5, 2, 4), (5, 2, 3), (8, 9, 0), (8, 9, 1), (1, 0)),
    ((5, 2, 4), (5, 2, 4), (8, 9, 0), (8, 9, 0), ()),
    ((2, 3, 5, 4), (2, 6, 5, 4), (0, 1, 2, 3), (0, 4, 2, 3), (0, 2, 1, 4)),
    ((4,), (4,), (0,), (0,), (0,)),
    ((), (4,), (), (0,), (0,)),
    ((), (), (), (), ()),
    ((2, 3), (4,), (0, 1), (2,), (0, 2, 1)),
)

_PARAMS = {
    "argmax": _position_params,
    "argmin": _position_params,
    "barrier": lambda op: [((s, s), {"number": 1}) for s in ((), (3,), (2, 3))],
    "broadcast_to": _broadcasts,
    "concatenate": _concatenations,
    "cumprod": _scan_params,
    "cumsum": _scan_params,
    "pad": _pads,
    "reshape": _reshapes,
    "transpose": _transposes,
}


def _index_cases(op, dtype):
    for shape, spec, lists in INDICES:
        rng = generator(op.name, dtype, str(spec))
        x = draw(rng, op, 0, shape, dtype)
        arrays = tuple(np.asarray(values, np.int64) for values in lists)
        operands = (x, *arrays)
        if op.name != "index":
            v = draw(rng, op, 0, _part_shape(x, arrays, spec), dtype)
            operands = (x, v, *arrays)
        yield Case(op, operands, {"spec": spec})


def _routine_cases(op, dtype):
    """Lines to sort, or well-conditioned matrices; a Cholesky factor needs positive ones."""
    lines = ((0,), (1,), (40,), (3, 0), (2, 3, 5))
    matrices = ((1, 1), (4, 4), (17, 17), (2, 3, 3), (2, 1, 3, 3), (0, 2, 2))
    for shape in lines if op.name == "argsort" else matrices:
        rng = generator(op.name, dtype, shape)
        x = draw(rng, op, 0, shape, dtype)
        if op.name == "argsort":
            yield Case(op, (x,))
            continue
        n = shape[-1]
        a = x + 2 * n**0.5 * np.eye(n, dtype=dtype)
        a = a @ np.swapaxes(a, -1, -2) if op.name == "cholesky" else a
        a = stacked(lu_of, a) if op.operands[0] == "f" else a
        if op.arity == 1:
            yield Case(op, (a,))
            continue
        if op.name == "adjugate_along":
            yield Case(op, (a, draw(rng, op, 1, shape, dtype)))
            continue
        yield Case(op, (a, draw(rng, op, 1, (*shape[:-1], 2), dtype)))
        if len(shape) == 2:
            yield Case(op, (a, draw(rng, op, 1, (n,), dtype)))


def _part_shape(x, arrays, spec):
    return indexed_shape(ArrayType.like(x), [ArrayType.like(a) for a in arrays], spec)


def structured_cases(op, dtypes=None):
    """Cases of every op that is not elementwise."""
    for dtype in dtypes or op.samples.dtypes:
        if op.kind is Kind.INDEX:
            yield from _index_cases(op, dtype)
        elif op.kind is Kind.ROUTINE:
            yield from _routine_cases(op, dtype)
        elif op.kind is Kind.CONTRACTION:
            for a, b, a_labels, b_labels, out_labels in CONTRACTIONS:
                rng = generator(op.name, dtype, a_labels, b_labels, out_labels)
                labels = {"a_labels": a_labels, "b_labels": b_labels, "out_labels": out_labels}
                arrays = draw(rng, op, 0, a, dtype), draw(rng, op, 1, b, dtype)
                yield Case(op, arrays, labels)
        else:
            for shapes, params in _PARAMS.get(op.name, _reduction_params)(op):
                rng = generator(op.name, dtype, shapes, str(params))
                yield Case(op, tuple(draw(rng, op, 0, s, dtype) for s in shapes), params)


def cases(op, dtypes=None):
    if op.name == "cast":
        for target in ("f8", "f4", "i8", "?"):
            for case in elementwise_cases(op, dtypes):
                yield Case(op, case.arrays, {"dtype": np.dtype(target)})
    elif op.kind is Kind.ELEMENTWISE:
        yield from elementwise_cases(op, dtypes)
    elif op.kind is Kind.CREATION:
        values = (0, 1, 5)
        yield from (Case(op, (), {op.params[0]: value}) for value in values)
    elif op.kind not in (Kind.INPUT, Kind.CONSTANT):
        yield from structured_cases(op, dtypes)
