"""Every op in the registry, against NumPy and against differences."""

import re
import string
from pathlib import Path

import numpy as np
import pytest

from gradc import ops
from gradc.ir import ZERO_DERIVATIVE, ArrayType, Kind, Linear, Partials, Rule
from gradc.passes.factors import OF_FACTORS
from tests.ops.cases import cases, draw, elementwise_cases
from tests.ops.graphs import apply, generator, jvp, second_order, vjp

# Leaves have no operands to draw, and what holds regions is tested with them, in tests/ir.
BY_FACTORS = {"solve", *OF_FACTORS}
"""In C these are made of other ops."""
ELSEWHERE = {Kind.INPUT, Kind.CONSTANT, Kind.REGION, Kind.OTHER}
ALL = [op for op in ops.registry() if op.kind not in ELSEWHERE]
NAMES = [op.name for op in ALL]
TRACED = [op for op in ALL if op.traces]
WITH_PARTIALS = [op for op in ALL if isinstance(op.derivative, Partials)]
DIFFERENTIABLE = [op for op in ALL if isinstance(op.derivative, Partials | Linear | Rule)]
SEVERAL = [op for op in ALL if op.kind is Kind.ELEMENTWISE and op.arity != 1]
every_op = pytest.mark.parametrize("op", ALL, ids=NAMES)


def ids(some):
    return [op.name for op in some]


def same(actual, expected):
    """Equal in dtype, shape and bits (any NaN is NaN)."""
    actual, expected = np.asarray(actual), np.asarray(expected)
    assert (actual.dtype, actual.shape) == (expected.dtype, expected.shape)
    np.testing.assert_array_equal(actual, expected)


# declarations


@every_op
def test_declared_in_full(op):
    assert " " in op.doc
    assert re.fullmatch(r"[a-z][a-z0-9_]*", op.name)
    in_c = op.kind in (Kind.ELEMENTWISE, Kind.ROUTINE) and op.name not in BY_FACTORS
    assert (op.c is not None) == in_c
    assert (op.routine is not None) == (op.kind is Kind.ROUTINE)
    assert callable(op.evaluate)


def test_there_are_as_many_ops_as_the_design_lists():
    assert len(ALL) >= 85


def test_everything_is_exported_by_name():
    exported = {getattr(ops, name) for name in ops.__all__}
    assert set(ops.registry()) <= exported


@pytest.mark.parametrize("op", [op for op in ALL if op.c], ids=lambda op: op.name)
def test_c_templates_name_only_what_exists(op):
    support = Path(__file__).parent.parent / "templates" / "c" / "support"
    defined = "".join(path.read_text() for path in support.glob("*.h"))
    templates = op.c if isinstance(op.c, dict) else dict.fromkeys("f", op.c)
    for kind, template in templates.items():
        fields = {name for _, name, _, _ in string.Formatter().parse(template) if name}
        assert fields <= {*op.operands, "t", "type"}
        tags = ("u64",) if kind == "u" else ("i64", "i32") + ("u64",) * ("u" in op.c)
        for name in re.findall(r"gradc_\w+(?:\{t\})?@?", template):
            for tag in tags:
                for suffix in ("", "f") if "@" in name else ("",):
                    full = name.replace("{t}", tag).replace("@", suffix)
                    if kind == "i" and tag == "u64":
                        continue
                    assert re.search(rf"\b{full}\(", defined), full


# values


@pytest.mark.parametrize("op", TRACED, ids=ids(TRACED))
def test_evaluates_as_numpy_does(op):
    for case in cases(op):
        with np.errstate(all="ignore"):
            for function in op.traces:
                same(op.evaluate(*case.arrays, **case.params), function(*case.arrays))


@every_op
def test_infers_what_it_evaluates(op):
    for case in cases(op):
        types = [ArrayType.like(a) for a in case.arrays]
        with np.errstate(all="ignore"):
            value = op.evaluate(*case.arrays, **case.params)
        assert ArrayType.like(value) == op.infer(*types, **case.params), case


def _printed(op, case, letters="abcdefgh"):
    """Return the op's NumPy text over variables, and the variables."""
    names = list(letters[: len(case.arrays)])
    types = [ArrayType.like(a) for a in case.arrays]
    if callable(op.numpy):
        text = op.numpy(names, types, case.params)
    else:
        text = op.numpy.format(**dict(zip(op.operands, names, strict=True)), **case.params)
    return text, dict(zip(names, case.arrays, strict=True))


