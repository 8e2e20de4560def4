"""Run the tests of derivative and rewrite rules against every mistake in them.

    python -m tests.mutation [--sample N] [--only TEXT ...] [--seed S] [--processes P] [--list]

Collects the tests once; each mutant is then a fork of this process, which puts the mistake in and
runs the tests that reach it until one fails.  Survivors are printed, and how many mutants are
reviewed as equivalent and not run; the exit code is 1 when more than one in a hundred of all
survives.
"""

import argparse
import os
import random
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.mutation import mutants as catalogue
from tests.mutation.drill import Drill
from tests.mutation.mutants import Mutant
from tests.mutation.reviewed import EQUIVALENT

ROOT = Path(__file__).resolve().parents[2]
SUITES = {
    "derivative rules": (catalogue.derivative_mutants, ["tests/test_registry.py", "tests/ops"]),
    "rewrite rules": (catalogue.rewrite_mutants, ["tests/passes"]),
}


@dataclass
class Count:
    """How many mutants there are, are exempt, and live."""

    total: int = 0
    exempt: int = 0
    alive: int = 0

    def __add__(self, other: "Count") -> "Count":
        return Count(self.total + other.total, self.exempt + other.exempt, self.alive + other.alive)

    def __str__(self) -> str:
        run = self.total - self.exempt
        killed = run - self.alive
        return (
            f"{killed} of {run} killed ({_percent(killed, run)}), {self.exempt} exempt, "
            f"{self.alive} left; {_percent(killed, self.total)} of all {self.total}"
        )


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.2f} %" if whole else "none"


def chosen_of(name: str, options: argparse.Namespace) -> tuple[list[Mutant], int]:
    """Return the mutants to run, all or a sample, and how many are exempt as equivalent."""
    every = [m for m in SUITES[name][0]() if any(text in m.key for text in options.only)]
    found = [m for m in every if m.key not in EQUIVALENT]
    if options.sample and options.sample < len(found):
        return random.Random(options.seed).sample(found, options.sample), 0
    return found, len(every) - len(found)


def outcomes(options: argparse.Namespace) -> Iterator[tuple[str, Count]]:
    """Run each suite; yield its name, and how many mutants it met and left alive."""
    for name, (_, files) in SUITES.items():
        chosen, exempt = chosen_of(name, options)
        if options.list:
            print(*chosen, sep="\n")
            continue
        if not chosen:
            yield name, Count(exempt, exempt)
            continue
        drill = Drill(chosen, options.processes)
        quiet = ["-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--no-summary", "--no-header"]
        pytest.main([*quiet, *(str(ROOT / file) for file in files)], plugins=[drill])
        yield name, Count(len(chosen) + exempt, exempt, len(drill.survivors))


def main() -> int:
    """Print survivors and counts."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation")
    parser.add_argument("--sample", type=int, help="so many mutants of each kind of rule")
    parser.add_argument(
        "--only", nargs="+", default=[""], help="those with such text in their keys"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the sample")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--list", action="store_true", help="print the mutants and stop")
    options = parser.parse_args()
    total = Count()
    for name, count in outcomes(options):
        print(f"{name}: {count}", flush=True)
        total += count
    if not options.list:
        print(f"mutants: {total}, seed {options.seed}")
    return int(total.alive > (total.total - total.exempt) / 100)


if __name__ == "__main__":
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    sys.exit(main())
