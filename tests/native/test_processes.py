"""Many processes and threads, one cache."""

import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from gradc.native.cache import Cache
from gradc.native.ffi import NULL, ffi
from gradc.native.library import Loaded, Unit, library
from tests.native.kernels import doubling, program

ROOT = Path(__file__).resolve().parents[2]
COUNTING = """\
#!/bin/sh
case "$1" in
    --version|-dumpmachine) exec cc "$@";;
esac
echo x >> "{log}"
exec cc "$@"
"""
SCRIPT = """
import sys, numpy as np
from pathlib import Path
from gradc.native.cache import Cache
from gradc.native.ffi import NULL, ffi
from gradc.native.library import library
from tests.native.kernels import doubling
cache = Cache(Path(sys.argv[1]))
x, y = np.arange(8.0), np.empty(8)
for key in sys.argv[2:]:
    entry = library(key, doubling, cache=cache).entry
    entry([ffi.from_buffer("void *", array) for array in (x, y)], NULL)
    assert (y == 2 * x).all()
"""


def start(cache: Cache, *keys: str, compiler: str = "cc") -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(cache.root), *keys],
        cwd=ROOT,
        env=os.environ | {"GRADC_CC": compiler},
        stderr=subprocess.PIPE,
        text=True,
    )


def result(loaded: Loaded) -> list[float]:
    x, y = np.arange(8.0), np.empty(8)
    loaded.entry([ffi.from_buffer("void *", array) for array in (x, y)], NULL)
    return [float(value) for value in y]


@pytest.mark.parametrize("count", [8, pytest.param(64, marks=pytest.mark.full)])
def test_processes_compile_once(
    cache: Cache, tmp_path: Path, count: int, tally: Callable[[str, int], None]
) -> None:
    log = tmp_path / "log"
    compiler = program(tmp_path / "counting", COUNTING.format(log=log))
    running = [start(cache, "a", "b", "c", compiler=str(compiler)) for _ in range(count)]
    errors = [process.communicate(timeout=300)[1] for process in running]
    assert [process.returncode for process in running] == [0] * count, errors
    assert log.read_text().count("x") == 3
    assert len(cache.entries()) == 3
    tally("processes that compiled three functions three times in all", count)


def test_thirty_two_threads_compile_once(cache: Cache) -> None:
    made, together = [], threading.Barrier(32)

    def make() -> Unit:
        made.append(1)
        return doubling()

    def ask(_: int) -> list[float]:
        together.wait()
        return result(library("threads", make, cache=cache))

    with ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(ask, range(32)))
    assert answers == [[2.0 * value for value in range(8)]] * 32
    assert len(made) == 1


@pytest.mark.parametrize("turns", [6, pytest.param(60, marks=pytest.mark.full)])
def test_killed_while_compiling(
    cache: Cache, turns: int, tally: Callable[[str, int], None]
) -> None:
    draw = random.Random(3)
    for turn in range(turns):
        victim = start(cache, *(f"{turn}-{part}" for part in range(3)))
        time.sleep(draw.uniform(0.15, 0.45))
        victim.kill()
        victim.communicate()
        assert cache.verify() == []
    assert result(library(f"{turns - 1}-0", doubling, cache=cache))[3] == 6.0
    tally("processes killed while they compiled", turns)


def test_without_locks_builds_anyway(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gradc.native.locks.fcntl", None)
    assert result(library("unlocked", doubling, cache=cache))[1] == 2.0
    assert len(cache.entries()) == 1


def test_who_publishes_second_takes_the_first(cache: Cache) -> None:
    library("twice", doubling, cache=cache)
    key = cache.entries()[0].key
    before = (cache.path / key / "kernel.so").stat().st_ino
    with cache.building(key) as folder:
        for file in (cache.path / key).iterdir():
            (folder / file.name).write_bytes(file.read_bytes())
        cache.publish(folder, key)
    assert (cache.path / key / "kernel.so").stat().st_ino == before
    assert not list((cache.root / "building").iterdir())


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_fork_while_another_thread_compiles(cache: Cache) -> None:
    """The child neither waits for a thread it does not have nor keeps the parent's lock."""
    inside, go_on = threading.Event(), threading.Event()

    def slow() -> Unit:
        inside.set()
        go_on.wait(10)
        return doubling()

    builder = threading.Thread(target=lambda: library("forked", slow, cache=cache))
    builder.start()
    inside.wait(10)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            code = 0 if result(library("child", doubling, cache=cache))[1] == 2.0 else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    go_on.set()
    builder.join(20)
    assert result(library("forked", doubling, cache=cache))[1] == 2.0
    assert not list((cache.root / "locks").iterdir())


def test_loading_a_kernel_leaves_floating_point_alone(cache: Cache) -> None:
    tiny = np.array([1e-310])
    library("denormal", doubling, cache=cache)
    assert (tiny * 1)[0] == 1e-310


LIMITED = """
import resource, sys
from pathlib import Path
from gradc.errors import CompileError
from gradc.native.cache import Cache
from gradc.native.compiler import find_toolchain
from gradc.native.library import library
from tests.native.kernels import doubling
cache = Cache(Path(sys.argv[1]))
toolchain = find_toolchain(cache)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
try:
    library("limited", doubling, toolchain, cache)
except CompileError:
    pass
else:
    raise AssertionError("no library fits into so little")
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
toolchain.broken = None
assert library("limited", doubling, toolchain, cache).meta == {}
"""


@pytest.mark.parametrize("size", [100, 1500, 6000])
def test_files_may_not_grow(cache: Cache, size: int) -> None:
    command = [sys.executable, "-W", "ignore", "-c", LIMITED, str(cache.root), str(size)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert cache.verify() == []
    assert not list((cache.root / "building").iterdir())
