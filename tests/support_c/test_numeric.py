"""Helpers with NumPy's meaning, over all pairs of special values, free of undefined behaviour."""

import platform

import numpy as np
import pytest

from tests.support_c import ulps
from tests.support_c.builds import Loop, build, compilers, dtype, variants

FLOATS = {"": "f64", "f": "f32"}
FLOAT_PAIRS = {
    "maximum": np.maximum, "minimum": np.minimum, "fmax": np.fmax, "fmin": np.fmin,
    "heaviside": np.heaviside, "copysign": np.copysign, "fmod": np.fmod,
    "remainder": np.remainder, "floor_divide": np.floor_divide,
}  # fmt: skip
FLOAT_SINGLES = {"sign": np.sign, "rint": np.rint}
INTEGER_PAIRS = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "maximum": np.maximum,
    "minimum": np.minimum, "floor_divide": np.floor_divide, "remainder": np.remainder,
    "fmod": np.fmod,
}  # fmt: skip
INTEGER_SINGLES = {"negative": np.negative, "absolute": np.absolute, "sign": np.sign}
INTEGERS = ["i64", "i32", "u64"]
CONVERSIONS = ["i64", "i32", "i16", "i8", "u64", "u32", "u16", "u8"]
TEXT = """#include "gradc_numeric.h"
#include "gradc_integer.h"
#include "gradc_convert.h"
#include "gradc_sigmoid.h"
"""


def loops():
    for suffix, kind in FLOATS.items():
        for name in FLOAT_PAIRS:
            yield Loop(f"gradc_{name}{suffix}", kind, (kind, kind))
        for name in [*FLOAT_SINGLES, "sigmoid"]:
            yield Loop(f"gradc_{name}{suffix}", kind, (kind,))
        yield Loop(f"gradc_logaddexp_gap{suffix}", kind, (kind, kind))
        yield Loop(f"gradc_logaddexp_with{suffix}", kind, (kind, kind, kind))
    for kind in INTEGERS:
        for name in [*INTEGER_PAIRS, "power"]:
            yield Loop(f"gradc_{name}_{kind}", kind, (kind, kind))
        for name in INTEGER_SINGLES if kind != "u64" else ():
            yield Loop(f"gradc_{name}_{kind}", kind, (kind,))
    for kind in CONVERSIONS:
        yield Loop(f"gradc_to_{kind}", kind, ("f64",))


@pytest.fixture(scope="module")
def libraries(folder):
    checked = build(folder, TEXT, list(loops()), compilers()[0], "-O1", "-fsanitize=undefined")
    return [checked, *variants(folder, TEXT, list(loops()))]


@pytest.fixture(autouse=True)
def _no_undefined_behaviour(libraries, capfd):
    yield
    assert "runtime error" not in capfd.readouterr().err


def pairs(values):
    return [x.ravel() for x in np.meshgrid(values, values)]


def float_values(suffix):
    kind = np.dtype(np.float32 if suffix else np.float64)
    halves = np.arange(-4.5, 5, 0.5).astype(kind)
    return np.concatenate([ulps.specials(kind), halves, np.array([0.1, -0.1, 1e9], kind)])


