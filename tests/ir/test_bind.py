"""Symbols replaced inside parameters."""

import numpy as np

from gradc.ir import Array, ArrayType, At, NewAxis, Slice, Symbol, TupleType
from gradc.ir.bind import bind, bind_params

INDEX, N = Symbol("i", "index"), Symbol("n")
i, n = INDEX.expr(), N.expr()


def test_dims_and_tuples():
    assert bind(i + 1, {INDEX: 4}) == 5
    assert bind((i, (n, 3)), {INDEX: 4}) == (4, (n, 3))
    assert bind(i, {INDEX: n - 1}) == n - 1
    assert bind(7, {INDEX: 4}) == 7


def test_index_items():
    spec = (At(i), Slice(i + 1, n - i, -1), NewAxis(), Array(0))
    assert bind(spec, {INDEX: 2, N: 9}) == (At(2), Slice(3, 7, -1), NewAxis(), Array(0))


def test_types():
    kind = ArrayType.of("f8", i, n)
    assert bind(kind, {INDEX: 2}) == ArrayType.of("f8", 2, n)
    pair = TupleType.of_items([kind, ArrayType.of("i8")])
    assert bind(pair, {INDEX: 2, N: 3}) == TupleType.of_items(
        [ArrayType.of("f8", 2, 3), pair.items[1]]
    )


def test_symbols_and_other_parameters_stay():
    params = {"index": INDEX, "count": n, "dtype": np.dtype("f4"), "axis": 1, "name": "x"}
    assert bind_params(params, {N: 5}) == {**params, "count": 5}
    assert bind(INDEX, {INDEX: 3}) is INDEX
