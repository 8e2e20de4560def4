import ast
import os
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gradc.errors import CompileError, CompilerNotFound, CompileTimeout
from gradc.native import identity
from gradc.native.cache import Cache
from gradc.native.compiler import Toolchain, find_toolchain
from gradc.native.library import library
from gradc.native.process import environment
from tests.native.kernels import assert_gone, doubling, program

FORBIDDEN = ("-ffast-math", "-Ofast", "-funsafe", "-fopenmp")
ANSWERS = 'case "$1" in --version) echo fake 1.0; exit 0;; -dumpmachine) echo here; exit 0;; esac\n'


@pytest.fixture
def fake(
    tmp_path: Path, cache: Cache, fresh_process: pytest.MonkeyPatch
) -> Callable[..., Toolchain]:
    """Make a compiler out of shell text and find it through ``GRADC_CC``."""

    def make(body: str, *, answers: str = ANSWERS, timeout: float = 20.0) -> Toolchain:
        path = program(tmp_path / "fake cc", "#!/bin/sh\n" + answers + body)
        fresh_process.setenv("GRADC_CC", str(path))
        return find_toolchain(cache, timeout)

    return make


def failure_of(cache: Cache, toolchain: Toolchain) -> CompileError:
    with pytest.raises(CompileError) as caught:
        library("k", doubling, toolchain, cache)
    assert cache.entries() == []
    assert not list((cache.root / "building").iterdir())
    return caught.value


def test_flags(cache: Cache) -> None:
    flags = find_toolchain(cache).flags(3)
    assert {"-std=c99", "-O3", "-ffp-contract=off", "-fno-math-errno", "-march=native"} <= {*flags}
    assert "-O1" in find_toolchain(cache).flags(1)
    assert "-O3" in find_toolchain(cache).flags(3)
    assert "-fira-algorithm=priority" not in flags
    assert not [flag for flag in flags if flag.startswith(FORBIDDEN)]


@pytest.mark.parametrize(
    "version", ["cc (Debian) 12\nCopyright Free Software Foundation", "clang 14"]
)
@pytest.mark.parametrize("wide", [True, False])
def test_whole_registers_where_the_processor_has_them(
    monkeypatch: pytest.MonkeyPatch, version: str, *, wide: bool
) -> None:
    instructions = "flags=avx2 avx512f avx512dq" if wide else "flags=avx2 avx512fp16"
    monkeypatch.setattr(identity, "processor", lambda: instructions)
    toolchain = Toolchain(("cc",), version, "", Path())
    assert ("-mprefer-vector-width=512" in toolchain.flags()) is wide
    assert "-mprefer-vector-width=512" not in Toolchain(("cc",), "other", "", Path()).flags()


@pytest.mark.parametrize(
    ("version", "machine", "short"),
    [
        ("cc (Debian 12.2.0-14) 12.2.0\nCopyright Free Software Foundation", "x86_64-linux-gnu", 2),
        ("gcc (GCC) 11.4.1\nCopyright Free Software Foundation", "x86_64-linux-gnu", 0),
        ("cc (Debian 12.2.0-14) 12.2.0\nCopyright Free Software Foundation", "aarch64-linux", 0),
        ("clang version 14.0.6", "x86_64-pc-linux-gnu", 0),
    ],
)
def test_memory_moves_in_short_pieces_where_long_ones_are_wrong(
    version: str, machine: str, short: int
) -> None:
    flags = Toolchain(("cc",), version, machine, Path()).flags()
    assert len([f for f in flags if f.endswith("-max=128")]) == short


@pytest.mark.parametrize("wide", [True, False])
def test_half_registers_where_they_are_asked_for(
    monkeypatch: pytest.MonkeyPatch, *, wide: bool
) -> None:
    monkeypatch.setattr(identity, "processor", lambda: f"flags=avx2 {'avx512f' * wide}")
    toolchain = Toolchain(("cc",), "cc 12\nCopyright Free Software Foundation", "", Path())
    flags = [f for f in toolchain.flags(narrow=True) if "width" in f]
    assert flags == (["-mprefer-vector-width=256"] if wide else [])


