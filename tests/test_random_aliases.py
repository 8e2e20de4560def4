"""Random programs about shared memory are right, or refused with a known reason."""

from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest

import gradc
from tests.random_aliases import inputs_of, program_of, text_of

SEEDS = range(120)
MANY = [range(start, start + 500) for start in range(1000, 7000, 500)]

REFUSED = (
    "it is not known while recording whether this write changes another array",
    "is used under another name",
    "shares memory with another array at the end of a turn",
    "is bound to another array while an alias writes into the old one",
    "is written in place and bound to another array as well",
    "share an array that is written in place",
    "on one side and",
    "does not depend on",
    "which has none",
    "is used outside the function that made it",
    "a list, a dict or an object changes",
)


def check(seed: int) -> str:
    """Compare value and gradient of one program with NumPy; return what became of it."""
    function = program_of(seed)
    try:
        expected = function(*inputs_of(seed))
    except (IndexError, ValueError):
        return "not one for NumPy"
    if not abs(expected) < 1e6:
        return "not one for NumPy"
    run = gradc.value_and_grad(function, argnums=(0,), backend="numpy", unroll=0)
    try:
        value, (gradient,) = run(*inputs_of(seed))
    except gradc.GradcError as error:
        known = any(text in str(error) for text in REFUSED)
        assert known, f"seed {seed} is refused:\n{error}\n{text_of(seed)}"
        return "refused"
    assert abs(value - expected) <= 1e-10 * max(1.0, abs(expected)), f"{seed}\n{text_of(seed)}"
    direction = np.random.default_rng(seed).standard_normal(6)
    wide, narrow = (slope(function, seed, direction, step) for step in (1e-6, 2.5e-7))
    bound = max(1.0, abs(narrow))
    if abs(wide - narrow) > 1e-5 * bound:
        return "at a kink"
    found = float(gradient @ direction)
    assert abs(found - narrow) <= 1e-4 * bound, f"{seed}: {found}, {narrow}\n{text_of(seed)}"
    return "right"


def slope(function: Callable[..., float], seed: int, direction: np.ndarray, step: float) -> float:
    """Return the derivative along a direction, by central differences."""
    x, y = inputs_of(seed)
    above, below = function(x + step * direction, y.copy()), function(x - step * direction, y)
    return float(above - below) / (2 * step)


def check_all(seeds: range, tally: Callable[[str, int], None]) -> None:
    found = Counter(map(check, seeds))
    for outcome, many in found.items():
        tally(f"random programs about memory {outcome}", many)
    assert found["right"] >= 0.7 * len(seeds), found


def test_random_aliases(tally: Callable[[str, int], None]) -> None:
    check_all(SEEDS, tally)


@pytest.mark.full
@pytest.mark.parametrize("seeds", MANY, ids=lambda seeds: str(seeds.start))
def test_many_random_aliases(seeds: range, tally: Callable[[str, int], None]) -> None:
    check_all(seeds, tally)
