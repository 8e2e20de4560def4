"""Types of values."""

import numpy as np
import pytest

from gradc.ir import SUPPORTED_DTYPES, ArrayType, Symbol, TupleType, is_float

N = Symbol("n").expr()


def test_text():
    assert str(ArrayType.of("f8", 4, 3)) == "f8[4, 3]"
    assert str(ArrayType.of("?")) == "bool[]"
    assert str(ArrayType.of("u1", N, 2 * N)) == "u1[n, 2*n]"
    pair = TupleType.of_items([ArrayType.of("f4"), ArrayType.of("i8", 2)])
    assert str(pair) == "(f4[], i8[2])"


def test_facts():
    kind = ArrayType.of("f4", 2, 3)
    assert (kind.ndim, kind.size, kind.nbytes, kind.extents) == (2, 6, 24, (2, 3))
    assert ArrayType.of("f4").size == 1
    assert ArrayType.of("f8", N, 3).nbytes == 24 * N
    with pytest.raises(ValueError, match="extent n"):
        _ = ArrayType.of("f8", N).extents


def test_made_from_others():
    kind = ArrayType.of("f8", 2)
    assert kind.with_shape([3, N]) == ArrayType.of("f8", 3, N)
    assert kind.with_dtype(bool) == ArrayType.of("?", 2)
    assert ArrayType.like(np.zeros((2, 1), "i4")) == ArrayType.of("i4", 2, 1)
    assert ArrayType.like(1.5) == ArrayType.of("f8")


@pytest.mark.parametrize("dtype", SUPPORTED_DTYPES, ids=str)
def test_equality_and_hash(dtype):
    assert ArrayType(dtype, (2,)) == ArrayType.of(dtype.str, 2)
    assert len({ArrayType(dtype, (2,)), ArrayType.of(dtype, 2), ArrayType.of(dtype, 3)}) == 2
    assert is_float(dtype) == (dtype.kind == "f")


def test_a_tuple_is_no_array():
    one = TupleType.of_items([ArrayType.of("f8", 4)])
    assert one != ArrayType.of("f8", 4)
    assert one != TupleType.of_items([ArrayType.of("f8", 5)])
    assert not is_float(one.dtype)
    assert one.size == 0
