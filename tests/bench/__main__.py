"""Time value and gradient of all models, by the side of JAX where it is installed.

``python -m tests.bench [NAME ...]`` prints a table in Markdown.  The calls of one row are timed in
turns, in batches of about 20 ms, and the least time of each stands in the table: the time that
a quiet machine takes.  Values are compared first.
"""

import argparse
import importlib
import os
import platform
import time
from collections.abc import Callable, Sequence
from datetime import date
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

import gradc
from gradc.dispatch import made_in_c
from gradc.runtime.native_calls import STATE
from tests.bench.models import MODELS, Model

_BATCH_SECONDS = 0.02


def main(names: Sequence[str], rounds: int) -> None:
    """Print the table of the models whose names begin as asked."""
    chosen = [m for m in MODELS.values() if not names or m.name.startswith(tuple(names))]
    peer = importlib.import_module("tests.bench.peers") if find_spec("jax") else None
    STATE.load(made_in_c)  # otherwise a thread builds it while the first rows are timed
    print(f"{date.today():%Y-%m-%d}, {_machine()}, {_versions()}\n")
    print("| value and gradient of | gradc | the function alone | JAX | JAX / gradc |")
    print("| --- | ---: | ---: | ---: | ---: |")
    ratios = []
    for model in chosen:
        calls = _calls(model, peer)
        seconds = _least(calls, rounds)
        if peer is not None:
            ratios.append(seconds[2] / seconds[0])
        cells = [_text(value) for value in seconds] + ["-"] * (3 - len(seconds))
        ratio = f"{ratios[-1]:.2g}" if peer is not None else "-"
        print(f"| {model.name} | {' | '.join(cells)} | {ratio} |", flush=True)
    if ratios:
        print(f"\nGeometric mean of the ratios: {np.exp(np.mean(np.log(ratios))):.2g}.")


def _calls(model: Model, peer: Any) -> list[Callable[[], Any]]:
    arguments = model.make()
    gradient = gradc.value_and_grad(model.function, argnums=model.argnums)
    alone = gradc.compile(model.function)
    calls: list[Callable[[], Any]] = [lambda: gradient(*arguments), lambda: alone(*arguments)]
    if peer is not None:
        calls.append(peer.compiled(model))
        _compare(model.name, calls[0](), calls[-1]())
    return calls


def _compare(name: str, found: Any, expected: Any) -> None:
    for one, other in zip((found[0], *found[1]), (expected[0], *expected[1]), strict=True):
        scale = np.max(np.abs(other), initial=1e-300)
        np.testing.assert_allclose(one / scale, other / scale, atol=1e-9, rtol=0, err_msg=name)


def _least(calls: list[Callable[[], Any]], rounds: int) -> list[float]:
    """Return the least seconds of each call, timed in turns."""
    counts = []
    for call in calls:
        call()
        start = time.perf_counter()
        call()
        counts.append(max(1, int(_BATCH_SECONDS / (time.perf_counter() - start))))
    best = [float("inf")] * len(calls)
    for _ in range(rounds):
        for i, (call, count) in enumerate(zip(calls, counts, strict=True)):
            start = time.perf_counter()
            for _ in range(count):
                call()
            best[i] = min(best[i], (time.perf_counter() - start) / count)
    return best


def _text(seconds: float) -> str:
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds * 1e6:.3g} us"


def _machine() -> str:
    """Name the processor and count its cores."""
    name = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    name = next((x.partition(":")[2].strip() for x in lines if x.startswith("model name")), name)
    return f"{name}, {os.cpu_count()} cores"


def _versions() -> str:
    names = ["gradc", "numpy", *(["jax"] if find_spec("jax") else [])]
    return ", ".join(f"{name} {importlib.import_module(name).__version__}" for name in names)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="how the names of the models begin; all if none")
    parser.add_argument("--rounds", type=int, default=15, help="how often each call is timed")
    options = parser.parse_args()
    main(options.names, options.rounds)