def test_a_unit_asks_for_half_registers(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []
    real = Toolchain.compile

    def noting(
        self: Toolchain, source: Path, output: Path, optimise: int = 3, *, narrow: bool, **more: Any
    ) -> None:
        asked.append(narrow)
        real(self, source, output, optimise, narrow=narrow, **more)

    monkeypatch.setattr(Toolchain, "compile", noting)
    toolchain = find_toolchain(cache)
    library("wide", doubling, toolchain, cache)
    library("narrow", lambda: replace(doubling(), narrow=True), toolchain, cache)
    assert asked == [False, True]


def test_a_failing_compiler_is_explained(cache: Cache, fake: Callable[..., Toolchain]) -> None:
    noise = "head -c 10000000 /dev/zero | tr '\\0' 'x' >&2; echo >&2\n"
    lines = "i=0; while [ $i -lt 60 ]; do echo line $i >&2; i=$((i+1)); done\n"
    error = failure_of(cache, fake(noise + lines + "exit 3\n"))
    assert error.stderr_tail.splitlines() == [f"line {number}" for number in range(20, 60)]
    assert "exit code 3" in str(error)
    assert error.command[0].endswith("fake cc")
    assert "kernel_call" in Path(error.source_path).read_text()
    assert not [word for word in error.command if word.startswith(FORBIDDEN)]


@pytest.mark.counts("misbehaving compilers")
@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("exit 0", "wrote no library"),
        ('while [ "$1" != -o ]; do shift; done; echo text > "$2"', "does not load"),
        ('while [ "$1" != -o ]; do shift; done; : > "$2"', "wrote no library"),
        ("kill -9 $$", "signal 9"),
        ("echo chatter; read line; exit 1", "exit code 1"),
    ],
)
def test_misbehaviour(
    cache: Cache, fake: Callable[..., Toolchain], body: str, message: str
) -> None:
    assert message in str(failure_of(cache, fake(body)))


@pytest.mark.counts("misbehaving compilers")
def test_a_library_without_our_symbols(cache: Cache, fake: Callable[..., Toolchain]) -> None:
    body = (
        'while [ "$1" != -o ]; do shift; done\n'
        'echo "int other = 1;" | cc -shared -fPIC -x c - -o "$2"'
    )
    assert "symbol is missing" in str(failure_of(cache, fake(body)))


@pytest.mark.counts("misbehaving compilers")
def test_a_hanging_compiler_and_its_child_are_ended(
    cache: Cache, fake: Callable[..., Toolchain], tmp_path: Path
) -> None:
    toolchain = fake(f"sleep 77 & echo $! > '{tmp_path}/child'; sleep 78", timeout=0.4)
    start = time.monotonic()
    with pytest.raises(CompileTimeout, match=r"within 0\.4 s"):
        library("k", doubling, toolchain, cache)
    assert time.monotonic() - start < 1.4
    child = int((tmp_path / "child").read_text())
    assert_gone(child)


@pytest.mark.counts("misbehaving compilers")
def test_a_child_left_behind_is_ended(
    cache: Cache, fake: Callable[..., Toolchain], tmp_path: Path
) -> None:
    failure_of(cache, fake(f"sleep 79 & echo $! > '{tmp_path}/child'; exit 1"))
    assert_gone(int((tmp_path / "child").read_text()))


@pytest.mark.counts("misbehaving compilers")
def test_hanging_at_the_first_question(fake: Callable[..., Toolchain]) -> None:
    with pytest.raises(CompileTimeout):
        fake("sleep 80", answers="", timeout=0.3)


def test_native_is_retried_without(
    cache: Cache, fake: Callable[..., Toolchain], tmp_path: Path
) -> None:
    body = f"""
        echo run >> '{tmp_path}/runs'
        for word in "$@"; do [ "$word" = -march=native ] && exit 1; done
        exec cc "$@"
        """
    toolchain = fake(body)
    library("one", doubling, toolchain, cache)
    library("two", doubling, toolchain, cache)
    assert (tmp_path / "runs").read_text().count("run") == 3
    assert "-march=native" not in toolchain.flags()
    assert find_toolchain(cache).accepts_native is False


@pytest.mark.counts("misbehaving compilers")
def test_a_broken_compiler_is_tried_once(
    cache: Cache, fake: Callable[..., Toolchain], tmp_path: Path
) -> None:
    toolchain = fake(f"echo run >> '{tmp_path}/runs'; exit 1")
    failure_of(cache, toolchain)
    runs = (tmp_path / "runs").read_text()
    failure_of(cache, toolchain)
    assert (tmp_path / "runs").read_text() == runs