@every_op
def test_prints_numpy_that_means_the_same(op):
    for case in cases(op):
        text, scope = _printed(op, case)
        scope["np"] = np
        scope.update({helper.__name__: helper for helper in op.helpers})
        with np.errstate(all="ignore"):
            expected = op.evaluate(*case.arrays, **case.params)
            value = _executed(op, text, scope) if op.tags else eval(text, scope)
        assert np.asarray(value).dtype == expected.dtype, (case, text)
        np.testing.assert_array_equal(value, expected, err_msg=f"{case}: {text}")


def _executed(op, subscript, scope):
    head, _, key = subscript.rpartition("][")
    target = f"y[{head}]" if head else "y"
    scope["y"] = scope["a"].copy()
    if op.name == "index_put":
        exec(f"{target}[{key}] = b", scope)
    else:
        exec(f"np.add.at({target}, np.s_[{key}], b)", scope)
    return scope["y"]


@pytest.mark.parametrize("op", SEVERAL, ids=ids(SEVERAL))
def test_aligns_operands_that_broadcast(op):
    dtype = op.samples.dtypes[0]
    rng = generator(op.name, "broadcast")
    shapes = [(2, 1), (3,), (2, 3)][: op.arity]
    arrays = [draw(rng, op, i, s, dtype) for i, s in enumerate(shapes)]
    with np.errstate(all="ignore"):
        expected = op.evaluate(*np.broadcast_arrays(*arrays))
    same(apply(op, *arrays), expected)


# derivatives


_NOT_ANALYTIC = {
    *("absolute", "arctan2", "cbrt", "copysign", "fmax", "fmin", "fmod", "heaviside", "hypot"),
    *("logaddexp", "maximum", "minimum", "remainder"),
}


def _complex_step(op, arrays, slot):
    shifted = [a.astype(complex) for a in arrays]
    shifted[slot] = shifted[slot] + 1e-30j
    return np.asarray(op.evaluate(*shifted)).imag / 1e-30


def _central_difference(op, arrays, slot):
    step = np.longdouble("1e-6")
    sides = []
    for sign in (1, -1):
        shifted = [a.astype(np.longdouble) for a in arrays]
        shifted[slot] = shifted[slot] + sign * step
        sides.append(np.asarray(op.evaluate(*shifted)))
    return ((sides[0] - sides[1]) / (2 * step)).astype(float)


@pytest.mark.parametrize("op", WITH_PARTIALS, ids=ids(WITH_PARTIALS))
def test_partials_match_differences(op):
    differences = _central_difference if op.name in _NOT_ANALYTIC else _complex_step
    tolerance = 1e-8 if op.name in _NOT_ANALYTIC else 1e-12
    for case in elementwise_cases(op, ["f8"]):
        found = vjp(op, case.arrays, {}, np.ones(case.arrays[0].shape))
        for slot, partial in enumerate(found):
            wanted = differences(op, case.arrays, slot)
            partial = np.zeros_like(wanted) if partial is None else partial
            np.testing.assert_allclose(partial, wanted, rtol=tolerance, atol=tolerance)


def _float_cases(op, dtype="f8"):
    for case in cases(op, [dtype]):
        if op.infer(*map(ArrayType.like, case.arrays), **case.params).dtype.kind == "f":
            yield case


@pytest.mark.parametrize("op", DIFFERENTIABLE, ids=ids(DIFFERENTIABLE))
def test_forward_and_reverse_mode_agree(op):
    rng = generator(op.name, "dot product")
    for case in _float_cases(op):
        shape = np.shape(op.evaluate(*case.arrays, **case.params))
        ct = rng.standard_normal(shape).astype(_result(op, case).dtype)
        back = vjp(op, case.arrays, case.params, ct)
        for operand, term in zip(case.arrays, back, strict=True):
            assert term is None or ArrayType.like(term) == ArrayType.like(operand), case
        for chosen in _choices(case.arrays):
            dots = [
                rng.standard_normal(a.shape) if i in chosen else None
                for i, a in enumerate(case.arrays)
            ]
            ahead = jvp(op, case.arrays, case.params, dots)
            assert ahead is None or ArrayType.like(ahead) == _result(op, case), case
            pairs = zip(back, dots, strict=True)
            terms = [b * d for b, d in pairs if b is not None and d is not None]
            right = sum(float(np.sum(t)) for t in terms)
            size = sum(float(np.sum(np.abs(t))) for t in terms) + 1.0
            left = 0.0 if ahead is None else float(np.sum(ct * ahead))
            tolerance = 1e-12 if ct.dtype == "f8" else 1e-5
            assert abs(left - right) <= tolerance * size, (case, chosen)


