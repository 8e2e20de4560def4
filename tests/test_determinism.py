"""The same function gives the same text, and the same inputs give the same bits."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import pytest

import gradc
from gradc.pipeline import _key
from tests.backends import HAS_COMPILER
from tests.modes import loss_of
from tests.programs import Program, load
from tests.trees import leaves

ROOT = Path(__file__).resolve().parents[1]
SOURCES = """
import sys, warnings
warnings.simplefilter("ignore")
from tests.test_determinism import fingerprints
print(fingerprints(int(sys.argv[1])), end="")
"""
PROBE = "import sys, cffi, jinja2, networkx, numpy, pytest; print(*sys.version_info[:2], sep='.')"
_LINE_NUMBER = re.compile(r"(?<=\.py):\d+|(?<=\.py, line) \d+")
OWN = f"{sys.version_info[0]}.{sys.version_info[1]}"


def fingerprints(step: int) -> str:
    """Return hashes of both sources and the cache key of one program in ``step``, in lines.

    Which ones are chosen is up to their names: another program changes no line but its own.
    """
    return "".join(
        f"{program.name}  {_hashes(program)}\n"
        for program in load()
        if crc32(program.name.encode()) % step == 0 and "flat" not in program.tags
    )


def _hashes(program: Program) -> str:
    made = gradc.value_and_grad(loss_of(program), program.argnums, backend="numpy")
    artifact = made.artifact(*program.arguments())
    key = _key(artifact.program, (), artifact.options)
    texts = {"numpy": artifact.source("numpy"), "c": artifact.source("c"), "key": key}
    return "  ".join(f"{kind} {_hash(text)}" for kind, text in texts.items())


def _hash(text: str) -> str:
    """Hash a text without the line numbers of programs, which move when another one is written."""
    return hashlib.sha256(_LINE_NUMBER.sub("", text).encode()).hexdigest()[:16]


def _elsewhere(seed: int, step: int, folder: Path, python: str = sys.executable) -> str:
    env = {**os.environ, "PYTHONHASHSEED": str(seed), "PYTHONPATH": str(ROOT)}
    command = [python, "-c", SOURCES, str(step)]
    done = subprocess.run(command, env=env, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def test_the_sources_are_those_that_every_python_makes(golden: Callable[[str, str], None]) -> None:
    """Whatever Python runs this: the texts have these hashes (without the key, the machine's)."""
    lines = fingerprints(12).splitlines()
    golden("sources.txt", "".join(f"{line.partition('  key')[0]}\n" for line in lines))


def other_pythons() -> tuple[dict[str, str], str]:
    """Return other versions of Python on this machine that can run gradc, and why others cannot.

    Looked at are the programs named in ``GRADC_PYTHONS``, those on the path and those of pyenv.
    """
    found: dict[str, str] = {}
    reasons = []
    named = os.environ.get("GRADC_PYTHONS", "").split(os.pathsep)
    on_path = [shutil.which(f"python3.{minor}") for minor in range(11, 20)]
    own = sorted(Path.home().glob(".pyenv/versions/3.*/bin/python"))
    for python in filter(None, (*named, *on_path, *map(str, own))):
        asked = subprocess.run([python, "-c", PROBE], capture_output=True, text=True, check=False)
        version = asked.stdout.strip()
        if asked.returncode:
            reasons.append(f"{python}: {asked.stderr.strip().rpartition(chr(10))[2]}")
        elif version != OWN and tuple(map(int, version.split("."))) >= (3, 11):
            found.setdefault(version, python)
    return found, "; ".join(reasons) or "there is no other"


@pytest.mark.slow
def test_the_version_of_python_decides_nothing(
    tmp_path: Path, tally: Callable[[str, int], None]
) -> None:
    found, reasons = other_pythons()
    if not found:
        pytest.skip(f"no other Python of at least 3.11 with gradc's dependencies: {reasons}")
    wanted = _elsewhere(1, 8, ROOT)
    for version, python in found.items():
        assert _elsewhere(2, 8, tmp_path, python) == wanted, version
        tally(f"sources of Python {OWN} that {version} makes as well", wanted.count("\n"))


@pytest.mark.slow
def test_hashing_decides_nothing(tmp_path: Path) -> None:
    assert _elsewhere(1, 8, tmp_path) == _elsewhere(2, 8, ROOT)


@pytest.mark.full
def test_hashing_decides_nothing_in_the_whole_corpus(tmp_path: Path) -> None:
    folders = (tmp_path, ROOT)
    assert len({_elsewhere(seed, 1, folders[seed % 2]) for seed in range(10)}) == 1


def network(w, v, x):
    h = np.tanh(x @ w)
    for k in range(3):
        h[:, k] = h[:, k] * np.exp(-h[:, k + 1])
    return np.sum((h @ v) ** 2) + np.mean(np.log1p(x * x))


def arguments() -> list[np.ndarray]:
    rng = np.random.default_rng(5)
    return [rng.standard_normal(shape) for shape in ((37, 53), (53,), (41, 37))]


def moved(array: np.ndarray, offset: int) -> np.ndarray:
    """Return the array at an address that is so many bytes past a multiple of 64."""
    raw = np.empty(array.nbytes + 128, np.uint8)
    start = -raw.ctypes.data % 64 + offset
    there = raw[start : start + array.nbytes].view(array.dtype).reshape(array.shape)
    there[...] = array
    return there


def bits(result: Any) -> bytes:
    return b"".join(np.asarray(leaf).tobytes() for leaf in leaves(result))


@pytest.mark.skipif(not HAS_COMPILER, reason="no C compiler on this machine")
@pytest.mark.parametrize("math", ["fast", "portable", "libm"])
def test_the_same_bits_at_every_address_and_in_every_thread(math: str) -> None:
    f = gradc.value_and_grad(network, (0, 1, 2), backend="c", math=math)
    given = arguments()
    wanted = bits(f(*given))
    for offset in range(0, 64, 8):
        assert bits(f(*(moved(array, offset) for array in given))) == wanted, offset
    bound = f.bind(*given)
    assert all(bits(bound()) == wanted for _ in range(50))
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(lambda _: bits(f(*given)), range(1000)))
    assert found == {wanted}