def test_one_bad_unit_does_not_break_the_compiler(cache: Cache) -> None:
    toolchain = find_toolchain(cache)
    bad = doubling()
    object.__setattr__(bad, "text", bad.text + "#error no\n")
    with pytest.raises(CompileError) as caught:
        library("bad", lambda: bad, toolchain, cache)
    assert "#error no" in caught.value.stderr_tail
    assert library("good", doubling, toolchain, cache).meta == {}


def test_what_a_compiler_said_is_remembered(
    cache: Cache, fake: Callable[..., Toolchain], tmp_path: Path, fresh_process: pytest.MonkeyPatch
) -> None:
    count = f"echo \"$1\" >> '{tmp_path}/asked'\n"
    toolchain = fake("exit 1", answers=count + ANSWERS)
    assert (toolchain.version, toolchain.machine) == ("fake 1.0", "here")
    fresh_process.setattr("gradc.native.compiler._found", {})
    assert find_toolchain(cache, 20.0).version == "fake 1.0"
    assert (tmp_path / "asked").read_text().split() == ["--version", "-dumpmachine"]


def test_a_changed_compiler_is_another_one(
    cache: Cache, fake: Callable[..., Toolchain], fresh_process: pytest.MonkeyPatch
) -> None:
    first = fake("exit 1")
    fresh_process.setattr("gradc.native.compiler._found", {})
    second = fake("exit 11", answers=ANSWERS.replace("1.0", "2.0"))
    assert first.identity != second.identity


def test_missing_or_not_executable(
    cache: Cache, fresh_process: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "plain").write_text("no program")
    for name in ("no-such-compiler", str(tmp_path / "plain"), "'"):
        fresh_process.setenv("GRADC_CC", name)
        with pytest.raises(CompilerNotFound, match="not there or may not be run"):
            find_toolchain(cache)


def test_no_compiler_at_all(
    cache: Cache, fresh_process: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fresh_process.delenv("GRADC_CC", raising=False)
    fresh_process.delenv("CC", raising=False)
    fresh_process.setenv("PATH", str(tmp_path))
    fresh_process.setattr("gradc.native.compiler._zig", lambda: iter(()))
    with pytest.raises(CompilerNotFound, match="no C compiler found"):
        find_toolchain(cache)


def test_zig_is_the_last_resort(
    cache: Cache, fresh_process: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    package = tmp_path / "ziglang"
    package.mkdir()
    (package / "__init__.py").touch()
    zig = program(package / "zig", '#!/bin/sh\necho "clang version 20 $1 $2"\n')
    fresh_process.syspath_prepend(tmp_path)
    fresh_process.delenv("GRADC_CC", raising=False)
    fresh_process.delenv("CC", raising=False)
    fresh_process.setenv("PATH", str(tmp_path / "nothing"))
    found = find_toolchain(cache)
    assert found.command == (str(zig), "cc")
    assert found.version == "clang version 20 cc --version"


def test_cc_with_spaces_and_arguments(
    cache: Cache, fresh_process: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fresh_process.setenv("GRADC_CC", "cc -DGIVEN=1")
    found = find_toolchain(cache)
    assert found.command[1:] == ("-DGIVEN=1",)
    assert Path(found.command[0]).is_absolute()
    with_space = program(tmp_path / "my cc", '#!/bin/sh\nexec cc "$@"\n')
    fresh_process.setenv("GRADC_CC", str(with_space))
    toolchain = find_toolchain(cache)
    assert toolchain.command == (str(with_space),)
    assert library("spaces", doubling, toolchain, cache).meta == {}


def test_gradc_cc_goes_before_cc(cache: Cache, fresh_process: pytest.MonkeyPatch) -> None:
    fresh_process.setenv("CC", "no-such-compiler")
    with pytest.raises(CompilerNotFound):
        find_toolchain(cache)
    fresh_process.setenv("GRADC_CC", "cc")
    assert find_toolchain(cache).command[0].endswith("cc")


@pytest.mark.parametrize("name", ["a b", "a;b", "$(touch x)", "-lead", "@lead", "new\nline"])
def test_strange_folder_names(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir(mode=0o700)
    strange = Cache(tmp_path / name)
    assert library("k", doubling, cache=strange).meta == {}
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_clean_environment(fresh_process: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("CPATH", "LIBRARY_PATH", "GCC_EXEC_PREFIX", "LD_PRELOAD", "SECRET"):
        fresh_process.setenv(name, "/elsewhere")
    found = environment(tmp_path)
    assert not {"CPATH", "LIBRARY_PATH", "GCC_EXEC_PREFIX", "LD_PRELOAD", "SECRET"} & set(found)
    assert (found["LC_ALL"], found["PATH"]) == ("C", os.environ["PATH"])


def test_nothing_read_is_run() -> None:
    package = Path(__file__).resolve().parents[2] / "gradc"
    unsafe = {"pickle", "marshal", "shelve", "eval", "exec", "__import__"}
    own_texts = {
        package / "runtime" / "python_source.py",  # runs what gradc has just printed
        package / "records.py",  # writes constructors, of names that stand in this package
    }
    for path in {*package.rglob("*.py")} - own_texts:
        tree = ast.parse(path.read_text())
        names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        imports = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import)
                   for alias in node.names}  # fmt: skip
        found = unsafe & (names | imports)
        if path == package / "fingerprint.py":  # writes bytes to hash them, and reads none
            used = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)
                    and ast.unparse(node.value) == "marshal"}  # fmt: skip
            assert (found, used) == ({"marshal"}, {"dumps"})
            continue
        assert not found, path


def test_no_shell_in_the_package() -> None:
    package = Path(__file__).resolve().parents[2] / "gradc"
    for path in package.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.keyword):
                assert node.arg != "shell", path
            if isinstance(node, ast.Attribute):
                assert ast.unparse(node) not in ("os.system", "os.popen"), path


