"""The short way: a function that the index of the cache knows is called without being recorded."""

import importlib
import json
import os
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gradc
from gradc.native import index
from gradc.native.cache import Cache
from gradc.native.private import make_private
from gradc.trees import flatten
from tests.backends import HAS_COMPILER
from tests.programs import PROGRAMS

pytestmark = pytest.mark.skipif(not HAS_COMPILER, reason="no C compiler on this machine")

ROOT = Path(__file__).resolve().parents[1]
SCALE = 2.0
WEIGHTS = np.linspace(0.5, 1.0, 3)
X = np.linspace(0.1, 0.9, 3)


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cache]:
    """Use the index, in a cache of its own."""
    cache = Cache(make_private(tmp_path / "cache"))
    monkeypatch.setenv("GRADC_WARM_INDEX", "1")
    monkeypatch.setattr("gradc.native.cache._default", cache)
    return cache


def records(cache: Cache) -> list[Path]:
    return sorted((cache.root / "index").iterdir())


def version(compiled: gradc.Function) -> Any:
    """Return the one version that a function has by now."""
    (versions,) = compiled._dispatch._versions.values()
    return versions[-1]


def was_found(compiled: gradc.Function) -> bool:
    """Tell whether the function was called without being recorded."""
    return version(compiled).artifact is None


def helper(x):
    return np.tanh(x) * SCALE


def loss(x, y):
    return np.sum(helper(x) * WEIGHTS * y)


def twice(fn: Callable[..., Any], *args: Any) -> gradc.Function:
    """Call a function that is stored, then another that is found; return the second."""
    first, second = (gradc.value_and_grad(fn, backend="c") for _ in range(2))
    expected, got = first(*args), second(*args)
    assert not was_found(first)
    assert same(expected, got)
    return second


def same(left: Any, right: Any) -> bool:
    """Compare trees by type and bits."""
    (ones, first), (others, second) = flatten(left), flatten(right)
    return first == second and all(
        type(a) is type(b) and np.asarray(a).tobytes() == np.asarray(b).tobytes()
        for a, b in zip(ones, others, strict=True)
    )


def test_a_stored_function_is_found(own_cache):
    second = twice(loss, X, 2.0)
    assert was_found(second)
    assert len(records(own_cache)) == 1
    for _ in range(3):  # the short ways of later calls
        assert same(second(X, 2.0), gradc.value_and_grad(loss, backend="numpy")(X, 2.0))


def test_what_is_asked_for_later_is_what_it_always_was():
    second = twice(loss, X, 2.0)
    first = gradc.value_and_grad(loss, backend="c")
    os.environ["GRADC_WARM_INDEX"] = "0"
    expected = first.artifact(X, 2.0)
    os.environ["GRADC_WARM_INDEX"] = "1"
    artifact = second.artifact(X, 2.0)
    assert not was_found(second)
    assert artifact.source("c") == expected.source("c")
    assert artifact.source("numpy") == expected.source("numpy")
    assert artifact.report() == expected.report()
    assert artifact.facts == expected.facts
    assert len(artifact.graph()) == len(expected.graph())
    assert artifact.memory() == expected.memory()
    assert second.explain(X, 2.0) == first.explain(X, 2.0)
    assert artifact.caller is version(second).caller


def test_a_bound_call_needs_no_recording():
    first, second = (gradc.value_and_grad(loss, backend="c") for _ in range(2))
    run, again = first.bind(X, 2.0), second.bind(X, 2.0)
    assert was_found(second)
    assert same(run(), again())


def test_what_is_read_from_outside_is_watched(monkeypatch):
    second = twice(loss, X, 2.0)
    before = second(X, 2.0)
    monkeypatch.setattr(sys.modules[__name__], "WEIGHTS", WEIGHTS * 3.0)
    assert np.allclose(second(X, 2.0)[0], 3.0 * before[0])
    assert was_found(second)  # an array is read at each call
    monkeypatch.setattr(sys.modules[__name__], "SCALE", 4.0)
    assert np.allclose(second(X, 2.0)[0], 6.0 * before[0])
    assert not was_found(second)
    monkeypatch.setattr(sys.modules[__name__], "helper", lambda x: x)
    assert np.allclose(second(X, 2.0)[0], np.sum(X * WEIGHTS * 2.0))


