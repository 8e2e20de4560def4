"""The drill itself: there are enough mistakes, they reach the loaded code, and tests find them."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.mutation import mutants
from tests.mutation.reviewed import EQUIVALENT

ROOT = Path(__file__).resolve().parents[2]
SINE = """
from gradc import ops
from tests.mutation import mutants
from tests.ops.graphs import vjp
import numpy as np
change = "-op_named('sin')(x)  ->  op_named('sin')(x)"
one = next(m for m in mutants.derivative_mutants() if m.change == change)
assert mutants.install(one) == 1
print(vjp(ops.cos, (np.array(0.5),), {}, np.array(1.0))[0])
"""


def test_there_are_enough() -> None:
    every = [*mutants.derivative_mutants(), *mutants.rewrite_mutants()]
    assert len(every) >= 300


def test_an_exempt_mutant_is_one_mutant_with_a_reason() -> None:
    keys = [m.key for m in [*mutants.derivative_mutants(), *mutants.rewrite_mutants()]]
    assert len(keys) == len(set(keys))
    assert set(keys) >= EQUIVALENT.keys()
    assert all(EQUIVALENT.values())
    assert len(EQUIVALENT) <= len(keys) / 50


def run(*arguments: str) -> str:
    command = [sys.executable, *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
    return done.stdout


def test_a_mistake_reaches_the_code_that_is_loaded() -> None:
    assert float(run("-c", SINE)) == pytest.approx(np.sin(0.5))


@pytest.mark.slow
def test_a_sample_is_killed(tally: Callable[[str, int], None]) -> None:
    killed = re.search(
        r"mutants: (\d+) of (\d+) killed", run("-m", "tests.mutation", "--sample", "2")
    )
    assert killed
    assert killed[1] == killed[2]
    tally("mistakes put into rules, and found", int(killed[1]))


@pytest.mark.full
def test_nearly_all_are_killed(tally: Callable[[str, int], None]) -> None:
    found = run("-m", "tests.mutation")
    print(found)
    (total,) = re.findall(r"mutants: (\d+) of \d+ killed .*, (\d+) exempt, (\d+) left", found)
    for number, name in zip(total, ("and found", "exempt", "and left"), strict=True):
        tally(f"mistakes put into rules, {name}", int(number))
