"""What support code goes with a function, by what the function does."""

import numpy as np
import pytest

import gradc
from gradc.emit.c_source import print_c
from gradc.emit.render import support_text
from gradc.kernels.lower import lower
from gradc.printing import native_unit
from tests.backends import HAS_COMPILER
from tests.emit.c_units import compile_c

SIN, LANES, APART = "sin(", "GRADC_SIMD_", "gradc_apart_sin"


def turn(x):
    return np.sin(x) * np.cos(x)


def total(x):
    return np.sum(turn(x))


def branch(x):
    return turn(x[0]) if x[1] > 0 else x[0]


def solved(x):
    return np.linalg.solve(np.sin(np.reshape(x, (2, 2))), np.cos(x[:2]))


def unit(function, *arguments):
    artifact = gradc.compile(function, backend="numpy").artifact(*arguments)
    return native_unit(artifact.program, (), artifact.options)


@pytest.mark.parametrize(
    ("function", "x"), [(turn, 0.5), (gradc.grad(turn), 0.5), (branch, np.ones(2))]
)
def test_scalars_take_the_functions_as_they_are(function, x):
    """One call of both at once is a compiler's own doing, when nothing keeps them apart."""
    made = unit(function, x)
    assert SIN in made.text
    assert LANES not in made.text
    assert APART not in made.text
    assert made.optimise == 1


@pytest.mark.parametrize(("function", "x"), [(total, np.ones(40)), (turn, np.ones((3, 40)))])
def test_loops_take_many_values_at_once(function, x):
    made = unit(function, x)
    assert LANES in made.text
    assert APART in made.text
    assert made.optimise == 4


def test_routines_are_loops_too():
    made = unit(solved, np.array([1.0, 2.0, 0.5, 0.25]))
    assert made.optimise == 4


@pytest.mark.skipif(not HAS_COMPILER, reason="no C compiler on this machine")
@pytest.mark.parametrize("x", [0.0, -0.0, 0.3, 1e5, 1e22, np.pi / 2])
def test_sine_and_cosine_in_one_call_are_the_same_numbers(x):
    both = gradc.compile(lambda x: (np.sin(x), np.cos(x)), backend="c")
    np.testing.assert_allclose(both(x), (np.sin(x), np.cos(x)), rtol=4e-16)


def plain_members() -> str:
    """Return the structure of what is lent as a program without products declares it."""
    x = np.ones(300_000)
    text = unit(lambda x: np.exp(x) * x, x).text
    assert "gradc_dgemm" not in text
    start = text.index("typedef struct gradc_env {")
    return text[start : text.index("} gradc_env;", start)] + "} plain;"


@pytest.mark.skipif(not HAS_COMPILER, reason="no C compiler on this machine")
def test_without_products_the_lent_structure_keeps_its_layout(tmp_path):
    names = ("version", "pool", "parallel_for")
    same = [f"offsetof(plain, {name}) == offsetof(gradc_env, {name})" for name in names]
    same.append("sizeof(plain) == sizeof(gradc_env)")
    plain = plain_members().replace("struct gradc_env", "struct plain")
    checks = [f"typedef char check_{k}[{test} ? 1 : -1];" for k, test in enumerate(same)]
    header = support_text("gradc_env.h")
    lines = ["#include <stddef.h>", header, plain, *checks, "int unused;"]
    compile_c(tmp_path, "\n".join(lines) + "\n")
    with pytest.raises(AssertionError):
        compile_c(tmp_path, "\n".join(lines).replace("[4]", "[3]") + "\n")


def test_products_and_lent_functions_declare_all_that_is_lent():
    assert "gradc_dgemm_fn dgemm;" in unit(lambda x: x @ x, np.ones((40, 40))).text
    artifact = gradc.compile(np.exp, backend="numpy").artifact(np.ones(300_000))
    lowered = lower(artifact.program, artifact.options)
    for lent in (False, True):
        text = print_c(lowered, artifact.options, symbol="f", lent=lent).text
        assert ("gradc_dgemm_fn dgemm;" in text) is lent
