"""Units run on NumPy scalars give what the interpreter gives."""

import numpy as np
import pytest

from gradc import ops
from gradc.ir import At, NewAxis, Slice, Value
from tests.kernels.build import check, matmul, part

RNG = np.random.default_rng(0)
V = RNG.normal(size=50)
A = RNG.normal(size=(20, 30))
B = RNG.normal(size=(30, 25))
T3 = RNG.normal(size=(3, 4, 5))


# elementwise


def test_chain_of_elementwise_ops() -> None:
    check(lambda a, b: ops.exp(a) * b + a, V, V[::-1].copy())


@pytest.mark.parametrize("dtype", ["f4", "f8", "i4", "i8", "u1"])
def test_dtypes(dtype: str) -> None:
    x = np.arange(1, 8).astype(dtype)
    check(lambda a: (a * a + a, a.sum(), ops.reduce_max(a, axes=(0,)), ops.greater(a, a * a)), x)


def test_booleans() -> None:
    x = np.array([True, False, True])
    check(
        lambda a: (
            ops.reduce_any(a, axes=(0,)),
            ops.reduce_all(a, axes=(0,)),
            ops.logical_not(a),
            ops.cast(a, dtype=np.dtype("f8")).sum(),
        ),
        x,
    )


def test_casts() -> None:
    check(lambda a: (a.cast(np.dtype("i8")), a.cast(np.dtype("f4")) * 2.0), V)


def test_select_and_comparison() -> None:
    check(lambda a, b: ops.select(ops.less(a, b), a, b * 2.0), V, V[::-1].copy())


def test_broadcasts() -> None:
    check(lambda a, b, c: a + b + c, A, A[0].copy(), A[:, :1].copy())


def test_result_used_several_times() -> None:
    check(lambda a: (ops.exp(a), ops.exp(a) * 2.0, ops.exp(a).sum(), ops.exp(a)), V)


def test_inputs_and_constants_as_results() -> None:
    check(
        lambda a, s: (
            a,
            s,
            a.graph.constant(np.arange(3.0)),
            a.graph.literal(2.0, a.dtype).broadcast_to((4, 2)),
            a.graph.literal(2.0, a.dtype),
        ),
        V,
        np.float64(3.0),
    )


def test_no_operations() -> None:
    check(lambda a: a.transpose((1, 0)), A)
    check(lambda a: a.reshape((600,)), A)
    check(lambda a: ops.stop_gradient(a), A)


# scalars


def test_scalar_program_has_one_stage_and_no_memory() -> None:
    def f(x: Value, y: Value) -> tuple[Value, ...]:
        z = ops.exp(x) * y
        return z * z + ops.sin(z), z

    unit = check(f, np.float64(0.3), np.float64(1.5))
    assert len(unit.stages) == 1
    assert unit.plan.arena_bytes == 0


def test_scalars_meet_arrays() -> None:
    check(lambda a, s: ((a * ops.exp(s)).sum() * s + a, ops.exp(s)), V, np.float64(0.3))


def test_scalar_shapes() -> None:
    x = np.array([[2.0]])
    check(lambda a: (ops.exp(a) * a, a.reshape(()), ops.exp(a).reshape((1,)), a.sum()), x)
    check(lambda a: ops.exp(a).sum((0,)), x)
    check(lambda a: ops.exp(a * a).broadcast_to((3, 4)) + 1.0, x)


# movement


def test_views() -> None:
    def f(a: Value) -> tuple[Value, ...]:
        t = a.transpose((1, 0))
        flat = t.reshape((600,))
        return t * 2.0, flat * 3.0, a.reshape((2, 10, 30)) + 1.0, part(a, Slice(19, 20, -1), At(3))

    check(f, A)


def test_views_of_computed_values() -> None:
    def f(a: Value) -> tuple[Value, ...]:
        e = ops.exp(a)
        return (
            (e * 2.0).transpose((1, 0)),
            (e + 1.0).reshape((600,)),
            (a * a).reshape((5, 4, 30)),
            part(a * a, Slice(1, 5, 3), Slice(29, 30, -1)),
            part(a + 1.0, At(2), NewAxis(), Slice(0, 30)),
        )

    check(f, A)


def test_reshape_of_views() -> None:
    def f(a: Value) -> tuple[Value, ...]:
        row = part(a, At(1), Slice(0, 4), Slice(0, 5))
        return row.reshape((20,)) * 2.0, a.transpose((2, 0, 1)).reshape((15, 4)) + 1.0

    check(f, T3)


