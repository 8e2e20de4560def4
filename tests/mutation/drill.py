"""Runs the tests that reach a mistake, in a fork of this process for every mistake.

A first fork runs all tests and takes note of what each enters and how long it takes: a mutant then
meets only tests that enter the changed function, the quick ones and those that found a mistake in
it before others, until one fails.  Tests that fail without a mistake find none.
"""

import gc
import os
import pickle
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import FrameType
from typing import NoReturn

import pytest
from _pytest.runner import runtestprotocol

from tests.mutation import mutants as catalogue
from tests.mutation.mutants import Mutant

__all__ = ["Drill"]

KILLED, SURVIVED, BROKEN = 0, 1, 2
SECONDS = 60  # that any test may take; more of them for those that are slow without a mistake


@dataclass
class Seen:
    """What a test does where nothing is wrong."""

    seconds: float = 0.0
    failed: bool = False
    entered: set[tuple[str, int]] = field(default_factory=set)


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
        self.items: list[pytest.Item] = []
        self.seen: list[Seen] = []
        self.killers: dict[str, list[int]] = {}

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Look at the tests, then fork for every mutant."""
        self.items = [item for item in session.items if _is_quick(item)]
        self.seen = pickle.loads(_answer(*_forked(self.survey)))
        for item, seen in zip(self.items, self.seen, strict=True):
            if seen.failed:
                print(f"fails without a mistake  {item.nodeid}", flush=True)
        for mutant in self.chosen:
            catalogue.loaded_from(catalogue.file_of(mutant.module))
        gc.freeze()  # a child that collected what is old would copy all of it
        waiting, running = list(reversed(self.chosen)), {}
        while waiting or running:
            while waiting and len(running) < self.processes:
                mutant = waiting.pop()
                child, pipe = _forked(lambda mutant=mutant: self.run(mutant))
                running[child] = (mutant, pipe)
            child, status = os.wait()
            self.note(*running.pop(child), os.waitstatus_to_exitcode(status))
        gc.unfreeze()  # the next drill looks for functions among what is collected
        return True

    def survey(self) -> tuple[int, bytes]:
        """Run all tests; say what each enters, how long it takes and whether it fails."""
        every = []
        for item in self.items:
            seen = Seen()
            start = time.perf_counter()
            sys.setprofile(_watcher(seen.entered))
            try:
                seen.failed = _fails(item)
            finally:
                sys.setprofile(None)
            seen.seconds = time.perf_counter() - start
            every.append(seen)
        return SURVIVED, pickle.dumps(every)

    def run(self, mutant: Mutant) -> tuple[int, bytes]:
        """Put the mistake in and run until a test fails; say which one."""
        if not catalogue.install(mutant):
            return SURVIVED, b""
        for position in self.tests_of(mutant):
            signal.alarm(int(SECONDS + 20 * self.seen[position].seconds))
            if _fails(self.items[position]):
                return KILLED, str(position).encode()
        return SURVIVED, b""

    def tests_of(self, mutant: Mutant) -> Iterator[int]:
        """Yield the tests that reach a mutant, those first that are likely to end it soon."""
        place = catalogue.file_of(mutant.module), mutant.scope
        reach = [
            position
            for position, seen in enumerate(self.seen)
            if place in seen.entered and not seen.failed
        ]
        before = self.killers.get(mutant.module, [])
        first = [position for position in reversed(before) if position in set(reach)]
        yield from first
        yield from sorted(set(reach) - set(first), key=lambda p: (self.seen[p].seconds, p))

    def note(self, mutant: Mutant, pipe: int, code: int) -> None:
        """Take note of how a mutant ended; one that ended a child, or hung, is found."""
        with os.fdopen(pipe, "rb") as answer:
            position = answer.read()
        if position:
            known = self.killers.setdefault(mutant.module, [])
            if int(position) in known:
                known.remove(int(position))
            known.append(int(position))
        elif code in (SURVIVED, BROKEN):
            self.survivors.append(mutant)
            print(f"survived  {mutant}", flush=True)


def _is_quick(item: pytest.Item) -> bool:
    """Tell whether a test runs, and not for a compiler: rules come before the backends."""
    params = getattr(getattr(item, "callspec", None), "params", {})
    return not item.get_closest_marker("skip") and params.get("backend") != "c"


def _watcher(entered: set[tuple[str, int]]) -> Callable[[FrameType, str, object], None]:
    def watch(frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            entered.add((frame.f_code.co_filename, frame.f_code.co_firstlineno))

    return watch


def _fails(item: pytest.Item) -> bool:
    return any(report.failed for report in runtestprotocol(item, nextitem=None, log=False))


def _forked(work: Callable[[], tuple[int, bytes]]) -> tuple[int, int]:
    """Do the work in a fork, in silence; return the child, and a pipe for what it says."""
    sys.stdout.flush()
    read, write = os.pipe()
    child = os.fork()
    if child:
        os.close(write)
        return child, read
    os.close(read)
    _end(work, write)


def _end(work: Callable[[], tuple[int, bytes]], pipe: int) -> NoReturn:
    """End this process with what the work says; a fault of the drill itself is told apart."""
    code = BROKEN
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    try:
        code, answer = work()
        with os.fdopen(pipe, "wb") as out:
            out.write(answer)
    finally:
        os._exit(code)


def _answer(child: int, pipe: int) -> bytes:
    with os.fdopen(pipe, "rb") as answer:
        found = answer.read()
    os.waitpid(child, 0)
    return found