def integer_values(kind):
    info = np.iinfo(dtype(kind))
    small = [-7, -3, -2, -1, 0, 1, 2, 3, 7, 10, 63, 64, 65, 1000, 46341, 2**31 - 1, 3037000500]
    edges = [info.min, info.min + 1, info.max, info.max - 1, info.max // 2 + 1]
    return np.array([v for v in small + edges if info.min <= v <= info.max], dtype(kind))


@pytest.mark.parametrize("suffix", FLOATS)
@pytest.mark.parametrize("name", FLOAT_PAIRS)
def test_float_pairs(libraries, name, suffix):
    a, b = pairs(float_values(suffix))
    with np.errstate(all="ignore"):
        expected = FLOAT_PAIRS[name](a, b)
    for library in libraries:
        got = library.map(f"gradc_{name}{suffix}", a, b)
        np.testing.assert_array_equal(got, expected)
        if name not in ("maximum", "minimum", "fmax", "fmin"):  # there a tie of zeros has no sign
            number = ~np.isnan(expected)
            np.testing.assert_array_equal(np.signbit(got[number]), np.signbit(expected[number]))


@pytest.mark.parametrize("suffix", FLOATS)
@pytest.mark.parametrize("name", FLOAT_SINGLES)
def test_float_singles(libraries, name, suffix):
    x = float_values(suffix)
    with np.errstate(all="ignore"):
        expected = FLOAT_SINGLES[name](x)
    for library in libraries:
        got = library.map(f"gradc_{name}{suffix}", x)
        np.testing.assert_array_equal(got, expected)
        number = ~np.isnan(expected)
        np.testing.assert_array_equal(np.signbit(got[number]), np.signbit(expected[number]))


@pytest.mark.parametrize("suffix", FLOATS)
def test_logaddexp(libraries, suffix):
    a, b = pairs(float_values(suffix))
    with np.errstate(all="ignore"):
        expected = np.logaddexp(a, b)
        for library in libraries:
            tail = np.log1p(np.exp(library.map(f"gradc_logaddexp_gap{suffix}", a, b)))
            got = library.map(f"gradc_logaddexp_with{suffix}", a, b, tail)
            scale = np.maximum(np.maximum(np.abs(a), np.abs(b)), 1)
            close = np.abs(got - expected) <= 2 * np.finfo(a.dtype).eps * scale
            assert (close | (got == expected) | (np.isnan(got) & np.isnan(expected))).all()


@pytest.mark.parametrize("suffix", FLOATS)
def test_sigmoid(libraries, suffix):
    x = float_values(suffix)
    with np.errstate(all="ignore"):
        expected = 1 / (1 + np.exp(-x))
    for library in libraries:
        got = library.map(f"gradc_sigmoid{suffix}", x)
        np.testing.assert_array_equal(np.isnan(got), np.isnan(expected))
        number = ~np.isnan(expected)
        np.testing.assert_allclose(got[number], expected[number], rtol=4 * np.finfo(x.dtype).eps)


@pytest.mark.parametrize("kind", INTEGERS)
@pytest.mark.parametrize("name", INTEGER_PAIRS)
def test_integer_pairs(libraries, name, kind):
    a, b = pairs(integer_values(kind))
    with np.errstate(all="ignore"):
        expected = INTEGER_PAIRS[name](a, b)
    for library in libraries:
        np.testing.assert_array_equal(library.map(f"gradc_{name}_{kind}", a, b), expected)


@pytest.mark.parametrize("kind", INTEGERS)
def test_integer_power(libraries, kind):
    values = integer_values(kind)
    a, b = [x.ravel() for x in np.meshgrid(values, values[values >= 0])]
    for library in libraries:
        np.testing.assert_array_equal(library.map(f"gradc_power_{kind}", a, b), a**b)


@pytest.mark.parametrize("kind", ["i64", "i32"])
def test_integer_power_of_negative_exponent(libraries, kind):
    a, n = pairs(np.array([-3, -2, -1, 0, 1, 2, 3], dtype(kind)))
    a, n = a[n < 0], n[n < 0]
    expected = np.where(a == 1, 1, np.where(a == -1, np.where(n % 2 == 0, 1, -1), 0))
    for library in libraries:
        np.testing.assert_array_equal(library.map(f"gradc_power_{kind}", a, n), expected)


@pytest.mark.parametrize("kind", ["i64", "i32"])
@pytest.mark.parametrize("name", INTEGER_SINGLES)
def test_integer_singles(libraries, name, kind):
    x = integer_values(kind)
    for library in libraries:
        np.testing.assert_array_equal(
            library.map(f"gradc_{name}_{kind}", x), INTEGER_SINGLES[name](x)
        )


@pytest.mark.skipif(platform.machine() != "x86_64", reason="NumPy's casts follow the processor")
@pytest.mark.parametrize("source", [np.float64, np.float32])
@pytest.mark.parametrize("kind", CONVERSIONS)
def test_conversions(libraries, kind, source):
    edges = [2.0**p + d for p in (7, 8, 15, 16, 31, 32) for d in (-1, -0.5, 0, 0.5, 1)]
    edges += [2.0**62, 2.0**63 - 1024, 70000.7, 1e10, 1e18, 0.9, 255.9]
    edges += [2.0**63, 1e19]
    edges += [2.0**64, 1e300, np.inf, np.nan] if kind[0] == "i" else []
    with np.errstate(all="ignore"):
        x = np.array(edges + [-v for v in edges] + [0.0] * 32).astype(source)
        expected = x.astype(dtype(kind))
    for library in libraries:
        np.testing.assert_array_equal(library.map(f"gradc_to_{kind}", x), expected)
