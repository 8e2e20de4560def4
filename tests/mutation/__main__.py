"""Run the tests of derivative and rewrite rules against every mistake in them.

    python -m tests.mutation [--sample N] [--seed S] [--processes P] [--list]

Collects the tests once; each mutant is then a fork of this process, which puts the mistake in and
runs the tests until one fails.  Survivors are printed, and the exit code is 1 when more than one
in a hundred survives.
"""

import argparse
import os
import random
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest
from _pytest.runner import runtestprotocol

from tests.mutation import mutants as catalogue
from tests.mutation.mutants import Mutant
from tests.mutation.reviewed import EQUIVALENT

ROOT = Path(__file__).resolve().parents[2]
SUITES = {
    "derivative rules": (catalogue.derivative_mutants, ["tests/test_registry.py", "tests/ops"]),
    "rewrite rules": (catalogue.rewrite_mutants, ["tests/passes"]),
}
KILLED, SURVIVED, BROKEN = 0, 1, 2
PATIENCE = 120.0


class Drill:
    """A pytest plugin whose test loop runs the tests once per mutant.

    Parameters
    ----------
    chosen : list of Mutant
        What to run them against.
    processes : int
        How many mutants at a time.
    """

    def __init__(self, chosen: list[Mutant], processes: int) -> None:
        self.chosen, self.processes = chosen, processes
        self.survivors: list[Mutant] = []
        self.order: list[pytest.Item] = []

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Fork for every mutant; tests that have killed one go first with the next."""
        self.order = [item for item in session.items if not item.get_closest_marker("skip")]
        waiting, running = list(reversed(self.chosen)), {}
        while waiting or running:
            while waiting and len(running) < self.processes:
                mutant = waiting.pop()
                read, write = os.pipe()
                child = os.fork()
                if child == 0:
                    os.close(read)
                    self.child(mutant, write)
                os.close(write)
                running[child] = (mutant, read, time.monotonic())
            self.reap(running)
        return True

    def child(self, mutant: Mutant, pipe: int) -> NoReturn:
        """End this process with what the tests say; a fault of the drill itself is told apart."""
        code = BROKEN
        try:
            code = self.run(mutant, pipe)
        finally:
            os._exit(code)

    def run(self, mutant: Mutant, pipe: int) -> int:
        """Put the mistake in and run until a test fails; say which one through the pipe."""
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 1)
        os.dup2(silence, 2)
        if not catalogue.install(mutant):
            return SURVIVED
        for position, item in enumerate(self.order):
            reports = runtestprotocol(item, nextitem=None, log=False)
            if any(report.failed for report in reports):
                os.write(pipe, str(position).encode())
                return KILLED
        return SURVIVED

    def reap(self, running: dict[int, tuple[Mutant, int, float]]) -> None:
        """Take note of a child that has ended; one that hangs has been killed by its tests."""
        child, status = os.waitpid(-1, os.WNOHANG)
        if child == 0:
            for late, (_, _, since) in running.items():
                if time.monotonic() - since > PATIENCE:
                    os.kill(late, signal.SIGKILL)
            time.sleep(0.005)
            return
        mutant, pipe, _ = running.pop(child)
        with os.fdopen(pipe) as answer:
            position = answer.read()
        if position:
            self.order.insert(0, self.order.pop(int(position)))
        elif os.waitstatus_to_exitcode(status) in (SURVIVED, BROKEN):
            self.survivors.append(mutant)
            print(f"survived  {mutant}", flush=True)


def chosen_of(name: str, options: argparse.Namespace) -> list[Mutant]:
    """Return the mutants to run: all that are not reviewed as equivalent, or a sample."""
    found = [m for m in SUITES[name][0]() if m.key not in EQUIVALENT]
    if options.sample and options.sample < len(found):
        found = random.Random(options.seed).sample(found, options.sample)
    return found


def outcomes(options: argparse.Namespace) -> Iterator[tuple[str, int, list[Mutant]]]:
    """Run each suite; yield its name, how many mutants it met, and the survivors."""
    for name, (_, files) in SUITES.items():
        chosen = chosen_of(name, options)
        if options.list:
            print(*chosen, sep="\n")
            continue
        drill = Drill(chosen, options.processes)
        quiet = ["-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--no-summary", "--no-header"]
        pytest.main([*quiet, *(str(ROOT / file) for file in files)], plugins=[drill])
        yield name, len(chosen), drill.survivors


def main() -> int:
    """Print survivors and counts."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation")
    parser.add_argument("--sample", type=int, help="so many mutants of each kind of rule")
    parser.add_argument("--seed", type=int, default=0, help="of the sample")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--list", action="store_true", help="print the mutants and stop")
    options = parser.parse_args()
    total = alive = 0
    for name, count, survivors in outcomes(options):
        print(f"{name}: {count - len(survivors)} of {count} mutants killed")
        total, alive = total + count, alive + len(survivors)
    if not options.list:
        print(f"mutants: {total - alive} of {total} killed, seed {options.seed}")
    return int(alive > total / 100)


if __name__ == "__main__":
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    sys.exit(main())
