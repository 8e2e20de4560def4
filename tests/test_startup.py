"""What a process imports, and what it finds in the disk cache: held by counts, not by time."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.backends import HAS_COMPILER

ROOT = Path(__file__).resolve().parents[1]

needs_compiler = pytest.mark.skipif(not HAS_COMPILER, reason="no C compiler on this machine")

# What only tracing, printing or compiling needs.
HEAVY = {"networkx", "jinja2", "pycparser", "cffi", "gradc.capture", "gradc.kernels", "gradc.emit"}

LOSS = """
import json
import sys
import numpy as np
import gradc

def loss(w, x, y):
    h = np.tanh(x @ w)
    return np.mean((h - y) ** 2)

arguments = np.ones(3), np.ones((4, 3)), np.zeros(4)
compiled = {"compile": gradc.compile, "value_and_grad": gradc.value_and_grad}[sys.argv[1]]
before = set(sys.modules)
compiled(loss, backend="c")(*arguments)
print(json.dumps([sorted(sys.modules), sorted(set(sys.modules) - before)]))
"""

PICK = """
import sys
import numpy as np
import gradc

@gradc.compile(backend="c")
def pick(x, places):
    return np.sum(x[places])

print(pick(np.arange(4.0), np.array([0, 3])))
try:
    pick(np.arange(4.0), np.array([0, 4]))
except gradc.IndexBoundsError as error:
    print(error)
print("jinja2" in sys.modules)
"""


def run(*arguments: str, cache: Path | None = None, index: str = "0") -> str:
    """Run Python on this checkout, and return what it printed."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "GRADC_WARM_INDEX": index}
    if cache is not None:
        environment["GRADC_CACHE_DIR"] = str(cache)
    done = subprocess.run(
        [sys.executable, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def script(folder: Path, text: str) -> str:
    path = folder / "script.py"
    path.write_text(text)
    return str(path)


def entries(cache: Path) -> set[str]:
    return {path.name for path in (cache / "entries").iterdir()}


def loaded(*arguments: str, cache: Path, index: str = "0") -> tuple[set[str], set[str]]:
    """Return the modules of a process that runs `LOSS`, and those that its first call loaded."""
    modules, by_the_call = json.loads(run(*arguments, cache=cache, index=index))
    return set(modules), set(by_the_call)


def test_import_brings_nothing_that_compiles():
    modules = json.loads(run("-c", "import json, sys, gradc; print(json.dumps([*sys.modules]))"))
    assert HEAVY.isdisjoint(modules)
    assert len([name for name in modules if name.startswith("gradc.")]) <= 40


def test_import_time_is_shown():
    """At most 30 ms more than NumPy is the promise; a test holds it by what is imported above."""
    log = run("-X", "importtime", "-c", "import numpy, gradc")
    found = {name: int(total) for total, name in re.findall(r"\| +(\d+) \| (\w+)$", log, re.M)}
    print(f"numpy {found['numpy'] / 1000:.1f} ms, gradc {found['gradc'] / 1000:.1f} ms more")
    assert found["gradc"] > 0


@needs_compiler
@pytest.mark.parametrize("transform", ["compile", "value_and_grad"])
def test_second_process_prints_and_parses_nothing(transform, tmp_path):
    path = script(tmp_path, LOSS)
    first, _ = loaded(path, transform, cache=tmp_path / "cache")
    second, _ = loaded(path, transform, cache=tmp_path / "cache")
    assert "jinja2" in first
    assert "gradc.emit.c_source" in first
    assert not any(name.startswith("gradc.emit.numpy") for name in first)  # C needs no NumPy text
    assert {"jinja2", "cffi", "pycparser", "gradc.kernels", "gradc.printing"}.isdisjoint(second)
    assert len(entries(tmp_path / "cache")) == 1


@needs_compiler
@pytest.mark.parametrize("transform", ["compile", "value_and_grad"])
def test_a_function_that_the_index_knows_loads_no_module(transform, tmp_path):
    """What a call takes whose library is on disk has come with ``import gradc``."""
    path = script(tmp_path, LOSS)
    cache = tmp_path / "cache"
    first, second = (loaded(path, transform, cache=cache, index="1")[1] for _ in range(2))
    assert {"gradc.capture", "gradc.kernels"} <= first
    assert second == set()


@needs_compiler
def test_a_moved_function_is_still_found(tmp_path):
    """Lines and file names are no part of the key."""
    run(script(tmp_path, LOSS), "compile", cache=tmp_path / "cache")
    (tmp_path / "moved").mkdir()
    moved = script(tmp_path / "moved", LOSS.replace("def loss", "\n\ndef loss"))
    assert "jinja2" not in loaded(moved, "compile", cache=tmp_path / "cache")[0]


@needs_compiler
def test_a_message_names_the_line_as_it_is_now(tmp_path):
    """A kernel whose messages quote the user's line is compiled anew when the line moves."""
    cache = tmp_path / "cache"
    first = run(script(tmp_path, PICK), cache=cache)
    again = run(script(tmp_path, PICK), cache=cache)
    moved = run(script(tmp_path, PICK.replace("def pick", "\ndef pick")), cache=cache)
    assert first == again.replace("False", "True")
    assert "script.py:8 in pick" in first
    assert "script.py:9 in pick" in moved
