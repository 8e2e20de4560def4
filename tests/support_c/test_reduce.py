"""Sixteen lanes and their combination: values, the same bits everywhere, vectorised."""

import ctypes
import platform

import numpy as np
import pytest

from tests.support_c.builds import compilers, variants

KINDS = {"": ("double", np.float64), "f": ("float", np.float32), "_i64": ("int64_t", np.int64)}
COMBINE = {"sum": np.sum, "prod": np.prod, "max": np.max, "min": np.min}
SUM = """
{type} total{suffix}(const {type} *x, int64_t n);
{type} total{suffix}(const {type} *x, int64_t n) {{
    {type} acc[16] = {{0}};
    int64_t i, l;
    for (i = 0; i + 16 <= n; i += 16) {{
        for (l = 0; l < 16; l++) {{ acc[l] += x[i + l]; }}
    }}
    for (l = 0; i + l < n; l++) {{ acc[l] += x[i + l]; }}
    return gradc_lanes_sum{suffix}(acc);
}}
"""
LANES = """
{type} {name}{suffix}(const {type} *x);
{type} {name}{suffix}(const {type} *x) {{ return gradc_lanes_{name}{suffix}(x); }}
"""


def text():
    parts = ['#include "gradc_reduce.h"\n']
    for suffix, (kind, _) in KINDS.items():
        parts.append(SUM.format(type=kind, suffix=suffix))
        parts += [LANES.format(type=kind, name=name, suffix=suffix) for name in COMBINE]
    return "".join(parts)


@pytest.fixture(scope="module")
def libraries(folder):
    return variants(folder, text(), [])


def call(library, name, suffix, x):
    function = library.handle[f"{name}{suffix}"]
    function.restype = {"": ctypes.c_double, "f": ctypes.c_float, "_i64": ctypes.c_int64}[suffix]
    pointer = ctypes.c_void_p(x.ctypes.data)
    return function(pointer, ctypes.c_int64(x.size)) if name == "total" else function(pointer)


def numbers(kind, n, seed=0):
    return (np.random.default_rng(seed).standard_normal(n) * 1000).astype(kind)


@pytest.mark.parametrize("suffix", KINDS)
@pytest.mark.parametrize("name", COMBINE)
def test_combines_sixteen_lanes(libraries, name, suffix):
    x = numbers(KINDS[suffix][1], 16)
    x = x / x.dtype.type(500) if x.dtype.kind == "f" else x
    with np.errstate(over="ignore"):
        expected = COMBINE[name](x)
    for library in libraries:
        np.testing.assert_allclose(call(library, name, suffix, x), expected, rtol=1e-5)


@pytest.mark.parametrize("suffix", ["", "f"])
@pytest.mark.parametrize("name", ["max", "min"])
def test_extremes_propagate_nan(libraries, name, suffix):
    for lane in range(16):
        x = numbers(KINDS[suffix][1], 16)
        x[lane] = np.nan
        assert all(np.isnan(call(library, name, suffix, x)) for library in libraries)


@pytest.mark.parametrize("suffix", KINDS)
@pytest.mark.parametrize("n", [0, 1, 15, 16, 17, 1000, 4099])
def test_sum_has_the_same_bits_everywhere(libraries, suffix, n):
    x = numbers(KINDS[suffix][1], n, seed=n)
    totals = [call(library, "total", suffix, x) for library in libraries]
    assert len(set(totals)) == 1
    np.testing.assert_allclose(totals[0], x.sum(), rtol=1e-4, atol=1e-4 * np.abs(x).sum())


@pytest.mark.skipif(
    compilers()[:1] != ["gcc"] or platform.machine() != "x86_64", reason="reads gcc's report"
)
def test_sum_is_vectorised(libraries):
    driver = libraries[0].path.with_suffix(".c")
    report = [line for line in libraries[0].messages.splitlines() if "vectorized" in line]
    told = {int(line.split(":")[1]) for line in report if line.startswith(str(driver))}
    lines = enumerate(driver.read_text().splitlines(), start=1)
    starts = [i for i, line in lines if "total" in line and line.endswith("{")]
    assert all(told & set(range(start, start + 9)) for start in starts)
