"""Random programs with loops, branches, views and writes against plain NumPy, to second order.

``python -m pytest --full tests/test_random_programs.py`` runs many; a failing seed's text
is ``tests.random_programs.text_of(seed)``.
"""

from typing import Any

import numpy as np
import pytest

import gradc
from gradc import GradcError
from tests.backends import BACKENDS
from tests.oracles import complex_step
from tests.random_programs import inputs_of, program_of, text_of
from tests.trees import copied, inner

SEEDS = range(20)


def derivatives_of(function: Any, backend: str, **options: Any) -> Any:
    """Return what computes value, gradient, tangent and a Hessian product at once."""

    def every(x, m, p, n, u, v):
        value, gradient = gradc.value_and_grad(function, (0, 1))(x, m, p, n)
        tangent = gradc.jvp(lambda x, m: function(x, m, p, n), (x, m), (u, v))[1]
        product = gradc.jvp(lambda x, m: gradc.grad(function, (0, 1))(x, m, p, n), (x, m), (u, v))[
            1
        ]
        return value, gradient, tangent, product

    return gradc.compile(every, backend=backend, **options)


def close(found: Any, expected: Any, tolerance: float) -> bool:
    """Compare two lists of arrays, relative to the largest entry of each."""
    return all(
        np.allclose(a, b, rtol=0, atol=tolerance * max(1.0, np.max(np.abs(b), initial=0.0)))
        for a, b in zip(found, expected, strict=True)
    )


def check(seed: int, backend: str, unroll: int) -> bool:
    """Compare one program with NumPy; tell whether it was recorded at all."""
    function = program_of(seed)
    try:
        with np.errstate(over="raise", invalid="raise", divide="raise"):
            expected = function(*copied(inputs_of(seed)))
            gradient = complex_step(function, inputs_of(seed), (0, 1))
    except (IndexError, FloatingPointError):
        return False
    if max(np.max(np.abs(x)) for x in (expected, *gradient)) > 1e5:
        return False  # digits are lost in plain NumPy as well
    rng = np.random.default_rng(seed + 1)
    u, v = rng.standard_normal(5), rng.standard_normal((4, 5))
    run = derivatives_of(function, backend, unroll=unroll, max_turns=100)
    try:
        value, found, tangent, product = run(*copied(inputs_of(seed)), u, v)
    except GradcError:
        return False
    assert close([value], [expected], 1e-12), f"value of\n{text_of(seed)}"
    assert close(found, gradient, 1e-10), f"gradient of\n{text_of(seed)}"
    assert close([tangent], [inner(found, (u, v))], 1e-10), f"tangent of\n{text_of(seed)}"
    if backend != "numpy":
        plain = derivatives_of(function, "numpy", unroll=unroll, max_turns=100)
        expected_product = plain(*copied(inputs_of(seed)), u, v)[3]
        assert close(product, expected_product, 1e-9), f"second order of\n{text_of(seed)}"
    return True


@pytest.mark.parametrize("backend", BACKENDS)
def test_random_programs(backend: str) -> None:
    recorded = sum(check(seed, backend, unroll=0) for seed in SEEDS)
    assert recorded >= len(SEEDS) // 2


def test_random_programs_with_short_loops_unrolled() -> None:
    recorded = sum(check(seed, "numpy", unroll=2000) for seed in SEEDS)
    assert recorded >= len(SEEDS) // 2


@pytest.mark.full
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("start", range(1000, 1300, 25))
def test_many_random_programs(backend: str, start: int) -> None:
    recorded = sum(check(seed, backend, unroll=0) for seed in range(start, start + 25))
    assert recorded >= 12
