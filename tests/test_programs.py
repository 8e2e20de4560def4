"""Every program of the corpus in every mode, in both backends."""

import warnings
from typing import Any

import numpy as np
import pytest

import gradc
from gradc import GradcWarning
from tests.backends import BACKENDS
from tests.modes import (
    Derived,
    derivatives,
    derived,
    direction,
    in_single_precision,
    loss_of,
    moving,
)
from tests.oracles import along, complex_step
from tests.programs import Program, load
from tests.trees import copied, inner, is_float, leaves

PROGRAMS = load()
SMOOTH = [p for p in PROGRAMS if "flat" not in p.tags]
KEPT = [p for p in SMOOTH if "kept" in p.tags]

pytestmark = pytest.mark.filterwarnings("ignore::gradc.GradcWarning")

all_programs = pytest.mark.parametrize("program", PROGRAMS, ids=str)
smooth_programs = pytest.mark.parametrize("program", SMOOTH, ids=str)
backends = pytest.mark.parametrize("backend", BACKENDS)


def same_structure(found: Any, expected: Any) -> None:
    """Check types, shapes and dtypes of a tree of results against NumPy's."""
    assert type(found) is type(expected)
    if isinstance(expected, dict):
        assert list(found) == list(expected)
        for key in expected:
            same_structure(found[key], expected[key])
    elif isinstance(expected, list | tuple):
        assert len(found) == len(expected)
        for a, b in zip(found, expected, strict=True):
            same_structure(a, b)
    elif isinstance(expected, np.ndarray | np.generic):
        assert (found.dtype, found.shape) == (expected.dtype, expected.shape)


def scale(x: Any) -> float:
    return max(1.0, float(np.max(np.abs(np.asarray(x, float)), initial=0.0)))


def close(found: Any, expected: Any, tolerance: float) -> None:
    """Compare trees; the tolerance is relative to each leaf's largest entry."""
    for a, b in zip(leaves(found), leaves(expected), strict=True):
        if is_float(b):
            np.testing.assert_allclose(a, b, rtol=0, atol=tolerance * scale(b))
        else:
            np.testing.assert_array_equal(a, b)


def is_single(program: Program) -> bool:
    """Does the program compute in single precision anywhere?"""
    arguments = leaves(program.arguments())
    return "single" in program.tags or any(
        getattr(x, "dtype", None) == np.float32 for x in arguments
    )


@all_programs
@backends
def test_value(program: Program, backend: str) -> None:
    arguments, mine = program.arguments(), program.arguments()
    expected = program.fn(*arguments)
    found = gradc.compile(program.fn, backend=backend, **program.options)(*mine)
    same_structure(found, expected)
    for a, b in zip(leaves((found, mine)), leaves((expected, arguments)), strict=True):
        if not is_float(b) or (backend == "numpy" and "blas" not in program.tags):
            np.testing.assert_array_equal(a, b)
        else:
            close(a, b, 1e-5 if is_single(program) else 1e-13)


@smooth_programs
@pytest.mark.counts("whole programs: value, gradient, tangent and Hessian product, NumPy backend")
def test_derivatives(program: Program) -> None:
    arguments = program.arguments()
    u, v = (direction(program, arguments, seed) for seed in (1, 2))
    before = copied(arguments)
    found = derived(program, "numpy")
    close(arguments, before, 0.0)
    loss = loss_of(program)
    single = is_single(program)
    close(found.value, loss(*copied(arguments)), 1e-5 if single else 1e-13)
    slope = inner(found.gradient, u)
    close(found.tangent, slope, 1e-5 if single else 1e-12)
    first_order(program, found, single)
    left, right = inner(v, found.hessian_u), inner(u, found.hessian_v)
    size = scale(np.concatenate([np.ravel(x) for x in leaves(found.hessian_u)]))
    assert abs(left - right) <= (1e-4 if single else 1e-11) * size
    if not single:
        second_order(program, found, left)


def first_order(program: Program, found: Derived, single: bool) -> None:
    """Check the gradient against an oracle that knows nothing of gradc."""
    arguments, loss = program.arguments(), loss_of(program)
    if "real" not in program.tags:
        expected = tuple(complex_step(loss, arguments, program.argnums))
        close(found.gradient, expected, 1e-5 if single else 1e-12)
        return
    for seed in (1, 2, 3):
        w = direction(program, arguments, seed)
        directions = [None] * len(arguments)
        for k, d in zip(program.argnums, w, strict=True):
            directions[k] = d
        expected_slope = along(loss, arguments, tuple(directions))
        close(inner(found.gradient, w), expected_slope, 1e-3 if single else 1e-7)


def second_order(program: Program, found: Derived, expected: float) -> None:
    """Check a Hessian product against differences of the gradient."""
    arguments = program.arguments()
    u, v = (direction(program, arguments, seed) for seed in (1, 2))
    modes = derivatives(program, "numpy")

    def slope(*moved: Any) -> float:
        return inner(modes(copied(moved), u, v).gradient, v)

    directions = [None] * len(arguments)
    for k, d in zip(program.argnums, u, strict=True):
        directions[k] = d
    close(expected, along(slope, arguments, tuple(directions)), 1e-6)


@smooth_programs
@pytest.mark.counts("whole programs: the same in C")
@pytest.mark.parametrize("backend", BACKENDS[1:])
def test_c_has_the_derivatives_of_numpy(program: Program, backend: str) -> None:
    found, expected = derived(program, backend), derived(program, "numpy")
    tolerance = 1e-4 if is_single(program) else 1e-11
    for mode in ("value", "gradient", "tangent", "hessian_u", "hessian_v"):
        same_structure(getattr(found, mode), getattr(expected, mode))
        close(getattr(found, mode), getattr(expected, mode), tolerance)


@pytest.mark.parametrize("program", KEPT, ids=str)
def test_short_loops_unrolled_have_the_same_gradient(program: Program) -> None:
    arguments = program.arguments()
    options = program.options | {"unroll": 2000}
    gradient = gradc.grad(loss_of(program), argnums=program.argnums, backend="numpy", **options)
    tolerance = 1e-4 if is_single(program) else 1e-11
    close(gradient(*arguments), derived(program, "numpy").gradient, tolerance)


@pytest.mark.slow
@smooth_programs
@backends
def test_single_precision(program: Program, backend: str) -> None:
    arguments = program.arguments()
    low = in_single_precision(arguments)
    expected = program.fn(*copied(low))
    options = program.options
    gradient = gradc.grad(loss_of(program), argnums=program.argnums, backend="numpy", **options)

    @gradc.compile(backend=backend, **options)
    def both(*inputs):
        derived = gradc.grad(loss_of(program), argnums=program.argnums)(*inputs)
        return derived, program.fn(*inputs)

    found_gradient, found = both(*copied(low))
    same_structure(found, expected)
    close(found, expected, 1e-4)
    for a, b in zip(leaves(found_gradient), leaves(moving(program, low)), strict=True):
        assert np.asarray(a).dtype == np.asarray(b).dtype
    close(found_gradient, gradient(*arguments), 1e-3)


def test_the_corpus_is_large() -> None:
    assert len(PROGRAMS) >= 450
    assert len(KEPT) >= 200
    with warnings.catch_warnings():
        warnings.simplefilter("error", GradcWarning)
        assert len({p.name for p in PROGRAMS}) == len(PROGRAMS)
