"""Several threads give the result of one, to the last bit; and the C that they run."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gradc
from gradc.emit.c_source import print_c
from gradc.emit.source import Source
from gradc.kernels.lower import lower
from gradc.options import Options
from gradc.pipeline import backend_of
from tests.emit.c_units import COMPILERS, compile_c
from tests.large_programs import CORPUS, Large

pytestmark = pytest.mark.skipif(backend_of(Options()) != "c", reason="no C compiler here")


def compiled(one: Large, **options: Any) -> Callable[..., Any]:
    if one.plain:
        return gradc.compile(one.function, **options)
    return gradc.value_and_grad(one.function, **options)


def results(one: Large, **options: Any) -> list[np.ndarray]:
    copies = (np.array(a) for a in one.arguments)
    return list(_leaves(compiled(one, **options)(*copies)))


def _leaves(tree: Any) -> Iterator[np.ndarray]:
    if isinstance(tree, tuple | list):
        for part in tree:
            yield from _leaves(part)
    else:
        yield np.asarray(tree)


def text_of(function: Callable[..., Any], *arguments: Any) -> str:
    f = gradc.value_and_grad(function)
    return str(f.artifact(*arguments).source("c"))


@pytest.mark.parametrize("name", CORPUS)
def test_the_same_bits(name: str) -> None:
    one = CORPUS[name]
    want = results(one, threads=1)
    for threads in (2, 3, 5):
        for _ in range(3):
            found = results(one, threads=threads)
            assert [a.tobytes() for a in found] == [a.tobytes() for a in want]


@pytest.mark.parametrize("name", CORPUS)
def test_as_numpy_has_it(name: str) -> None:
    one = CORPUS[name]
    for found, want in zip(results(one, threads=3), results(one, backend="numpy"), strict=True):
        scale = float(np.max(np.abs(want)))
        assert float(np.max(np.abs(found - want))) <= scale * (
            1e-5 if want.dtype == np.float32 else 1e-12
        )


def test_one_library_for_every_number_of_threads() -> None:
    one = CORPUS["elementwise"]
    texts = {str(compiled(one, threads=n).artifact(*one.arguments).source("c")) for n in (1, 2, 7)}
    assert len(texts) == 1


def test_what_inspect_says() -> None:
    large, small = CORPUS["elementwise"], CORPUS["small"]
    assert compiled(large, threads=3).artifact(*large.arguments).facts["threads"] == "3"
    assert compiled(small, threads=3).artifact(*small.arguments).facts["threads"] == "not needed"


@pytest.mark.parametrize("name", ["small", "recurrence"])
def test_small_and_serial_programs_have_no_trace_of_threads(name: str) -> None:
    one = CORPUS[name]
    text = text_of(one.function, *one.arguments)
    assert not re.search(r"gradc_env|parallel|chunk|_with\b", text)


def test_bound_calls() -> None:
    one = CORPUS["neighbours"]
    f = compiled(one, threads=2)
    value, slope = f(*one.arguments)
    bound = f.bind(*one.arguments)
    again, same = bound()
    assert float(again) == float(value)
    np.testing.assert_array_equal(same, slope)


@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize("name", CORPUS)
def test_clean_c(name: str, compiler: str, tmp_path: Path) -> None:
    one = CORPUS[name]
    program = compiled(one).artifact(*one.arguments).program
    for entry in (True, False):
        source = print_c(lower(program, Options()), Options(), symbol="f", entry=entry)
        compile_c(tmp_path, source.text, compiler=compiler)


def printed(one: Large) -> Source:
    """Return the C with its source map."""
    program = compiled(one).artifact(*one.arguments).program
    return print_c(lower(program, Options()), Options(), symbol="f")


def test_lines_of_parts_are_in_the_source_map() -> None:
    source = printed(CORPUS["elementwise"])
    lines = source.text.splitlines()
    found = [k for k, line in enumerate(lines, 1) if re.search(r"\bexp\(", line) and "=" in line]
    entries = [source.at(line) for line in found]
    assert any(entry is not None and entry.nodes for entry in entries)
    assert "f_part(" in source.function
    assert "f_with" in source.function


def test_golden_map_and_sums(golden: Callable[[str, str], None]) -> None:
    """A map, and a gradient whose chunks add up a number and a row."""
    golden("map.c", printed(CORPUS["written"]).function)
    golden("logistic.c", printed(CORPUS["logistic"]).function)
