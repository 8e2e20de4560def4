"""Generated C has no warnings, stays inside its arrays and has no undefined behaviour."""

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

import gradc
from gradc.ir.interpret import interpret
from tests.backends import HAS_COMPILER
from tests.fuzz.builds import COMPILERS, STRICT, run_alone, write_sources
from tests.fuzz.recipes import Recipe
from tests.fuzz.test_values import recipes_of, wrong
from tests.modes import loss_of
from tests.programs import Program, load

needs_compiler = pytest.mark.skipif(not HAS_COMPILER, reason="no C compiler on this machine")
compilers = pytest.mark.parametrize("compiler", COMPILERS, ids=lambda path: Path(path).name)
STANDARDS = ("c11", "c17", "c2x")
SANITIZE = [
    *("-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize=float-divide-by-zero"),
    "-fno-sanitize-recover=all",
]
PROGRAMS = load()
BLOCK = 25


def complaints(files: Sequence[Path], compiler: str, *flags: str) -> str:
    """Return what a compiler says about some files."""
    command = [compiler, *STRICT, *flags, *map(str, files)]
    return subprocess.run(command, capture_output=True, text=True, check=False).stderr


def corpus_source(program: Program, folder: Path) -> Path:
    """Write value and gradient of a program of the corpus, or its value where there is no more."""
    arguments = program.arguments()
    if "flat" in program.tags:
        made = gradc.compile(program.fn, backend="numpy")
    else:
        made = gradc.value_and_grad(loss_of(program), program.argnums, backend="numpy")
    path = folder / f"{program.name}.c"
    path.write_text(made.artifact(*arguments).source("c"))
    return path


@needs_compiler
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::gradc.GradcWarning")
@pytest.mark.parametrize("start", range(0, len(PROGRAMS), BLOCK))
def test_the_corpus_compiles_without_a_word(start: int, tmp_path: Path) -> None:
    files = [corpus_source(one, tmp_path) for one in PROGRAMS[start : start + BLOCK]]
    for compiler in COMPILERS:
        assert complaints(files, compiler, "-fsyntax-only") == ""


@needs_compiler
@pytest.mark.counts("random graphs compiled without a warning, gcc and clang counted each", 60)
@compilers
def test_random_gradients_compile_without_a_word(compiler: str, tmp_path: Path) -> None:
    files = write_sources([recipe.gradient() for recipe in recipes_of(0, 60)], tmp_path)
    assert complaints(files, compiler, "-fsyntax-only") == ""
    for standard in STANDARDS:
        assert complaints(files[:10], compiler, f"-std={standard}", "-fsyntax-only") == ""


@needs_compiler
@pytest.mark.full
@pytest.mark.counts("random graphs compiled without a warning, gcc and clang counted each", 100)
@pytest.mark.parametrize("block", range(10))
def test_five_hundred_compile_without_a_word(block: int, tmp_path: Path) -> None:
    recipes = recipes_of(1_000_000 + 50 * block, 50)
    files = write_sources([recipe.gradient() for recipe in recipes], tmp_path)
    for compiler in COMPILERS:
        assert complaints(files, compiler, "-fsyntax-only") == ""
        for level in ("-O1", "-O3"):
            command = (level, "-c", "-o", "/dev/null")
            for file in files[:10]:
                assert complaints([file], compiler, *command) == ""


def check_alone(
    recipes: Sequence[Recipe], folder: Path, flags: Sequence[str], under: Sequence[str] = ()
) -> None:
    programs = [recipe.gradient() for recipe in recipes]
    arguments = [recipe.arguments() for recipe in recipes]
    found = run_alone(programs, arguments, folder, flags, under)
    for recipe, program, given, results in zip(recipes, programs, arguments, found, strict=True):
        wanted = interpret(program.graph, *given)
        pairs = [(a, np.asarray(b), "C") for a, b in zip(results, wanted, strict=True)]
        assert wrong(pairs, recipe.dtype) is None, recipe


@needs_compiler
@pytest.mark.slow
@pytest.mark.counts("random graphs under ASan and UBSan", 40)
def test_random_gradients_under_sanitizers(tmp_path: Path) -> None:
    check_alone(recipes_of(5000, 40), tmp_path, SANITIZE)


@needs_compiler
@pytest.mark.full
@pytest.mark.counts("random graphs under ASan and UBSan", 50)
@pytest.mark.parametrize("block", range(10))
def test_five_hundred_under_sanitizers(block: int, tmp_path: Path) -> None:
    check_alone(recipes_of(2_000_000 + 50 * block, 50), tmp_path, SANITIZE)


@pytest.mark.full
@pytest.mark.counts("random graphs under valgrind", 50)
@pytest.mark.skipif(not shutil.which("valgrind"), reason="valgrind is not installed")
def test_fifty_under_valgrind(tmp_path: Path) -> None:
    under = ["valgrind", "--quiet", "--error-exitcode=9", "--leak-check=full"]
    check_alone(recipes_of(3_000_000, 50), tmp_path, ["-O1", "-g", "-march=x86-64-v3"], under)


@needs_compiler
def test_the_sanitizers_notice(tmp_path: Path) -> None:
    """A control: an array that is one element short must be found."""
    recipe = Recipe(1)
    program = recipe.gradient()
    written = write_sources([program], tmp_path)[0].read_text()
    folder = tmp_path / "short"
    folder.mkdir()
    broken = written.replace(
        "int64_t *dims) {", "int64_t *dims) {\n    ((double *)buffers[0])[12] = 1.0;"
    )
    assert broken != written
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tests.fuzz.builds.write_sources", lambda *_: [_put(folder, broken)])
        with pytest.raises(AssertionError, match="heap-buffer-overflow"):
            run_alone([program], [recipe.arguments()], folder, SANITIZE)


def _put(folder: Path, text: str) -> Path:
    path = folder / "broken.c"
    path.write_text(text)
    return path
