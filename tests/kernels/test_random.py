"""Random graphs: units run on NumPy scalars give what the interpreter gives."""

from collections.abc import Callable

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from gradc import ops
from gradc.ir import Array, At, NewAxis, Slice, Value
from tests.kernels.build import check

Step = Callable[["Maker"], Value]


class Maker:
    """Adds random nodes to a graph."""

    def __init__(self, seed: int, values: list[Value]) -> None:
        self.rng = np.random.default_rng(seed)
        self.values = values

    def any(self) -> Value:
        """Prefer recent values, so that chains grow."""
        back = int(self.rng.integers(1, min(len(self.values), 8) + 1))
        return self.values[-back]

    def like(self, x: Value) -> Value:
        same = [v for v in self.values if v.shape == x.shape]
        return same[int(self.rng.integers(len(same)))]

    def axis(self, x: Value) -> int:
        return int(self.rng.integers(x.ndim))

    def coin(self) -> bool:
        return bool(self.rng.integers(2))

    def step(self) -> None:
        made = _STEPS[int(self.rng.integers(len(_STEPS)))](self)
        if made.size <= 400 and made.ndim <= 4:
            self.values.append(made)


def _unary(m: Maker) -> Value:
    op = (ops.sin, ops.tanh, ops.negative, ops.absolute, ops.square)[int(m.rng.integers(5))]
    return op(m.any())


def _binary(m: Maker) -> Value:
    x = m.any()
    op = (ops.add, ops.subtract, ops.multiply, ops.maximum)[int(m.rng.integers(4))]
    return op(x, m.like(x))


def _scaled(m: Maker) -> Value:
    return m.any() * float(m.rng.integers(1, 4)) - 0.5


def _chosen(m: Maker) -> Value:
    x = m.any()
    return ops.select(ops.less(x, m.like(x)), x, m.like(x) * 0.5)


def _reduced(m: Maker) -> Value:
    x = m.any()
    if not x.ndim or 0 in x.shape:
        return x * 0.5
    axes = tuple(a for a in range(x.ndim) if m.coin()) or (m.axis(x),)
    op = (ops.reduce_sum, ops.reduce_max, ops.reduce_min)[int(m.rng.integers(3))]
    y = op(x, axes=axes)
    return y.expand(axes) if m.coin() else y


def _spread(m: Maker) -> Value:
    x = m.any()
    shape = tuple(int(m.rng.integers(2, 5)) if e == 1 else e for e in x.shape)
    return x.broadcast_to((int(m.rng.integers(2, 4)), *shape) if m.coin() else shape)


def _turned(m: Maker) -> Value:
    x = m.any()
    return x.transpose([int(a) for a in m.rng.permutation(x.ndim)])


def _shaped(m: Maker) -> Value:
    x = m.any()
    if m.coin() or x.ndim < 2:
        return x.reshape((x.size,)) if m.coin() else x.reshape((1, *x.shape))
    return x.reshape((x.shape[0] * x.shape[1], *x.shape[2:]))


