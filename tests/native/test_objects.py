"""Functions that are compiled once, and linked into every library that calls them."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

import gradc
from gradc.emit.c_support import APART, apart_names, apart_text
from gradc.errors import CompileError
from gradc.native import blas, objects
from gradc.native.cache import Cache
from gradc.native.compiler import Toolchain, find_toolchain
from gradc.native.entry import LIBRARY, SOURCE
from gradc.native.ffi import ffi
from gradc.native.library import Loaded, Unit, library
from gradc.native.objects import Apart
from gradc.options import Options
from gradc.printing import native_unit
from tests.native.kernels import unit as kernel

_HEAD = "double twice(double x);\n"
_TWICE = Apart("twice", _HEAD + "double twice(double x) { return 2.0 * x; }\n")


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What is compiled to objects, call by call."""
    seen: list[list[str]] = []
    original = Toolchain.objects

    def counted(self, jobs, **options):
        seen.append([source.name for source, _, _ in jobs])
        return original(self, jobs, **options)

    monkeypatch.setattr(Toolchain, "objects", counted)
    return seen


def unit(offset: int, apart: Apart = _TWICE) -> Unit:
    body = f"*(double *)b[1] = twice(*(const double *)b[0]) + {offset};"
    whole = kernel(body, before=_TWICE.text)
    return replace(whole, brief=kernel(body, before=_HEAD).text, aparts=(apart,))


def run(loaded: Loaded, value: float) -> float:
    arguments = [ffi.new("double *", value), ffi.new("double *")]
    block = ffi.new("void *[]", arguments)
    assert loaded.entry(block, ffi.NULL) == 0
    return float(arguments[1][0])


def test_an_object_serves_all_units(cache: Cache, compiled: list[list[str]]) -> None:
    first = library("one", lambda: unit(1), cache=cache)
    second = library("two", lambda: unit(2), cache=cache)
    assert (run(first, 3.0), run(second, 3.0)) == (7.0, 8.0)
    assert compiled == [["brief.c", "twice.c"]]
    assert len(cache.entries()) == 3
    assert not list((cache.root / "building").iterdir())
    assert "return 2.0 * x" in first.text  # a library shows all of its source
    assert second.text == unit(2).text


def test_a_library_stands_alone(cache: Cache) -> None:
    loaded = library("one", lambda: unit(1), cache=cache)
    for one in cache.entries():
        cache.discard(one.key)
    assert run(loaded, 3.0) == 7.0


def test_a_damaged_object_is_made_again(cache: Cache, compiled: list[list[str]]) -> None:
    library("one", lambda: unit(1), cache=cache)
    for one in cache.entries():
        part = cache.path / one.key / "kernel.so"
        part.write_bytes(part.read_bytes()[:100])
    assert run(library("two", lambda: unit(2), cache=cache), 3.0) == 8.0
    assert compiled == [["brief.c", "twice.c"]] * 2


def test_where_it_cannot_be_apart_all_is_compiled_at_once(cache: Cache) -> None:
    odd = unit(1, replace(_TWICE, text="#error no\n"))
    assert run(library("one", lambda: odd, cache=cache), 3.0) == 7.0
    assert len(cache.entries()) == 1


def test_an_error_shows_the_whole_unit(cache: Cache) -> None:
    wrong = replace(unit(1), text="#error whole\n", brief="#error brief\n")
    with pytest.raises(CompileError) as caught:
        library("one", lambda: wrong, cache=cache)
    assert "#error whole" in caught.value.stderr_tail


