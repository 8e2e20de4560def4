"""What is computed together: counts of sweeps, stores and bytes, never times."""

import numpy as np
import pytest

from gradc import ops
from gradc.ir import Slice, Value
from gradc.kernels import blocks
from gradc.kernels.cost import count
from gradc.kernels.nest import Loop
from tests.kernels.build import check, matmul, part

RNG = np.random.default_rng(0)
V = RNG.normal(size=50)
A = RNG.normal(size=(20, 30))
B = RNG.normal(size=(30, 25))


def test_rosenbrock_and_gradient_are_one_sweep() -> None:
    def f(x: Value) -> tuple[Value, ...]:
        n = x.shape[0]
        high, low = part(x, Slice(1, n - 1)), part(x, Slice(0, n - 1))
        a, b = high - low * low, 1.0 - low
        bar = 200.0 * a
        above = ops.pad(bar, low=(1,), high=(0,))
        below = ops.pad(-2.0 * bar * low - 2.0 * b, low=(0,), high=(1,))
        return (100.0 * a * a + b * b).sum(), above + below

    cost = count(check(f, RNG.normal(size=100)))
    assert cost.stages == 1
    assert cost.stores == 101
    assert cost.arena == 0


def test_layer_with_bias_and_relu() -> None:
    def f(x: Value, w: Value, b: Value, ct: Value) -> tuple[Value, ...]:
        z = matmul(x, w) + b
        h = ops.maximum(z, 0.0)
        bar = ops.select(ops.greater(z, z.full_like(0.0)), ct, z.full_like(0.0))
        return h, matmul(x.transpose((1, 0)), bar), bar.sum((0,))

    cost = count(check(f, A, B, RNG.normal(size=25), RNG.normal(size=(20, 25))))
    assert (cost.stages, cost.products) == (3, 2)


def test_logistic_regression() -> None:
    def f(w: Value, x: Value, y: Value) -> tuple[Value, ...]:
        m = y * ops.contract(x, w, a_labels=(0, 1), b_labels=(1,), out_labels=(0,))
        e = ops.exp(-ops.absolute(m))
        loss = (ops.maximum(-m, 0.0) + ops.log1p(e)).sum()
        c = y * e / (1.0 + e)
        return loss, ops.contract(x, c, a_labels=(0, 1), b_labels=(0,), out_labels=(1,))

    cost = count(check(f, A[0].copy(), A, np.sign(A[:, 0])))
    assert cost.stages == 3
    assert cost.calls == 2 * 20


def test_chain_of_vector_ops_is_one_sweep() -> None:
    def f(x: Value) -> Value:
        for _ in range(50):
            x = ops.sin(x) * x + 1.0
        return x.sum()

    cost = count(check(f, V))
    assert (cost.stages, cost.stores, cost.calls, cost.arena) == (1, 1, 50 * 50, 0)


def test_several_reductions_of_one_array_are_one_sweep() -> None:
    def f(x: Value) -> tuple[Value, ...]:
        e = ops.exp(x)
        return e.sum(), ops.reduce_max(x, axes=(0,)), (e * x).sum(), e * 2.0

    cost = count(check(f, V))
    assert cost.stages == 1
    assert cost.calls == 50


def test_dear_value_is_shared_and_not_stored_inside_one_sweep() -> None:
    def f(x: Value) -> tuple[Value, ...]:
        t = ops.tanh(x)
        return t * x, 1.0 - t * t

    cost = count(check(f, V))
    assert (cost.stages, cost.calls, cost.stores) == (1, 50, 100)


def test_dear_value_is_stored_between_sweeps() -> None:
    def f(x: Value) -> Value:
        e = ops.exp(x)
        return e / e.sum()

    cost = count(check(f, V))
    assert (cost.stages, cost.calls, cost.stores) == (2, 50, 100)


def test_rows_of_a_broadcast_are_computed_once() -> None:
    def f(x: Value, r: Value) -> Value:
        return x * ops.exp(r).broadcast_to(x.shape)

    assert count(check(f, A, A[:, :1].copy())).calls == 20
    assert count(check(f, A, A[0].copy())).calls == 30


def test_scalar_work_is_hoisted() -> None:
    def f(x: Value, s: Value) -> Value:
        return x * (ops.exp(s) + 1.0)

    assert count(check(f, A, np.float64(0.5))).calls == 1


def test_elementwise_sweeps_over_matrices_are_flat() -> None:
    unit = check(lambda x, y: ops.exp(x) * y, A, A * 2.0)
    (loop,) = unit.stages[0].body
    assert loop.stop == 600  # type: ignore[union-attr]


