"""Extents as integer polynomials."""

import copy
import itertools
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradc.ir import DimExpr, Symbol, known, product, static_shape, substitute, summed

N, M, INDEX = Symbol("n"), Symbol("m"), Symbol("i", "index")
n, m, i = N.expr(), M.expr(), INDEX.expr()
VALUES = {N: 7, M: 3, INDEX: 2}

dims = st.recursive(
    st.sampled_from([n, m, i]) | st.integers(-4, 4),
    lambda inner: st.tuples(st.sampled_from("+-*"), inner, inner).map(
        lambda t: {"+": t[1] + t[2], "-": t[1] - t[2], "*": t[1] * t[2]}[t[0]]
    ),
    max_leaves=6,
)


@given(dims, dims)
def test_arithmetic_commutes_with_substitution(a, b):
    at = [substitute(d, VALUES) for d in (a, b)]
    assert all(isinstance(d, int) for d in at)
    assert substitute(a + b, VALUES) == at[0] + at[1]
    assert substitute(a - b, VALUES) == at[0] - at[1]
    assert substitute(a * b, VALUES) == at[0] * at[1]


@given(dims, dims, dims)
def test_equal_polynomials_are_identical(a, b, c):
    assert a + b == b + a
    assert hash(a * b) == hash(b * a)
    assert (a + b) * c == a * c + b * c
    assert a - a == 0
    assert isinstance(a - a, int)


@given(dims)
def test_the_text_is_python(a):
    space = {symbol.name: value for symbol, value in VALUES.items()}
    assert eval(str(a), {}, space) == substitute(a, VALUES)


def test_text():
    assert [str(d) for d in (n, n + 1, n - 1, 2 * n, -n, 3 - n, n * n, n * m - i)] == [
        *("n", "n + 1", "n - 1", "2*n", "-n", "-n + 3", "n**2", "-i + m*n"),
    ]


def test_what_has_no_symbol_is_a_number():
    for d in (n - n, 0 * n, n + 2 - n, substitute(n, VALUES), substitute(5, VALUES)):
        assert isinstance(d, int)
        assert known(d)
    assert not known(n + 1)
    assert isinstance(n + 1, DimExpr)


def test_symbols_and_partial_substitution():
    d = n * m + i
    assert isinstance(d, DimExpr)
    assert d.symbols == {N, M, INDEX}
    assert substitute(d, {M: n}) == n * n + i
    assert substitute(d, {INDEX: -n * m}) == 0
    assert Symbol("n", "index") != Symbol("n")


def test_products_and_static_shapes():
    assert product(()) == 1
    assert product((2, n, 3)) == 6 * n
    assert static_shape((2, 3)) == (2, 3)
    with pytest.raises(ValueError, match="extent n is not known"):
        static_shape((2, n))


def test_order_of_operations_leaves_no_trace():
    sums = {sum(parts[1:], start=parts[0]) for parts in itertools.permutations([n, m, i, 1 + n])}
    assert len(sums) == 1


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=4))
def test_sums_over_an_index(coefficients):
    dim, power = 0, 1
    for factor in coefficients:
        dim, power = dim + factor * power * (m + 1), power * i
    total = summed(dim, INDEX)
    for count in range(6):
        whole = sum(substitute(dim, {INDEX: k, M: 2}) for k in range(count))
        found = substitute(total, {INDEX: count, M: 2})
        assert isinstance(found, int)
        assert found == whole
        space = {"i": count, "m": 2}
        assert eval(str(total), {}, space) == whole


def test_sums_of_high_powers_are_not_known():
    assert summed(i * i * i * i, INDEX) is None


def test_halves():
    triangle = summed(i, INDEX)
    assert str(triangle) == "(-i + i**2)//2"
    assert str(triangle + i + 1) == "(i + i**2)//2 + 1"
    assert triangle + triangle == i * i - i
    assert (triangle + 3 * n).split() == (3 * n, i * i - i, 2)
    assert n.split() == (n, 0, 1)


def test_there_is_one_symbol_of_a_name_and_role():
    one = Symbol("i", "index")
    assert one is Symbol("i", "index") is pickle.loads(pickle.dumps(one)) is copy.deepcopy(one)
    assert one != Symbol("i") == Symbol("i", "size")
    assert sorted([Symbol("j"), Symbol("i"), one]) == [one, Symbol("i"), Symbol("j")]
    with pytest.raises(AttributeError):
        one.name = "k"
    assert one.name == "i"