def test_that_an_object_cannot_be_kept_is_no_harm(
    cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep = objects.entry.write_meta

    def full(folder, key, about):
        if about["symbol"] == "twice":
            raise OSError("no space")
        return keep(folder, key, about)

    monkeypatch.setattr(objects.entry, "write_meta", full)
    assert run(library("one", lambda: unit(1), cache=cache), 3.0) == 7.0
    assert len(cache.entries()) == 1
    assert not list((cache.root / "building").iterdir())


def in_two(offset: int) -> Unit:
    """Two pieces that are compiled at the same time, and the whole."""
    body = f"*(double *)b[1] = twice(*(const double *)b[0]) + {offset};"
    whole = kernel(body, before=_TWICE.text)
    return replace(whole, brief=kernel(body, before=_HEAD).text, beside=_TWICE.text)


def test_two_pieces_are_compiled_at_once(cache: Cache, compiled: list[list[str]]) -> None:
    loaded = library("one", lambda: in_two(1), cache=cache)
    assert run(loaded, 3.0) == 7.0
    assert compiled == [["brief.c", "beside.c"]]
    assert loaded.text == in_two(1).text
    assert len(cache.entries()) == 1


def test_pieces_that_do_not_fit_are_compiled_whole(cache: Cache) -> None:
    odd = replace(in_two(1), beside="#error no\n")
    assert run(library("one", lambda: odd, cache=cache), 3.0) == 7.0


def prepared(unit: Unit, cache: Cache) -> Callable[[], Unit]:
    """Return a maker that first asks for the objects, as printing does."""

    def make() -> Unit:
        objects.prepare(unit.aparts, find_toolchain(cache), cache)
        return unit

    return make


def test_an_object_is_begun_before_the_unit(cache: Cache, compiled: list[list[str]]) -> None:
    assert run(library("one", prepared(unit(1), cache), cache=cache), 3.0) == 7.0
    assert sorted(compiled) == [["brief.c"], ["twice.c"]]
    assert run(library("two", prepared(unit(2), cache), cache=cache), 3.0) == 8.0
    assert sorted(compiled) == [["brief.c"], ["twice.c"]]  # linked in one go
    assert not objects._underway
    assert not list((cache.root / "building").iterdir())


def test_an_object_begun_in_vain_is_no_harm(cache: Cache, compiled: list[list[str]]) -> None:
    odd = unit(1, replace(_TWICE, text="#error no\n"))
    assert run(library("one", prepared(odd, cache), cache=cache), 3.0) == 7.0
    assert len(compiled) == 2
    assert len(cache.entries()) == 1


def test_a_product_is_begun_before_it_is_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []
    real = objects.prepare

    def watched(aparts, toolchain, cache):
        asked.append([one.name for one in aparts])
        real(aparts, toolchain, cache)

    monkeypatch.setattr(objects, "prepare", watched)
    a, b = operands(np.float32)
    gradc.value_and_grad(lambda a, b: np.sum(np.sin(a @ b)), backend="c")(a[:37], b)
    assert asked == [["gradc_matmulf", "gradc_gemmf"]]


def product(a, b):
    return np.sum(np.tanh(a @ b))


def operands(dtype):
    rng = np.random.default_rng(0)
    shapes = (40, 30), (30, 20)
    return [rng.normal(size=shape).astype(dtype) for shape in shapes]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_products_of_matrices_are_apart(dtype) -> None:
    gradient = gradc.value_and_grad(product, argnums=(0, 1))
    artifact = gradient.artifact(*operands(dtype))
    printed = native_unit(artifact.program, (), Options())
    suffix = "" if dtype is np.float64 else "f"
    name = f"gradc_matmul{suffix}"
    assert [one.name for one in printed.aparts] == [name, f"gradc_gemm{suffix}"]
    assert "gradc_gemm_" in printed.text
    assert "gradc_gemm_" not in printed.brief
    assert printed.brief.count(f"void {name}(const gradc_env *env") == 1
    assert f"static inline void {name}(" not in printed.brief
    assert "gradc_gemm_" in artifact.source("c")  # what one can take away is whole


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("lent", [True, False])
def test_products_stay_right(dtype, lent, monkeypatch: pytest.MonkeyPatch) -> None:
    if not lent:
        own = blas.Environment(blas._struct({}), "none")
        monkeypatch.setattr(blas, "environment", lambda *_, **__: own)
    got, want = (
        gradc.value_and_grad(product, argnums=(0, 1), backend=backend)(*operands(dtype))
        for backend in ("c", "numpy")
    )
    tolerance = 1e-12 if dtype is np.float64 else 1e-4
    np.testing.assert_allclose(got[0], want[0], rtol=tolerance)
    for one, other in zip(got[1], want[1], strict=True):
        np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", apart_names(APART))
def test_the_text_apart_compiles_without_a_warning(name: str, cache: Cache) -> None:
    toolchain = find_toolchain(cache)
    strict = replace(toolchain, command=(*toolchain.command, "-Wall", "-Wextra", "-Werror"))
    with cache.building("x") as folder:
        source = folder / "one.c"
        source.write_text(apart_text(name))
        assert strict.objects([(source, folder / "one.o", 3)])


def test_a_refusal_is_told(cache: Cache) -> None:
    toolchain = find_toolchain(cache)
    with cache.building("x") as folder:
        source = folder / SOURCE
        source.write_text("#error no\n")
        assert not toolchain.objects([(source, folder / "one.o", 3)])
        assert not toolchain.link([source], folder / LIBRARY)


def test_one_processor_compiles_one_piece(
    cache: Cache, compiled: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gradc.native.processors.processors", lambda: 1)
    assert run(library("one", lambda: in_two(1), cache=cache), 3.0) == 7.0
    assert compiled == []