def test_pad_and_concatenate() -> None:
    def f(a: Value, b: Value) -> tuple[Value, ...]:
        wide = ops.pad(a * 2.0, low=(3,), high=(2,))
        joined = ops.concatenate(a, b * b, a, axis=0)
        return wide, joined, wide + 1.0, (joined * joined).sum()

    check(f, V[:7], V[7:12])


def test_pad_two_axes() -> None:
    def f(a: Value) -> tuple[Value, ...]:
        low = ops.pad(a, low=(1, 0), high=(1, 2))
        other = ops.pad(a * a, low=(0, 2), high=(2, 0))
        return low + other, (low + other).sum((0,)), (low + other).sum((1,)), (low * other).sum()

    check(f, A[:5, :6])


def test_pad_through_views() -> None:
    def f(a: Value) -> tuple[Value, ...]:
        wide = ops.pad(a, low=(2, 1), high=(1, 3))
        return (
            wide.transpose((1, 0)) * 2.0,
            part(ops.pad(a, low=(1, 1), high=(0, 0)), Slice(5, 6, -1), Slice(0, 7)) + 1.0,
            ops.pad(a * a, low=(1, 0), high=(0, 0)).reshape((36,)) + 1.0,
            part(ops.pad(a + a, low=(1, 0), high=(0, 0)), Slice(0, 3, 2), At(1)),
        )

    check(f, A[:5, :6])


def test_sum_of_many_paddings() -> None:
    def f(x: Value) -> Value:
        total = x * 2.0
        for k in range(30):
            piece = part(x, At(k)) * float(k)
            total = total + ops.pad(piece.reshape((1,)), low=(k,), high=(49 - k,))
        return total

    unit = check(f, V)
    assert unit.plan.arena_bytes == 0


def test_sum_of_paddings_only() -> None:
    def f(x: Value) -> Value:
        total = None
        for k in range(20):
            term = ops.pad(part(x, Slice(k, 2)) * float(k), low=(k,), high=(48 - k,))
            total = term if total is None else total + term
        return total

    check(f, V)


def test_many_joined_parts() -> None:
    def f(x: Value) -> tuple[Value, ...]:
        parts = [ops.sin(part(x, Slice(k, 1))) for k in range(40)]
        joined = ops.concatenate(*parts, axis=0)
        return joined, joined.sum()

    check(f, V)


# reductions


@pytest.mark.parametrize("axes", [(0,), (1,), (2,), (0, 1), (1, 2), (0, 2), (0, 1, 2)])
@pytest.mark.parametrize("name", ["sum", "prod", "max", "min"])
def test_reductions(name: str, axes: tuple[int, ...]) -> None:
    op = getattr(ops, f"reduce_{name}")
    check(lambda a: (op(a * 0.5, axes=axes), op(ops.exp(a), axes=axes)), T3)


def test_reductions_of_views() -> None:
    check(lambda a: (a.transpose((1, 0)).sum((0,)), a.transpose((1, 0)).sum((1,)), a.sum()), A)


def test_nan_in_extrema() -> None:
    x = A.copy()
    x[3, 7] = np.nan
    check(lambda a: (ops.reduce_max(a, axes=(1,)), ops.reduce_min(a, axes=(0,))), x)
    check(lambda a: (ops.argmax(a, axis=1), ops.argmin(a, axis=0)), x)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_positions_and_scans(axis: int) -> None:
    check(
        lambda a: (
            ops.argmax(a, axis=axis),
            ops.argmin(ops.sin(a), axis=axis),
            ops.cumsum(a, axis=axis, reverse=False),
            ops.cumsum(a * a, axis=axis, reverse=True),
            ops.cumprod(a, axis=axis),
        ),
        T3,
    )


def test_scan_of_short_axes() -> None:
    check(lambda a: ops.cumsum(a, axis=0, reverse=False), T3[:2])
    check(lambda a: ops.cumsum(a, axis=0, reverse=True), T3[:1])
    check(lambda a: ops.cumsum(a, axis=0, reverse=True), V[:1])


def test_a_scan_is_not_spread_over_lanes() -> None:
    check(lambda a: (ops.cumsum(a, axis=0, reverse=False), a.sum()), V)
    check(lambda a: ops.cumprod(a, axis=0), V)


