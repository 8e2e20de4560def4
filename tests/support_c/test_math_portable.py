"""math="portable": errors, special values, the same bits from every compiler, vectorised."""

import platform

import mpmath
import numpy as np
import pytest
from scipy import special

from tests.support_c import ulps
from tests.support_c.builds import Loop, compilers, variants

BOUND = {
    "exp": 0.85, "exp2": 1.2, "expm1": 1.1, "sinh": 1.7, "cosh": 1.3, "tanh": 1.35, "log": 0.75,
    "log2": 0.8, "log10": 0.75, "log1p": 0.75, "asinh": 1.0, "acosh": 1.0, "atanh": 0.75,
    "sin": 0.8, "cos": 0.8, "tan": 2.2, "asin": 0.7, "acos": 0.8, "atan": 1.4, "cbrt": 0.51,
    "erf": 1.2, "pow": 1.3, "atan2": 1.6, "hypot": 1.2,
}  # fmt: skip
MODERATE = ["sin_moderate", "cos_moderate", "tan_moderate"]
UNARY = [*ulps.UNARY, "erf"]
DTYPES = {"": "f64", "f": "f32"}
BRANCHING = {"sin", "cos", "tan"}
WIDE = np.finfo(np.longdouble).nmant >= 63
needs_wide = pytest.mark.skipif(not WIDE, reason="no type wider than double here")


def loops():
    for suffix, kind in DTYPES.items():
        for name in [*UNARY, *MODERATE]:
            yield Loop(f"gradc_{name}{suffix}", kind, (kind,))
        for name in ulps.BINARY:
            yield Loop(f"gradc_{name}{suffix}", kind, (kind, kind))


@pytest.fixture(scope="module")
def libraries(folder):
    return variants(folder, '#include "gradc_math_portable.h"\n', list(loops()))


def arguments(name):
    draw = ulps.Draw(seed=len(name))
    if name in ulps.BINARY:
        return ulps.binary_arguments(name, draw)
    return [(x,) for x in ulps.unary_arguments(name, draw)]


def exact(name, *xs):
    if name == "erf":
        return special.erf(xs[0]) if xs[0].dtype == np.float32 else None
    return {**ulps.UNARY, **ulps.BINARY}[name](*[x.astype(ulps.Wide) for x in xs])


@needs_wide
@pytest.mark.parametrize("suffix", DTYPES)
@pytest.mark.parametrize("name", [*ulps.UNARY, *ulps.BINARY])
def test_error_bound(libraries, name, suffix):
    bound = BOUND[name] if suffix == "" else 0.501
    for xs in arguments(name):
        with np.errstate(all="ignore"):
            xs = [x.astype(np.float32 if suffix else np.float64) for x in xs]
            errors = ulps.error(libraries[0].map(f"gradc_{name}{suffix}", *xs), exact(name, *xs))
        worst = int(np.argmax(errors))
        assert errors[worst] <= bound, [float(x[worst]).hex() for x in xs]


MP = {
    "asin": mpmath.asin, "acos": mpmath.acos, "atan": mpmath.atan, "pow": mpmath.power,
    "log2": lambda x: mpmath.log(x, 2), "exp2": lambda x: mpmath.power(2, x),
    "cbrt": lambda x: mpmath.sign(x) * mpmath.cbrt(abs(x)),
}  # fmt: skip


@pytest.mark.parametrize("name", [*UNARY, *ulps.BINARY])
def test_error_bound_by_multiple_precision(libraries, name):
    reference = MP.get(name) or getattr(mpmath, name)
    with mpmath.workprec(1300 if name in BRANCHING else 160):
        for xs in arguments(name):
            xs = [x[:150] for x in xs]
            got = libraries[0].map(f"gradc_{name}", *xs)
            for y, *x in zip(got.tolist(), *(x.tolist() for x in xs), strict=True):
                true = reference(*(mpmath.mpf(v) for v in x))
                if np.isinf(y) or abs(y) < 2.3e-308:
                    continue
                unit = mpmath.mpf(float(np.spacing(abs(float(true)))))
                assert abs(y - true) <= BOUND[name] * unit, [v.hex() for v in x]