def _sliced(m: Maker) -> Value:
    x = m.any()
    spec: list[object] = []
    for extent in x.shape:
        kind = int(m.rng.integers(5))
        if extent == 0 or kind == 0:
            spec.append(Slice(0, extent))
        elif kind == 1:
            spec.append(At(int(m.rng.integers(extent))))
        elif kind == 2:
            spec.append(Slice(extent - 1, extent, -1))
        elif kind == 3:
            spec.append(Slice(0, (extent + 1) // 2, 2))
        else:
            start = int(m.rng.integers(extent))
            spec.append(Slice(start, int(m.rng.integers(1, extent - start + 1))))
    if m.coin():
        spec.insert(int(m.rng.integers(len(spec) + 1)), NewAxis())
    return ops.index(x, spec=tuple(spec))


def _padded(m: Maker) -> Value:
    x = m.any()
    low = tuple(int(m.rng.integers(3)) for _ in x.shape)
    return ops.pad(x, low=low, high=tuple(int(m.rng.integers(3)) for _ in x.shape))


def _shifted_sum(m: Maker) -> Value:
    """Add paddings of one shape, as adjoints of slices do."""
    x = m.any()
    if not x.ndim:
        return x
    total = None
    for shift in range(int(m.rng.integers(2, 5))):
        low = (shift, *(0 for _ in x.shape[1:]))
        high = (4 - shift, *(0 for _ in x.shape[1:]))
        term = ops.pad(x * float(shift + 1), low=low, high=high)
        total = term if total is None else total + term
    assert total is not None
    return total


def _joined(m: Maker) -> Value:
    x = m.any()
    if not x.ndim:
        return x
    parts = [m.like(x) for _ in range(int(m.rng.integers(2, 5)))]
    return ops.concatenate(*parts, axis=m.axis(x))


def _product(m: Maker) -> Value:
    x = m.any()
    if x.ndim < 2 or x.shape[0] == 0:
        return x * 0.25
    y = m.like(x)
    rank = x.ndim
    kept = tuple(range(rank))
    other = (*(rank + a if m.coin() else a for a in range(rank - 1)), rank - 1)
    summed = set(kept) & set(other)
    free = set(kept) ^ set(other)
    summed = {label for label in summed if m.coin()}
    out = [
        label for label in sorted(set(kept) | set(other)) if label in free or label not in summed
    ]
    order = [out[int(i)] for i in m.rng.permutation(len(out))]
    return ops.contract(x * 0.5, y, a_labels=kept, b_labels=other, out_labels=tuple(order))


def _scanned(m: Maker) -> Value:
    x = m.any()
    return ops.cumsum(x, axis=m.axis(x), reverse=m.coin()) if x.ndim else x


def _placed(m: Maker) -> Value:
    x = m.any()
    if not x.ndim or 0 in x.shape:
        return x
    axis = m.axis(x)
    places = m.rng.integers(-x.shape[axis], x.shape[axis], size=(3,))
    spec = tuple(Array(0) if a == axis else Slice(0, e) for a, e in enumerate(x.shape))
    index = x.graph.constant(places)
    if m.coin():
        index = index + x.graph.values(x.graph.inputs)[-1]
    taken = ops.index(x, index, spec=spec)
    if m.coin():
        return taken
    op = ops.index_add if m.coin() else ops.index_put
    return op(m.like(x), taken * 2.0, index, spec=spec)


def _written(m: Maker) -> Value:
    x = m.any()
    if not x.ndim or 0 in x.shape:
        return x
    spec = (At(x.shape[0] - 1), *(Slice(0, e) for e in x.shape[1:]))
    return ops.index_put(m.like(x), ops.index(x, spec=spec) + 1.0, spec=spec)


def _position(m: Maker) -> Value:
    x = m.any()
    if not x.ndim or 0 in x.shape:
        return x
    return ops.argmax(x, axis=m.axis(x)).cast(x.dtype)


_STEPS: list[Step] = [
    _unary,
    _unary,
    _binary,
    _binary,
    _binary,
    _scaled,
    _chosen,
    _reduced,
    _reduced,
    _spread,
    _turned,
    _shaped,
    _sliced,
    _sliced,
    _padded,
    _shifted_sum,
    _joined,
    _product,
    _scanned,
    _placed,
    _written,
    _position,
]


def random_results(seed: int, length: int, *inputs: Value) -> list[Value]:
    maker = Maker(seed, list(inputs[:-1]))
    for _ in range(length):
        maker.step()
    count = int(maker.rng.integers(1, 4))
    picks = [maker.values[int(i)] for i in maker.rng.integers(len(maker.values), size=count)]
    return [maker.values[-1], *picks]


@settings(max_examples=150)
@given(st.integers(0, 2**32), st.integers(1, 25))
def test_random_graphs(seed: int, length: int) -> None:
    rng = np.random.default_rng(seed)
    extents = [int(e) for e in rng.integers(1, 7, size=3)]
    arrays = [
        rng.normal(size=tuple(extents[:2])),
        rng.normal(size=tuple(extents[:2])),
        rng.normal(size=(extents[2],)),
        np.float64(rng.normal()),
    ]
    check(
        lambda *inputs: random_results(seed, length, *inputs),
        *arrays,
        np.zeros(3, np.int64),
        tolerance=1e-9,
    )
