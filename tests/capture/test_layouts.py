"""How arguments lie in memory: it decides whether a reshape is a view, so which writes are seen."""

import numpy as np
import pytest

import gradc

CLOSED = np.asfortranarray(np.ones((3, 4)))


def flat_view_or_copy(a):
    a.ravel()[0] = 99.0
    return a * 2


def both_written(a):
    v = a.reshape(2, 6)
    v[1] = 5.0
    a[0, 0] = 7.0
    return v * 2, a


def result_of_the_same_order(a):
    b = a * 2
    b.ravel()[0] = 1.0
    b.T.reshape(-1)[1] = 2.0
    return b


def copies(a):
    b, c, d = np.copy(a), a.copy(), np.zeros_like(a)
    for x in (b, c, d):
        x.ravel()[1] = 4.0
    return b, c, d


def made_contiguous(a):
    y, z = np.ascontiguousarray(a.T), np.ascontiguousarray(a)
    y[0] = 5.0
    z[1] = 6.0
    return a * 1, y, z


def transposed(a):
    a.T.ravel()[0] = 3.0
    return a * 1


FUNCTIONS = [
    flat_view_or_copy, both_written, result_of_the_same_order, copies, made_contiguous, transposed,
]  # fmt: skip


def laid_out(order):
    numbers = np.arange(1.0, 13.0)
    if order == "strided":
        return np.arange(48.0).reshape(6, 8)[::2, ::-2]
    return np.asarray(numbers.reshape(3, 4), order=order)


@pytest.mark.parametrize("fn", FUNCTIONS, ids=lambda fn: fn.__name__)
@pytest.mark.parametrize("orders", ["C C C F strided C F F", "F C strided"])
def test_writes_through_reshapes(fn, orders):
    compiled = gradc.compile(fn, backend="numpy")
    for order in orders.split():
        ours, theirs = laid_out(order), laid_out(order)
        got, want = compiled(ours), fn(theirs)
        pairs = [(got, want)] if isinstance(want, np.ndarray) else zip(got, want, strict=True)
        for x, y in pairs:
            np.testing.assert_array_equal(x, y)
        np.testing.assert_array_equal(ours, theirs)


def test_the_same_in_c_and_under_a_derivative():
    def loss(a):
        a.ravel()[1] = 99.0
        return np.sum(a**2)

    for order, kept in (("C", 0.0), ("F", 4.0), ("C", 0.0)):
        for backend in ("numpy", "c"):
            assert gradc.grad(loss, backend=backend)(laid_out(order))[0, 1] == kept


def test_arrays_that_the_function_closes_over():
    def writes(a):
        CLOSED.ravel()[0] = a[0, 0]
        return CLOSED * a

    compiled = gradc.compile(writes, backend="numpy")
    np.testing.assert_array_equal(compiled(laid_out("C")), laid_out("C"))
    np.testing.assert_array_equal(CLOSED, 1.0)


def test_reshapes_alone_do_not_ask_for_the_layout():
    compiled = gradc.compile(lambda a: a.ravel() * a.reshape(-1), backend="numpy")
    first = compiled.artifact(laid_out("C"))
    assert compiled.artifact(laid_out("F")) is first