def _result(op, case):
    return op.infer(*map(ArrayType.like, case.arrays), **case.params)


def _choices(arrays):
    """All floating-point operands together, and each alone."""
    floats = [i for i, a in enumerate(arrays) if a.dtype.kind == "f"]
    return [floats, *([i] for i in floats)] if len(floats) > 1 else [floats]


@pytest.mark.parametrize("op", DIFFERENTIABLE, ids=ids(DIFFERENTIABLE))
def test_derivatives_of_derivatives(op):
    """The gradient of ``<w, pullback(ct)>`` against central differences of the pullback."""
    rng = generator(op.name, "second order")
    for case in _float_cases(op):
        if case.params.get("dtype") == np.dtype("f4"):
            continue
        arrays, params = case.arrays, case.params
        floats = [i for i, a in enumerate(arrays) if a.dtype.kind == "f"]
        ct = rng.standard_normal(_result(op, case).extents)
        weights = [rng.standard_normal(arrays[i].shape) for i in floats]
        _, again = second_order(op, arrays, params, ct, weights)
        dots = {i: rng.standard_normal(arrays[i].shape) for i in floats}
        left = sum(float(np.sum(a * dots[i])) for a, i in zip(again, floats, strict=True))
        right = _slope(op, arrays, params, ct, weights, dots)
        assert abs(left - right) <= 2e-6 * (abs(left) + abs(right) + 1.0), case


def _slope(op, arrays, params, ct, weights, dots, step=1e-6):
    sides = []
    for sign in (1, -1):
        moved = [a + sign * step * dots[i] if i in dots else a for i, a in enumerate(arrays)]
        first, _ = second_order(op, tuple(moved), params, ct, weights)
        sides.append(sum(float(np.sum(g * w)) for g, w in zip(first, weights, strict=True)))
    return (sides[0] - sides[1]) / (2 * step)


WITH_RULES = [op for op in DIFFERENTIABLE if isinstance(op.derivative, Rule)]


@pytest.mark.parametrize("op", WITH_RULES, ids=ids(WITH_RULES))
def test_rules_match_differences(op):
    """Forward mode and reverse mode agree, so one of them tells."""
    rng = generator(op.name, "differences")
    for case in _float_cases(op):
        if _result(op, case).dtype != np.dtype("f8"):
            continue
        dots = [rng.standard_normal(a.shape) for a in case.arrays]
        sides = [
            op.evaluate(*[a + h * d for a, d in zip(case.arrays, dots, strict=True)], **case.params)
            for h in (1e-6, -1e-6)
        ]
        found = jvp(op, case.arrays, case.params, dots)
        np.testing.assert_allclose(found, (sides[0] - sides[1]) / 2e-6, 1e-6, 1e-6, str(case))


@pytest.mark.parametrize("op", WITH_RULES, ids=ids(WITH_RULES))
def test_nothing_moves_where_no_operand_does(op):
    case = next(_float_cases(op))
    assert jvp(op, case.arrays, case.params, [None] * len(case.arrays)) is None


@pytest.mark.parametrize("op", DIFFERENTIABLE, ids=ids(DIFFERENTIABLE))
def test_derivatives_keep_float32(op):
    for case in _float_cases(op, "f4"):
        result = _result(op, case)
        found = vjp(op, case.arrays, case.params, np.ones(result.extents, result.dtype))
        for operand, term in zip(case.arrays, found, strict=True):
            assert term is None or term.dtype == operand.dtype


@every_op
def test_other_results_have_no_derivative(op):
    """Integers and truth values refuse; piecewise constant functions of reals are zero by name."""
    if op.kind is Kind.CREATION:
        assert op.derivative is None
        return
    case = next(iter(cases(op, op.samples.dtypes[:1])))
    if _result(op, case).dtype.kind != "f" and op.name != "cast":
        assert op.derivative is None
    if op.derivative is ZERO_DERIVATIVE:
        assert op.name in {
            *(
                "sign",
                "floor_divide",
                "floor",
                "ceil",
                "trunc",
                "rint",
                "slogdet_sign",
                "stop_gradient",
            ),
        }
