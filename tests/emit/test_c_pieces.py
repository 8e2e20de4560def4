"""A unit whose threads share much comes in two pieces, which say together what the whole says."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import gradc
from gradc.native.cache import Cache
from gradc.native.compiler import find_toolchain
from gradc.native.library import Unit, library
from gradc.options import Options
from gradc.printing import native_unit
from tests.backends import HAS_COMPILER


def loss(x, w):
    """Several large loops that threads share, and several that they do not."""
    for k in range(8):
        w = np.tanh(w * np.sum(w * w)) + 0.1 * np.max(w)
        x = np.cumsum(np.tanh(x) * (0.5 + k) + np.mean(w), axis=1) / np.max(x * x + 1.0)
    return np.sum(np.sin(x)) * np.sum(np.sqrt(np.abs(w)))


def small(x, w):
    return np.sum(np.sin(x) * w[0])


def printed(function, size: int) -> Unit:
    arguments = np.linspace(0.1, 1.0, size * 100).reshape(size, 100), np.linspace(0.1, 0.9, 7)
    gradient = gradc.value_and_grad(function, argnums=(0, 1), backend="numpy")
    return native_unit(gradient.artifact(*arguments).program, (), Options())


def code(text: str) -> list[str]:
    return re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL).split("\n")


def test_the_pieces_hold_what_the_whole_holds() -> None:
    unit = printed(loss, 2000)
    assert unit.beside
    name = re.search(r"static void (\w+_chunk)\(", unit.text)
    assert name is not None
    assert f"static void {name[1]}(" not in unit.brief + unit.beside
    assert unit.beside.count(f"void {name[1]}(void *arguments, int64_t chunk) {{") == 1
    assert f"void {name[1]}(void *arguments, int64_t chunk) {{" not in unit.brief
    assert {*code(unit.brief), *code(unit.beside)} >= {*code(unit.text)} - {
        f"static void {name[1]}(void *arguments, int64_t chunk) {{"
    }
    shared = unit.text.index("_part(")
    assert len(unit.brief) < len(unit.text)
    assert shared > 0


@pytest.mark.parametrize(("function", "size"), [(small, 2000), (loss, 3)])
def test_what_is_short_or_not_shared_stays_whole(function, size: int) -> None:
    unit = printed(function, size)
    assert (unit.brief, unit.beside) == ("", "")


@pytest.mark.skipif(not HAS_COMPILER, reason="no C compiler on this machine")
def test_the_pieces_compile_without_a_warning(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    unit, toolchain = printed(loss, 2000), find_toolchain(cache)
    options = "-Wall", "-Wextra", "-Wmissing-prototypes", "-Werror"
    strict = replace(toolchain, command=(*toolchain.command, *options))
    with cache.building("x") as folder:
        for text in (unit.brief, unit.beside):
            source = folder / "one.c"
            source.write_text(text)
            assert strict.objects([(source, folder / "one.o", 4)])


@pytest.mark.skipif(not HAS_COMPILER, reason="no C compiler on this machine")
def test_the_pieces_make_the_same_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    x, w = np.linspace(0.1, 1.0, 200_000).reshape(2000, 100), np.linspace(0.1, 0.9, 7)
    got = gradc.value_and_grad(loss, argnums=(0, 1), backend="c")(x, w)
    real = library

    def whole(key, make_unit, *rest):
        return real(f"{key} whole", lambda: replace(make_unit(), beside="", brief=""), *rest)

    monkeypatch.setattr("gradc.pipeline.library", whole)
    want = gradc.value_and_grad(loss, argnums=(0, 1), backend="c")(x, w)
    assert got[0] == want[0] != 0.0
    for one, other in zip(got[1], want[1], strict=True):
        np.testing.assert_array_equal(one, other)


def straight(x, w):
    v = [x, w]
    for k in range(240):
        a, b = v[-1], v[-2]
        v.append(np.sin(a) * b if k % 2 else a * b / (1.0 + a * a))
    return v[-1]


def test_the_later_half_of_a_long_straight_line_is_compiled_beside_the_rest() -> None:
    gradient = gradc.value_and_grad(straight, argnums=(0, 1), backend="numpy")
    unit = native_unit(gradient.artifact(np.float64(0.3), np.float64(0.4)).program, (), Options())
    steps = re.findall(r"^static GRADC_STEP void (\w+)\(", unit.text, re.MULTILINE)
    assert len(steps) > 2
    defined = [
        re.findall(r"^(?:static )?GRADC_STEP void (\w+)\([^;]*?\) \{$", text, re.MULTILINE)
        for text in (unit.brief, unit.beside)
    ]
    half = (len(steps) + 1) // 2
    assert defined == [steps[:half], steps[half:]]
    assert {*code(unit.brief), *code(unit.beside)} >= {
        line for line in code(unit.text) if not line.startswith("static GRADC_STEP")
    }