def test_sine_of_the_hardest_arguments(libraries):
    hard = [6381956970095103 * 2.0**797, 1e300, 1e22, 2.0**1023, 2.0**20, 2.0**20 - 2.0**-33]
    hard += [float(k) * np.pi / 2 for k in (1, 2, 3, 1000, 2**20, 2**30, 10**15)]
    for name, reference in (("sin", mpmath.sin), ("cos", mpmath.cos), ("tan", mpmath.tan)):
        got = libraries[0].map(f"gradc_{name}", np.array(hard))
        with mpmath.workprec(1300):
            for y, x in zip(got.tolist(), hard, strict=True):
                true = reference(mpmath.mpf(x))
                assert abs(y - true) <= BOUND[name] * mpmath.mpf(np.spacing(abs(float(true))))


def same_value_and_sign(got, expected):
    nan = np.isnan(got) & np.isnan(expected)
    return nan | (np.signbit(got) == np.signbit(expected))


@needs_wide
@pytest.mark.parametrize("suffix", DTYPES)
@pytest.mark.parametrize("name", [*ulps.UNARY, *ulps.BINARY])
def test_special_values(libraries, name, suffix):
    values = ulps.specials(np.dtype(np.float32 if suffix else np.float64))
    xs = [values]
    if name in ulps.BINARY:
        xs = [x.ravel() for x in np.meshgrid(values, values)]
    with np.errstate(all="ignore"):
        true = exact(name, *xs)
        got = libraries[0].map(f"gradc_{name}{suffix}", *xs)
        good = same_value_and_sign(got, true.astype(got.dtype)) & (ulps.error(got, true) <= 2.2)
    assert good.all(), [(*(float(x[i]) for x in xs), float(got[i])) for i in np.flatnonzero(~good)]


def test_erf_special_values(libraries):
    values = ulps.specials(np.dtype(np.float64))
    got = libraries[0].map("gradc_erf", values)
    true = special.erf(values)
    assert same_value_and_sign(got, true).all()
    np.testing.assert_allclose(got, true, rtol=4e-16, atol=5e-324)


@pytest.mark.parametrize("name", [*UNARY, *ulps.BINARY])
def test_same_bits_from_every_compiler(libraries, name):
    for suffix, kind in (("", np.float64), ("f", np.float32)):
        special_values = ulps.specials(np.dtype(kind))
        with np.errstate(over="ignore", under="ignore"):
            groups = [[x.astype(kind) for x in xs] for xs in arguments(name)]
        groups.append([special_values] * len(groups[0]))
        for xs in groups:
            first, *others = [library.map(f"gradc_{name}{suffix}", *xs) for library in libraries]
            number = ~np.isnan(first)
            for other in others:
                assert first[number].tobytes() == other[number].tobytes()
                assert np.isnan(other[~number]).all()


@pytest.mark.parametrize("name", ["sin", "cos", "tan"])
def test_moderate_arguments_agree_with_the_full_functions(libraries, name):
    x = ulps.Draw(3).signed(-60, 20)
    full = libraries[0].map(f"gradc_{name}", x)
    assert full.tobytes() == libraries[0].map(f"gradc_{name}_moderate", x).tobytes()


@pytest.mark.skipif(
    compilers()[:1] != ["gcc"] or platform.machine() != "x86_64", reason="reads gcc's report"
)
def test_loops_are_vectorised(libraries):
    lines = libraries[0].path.with_suffix(".c").read_text().splitlines()
    report = [line for line in libraries[0].messages.splitlines() if "loop vectorized" in line]
    vectorised = {int(line.split(":")[1]) for line in report}
    loops = {i: line for i, line in enumerate(lines, start=1) if line.endswith("}")}
    scalar = {
        line.split("(")[0].removeprefix("void all_gradc_")
        for i, line in loops.items()
        if i not in vectorised
    }
    assert not scalar