def test_the_process_is_left_as_found(cache: Cache) -> None:
    library("before", doubling, cache=cache)
    before, count = (open_files(), Path.cwd(), os.umask(0o77)), threads()
    os.umask(before[2])
    for number in range(3):
        library(f"after{number}", doubling, cache=cache)
    after = (open_files(), Path.cwd(), os.umask(0o77))
    os.umask(after[2])
    assert before == after
    patience = time.monotonic() + 10  # a thread that has ended is listed for a moment longer
    while threads() > count and time.monotonic() < patience:
        time.sleep(0.01)
    assert threads() <= count


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def threads() -> int:
    return len(list(Path("/proc/self/task").iterdir()))


def test_ctrl_c_ends_the_compiler(cache: Cache, tmp_path: Path) -> None:
    slow = program(
        tmp_path / "slow",
        f"#!/bin/sh\n{ANSWERS}echo $$ > '{tmp_path}/pid.new'\n"
        f"mv '{tmp_path}/pid.new' '{tmp_path}/pid'\nsleep 81\n",
    )
    script = (
        "import signal, sys; from pathlib import Path\n"
        "from gradc.native.cache import Cache\n"
        "from gradc.native.library import library\n"
        "from tests.native.kernels import doubling\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "library('k', doubling, cache=Cache(Path(sys.argv[1])))\n"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", script, str(cache.root)],
        env=os.environ | {"GRADC_CC": str(slow)},
        cwd=Path(__file__).resolve().parents[2],
        stderr=subprocess.PIPE,
        text=True,
    )
    while not (tmp_path / "pid").exists() and child.poll() is None:
        time.sleep(0.01)
    child.send_signal(2)
    _, stderr = child.communicate(timeout=10)
    assert "KeyboardInterrupt" in stderr
    assert_gone(int((tmp_path / "pid").read_text()))
    assert not list((cache.root / "building").iterdir())
    assert not list((cache.root / "locks").iterdir())


def test_kept_sources_are_bounded(cache: Cache) -> None:
    for number in range(40):
        kept = cache.keep_failed(f"{number:02}".ljust(64, "0"), "int x;")
    assert len(list((cache.root / "failed").iterdir())) == 32
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


def test_a_quicker_linker_is_used_where_it_is_there(
    cache: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = "gcc (Debian) 12.2.0\nCopyright (C) 2022 Free Software Foundation, Inc."
    machine = "x86_64-linux-gnu"
    toolchain = Toolchain(("/usr/bin/gcc",), version, machine, tmp_path / "memory")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert toolchain._linker() == ()
    (tmp_path / "ld.gold").touch(0o755)
    assert toolchain._linker() == ("-fuse-ld=gold",)
    other = Toolchain(("/usr/bin/gcc",), version, "aarch64-linux-gnu", tmp_path / "memory")
    assert other._linker() == ()
