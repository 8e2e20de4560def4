"""The library for calls: built once, aside, and never to anybody's harm."""

import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from gradc.errors import CompileError
from gradc.native import call_library
from gradc.native.cache import Cache
from gradc.native.private import make_private
from tests.native.kernels import assert_gone, program

ROOT = Path(__file__).resolve().parents[2]
C = ROOT / "templates" / "c" / "caller"
COMPILERS = [name for name in ("gcc", "clang") if shutil.which(name)]
STRICT = [
    "-std=c99", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Wstrict-prototypes", "-Werror",
    "-isystem", sysconfig.get_paths()["include"], "-isystem", np.get_include(),
]  # fmt: skip

pytestmark = pytest.mark.skipif(not COMPILERS, reason="no C compiler on this machine")

HEAD = """
import logging
import sys
import time

import numpy as np

import gradc
from gradc.runtime.native_calls import STATE

logging.basicConfig(stream=sys.stdout, format="LOG %(message)s", level=logging.INFO)
x = np.arange(3.0)
doubled = gradc.compile(lambda x: x * 2.0, backend="c")

def check():
    for k in range(50):
        assert np.array_equal(doubled(k * x), 2.0 * k * x)

def settled():
    for _ in range(3000):
        if STATE._thread is None:
            break
        time.sleep(0.01)
    check()
    return type(doubled.quick).__name__
"""
CALLS = HEAD + "check()\nprint(settled(), STATE.reason)\n"


