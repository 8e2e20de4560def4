"""Linear conditions: "no" is certain, and small systems are answered exactly."""

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gradc.ir import Symbol
from gradc.kernels.affine import Form, System, linear

NAMES = [Symbol(name, "index") for name in "ijk"]
i, j, k = (symbol.expr() for symbol in NAMES)

forms = st.builds(
    lambda factors, constant: Form(
        {s: f for s, f in zip(NAMES, factors, strict=True) if f}, constant
    ),
    st.tuples(*[st.integers(-3, 3)] * 3),
    st.integers(-6, 6),
)
BOX = [form for s in (i, j, k) for form in (linear(s), linear(4 - s))]


def value(form, point):
    at = dict(zip(NAMES, point, strict=True))
    return sum(f * at[s] for s, f in form.factors.items()) + form.constant


@settings(max_examples=300, deadline=None)
@given(st.lists(forms, max_size=4), st.lists(forms, max_size=2))
def test_no_is_certain(least_zero, zero):
    solved = any(
        all(value(f, point) >= 0 for f in least_zero) and all(value(f, point) == 0 for f in zero)
        for point in product(range(5), repeat=3)
    )
    assert System([*BOX, *least_zero], zero).possible() >= solved


@pytest.mark.parametrize(
    ("least_zero", "zero", "possible"),
    [
        ([i, 3 - i], [i - 2], True),
        ([i, 3 - i], [i - 4], False),
        ([i - j - 1, j - i], [], False),
        ([i - j - 1, j - k - 1, k - i], [], False),
        ([i, 10 - i], [2 * i - 5], False),
        ([2 * i - 1, 1 - 2 * i], [], False),
        ([i - j - 1], [3 * i - 3 * j - 1], False),
    ],
)
def test_small_systems(least_zero, zero, possible):
    assert System(map(linear, least_zero), map(linear, zero)).possible() is possible


def test_what_is_not_linear_has_no_form():
    assert linear(i * j) is None
    assert linear(7) == Form({}, 7)
    assert linear(2 * i - j + 1) == Form({NAMES[0]: 2, NAMES[1]: -1}, 1)