def test_a_product_of_one_element_each() -> None:
    check(
        lambda a, b: ops.contract(a, b, a_labels=(0,), b_labels=(0,), out_labels=()), V[:1], V[1:2]
    )
    check(lambda a, b: matmul(a, b) * 2.0, V[:1].reshape(1, 1), V[1:2].reshape(1, 1))


def test_sums_of_paddings_and_several_whole_arrays() -> None:
    def shifted(a: Value, low: int, high: int) -> Value:
        inner = part(a, Slice(0, 50 - low - high))
        return ops.pad(inner, low=(low,), high=(high,))

    def assembled(a: Value, b: Value) -> Value:
        total = a * 2.0
        for k in range(12):
            total = total + shifted(a, k, 3)
        return total + ops.exp(b) + b

    check(assembled, V, V[::-1].copy())


def test_softmax() -> None:
    def f(z: Value) -> tuple[Value, ...]:
        top = ops.reduce_max(z, axes=(1,)).expand((1,))
        e = ops.exp(z - top)
        total = e.sum((1,)).expand((1,))
        return e / total, (ops.log(total) + top).sum()

    check(f, A)


# contractions


def test_matrix_products() -> None:
    def f(a: Value, b: Value) -> tuple[Value, ...]:
        turned = b.transpose((1, 0))
        return (
            matmul(a, b),
            ops.contract(a, turned, a_labels=(0, 1), b_labels=(2, 1), out_labels=(2, 0)),
            matmul(ops.exp(a), b) + 1.0,
            matmul(part(a, Slice(0, 10, 2), Slice(0, 30)), b),
        )

    check(f, A, B)


def test_vector_forms() -> None:
    def f(a: Value, v: Value, w: Value) -> tuple[Value, ...]:
        return (
            ops.contract(a, v, a_labels=(0, 1), b_labels=(1,), out_labels=(0,)),
            ops.contract(w, a, a_labels=(0,), b_labels=(0, 1), out_labels=(1,)),
            ops.contract(w, v, a_labels=(0,), b_labels=(1,), out_labels=(0, 1)) + a,
            ops.contract(v, v, a_labels=(0,), b_labels=(0,), out_labels=()),
            ops.contract(a, a, a_labels=(0, 1), b_labels=(0, 1), out_labels=(0,)),
            ops.contract(v, a, a_labels=(1,), b_labels=(0, 1), out_labels=(0, 1)),
        )

    check(f, A, A[0].copy(), A[:, 0].copy())


def test_batched_products() -> None:
    x, y = RNG.normal(size=(3, 20, 15)), RNG.normal(size=(3, 15, 16))

    def f(a: Value, b: Value) -> tuple[Value, ...]:
        return (
            ops.contract(a, b, a_labels=(0, 1, 2), b_labels=(0, 2, 3), out_labels=(0, 1, 3)),
            ops.contract(a, b, a_labels=(0, 1, 2), b_labels=(0, 2, 3), out_labels=(1, 3)),
            ops.contract(a, b, a_labels=(0, 1, 2), b_labels=(3, 2, 4), out_labels=(0, 1, 3, 4)),
            ops.contract(a, b, a_labels=(0, 1, 2), b_labels=(3, 2, 4), out_labels=(1, 0, 4, 3)),
        )

    check(f, x, y)


def test_integer_and_broadcast_products() -> None:
    x = np.arange(20 * 30).reshape(20, 30)
    check(lambda a: matmul(a, a.transpose((1, 0))), x)
    check(lambda a, b: matmul(a.broadcast_to((20, 30)), b), A[0], B)


def test_product_of_a_scalar_factor() -> None:
    check(
        lambda s, v: ops.contract(s, v, a_labels=(), b_labels=(0,), out_labels=(0,)) * 2.0,
        np.float64(2.0),
        V,
    )


# empty arrays


def test_empty_arrays() -> None:
    def f(a: Value) -> tuple[Value, ...]:
        return (
            ops.exp(a) * 2.0,
            a.sum((0,)),
            a.sum((1,)),
            a.sum(),
            a.reshape((0,)) + 1.0,
            a.transpose((1, 0)) * 2.0,
            ops.pad(a, low=(1, 0), high=(0, 1)),
            ops.concatenate(a, a, axis=1),
            ops.cumsum(a, axis=1, reverse=False),
            matmul(a.transpose((1, 0)), a),
        )

    check(f, np.zeros((0, 3)))