def run(text: str, cache: Path, **environment: str) -> str:
    """Run Python with calls in C allowed, in a cache of its own; return what it prints."""
    own = {"GRADC_CACHE_DIR": str(cache), "GRADC_NATIVE_CALLS": "", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", text],
        env=os.environ | own | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    return done.stdout.strip()


def entries(cache: Path) -> list[Path]:
    folder = cache / "callers" / "entries"
    return [*folder.iterdir()] if folder.is_dir() else []


def leftovers(cache: Path) -> list[Path]:
    """Return what an unfinished build leaves."""
    root = cache / "callers"
    return [
        *(root / "building").iterdir(),
        *(root / "locks").iterdir(),
        *(root / "failed").iterdir(),
    ]


@pytest.mark.parametrize("compiler", COMPILERS)
def test_compiles_without_a_warning(compiler: str, tmp_path: Path) -> None:
    source, output = str(C / "gradc_caller.c"), str(tmp_path / "caller.so")
    command = [compiler, *STRICT, "-O2", "-fPIC", "-shared", source, "-o", output]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_is_built_aside_and_found_by_the_next_process(tmp_path: Path) -> None:
    first = run(CALLS, tmp_path / "cache")
    assert first == "NativeCall"
    (entry,) = entries(tmp_path / "cache")
    assert leftovers(tmp_path / "cache") == []
    assert len(list((tmp_path / "cache" / "entries").iterdir())) == 1
    made = entry.stat().st_ino
    second = "doubled(x), doubled(x)\nprint(type(doubled.quick).__name__, STATE._thread)"
    assert run(HEAD + second, tmp_path / "cache") == "NativeCall None"
    assert entry.stat().st_ino == made


def test_calls_go_on_in_python_meanwhile(tmp_path: Path) -> None:
    """The compiler waits for a file, which is written once calls were seen in Python."""
    go_on = tmp_path / "go-on"
    wait = f'case "$*" in *isystem*) while [ ! -e {go_on} ]; do sleep 0.01; done;; esac\n'
    slow = program(tmp_path / "cc", f'#!/bin/sh\n{wait}exec cc "$@"\n')
    text = HEAD + (
        "check()\nprint(type(doubled.quick).__name__, STATE.reason)\n"
        f"open({str(go_on)!r}, 'w').close()\nprint(settled())\n"
    )
    printed = run(text, tmp_path / "cache", GRADC_CC=str(slow))
    assert printed.split() == ["function", "being", "built", "NativeCall"]


def test_all_functions_that_wait_are_told(tmp_path: Path) -> None:
    text = HEAD + (
        "others = [gradc.compile(lambda x, k=k: x * k, backend='c') for k in range(3)]\n"
        "for one in others:\n    one(x), one(x), one(x[:2]), one(x[:2])\n"
        "del others[0]\n"
        "settled()\n"
        "for one in others:\n    print(type(one.quick).__name__)\n"
        "    one(x)\n    print(type(one.quick).__name__)\n"
    )
    assert run(text, tmp_path / "cache").split() == ["NativeCall"] * 4


def test_the_variable_keeps_calls_in_python(tmp_path: Path) -> None:
    printed = run(CALLS, tmp_path / "cache", GRADC_NATIVE_CALLS="0")
    assert printed == "function GRADC_NATIVE_CALLS=0"
    assert not (tmp_path / "cache" / "callers").exists()


def test_without_headers(tmp_path: Path) -> None:
    """As where Python's development files are not installed."""
    hide = "import sysconfig; found = sysconfig.get_paths()\n"
    hide += "sysconfig.get_paths = lambda: found | {'include': '/nowhere'}\n"
    printed = run(hide + CALLS, tmp_path / "cache").splitlines()
    assert printed[-1] == "function /nowhere/Python.h is not installed"
    assert printed[0] == f"LOG calls are not made in C: {printed[-1].partition(' ')[2]}"
    assert entries(tmp_path / "cache") == leftovers(tmp_path / "cache") == []


def test_a_compiler_that_cannot_do_it_is_asked_once(tmp_path: Path) -> None:
    counted = tmp_path / "count"
    refuse = f'case "$*" in *isystem*) echo >> {counted}; exit 1;; esac\n'
    broken = program(tmp_path / "cc", f'#!/bin/sh\n{refuse}exec cc "$@"\n')
    more = "other = gradc.compile(lambda x: x + 1.0, backend='c')\nfor _ in range(4): other(x)\n"
    text = CALLS + more + "print(settled())\n"
    printed = run(text, tmp_path / "cache", GRADC_CC=str(broken)).splitlines()
    assert [line for line in printed if not line.startswith("LOG")][1:] == ["function"]
    assert sum("calls are not made in C" in line for line in printed) == 1
    assert counted.read_text().count("\n") == 1
    assert entries(tmp_path / "cache") == []


def test_a_compiler_that_writes_nonsense(tmp_path: Path) -> None:
    lie = 'while [ "$1" != -o ]; do shift; done; echo no > "$2"; exit 0'
    lie = f'case "$*" in *isystem*) {lie};; esac\n'
    liar = program(tmp_path / "cc", f'#!/bin/sh\n{lie}exec cc "$@"\n')
    printed = run(CALLS, tmp_path / "cache", GRADC_CC=str(liar)).splitlines()
    assert printed[-1].startswith("function the C compiler wrote something that does not load")
    assert entries(tmp_path / "cache") == []


@pytest.mark.parametrize("damage", ["cut", "swap", "open"])
def test_a_damaged_library_is_not_loaded(tmp_path: Path, damage: str) -> None:
    cache = tmp_path / "cache"
    run(CALLS, cache)
    (entry,) = entries(cache)
    library = entry / "kernel.so"
    if damage == "cut":
        library.write_bytes(library.read_bytes()[:5000])
    elif damage == "swap":
        library.write_bytes(next((cache / "entries").glob("*/kernel.so")).read_bytes())
    else:
        library.chmod(0o777)
    printed = run(CALLS, cache).splitlines()
    assert printed[0].startswith("LOG cache entry")
    assert printed[-1].strip() == "NativeCall"
    assert len(entries(cache)) == 1


def test_a_folder_that_others_can_write_to(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    run(CALLS, cache)
    (cache / "callers").chmod(0o777)
    printed = run(CALLS, cache).splitlines()
    assert printed[-1].startswith("function cannot keep a library for calls")


def test_an_exit_ends_the_build(tmp_path: Path) -> None:
    """The compiler writes its number and never ends."""
    number = tmp_path / "number"
    hang = f'case "$*" in *isystem*) echo $$ > {number}; sleep 1000;; esac\n'
    slow = program(tmp_path / "cc", f'#!/bin/sh\n{hang}exec cc "$@"\n')
    seen = f"import os\nwhile not os.path.exists({str(number)!r}): check()\ncheck()\n"
    begun = time.monotonic()
    assert run(HEAD + seen, tmp_path / "cache", GRADC_CC=str(slow)) == ""
    assert time.monotonic() - begun < 60, "it waited for the compiler's time limit"
    assert_gone(int(number.read_text()))
    assert entries(tmp_path / "cache") == leftovers(tmp_path / "cache") == []
    assert run(CALLS, tmp_path / "cache").strip() == "NativeCall"


@pytest.mark.slow
def test_a_kill_during_the_build_leaves_nothing_broken(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    for round in range(6):
        text = HEAD + f"check(); time.sleep({0.05 * round}); import os, signal\n"
        text += f"os.kill(os.getpid(), {int(signal.SIGKILL)})\n"
        own = {"GRADC_CACHE_DIR": str(cache), "GRADC_NATIVE_CALLS": "", "PYTHONPATH": str(ROOT)}
        subprocess.run([sys.executable, "-c", text], env=os.environ | own, timeout=60, check=False)
    assert run(CALLS, cache).splitlines()[-1].strip() == "NativeCall"
    assert len(entries(cache)) == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this machine")
def test_a_child_of_a_process_that_builds_builds_its_own(tmp_path: Path) -> None:
    go_on = tmp_path / "go-on"
    wait = f'case "$*" in *isystem*) while [ ! -e {go_on} ]; do sleep 0.01; done;; esac\n'
    slow = program(tmp_path / "cc", f'#!/bin/sh\n{wait}exec cc "$@"\n')
    text = HEAD + (
        "import os\ncheck()\nchild = os.fork()\n"
        "if child == 0:\n    check()\n"
        "    other = gradc.compile(lambda x: x + 1.0, backend='c')\n"
        f"    open({str(go_on)!r}, 'w').close()\n"
        "    other(x), other(x)\n    settled()\n    good = type(other.quick).__name__\n"
        "    os._exit(0 if good == 'NativeCall' else 1)\n"
        "assert os.waitpid(child, 0)[1] == 0\nprint(settled())\n"
    )
    assert run(text, tmp_path / "cache", GRADC_CC=str(slow)) == "NativeCall"
    assert len(entries(tmp_path / "cache")) == 1


def test_processes_share_one_build(tmp_path: Path) -> None:
    counted = tmp_path / "count"
    count = f'case "$*" in *isystem*) echo >> {counted};; esac\n'
    counting = program(tmp_path / "cc", f'#!/bin/sh\n{count}exec cc "$@"\n')
    own = {
        "GRADC_CACHE_DIR": str(tmp_path / "cache"),
        "GRADC_NATIVE_CALLS": "",
        "GRADC_CC": str(counting),
        "PYTHONPATH": str(ROOT),
    }
    started = [
        subprocess.Popen([sys.executable, "-c", CALLS], env=os.environ | own, stdout=-1, text=True)
        for _ in range(4)
    ]
    printed = [one.communicate(timeout=120)[0].strip() for one in started]
    assert printed == ["NativeCall"] * 4
    assert counted.read_text().count("\n") == 1


def test_a_read_only_cache_is_told(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(path: Path, *, probe: bool) -> Path:
        raise OSError(30, "Read-only file system", str(path))

    monkeypatch.setattr(call_library, "make_private", refused)
    with pytest.raises(CompileError, match="Read-only"):
        call_library.folder(cache)


def test_the_command_line_looks_after_it(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    run(CALLS, cache)
    (entry,) = entries(cache)
    command = "import sys\nfrom gradc.cli import main\n"
    assert "made in C" in run(command + "main(['doctor'])", cache)
    off = run(command + "main(['doctor'])", cache, GRADC_NATIVE_CALLS="0")
    assert "made in Python: GRADC_NATIVE_CALLS=0" in off
    (entry / "kernel.so").write_bytes(b"")
    assert entry.name[:16] in run(command + "main(['cache', 'verify'])", cache)
    run(command + "main(['cache', 'clear'])", cache)
    assert entries(cache) == []


def test_where_there_can_be_none(monkeypatch: pytest.MonkeyPatch) -> None:
    assert call_library.obstacle() is None
    with monkeypatch.context() as patch:
        patch.setattr(sys, "implementation", SimpleNamespace(name="pypy"))
        assert call_library.obstacle() == "this Python is pypy"
    monkeypatch.setattr(sys, "abiflags", "t")
    assert "lock" in str(call_library.obstacle())


def test_looking_for_it_reads_no_configuration(tmp_path: Path) -> None:
    """That would take longer than loading it."""
    run(CALLS, tmp_path / "cache")
    text = HEAD + "check()\nprint(type(doubled.quick).__name__, 'sysconfig' in sys.modules)\n"
    assert run(text, tmp_path / "cache") == "NativeCall False"


def test_another_numpy_is_another_key(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    key = call_library._key()
    monkeypatch.setattr(call_library.np, "__version__", "2.99")
    assert call_library._key() != key
    assert Cache(make_private(tmp_path / "own")).root.is_dir()
