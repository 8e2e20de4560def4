"""Random programs and their gradients: interpreter, NumPy source and C agree; both modes agree."""

from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
import pytest

from gradc.emit.numpy_source import print_numpy
from gradc.ir.interpret import interpret
from gradc.ir.text import dump
from gradc.runtime.python_source import load_function
from tests.backends import HAS_COMPILER
from tests.fuzz.builds import PLAIN, QUICK, build, call, write_sources
from tests.fuzz.recipes import SHAPES, Recipe, shrink
from tests.fuzz.regressions import REGRESSIONS

needs_compiler = pytest.mark.skipif(not HAS_COMPILER, reason="no C compiler on this machine")

BOUNDS = {"f8": {"NumPy source": 1e-13, "C": 1e-11}, "f4": {"NumPy source": 1e-5, "C": 2e-3}}
Pair = tuple[np.ndarray, np.ndarray, str]


def scale_of(array: np.ndarray) -> float:
    return max(1.0, float(np.max(np.abs(array), initial=0.0)))


def wrong(pairs: Sequence[Pair], dtype: str) -> str | None:
    """Return what differs by more than rounding in sums, None if nothing does."""
    for found, wanted, what in pairs:
        bound = BOUNDS[dtype]["NumPy source" if what == "NumPy source" else "C"]
        try:
            np.testing.assert_allclose(found, wanted, rtol=0, atol=bound * scale_of(wanted))
        except AssertionError as error:
            return f"{what}: {error}"
    return None


def differences(recipes: Sequence[Recipe], folder: Path) -> dict[Recipe, str]:
    """Run value and gradient of some recipes in every way; return what differs."""
    programs = [recipe.gradient() for recipe in recipes]
    files = write_sources(programs, folder)
    own = Path(mkdtemp(dir=folder))  # a library of the same name would be the one loaded before
    libraries = {
        "C -O0": build(files, own / "plain.so", *PLAIN),
        "C as compiled for calls": build(files, own / "quick.so", *QUICK),
    }
    found: dict[Recipe, str] = {}
    for recipe, program in zip(recipes, programs, strict=True):
        given = recipe.arguments()
        wanted = interpret(program.graph, *given)
        with np.errstate(all="ignore"):
            printed = load_function(print_numpy(program).text, program.name)(*given)
        pairs = [(a, b, "NumPy source") for a, b in zip(printed, wanted, strict=True)]
        for what, library in libraries.items():
            results = call(library, program, given)
            pairs += [(a, b, what) for a, b in zip(results, wanted, strict=True)]
        reason = wrong(pairs, recipe.dtype)
        if reason is not None:
            found[recipe] = reason
    return found


def both_modes(recipe: Recipe) -> str | None:
    """Check ``<Jv, w> = <v, J'w>`` (w is 1 for a loss), and that the Hessian is symmetric."""
    given = recipe.arguments()
    _, *bars = interpret(recipe.gradient().graph, *given)
    u, v = recipe.directions(1), recipe.directions(2)
    tangent = interpret(recipe.tangent(), *given, *u)[1]
    reason = unequal(float(tangent), bars, u, 1e-12)
    if reason is not None:
        return f"forward and reverse mode: {reason}"
    second = recipe.second()
    by_u, by_v = (interpret(second, *given, *direction) for direction in (u, v))
    left = sum(float(np.sum(a * b)) for a, b in zip(by_u, v, strict=True))
    reason = unequal(left, by_v, u, 1e-11)
    return None if reason is None else f"symmetry of the Hessian: {reason}"


def unequal(
    left: float, terms: Sequence[np.ndarray], directions: Sequence[np.ndarray], bound: float
) -> str | None:
    pairs = list(zip(terms, directions, strict=True))
    right = sum(float(np.sum(a * b)) for a, b in pairs)
    size = 1.0 + sum(float(np.sum(np.abs(a * b))) for a, b in pairs)
    return None if abs(left - right) <= bound * size else f"{left!r} against {right!r}"


def report(recipe: Recipe, reason: str, fails: Callable[[Recipe], bool]) -> str:
    """Shrink what failed, and say how to make it again."""
    small = shrink(recipe, fails)
    graph = dump(small.primal())
    return f"{small!r}\n{reason}\n{graph}\nadd it to tests/fuzz/regressions.py"


def run_block(recipes: Sequence[Recipe], folder: Path, tally: Callable[[str, int], None]) -> None:
    print(f"{len(recipes)} recipes from {recipes[0]!r}")

    def fails(recipe: Recipe) -> bool:
        return bool(differences([recipe], folder))

    for recipe, reason in differences(recipes, folder).items():
        pytest.fail(report(recipe, reason, fails))
    tally("random graphs: interpreter, NumPy source, C at -O0 and -O3", len(recipes))


def recipes_of(start: int, count: int) -> list[Recipe]:
    """Every fourth one is in single precision."""
    return [
        Recipe(seed, dtype="f4" if seed % 4 == 3 else "f8") for seed in range(start, start + count)
    ]


@needs_compiler
@pytest.mark.slow
@pytest.mark.parametrize("block", range(12))
def test_random_gradients(block: int, tmp_path: Path, tally: Callable[[str, int], None]) -> None:
    run_block(recipes_of(50 * block, 50), tmp_path, tally)


@needs_compiler
def test_regressions(tmp_path: Path, tally: Callable[[str, int], None]) -> None:
    run_block(REGRESSIONS, tmp_path, tally)


@pytest.mark.parametrize("block", range(10))
def test_random_modes(block: int, tally: Callable[[str, int], None]) -> None:
    for seed in range(50 * block, 50 * (block + 1)):
        reason = both_modes(Recipe(seed))
        if reason is not None:
            pytest.fail(report(Recipe(seed), reason, lambda r: both_modes(r) is not None))
    tally("random graphs: forward against reverse mode, symmetric Hessian", 50)


@needs_compiler
@pytest.mark.full
@pytest.mark.parametrize("block", range(500))
def test_many_random_gradients(
    block: int, tmp_path: Path, tally: Callable[[str, int], None]
) -> None:
    recipes = recipes_of(100_000 + 100 * block, 100)
    run_block(recipes, tmp_path, tally)
    for recipe in recipes[::4]:
        assert both_modes(recipe) is None, recipe
    tally("random graphs: forward against reverse mode, symmetric Hessian", len(recipes[::4]))


def test_shrinking_keeps_what_matters() -> None:
    small = shrink(Recipe(0), lambda recipe: {3, 7} <= set(recipe.steps))
    assert small.steps == (3, 7)
    assert len(small.arguments()) == len(SHAPES) + 1