def test_columns_are_summed_row_by_row() -> None:
    unit = check(lambda x: x.sum((0,)), A)
    _, outer = unit.stages[0].body
    assert (outer.stop, outer.body[0].stop) == (20, 30)  # type: ignore[union-attr]


def test_columns_of_a_transposed_matrix_are_summed_along_memory() -> None:
    unit = check(lambda x: x.transpose((1, 0)).sum((0,)), A)
    (outer,) = unit.stages[0].body
    assert outer.stop == 20  # type: ignore[union-attr]


def test_temporaries_take_over_memory() -> None:
    def f(x: Value) -> Value:
        for _ in range(20):
            e = ops.exp(x)
            x = e / e.sum()
        return x * 1.0

    assert count(check(f, V)).arena <= 2 * 448


def test_products_use_strides_instead_of_copies() -> None:
    def f(a: Value, b: Value) -> Value:
        return matmul(b.transpose((1, 0)), a.transpose((1, 0)))

    cost = count(check(f, A, B))
    assert (cost.stages, cost.products, cost.loads, cost.stores) == (1, 1, 0, 0)


def test_outer_product_is_never_stored() -> None:
    def f(u: Value, v: Value, a: Value) -> Value:
        return (ops.contract(u, v, a_labels=(0,), b_labels=(1,), out_labels=(0, 1)) * a).sum()

    cost = count(check(f, A[:, 0].copy(), A[0].copy(), A))
    assert (cost.stages, cost.stores, cost.arena) == (1, 1, 0)


def test_passes_over_one_matrix_run_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    def f(w: Value, x: Value) -> tuple[Value, ...]:
        z = ops.contract(x, w, a_labels=(0, 1), b_labels=(1,), out_labels=(0,))
        c = ops.tanh(z)
        return (c * c).sum(), ops.contract(x, c, a_labels=(0, 1), b_labels=(0,), out_labels=(1,))

    x = RNG.normal(size=(70, 5))
    assert len(check(f, x[0].copy(), x).stages) == 3
    monkeypatch.setattr(blocks, "CACHE_BYTES", 0)
    monkeypatch.setattr(blocks, "MOST_ROWS", 16)
    unit = check(f, x[0].copy(), x)
    assert len(unit.stages) == 1
    main, *_ = (s for s in unit.stages[0].body if isinstance(s, Loop))
    assert (main.stop, main.step, len([s for s in main.body if isinstance(s, Loop)])) == (64, 16, 3)


def test_blocks_leave_no_rows_where_a_smaller_one_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows that are left get code of their own, half of what is to be compiled."""

    def f(w: Value, x: Value) -> tuple[Value, ...]:
        z = ops.contract(x, w, a_labels=(0, 1), b_labels=(1,), out_labels=(0,))
        c = ops.tanh(z)
        return (c * c).sum(), ops.contract(x, c, a_labels=(0, 1), b_labels=(0,), out_labels=(1,))

    monkeypatch.setattr(blocks, "CACHE_BYTES", 0)
    monkeypatch.setattr(blocks, "MOST_ROWS", 32)
    for rows, size, loops in ((80, 16, 1), (96, 32, 1), (90, 32, 6)):
        x = RNG.normal(size=(rows, 5))
        unit = check(f, x[0].copy(), x)
        body = [s for s in unit.stages[0].body if isinstance(s, Loop)]
        assert (body[0].step, len(body)) == (size, loops)


def test_blocks_keep_the_order_of_what_depends(monkeypatch: pytest.MonkeyPatch) -> None:
    def f(x: Value) -> tuple[Value, ...]:
        total = ops.exp(x).sum((0,))
        shifted = part(ops.exp(x), Slice(69, 70, -1), Slice(0, 5)) * total.broadcast_to((70, 5))
        return shifted, ops.cumsum(x, axis=0, reverse=False), shifted.sum((1,))

    monkeypatch.setattr(blocks, "CACHE_BYTES", 0)
    monkeypatch.setattr(blocks, "MOST_ROWS", 16)
    check(f, RNG.normal(size=(70, 5)))


def test_values_of_a_row_do_not_turn_the_loops() -> None:
    def f(x: Value, r: Value, s: Value, t: Value) -> Value:
        return (
            (x * r.broadcast_to(x.shape) + s.broadcast_to(x.shape)) * t.broadcast_to(x.shape)
        ).sum((1,))

    column = A[:, :1].copy()
    unit = check(f, A, column, column + 1.0, column * 2.0)
    (outer,) = unit.stages[0].body
    assert outer.stop == 20  # type: ignore[union-attr]
