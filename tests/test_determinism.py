"""The same function gives the same text, and the same inputs give the same bits."""

import hashlib
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gradc
from gradc.pipeline import _key
from tests.backends import HAS_COMPILER
from tests.modes import loss_of
from tests.programs import load
from tests.trees import leaves

ROOT = Path(__file__).resolve().parents[1]
SOURCES = """
import sys, warnings
warnings.simplefilter("ignore")
from tests.test_determinism import fingerprint
print(fingerprint(int(sys.argv[1])))
"""


def fingerprint(step: int) -> str:
    """Return a hash over both sources and the cache key of every ``step``-th program."""
    total = hashlib.sha256()
    for program in load()[::step]:
        if "flat" in program.tags:
            continue
        made = gradc.value_and_grad(loss_of(program), program.argnums, backend="numpy")
        artifact = made.artifact(*program.arguments())
        key = _key(artifact.program, (), artifact.options)
        for text in (artifact.source("numpy"), artifact.source("c"), key):
            total.update(text.encode())
    return total.hexdigest()


def _elsewhere(seed: int, step: int, folder: Path) -> str:
    env = {**os.environ, "PYTHONHASHSEED": str(seed), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", SOURCES, str(step)]
    done = subprocess.run(command, env=env, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.strip()


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
