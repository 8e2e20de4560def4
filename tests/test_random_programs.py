"""Random programs with loops, branches, views and writes against plain NumPy, to second order.

``python -m pytest --full tests/test_random_programs.py`` runs many; a failing seed's text
is ``tests.random_programs.text_of(seed)``.
"""

from collections import Counter
from collections.abc import Callable
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


REFUSED = {
    "memory": (
        "shares memory with another array at the end of a turn",
        "is bound to another array while an alias writes into the old one",
        "is written in place and bound to another array as well",
        "share an array that is written in place",
        "an array that a loop writes in place and binds anew is used under another name",
        "it is not known while recording whether this write changes another array as well",
    ),
    "exits": ("whether the loop is left depends on a traced value, so it must stay a loop",),
    "lengths": ("the length of the slice is known only when the code runs",),
}
"""What is refused on purpose, by words of the message; everything else has to be recorded."""


def kind_of(error: GradcError, seed: int) -> str:
    """Return the kind of a refusal; one of no known kind fails the test."""
    message = str(error)
    kinds = [kind for kind, texts in REFUSED.items() if any(text in message for text in texts)]
    assert kinds, f"seed {seed} is refused:\n{message}\n{text_of(seed)}"
    assert f"<random program {seed}>:" in message, f"no line of the user's:\n{message}"
    return kinds[0]


def check(seed: int, backend: str, unroll: int) -> str:
    """Compare one program with NumPy; tell whether it was right, or what kind of refusal came."""
    function = program_of(seed)
    try:
        with np.errstate(over="raise", invalid="raise", divide="raise"):
            expected = function(*copied(inputs_of(seed)))
            gradient = complex_step(function, inputs_of(seed), (0, 1))
    except (IndexError, FloatingPointError):
        return "not one for NumPy"
    if max(np.max(np.abs(x)) for x in (expected, *gradient)) > 1e5:
        return "not one for NumPy"  # digits are lost there as well
    rng = np.random.default_rng(seed + 1)
    u, v = rng.standard_normal(5), rng.standard_normal((4, 5))
    run = derivatives_of(function, backend, unroll=unroll, max_turns=100)
    try:
        value, found, tangent, product = run(*copied(inputs_of(seed)), u, v)
    except GradcError as error:
        return f"refused: {kind_of(error, seed)}"
    assert close([value], [expected], 1e-12), f"value of seed {seed}\n{text_of(seed)}"
    assert close(found, gradient, 1e-10), f"gradient of seed {seed}\n{text_of(seed)}"
    assert close([tangent], [inner(found, (u, v))], 1e-10), f"tangent, seed {seed}\n{text_of(seed)}"
    if backend != "numpy":
        plain = derivatives_of(function, "numpy", unroll=unroll, max_turns=100)
        expected_product = plain(*copied(inputs_of(seed)), u, v)[3]
        assert close(product, expected_product, 1e-9), f"order 2, seed {seed}\n{text_of(seed)}"
    return "right"


def check_all(seeds: range, backend: str, unroll: int, tally: Callable[[str, int], None]) -> None:
    """Compare many programs; most of them have to be recorded."""
    found = Counter(check(seed, backend, unroll) for seed in seeds)
    for outcome, many in found.items():
        tally(f"random programs {outcome} ({backend})", many)
    assert found["right"] >= 0.7 * len(seeds), found


@pytest.mark.parametrize("backend", BACKENDS)
def test_random_programs(backend: str, tally: Callable[[str, int], None]) -> None:
    check_all(SEEDS, backend, 0, tally)


def test_random_programs_with_short_loops_unrolled(tally: Callable[[str, int], None]) -> None:
    check_all(SEEDS, "numpy", 2000, tally)


@pytest.mark.full
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("start", range(1000, 1300, 25))
def test_many_random_programs(backend: str, start: int, tally: Callable[[str, int], None]) -> None:
    check_all(range(start, start + 25), backend, 0, tally)
