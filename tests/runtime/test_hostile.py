"""The matrix of hostile arrays, in processes of their own: a crash is a failure, not the end."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.backends import BACKENDS, HAS_COMPILER
from tests.runtime import hostile

ROOT = Path(__file__).resolve().parents[2]
PARTS = 20


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_every_call_is_right_or_refused(part: int, tally: Callable[[str, int], None]) -> None:
    backend = "c" if HAS_COMPILER and part % 2 else "numpy"
    made = _run(part, PARTS, backend)
    assert made > 250
    tally("calls with hostile arrays", made)


@pytest.mark.full
@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("backend", BACKENDS)
def test_every_call_in_each_backend(
    part: int, backend: str, tally: Callable[[str, int], None]
) -> None:
    made = _run(part, PARTS, backend)
    assert made > 250
    tally("calls with hostile arrays", made)


def _run(part: int, parts: int, backend: str) -> int:
    """Run one part; return how many calls it made."""
    command = [sys.executable, "-W", "ignore", "-m", "tests.runtime.hostile"]
    done = subprocess.run(
        [*command, str(part), str(parts), backend],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    print(done.stdout.splitlines()[-1:])
    assert done.returncode == 0, (done.returncode, done.stdout[-2000:], done.stderr[-2000:])
    found = re.search(r"(\d+) calls, 0 wrong", done.stdout)
    assert found, done.stdout
    return int(found[1])


def test_there_are_enough() -> None:
    assert sum(1 for _ in hostile.matrix()) >= 1500
