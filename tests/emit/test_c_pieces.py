"""A unit with much in it comes in two pieces, which say together what the whole says."""

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


def rows(x, w):
    """Loops that threads do not share, and a number that the later half still reads."""
    scale = np.sum(w * w) / 7.0
    for k in range(4):
        x = np.tanh(x * scale + w) - (0.5 + k) * np.max(x, axis=1, keepdims=True)
    for i in range(1, x.shape[0]):
        x[i, 1:] += scale * x[i - 1, :-1] * np.sin(x[i, :-1])
    return np.sum(x * x) * scale


def size_of(function) -> tuple[np.ndarray, np.ndarray]:
    shape = (30, 7) if function is rows else (2000, 100)
    return np.linspace(0.1, 1.0, shape[0] * shape[1]).reshape(shape), np.linspace(0.1, 0.9, 7)


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


def test_a_long_function_is_cut_where_its_halves_are_alike() -> None:
    gradient = gradc.value_and_grad(rows, argnums=(0, 1), backend="numpy")
    unit = native_unit(gradient.artifact(*size_of(rows)).program, (), Options())
    name = re.search(r"^int (\w+)\($", unit.text, re.MULTILINE)
    assert name is not None
    called = re.search(rf"return {name[1]}_rest\(\s*([^)]*)\);", unit.brief)
    assert called is not None
    assert f"{name[1]}_rest" not in unit.text
    assert "scale" in called[1].replace(",", " ").split()
    assert f"int {name[1]}_arena" not in unit.beside
    both = code(unit.brief) + code(unit.beside)
    assert {*both} >= {*code(unit.text)} - {f"#include <{h}.h>" for h in ("math", "stdint")}
    shares = [len([line for line in code(one) if line.startswith("    ")]) for one in pieces(unit)]
    assert min(shares) > 0.3 * max(shares)


def pieces(unit: Unit) -> tuple[str, str]:
    return unit.brief, unit.beside


def test_what_is_short_stays_whole() -> None:
    assert printed(small, 3).beside == ""


def test_few_large_loops_are_worth_a_piece() -> None:
    unit = printed(small, 2000)
    loops = [len(re.findall(r"^ +for \(", text, re.MULTILINE)) for text in pieces(unit)]
    assert min(loops) >= 3


@pytest.mark.skipif(not HAS_COMPILER, reason="no C compiler on this machine")
@pytest.mark.parametrize("function", [loss, rows])
def test_the_pieces_compile_without_a_warning(function, tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    gradient = gradc.value_and_grad(function, argnums=(0, 1), backend="numpy")
    unit = native_unit(gradient.artifact(*size_of(function)).program, (), Options())
    toolchain = find_toolchain(cache)
    options = "-Wall", "-Wextra", "-Wmissing-prototypes", "-Werror", "-Wno-unused"
    strict = replace(toolchain, command=(*toolchain.command, *options))
    with cache.building("x") as folder:
        for text in pieces(unit):
            source = folder / "one.c"
            source.write_text(text)
            assert strict.objects([(source, folder / "one.o", 4)])


@pytest.mark.skipif(not HAS_COMPILER, reason="no C compiler on this machine")
@pytest.mark.parametrize("function", [loss, rows])
def test_the_pieces_make_the_same_bits(function, monkeypatch: pytest.MonkeyPatch) -> None:
    x, w = size_of(function)
    got = gradc.value_and_grad(function, argnums=(0, 1), backend="c")(x, w)
    real = library

    def whole(key, make_unit, *rest):
        return real(f"{key} whole", lambda: replace(make_unit(), beside="", brief=""), *rest)

    monkeypatch.setattr("gradc.pipeline.library", whole)
    want = gradc.value_and_grad(function, argnums=(0, 1), backend="c")(x, w)
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
