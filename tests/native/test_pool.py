"""The pool of threads: right whoever calls, after a fork, and without data races."""

import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import gradc
from gradc.errors import GradcError
from gradc.native import blas, pool, processors
from gradc.native.ffi import NULL

HERE = Path(__file__).parent
C = HERE.parents[1] / "templates" / "c"
STRICT = ["-std=c99", "-pedantic", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror"]
COMPILERS = [name for name in ("gcc", "clang") if shutil.which(name)]


def driver(folder: Path, compiler: str, *flags: str) -> Path:
    """Compile the driver, which includes the pool's text."""
    program = folder / "driver"
    includes = [f"-I{C / 'pool'}", f"-I{C / 'support'}"]
    command = [compiler, *STRICT, *flags, *includes, str(HERE / "pool_driver.c")]
    done = subprocess.run(
        [*command, "-o", str(program), "-lpthread"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[:3000]
    return program


def ended_well(script: str) -> str:
    """Run a script in a process of its own, which must end without an error; return its output."""
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=HERE.parents[1],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize("level", ["-O0", "-O3"])
def test_every_chunk_is_done_once(compiler: str, level: str, tmp_path: Path) -> None:
    done = subprocess.run([driver(tmp_path, compiler, level)], capture_output=True, timeout=60)
    assert done.returncode == 0, done.stdout


@pytest.mark.full
@pytest.mark.parametrize("compiler", COMPILERS)
def test_no_data_races(compiler: str, tmp_path: Path) -> None:
    program = driver(tmp_path, compiler, "-O1", "-g", "-fsanitize=thread")
    done = subprocess.run([program], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[:4000] + done.stdout


@pytest.mark.parametrize("compiler", COMPILERS)
def test_compiles_where_there_are_no_threads(compiler: str, tmp_path: Path) -> None:
    flags = ["-U__unix__", "-U__APPLE__", "-fPIC", "-shared"]
    source = C / "pool" / "gradc_pool.c"
    command = [compiler, *STRICT, *flags, f"-I{C / 'support'}", str(source)]
    done = subprocess.run(
        [*command, "-o", str(tmp_path / "pool.so")], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[:3000]
    names = subprocess.run(["nm", str(tmp_path / "pool.so")], capture_output=True, text=True).stdout
    assert "gradc_pool_call" in names
    assert "pthread" not in names


def test_lent_once_for_each_number_of_threads() -> None:
    two, three = blas.environment(2, False), blas.environment(3, False)
    assert (two.threads, three.threads) == (2, 3)
    assert two.pointer.parallel_for == three.pointer.parallel_for != NULL
    assert two.pointer.pool != three.pointer.pool
    assert blas.environment(2, False) is two
    assert blas.environment(1, False).pointer.parallel_for == NULL


def test_how_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GRADC_THREADS", raising=False)
    assert pool.chosen(3) == 3
    assert 1 <= processors.processors() <= (os.cpu_count() or 1)
    assert pool.chosen(None) == processors.processors()
    monkeypatch.setenv("GRADC_THREADS", "5")
    assert pool.chosen(None) == 5
    assert pool.chosen(1) == 1
    for text in ("0", "many", "-1", "1.5"):
        monkeypatch.setenv("GRADC_THREADS", text)
        with pytest.raises(GradcError, match="GRADC_THREADS"):
            pool.chosen(None)


def test_a_containers_share_counts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    quota = tmp_path / "cpu.max"
    monkeypatch.setattr(processors, "_QUOTA", quota)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    expected = {"max 100000": 8, "150000 100000": 2, "1000 100000": 1, "3200000 100000": 8}
    for text, count in expected.items():
        quota.write_text(text)
        assert processors.processors() == count


@pytest.mark.parametrize("wrong", [0, -2, 1.5, True, "2"])
def test_no_number_of_threads(wrong: object) -> None:
    with pytest.raises(GradcError, match="threads"):
        gradc.compile(np.sin, threads=wrong)


def loss(x: np.ndarray) -> np.ndarray:
    return np.sum(np.exp(-x * x) * np.sin(3.0 * x))


X = np.random.default_rng(5).standard_normal(200_000)


def test_many_callers() -> None:
    """Eight threads call one function with data of their own: as if each were alone."""
    f = gradc.value_and_grad(loss, threads=2)
    xs = [X + k for k in range(8)]
    want = [f(x) for x in xs]
    wrong: list[int] = []

    def call(k: int) -> None:
        for _ in range(20):
            value, slope = f(xs[k])
            if value != want[k][0] or not np.array_equal(slope, want[k][1]):
                wrong.append(k)

    threads = [threading.Thread(target=call, args=(k,)) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_has_threads_of_its_own() -> None:
    script = """
import os, sys, threading
import numpy as np, gradc
from tests.native.test_pool import X, loss
f = gradc.value_and_grad(loss, threads=2)
want = f(X)

def right():
    value, slope = f(X)
    return value == want[0] and np.array_equal(slope, want[1])

def keep_busy():
    while not over.is_set():
        f(X)

def tasks():
    return len(os.listdir("/proc/self/task")) if os.path.exists("/proc/self/task") else 2

over = threading.Event()
other = threading.Thread(target=keep_busy)
other.start()
for turn in range(30):
    child = os.fork()
    if child == 0:
        fine = tasks() <= 2 and right() and right() and tasks() >= 2
        os._exit(0 if fine else 1)
    assert right()
    assert os.waitpid(child, 0)[1] == 0, turn
over.set()
other.join()
"""
    environment = os.environ | {"PYTHONWARNINGS": "ignore"}
    command = [sys.executable, "-c", script]
    root = HERE.parents[1]
    done = subprocess.run(
        command, cwd=root, env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr[-3000:]


def test_a_function_keeps_the_pool_loaded() -> None:
    """A daemon thread may be in the pool's code when the interpreter drops its modules."""
    script = """
import atexit, gc, weakref
import gradc
from gradc.native import blas, pool
from tests.native.test_pool import X, loss
f = gradc.value_and_grad(loss, threads=2)
f(X)
loaded = weakref.ref(pool._pool())
bound = f.bind(X)
blas.environment.cache_clear()
pool._pool.cache_clear()
pool._early.clear()
atexit._clear()
gc.collect()
assert loaded() is not None
del f
gc.collect()
assert loaded() is not None
bound()
del bound
gc.collect()
assert loaded() is None
"""
    ended_well(script)


def test_the_interpreter_ends_with_threads_at_work() -> None:
    """A daemon thread still calls while the interpreter shuts down."""
    script = """
import threading, time
import gradc
from tests.native.test_pool import X, loss
f = gradc.value_and_grad(loss, threads=2)
f(X)

def forever():
    while True:
        f(X)

threading.Thread(target=forever, daemon=True).start()
time.sleep(0.05)
"""
    for _ in range(5):
        ended_well(script)


def test_ctrl_c_reaches_the_caller() -> None:
    """Threads of the pool take no signals: Python sees the interrupt at once."""
    script = """
import os, signal, threading, time
import gradc
from tests.native.test_pool import X, loss
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
f = gradc.value_and_grad(loss, threads=2)
f(X)
threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
try:
    while True:
        f(X)
except KeyboardInterrupt:
    f(X)
    print("interrupted")
"""
    assert "interrupted" in ended_well(script)


def test_it_is_built_while_a_kernel_is(tmp_path: Path) -> None:
    """A first call with work for threads finds the pool there: nothing is compiled for it."""
    script = """
import threading
import numpy as np
import gradc
from gradc.native import library, pool

x = np.ones(3_000_000)
kernel = gradc.compile(lambda x: np.sin(x) * 2.0, threads=2)
kernel.artifact(x)
for thread in threading.enumerate():
    if thread.name == "gradc pool":
        thread.join()
assert len(pool._early) == 1
made = []
original = library._build
library._build = lambda *arguments: made.append(arguments) or original(*arguments)
assert np.array_equal(kernel(x), gradc.compile(lambda x: np.sin(x) * 2.0, threads=1)(x))
assert made == []
"""
    environment = {**os.environ, "GRADC_CACHE_DIR": str(tmp_path / "cache")}
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stderr