def test_trees_flags_and_numbers_that_are_known():
    def model(params, flag, count):
        out = params["w"] @ params["w"] * count
        return out if flag else -out, {"count": count, "flag": [flag, None], "name": "model"}

    def make() -> gradc.Function:
        return gradc.value_and_grad(model, has_aux=True, backend="c")

    first, second = make(), make()
    params = {"w": X, "b": (np.ones(2),)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = first(params, True, 3)
    assert records(gradc.native.cache.default_cache()) == []  # a warning is told each time
    del params["b"]
    expected = make()(params, True, 3)
    assert repr(second(params, True, 3)) == repr(expected)
    assert was_found(second)
    assert np.allclose(second(params, False, 3)[0][0], -expected[0][0])


def test_arguments_that_are_written():
    def step(x, v):
        v *= 0.5
        x += v
        return np.sum(x)

    first, second = (gradc.compile(step, backend="c") for _ in range(2))
    one, other = [X.copy(), X * 2.0], [X.copy(), X * 2.0]
    assert same([first(*one), one], [second(*other), other])
    assert was_found(second)
    with pytest.raises(gradc.ArgumentError, match="step overwrites x, which shares memory with v"):
        second(X, X)


@pytest.mark.parametrize("rule", ["grad", "jacobian", "hessian", "vmap", "checkpoint", "compile"])
def test_every_transform_is_seen_through(rule):
    def of_one(x):
        return np.sum(np.sin(x) * x)

    first, second = (getattr(gradc, rule)(of_one, backend="c") for _ in range(2))
    assert same(first(X), second(X))
    assert was_found(second)


def test_options_that_change_the_call():
    def step(w, x):
        return w - 0.5 * x

    first, second = (gradc.compile(step, backend="c", donate=0) for _ in range(2))
    one, other = X.copy(), X.copy()
    assert first(one, X) is one
    assert second(other, X) is other
    assert was_found(second)
    assert same(one, other)
    for options in ({"memory": "1 MiB"}, {"threads": 1}, {"blas": False}, {"math": "libm"}):
        first, second = (gradc.grad(loss, backend="c", **options) for _ in range(2))
        assert same(first(X, 2.0), second(X, 2.0))
        assert was_found(second), options


def test_transforms_inside():
    def inner(x, k):
        return np.sum(np.cos(x) * x) * k

    def product(x, v):
        return np.sum(gradc.grad(inner)(x, 2.0) * v)

    assert was_found(twice(product, X, X))


def test_matches_and_error_states():
    def chosen(x, how):
        with np.errstate(divide="ignore"):
            match how:
                case [a, b]:
                    return np.sum(x * a + b)
                case {"scale": a}:
                    return np.sum(x / a)
                case _:
                    return np.sum(x)

    assert was_found(twice(chosen, X, [2.0, 3.0]))
    assert was_found(twice(chosen, X, {"scale": 3.0}))


def test_loops_of_gradc():
    def powers(x):
        return np.sum(gradc.loop(0, 9, lambda k, y: y * x + k, x))

    assert was_found(twice(powers, X))


def test_products_by_tangents():
    def of_one(x):
        return np.sum(x**3)

    expected = gradc.hvp(of_one, (X,), (X,), backend="c")
    del of_one.__dict__["_gradc_transforms"]
    made = gradc.hvp(of_one, backend="c")
    assert same(made((X,), (X,)), expected)
    assert was_found(made)


SAMPLE = [one for k, one in enumerate(PROGRAMS) if k % 40 == 3 and "blas" not in one.tags]


@pytest.mark.parametrize("program", SAMPLE, ids=str)
def test_programs_give_the_same_bits(program):
    first, second = (gradc.compile(program.fn, backend="c", **program.options) for _ in range(2))
    one, other = program.arguments(), program.arguments()
    assert same([first(*one), one], [second(*other), other])


def test_the_switch(monkeypatch, own_cache):
    monkeypatch.setenv("GRADC_WARM_INDEX", "0")
    first, second = (gradc.grad(helped, backend="c") for _ in range(2))
    assert first(1.0) == second(1.0)
    assert not was_found(second)
    assert records(own_cache) == []
    assert not was_found(called(gradc.grad(helped, backend="numpy"), 1.0))


def helped(x):
    return helper(x) * 3.0


def called(function: gradc.Function, *args: Any) -> gradc.Function:
    function(*args)
    return function


# records that are not what they should be


def damage(path: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    """Write a record with another content and the right hash."""
    record = json.loads(path.read_text())
    del record["sha256"]
    change(record)
    path.write_text(json.dumps(record | {"sha256": index._hash(record)}))


FORGED: dict[str, Callable[[dict[str, Any]], Any]] = {
    "no library": lambda r: r.update(library="0" * 64),
    "a path": lambda r: r.update(library="../../etc"),
    "no name": lambda r: r.update(library=7),
    "no inputs": lambda r: r.update(inputs=[]),
    "a leaf that is none": lambda r: r.update(inputs=[9] * len(r["inputs"])),
    "a negative leaf": lambda r: r.update(inputs=[-1] * len(r["inputs"])),
    "leaves as text": lambda r: r.update(inputs=["0"] * len(r["inputs"])),
    "leaves the other way round": lambda r: r.update(inputs=r["inputs"][::-1]),
    "no results": lambda r: r.update(results=[]),
    "a result that is none": lambda r: r.update(results=[[7, 2, None]] * 2),
    "a kind that is none": lambda r: r.update(results=[[0, 7, None]] * 2),
    "a short row": lambda r: r.update(results=[[0]] * 2),
    "an object": lambda r: r.update(results=[[-1, 2, {}]] * 2),
    "no tree": lambda r: r.pop("tree"),
    "a tree of a class": lambda r: r.update(tree=["os", None, "*", "*"]),
    "a larger tree": lambda r: r.update(tree=["tuple", None, "*", "*", "*"]),
    "a smaller tree": lambda r: r.update(tree="*"),
    "a dict without names": lambda r: r.update(tree=["dict", None, "*", "*"]),
    "variables that are none": lambda r: r.update(sites=[99]),
    "touched inputs that are none": lambda r: r.update(touched=[99]),
    "another format": lambda r: r.update(format=99),
    "another key": lambda r: r.update(key="0" * 64),
}


def test_forged_records_lead_the_long_way(own_cache):
    expected = gradc.value_and_grad(loss, backend="c")(X, 2.0)
    for name, forge in FORGED.items():
        (path,) = records(own_cache)
        damage(path, forge)
        compiled = gradc.value_and_grad(loss, backend="c")
        assert same(compiled(X, 2.0), expected), name
        assert not was_found(compiled), name


def test_damaged_records_lead_the_long_way(own_cache, tmp_path):
    expected = gradc.value_and_grad(loss, backend="c")(X, 2.0)
    (path,) = records(own_cache)
    sound = path.read_bytes()
    damages = [b"", b"{}", b"[" * 10**5, b"7", b"\xff", sound[:-3], sound.replace(b"3", b"4")]
    for raw in damages:
        path.write_bytes(raw)
        compiled = gradc.value_and_grad(loss, backend="c")
        assert same(compiled(X, 2.0), expected), raw[:20]
        assert not was_found(compiled), raw[:20]
    assert records(own_cache) == [path]
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    assert not was_found(called(gradc.value_and_grad(loss, backend="c"), X, 2.0))
    path.unlink()
    path.mkdir()
    assert not was_found(called(gradc.value_and_grad(loss, backend="c"), X, 2.0))
    path.rmdir()
    path.write_bytes(sound)
    path.chmod(0o666)
    assert index.read(own_cache, path.stem) is None
    path.chmod(0o600)
    assert was_found(called(gradc.value_and_grad(loss, backend="c"), X, 2.0))


def test_a_library_that_is_gone_is_built_again(own_cache):
    first = called(gradc.value_and_grad(loss, backend="c"), X, 2.0)
    own_cache.discard(version(first).artifact.stored)
    importlib.import_module("gradc.native.library")._loaded.clear()
    second = called(gradc.value_and_grad(loss, backend="c"), X, 2.0)
    assert not was_found(second)
    assert was_found(called(gradc.value_and_grad(loss, backend="c"), X, 2.0))


def test_a_record_of_another_function_is_told_when_it_is_found_out(own_cache):
    """A wrong record, with all the right types and hashes, ends where anybody looks."""

    def other(x, y):
        return np.sum(helper(x) * WEIGHTS + y)

    called(gradc.value_and_grad(loss, backend="c"), X, 2.0)
    (mine,) = records(own_cache)
    wrong = called(gradc.value_and_grad(other, backend="c"), X, 2.0)
    damage(mine, lambda record: record.update(library=version(wrong).artifact.stored))
    expected = gradc.value_and_grad(loss, backend="numpy")(X, 2.0)
    compiled = gradc.value_and_grad(loss, backend="c")
    assert not same(compiled(X, 2.0), expected)
    with pytest.warns(gradc.GradcWarning, match="recorded as another function"):
        compiled.artifact(X, 2.0)
    assert np.allclose(compiled(X, 2.0)[0], expected[0])
    assert mine not in records(own_cache)


def test_the_cache_is_cleared_and_bounded(own_cache, monkeypatch):
    monkeypatch.setattr(index, "MAX_RECORDS", 4)
    for k in range(9):
        index.write(own_cache, f"{k:064}", {})
    assert 3 <= len(records(own_cache)) <= 4
    assert index.read(own_cache, f"{8:064}") is not None
    own_cache.clear()
    assert records(own_cache) == []


SCRIPT = """
import json, sys
import numpy as np
import gradc

SCALE = 2.0

def helper(x):
    return np.tanh(x) * SCALE

def loss(w, x, y):
    return np.mean((helper(x @ w) - y) ** 2)

arguments = np.ones(3), np.ones((4, 3)), np.zeros(4)
before = set(sys.modules)
value, slope = gradc.value_and_grad(loss, backend="c")(*arguments)
print(json.dumps([value.hex(), slope.tobytes().hex(), sorted(set(sys.modules) - before)]))
"""


def test_a_new_process_loads_nothing_that_records(tmp_path):
    path = tmp_path / "script.py"
    path.write_text(SCRIPT)
    own = {"GRADC_CACHE_DIR": str(tmp_path / "own"), "PYTHONPATH": str(ROOT)}
    environment = {**os.environ, **own, "PYTHONHASHSEED": "random"}

    def run() -> list[Any]:
        done = subprocess.run(
            [sys.executable, str(path)],
            env=environment,
            capture_output=True,
            timeout=120,
            check=True,
        )
        found: list[Any] = json.loads(done.stdout)
        return found

    cold, warm = run(), run()
    assert cold[:2] == warm[:2]
    rooms = ("networkx", "jinja2", "gradc.capture", "gradc.autodiff", "gradc.passes", "gradc.ir",
             "gradc.ops", "gradc.kernels", "gradc.emit")  # fmt: skip
    assert [name for name in warm[2] if name.startswith(rooms)] == []
    assert "gradc.capture" in cold[2]
    assert len(warm[2]) <= MODULES, warm[2]


MODULES = 56
"""Modules that a warm first call may load beside NumPy, Python's own among them."""
