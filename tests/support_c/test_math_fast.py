"""math="fast": gcc takes glibc's vector functions; errors and special values stay in bounds."""

import platform
import re
import shutil
import subprocess

import numpy as np
import pytest

import gradc
from tests.support_c import ulps
from tests.support_c.builds import SUPPORT, Loop, build, compilers
from tests.support_c.test_math_portable import arguments, needs_wide, same_value_and_sign

GLIBC = tuple(int(part) for part in re.findall(r"\d+", platform.libc_ver()[1])[:2])
VECTORS = (
    compilers()[:1] == ["gcc"]
    and platform.machine() == "x86_64"
    and platform.libc_ver()[0] == "glibc"
    and GLIBC >= (2, 35)
)
NAMES = [*ulps.UNARY, *ulps.BINARY]
DTYPES = {"": "f64", "f": "f32"}


@pytest.fixture(scope="module")
def library(folder):
    loops = [
        Loop(f"{name}{suffix}", kind, (kind,) * (2 if name in ulps.BINARY else 1))
        for suffix, kind in DTYPES.items()
        for name in NAMES
    ]
    text = '#include "gradc_math_fast.h"\n#include <stdint.h>\n'
    return build(folder, text, loops, compilers()[0], "-O3", "-march=native")


def declared():
    text = (SUPPORT / "gradc_math_fast.h").read_text()
    return set(re.findall(r"GRADC_SIMD_ extern (?:double|float) (\w+)\(", text))


def test_declares_f64_and_f32_alike():
    f64 = {name for name in declared() if f"{name}f" in declared()}
    assert {f"{name}f" for name in f64} | f64 == declared()
    assert f64 >= {*NAMES, "erf", "erfc"}


@pytest.mark.skipif(not (VECTORS and shutil.which("nm")), reason="no vector math here")
def test_every_loop_calls_a_vector_function(library):
    symbols = subprocess.run(
        ["nm", "-D", library.path], capture_output=True, text=True, check=True
    ).stdout
    called = set(re.findall(r"_ZGV\w\w\d+v+_(\w+)", symbols))
    assert called == set(library.loops)


@needs_wide
@pytest.mark.parametrize("suffix", DTYPES)
@pytest.mark.parametrize("name", NAMES)
def test_error_bound(library, name, suffix):
    for xs in arguments(name):
        with np.errstate(all="ignore"):
            xs = [x.astype(np.float32 if suffix else np.float64) for x in xs]
            exact = {**ulps.UNARY, **ulps.BINARY}[name](*[x.astype(ulps.Wide) for x in xs])
            errors = ulps.error(library.map(f"{name}{suffix}", *xs), exact)
        assert errors.max() <= 4.0


@needs_wide
@pytest.mark.parametrize("suffix", DTYPES)
@pytest.mark.parametrize("name", NAMES)
def test_special_values(library, name, suffix):
    values = ulps.specials(np.dtype(np.float32 if suffix else np.float64))
    xs = [x.ravel() for x in np.meshgrid(values, values)] if name in ulps.BINARY else [values]
    with np.errstate(all="ignore"):
        true = {**ulps.UNARY, **ulps.BINARY}[name](*[x.astype(ulps.Wide) for x in xs])
        got = library.map(f"{name}{suffix}", *xs)
        good = same_value_and_sign(got, true.astype(got.dtype)) & (ulps.error(got, true) <= 4)
    assert good.all(), [(*(float(x[i]) for x in xs), float(got[i])) for i in np.flatnonzero(~good)]


BOTH = """
#include <stdint.h>
#include "gradc_math_fast.h"
{header}
void turn(int64_t n, const double *restrict x, double *restrict y) {{
    for (int64_t i = 0; i < n; ++i) {{
        y[i] = sin(x[i]) * cos(x[i]);
    }}
}}
"""


@pytest.mark.skipif(not (VECTORS and shutil.which("nm")), reason="no vector math here")
@pytest.mark.parametrize("apart", [False, True])
def test_a_sine_and_a_cosine_of_one_argument_stay_vector_calls(apart, tmp_path):
    """Without the header gcc calls sincos once for each element."""
    source = tmp_path / "both.c"
    source.write_text(BOTH.format(header='#include "gradc_math_apart.h"' if apart else ""))
    command = ["gcc", "-std=c99", "-O3", "-march=native", "-fno-math-errno", "-Wall", "-Wextra"]
    command += ["-pedantic", "-Werror", f"-I{SUPPORT}", "-c", str(source)]
    subprocess.run([*command, "-o", str(tmp_path / "both.o")], check=True)
    symbols = subprocess.run(
        ["nm", str(tmp_path / "both.o")], capture_output=True, text=True, check=True
    ).stdout
    vectors = set(re.findall(r"_ZGV\w\w\d+v_(\w+)", symbols))
    assert vectors == ({"sin", "cos"} if apart else set())


def test_only_units_with_both_keep_them_apart():
    both = gradc.compile(lambda x: np.sin(x) * np.cos(x), math="fast").source("c", np.ones(3))
    one = gradc.compile(lambda x: np.sin(x) * np.exp(x), math="fast").source("c", np.ones(3))
    assert "#define cos gradc_apart_cos" in both
    assert "gradc_apart_sinf" not in both
    assert "gradc_apart" not in one
