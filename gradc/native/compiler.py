"""Finding a C compiler, remembering what it is, and running it.

Public::

    find_toolchain(cache=None, timeout=60.0) -> Toolchain     # raises CompilerNotFound
    Toolchain
      .command .version .machine      # what runs, what it says of itself
      .flags(optimise, narrow=False)  # the exact flags
      .identity                       # text for the key of everything it builds
      .compile(source, output, optimise=3, narrow=False, extra=())    # raises CompileError
      .objects(jobs), .link(inputs, output, optimise=3)    # False when refused
      .describe()                     # one line for inspect and doctor

Looking at a compiler costs two short processes; what they said is kept beside the entries of the
cache under the compiler's path, size and time of change.  No test program is compiled beforehand:
the first kernel is the test, and a refusal of ``-march=native`` is noticed there.
"""

import json
import os
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from gradc.errors import CompileError, CompilerNotFound
from gradc.later import later, sha256
from gradc.native import identity
from gradc.native.cache import Cache, default_cache
from gradc.records import dataclass

if TYPE_CHECKING:
    from gradc.native.process import Finished

__all__ = ["TIMEOUT", "Toolchain", "find_toolchain"]

process, shlex, shutil = later("gradc.native.process"), later("shlex"), later("shutil")
diagnostics, finders = later("gradc.native.diagnostics"), later("importlib.util")

TIMEOUT = 60.0
"""Seconds that one run of a compiler may take."""

_BASE_FLAGS = (
    "-std=c99", "-fPIC", "-shared", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math",
    "-fvisibility=hidden",
    "-DGRADC_API=",
)  # fmt: skip
_LOOPS = ("-ftree-vectorize", "-fvect-cost-model=dynamic", "-fpeel-loops")
_FEWER = "--param=max-completely-peel-times=8"
_LEVELS = {
    1: ("-O1", "-fira-algorithm=priority"),
    2: ("-O2", *_LOOPS, "-funswitch-loops", "-fpredictive-commoning", _FEWER),
    3: ("-O3",),
    4: ("-O1", *_LOOPS, "-fexpensive-optimizations", "-fstrict-aliasing"),
}
"""What each level means to gcc; other compilers have -O1 for the first and -O3 for the rest."""
_NATIVE = "-march=native"
_SHORT_MOVES = ("-mmove-max=128", "-mstore-max=128")
_TRIVIAL = "int gradc_trivial(void);\nint gradc_trivial(void) { return 0; }\n"
_NAMES = ("cc", "gcc", "clang")


@dataclass(slots=True)
class Toolchain:
    """A C compiler as found on this machine.

    Parameters
    ----------
    command : tuple of str
        Absolute path of the program and the arguments that came with its name.
    version, machine : str
        What ``--version`` and ``-dumpmachine`` print.
    memory : Path
        The file in which ``accepts_native`` is remembered.
    accepts_native : bool or None
        Whether ``-march=native`` works; None until the first compilation.
    """

    command: tuple[str, ...]
    version: str
    machine: str
    memory: Path
    accepts_native: bool | None = None
    timeout: float = TIMEOUT
    broken: CompileError | None = None

    def flags(self, optimise: int = 3, *, narrow: bool = False) -> tuple[str, ...]:
        """Return the flags for an optimisation level; never any that change floating point.

        At level 1, for long functions, gcc gives out registers in the way that stays linear.  At
        level 2, for many loops, it writes fewer of them out turn by turn.  Level 4, for loops, is
        what vectors and registers need and little else: the same speed in half of level 3's time.
        (Without "expensive optimizations" gcc leaves out ``vzeroupper``, and calls of narrower
        functions take ten times as long.)  ``narrow`` asks for registers of half the greatest
        width.
        """
        native = () if self.accepts_native is False else self._native_flags(narrow=narrow)
        plain = ("-O1",) if optimise == 1 else ("-O3",)
        return (*_BASE_FLAGS, *(_LEVELS[optimise] if self._is_gcc else plain), *native)

    @property
    def _is_gcc(self) -> bool:
        return "Free Software Foundation" in self.version

    def _native_flags(self, *, narrow: bool = False) -> tuple[str, ...]:
        """Return the flags for this processor: whole registers, which tuning tables often halve.

        gcc 12 moves short stretches of memory in pieces of 32 bytes and repeats half of one where
        it knows what was stored there; in pieces of 16 bytes it does not.
        """
        moves = _SHORT_MOVES if self._moves_wrongly else ()
        wide = (
            self._is_gcc or "clang" in self.version
        ) and " avx512f " in identity.processor() + " "
        width = 256 if narrow and self._is_gcc else 512
        return (_NATIVE, f"-mprefer-vector-width={width}", *moves) if wide else (_NATIVE, *moves)

    @property
    def _moves_wrongly(self) -> bool:
        """Whether this is a gcc for x86 that knows the flags for moves, which came with 12."""
        major = re.search(r"\) (\d+)\.", self.version)
        new = self._is_gcc and major is not None and int(major[1]) >= 12
        return new and self.machine.startswith(("x86_64", "i386", "i486", "i586", "i686"))

    @property
    def identity(self) -> str:
        """Everything about compiler and machine that shapes what it builds.

        Whether ``-march=native`` is refused follows from the rest, so it is not part of it.
        """
        flags = (*_BASE_FLAGS, *self._native_flags())
        parts = (*self.command, self.version, self.machine, *flags, identity.c_library())
        return "\n".join((*parts, identity.processor()))

    def describe(self) -> str:
        """Name the compiler in one line."""
        first = self.version.partition("\n")[0] or "unknown version"
        return f"{shlex.join(self.command)} ({first}, {self.machine})"

    def compile(
        self,
        source: Path,
        output: Path,
        optimise: int = 3,
        *,
        narrow: bool = False,
        extra: tuple[str, ...] = (),
    ) -> None:
        """Compile one C file to a shared library, with ``extra`` arguments for it alone.

        Raises
        ------
        CompileError
            When the compiler fails, does not end in time, or leaves no library.
        """
        if self.broken is not None:
            raise self.broken
        flags = (*self.flags(optimise, narrow=narrow), *extra)
        finished = self._run(source, output, flags)
        if _built(finished, output):
            self._remember(native=self.accepts_native is not False)
            return
        if self._retries_plainly(finished):
            native = self._native_flags(narrow=narrow)
            again = self._run(source, output, tuple(f for f in flags if f not in native))
            if _built(again, output):
                self._remember(native=False)
                return
        raise self._failure(finished, source)

    def objects(self, jobs: Sequence[tuple[Path, Path, int]], *, narrow: bool = False) -> bool:
        """Compile C files to objects, each at its level, at once; tell whether all came out."""
        commands = [
            (*self.command, *self.flags(level, narrow=narrow), "-c", "-o", str(output), str(source))
            for source, output, level in jobs
        ]
        finished = process.run_all(commands, jobs[0][0].parent, self.timeout)
        return all(self._came(one, job[1], job[0]) for one, job in zip(finished, jobs, strict=True))

    def link(
        self, inputs: Sequence[Path], output: Path, optimise: int = 3, *, narrow: bool = False
    ) -> bool:
        """Make one library of C files and objects; tell whether it came out."""
        flags = (*self.flags(optimise, narrow=narrow), *self._linker())
        names = [str(path) for path in inputs]
        command = (*self.command, *flags, "-o", str(output), *names, "-lm")
        finished = process.run(command, output.parent, self.timeout)
        return self._came(finished, output, inputs[0])

    def _linker(self) -> tuple[str, ...]:
        """Choose the linker that takes two thirds of the usual one's time, where it is there."""
        known = self.machine.startswith("x86_64") and "linux" in self.machine
        return ("-fuse-ld=gold",) if known and self._is_gcc and _which("ld.gold") else ()

    def _came(self, finished: "Finished", output: Path, source: Path) -> bool:
        """Tell whether something was built; what took too long is not tried in another way."""
        if finished.timed_out:
            raise self._failure(finished, source)
        built = _built(finished, output)
        if built:
            self._remember(native=self.accepts_native is not False)
        return built

    def _run(self, source: Path, output: Path, flags: tuple[str, ...]) -> "Finished":
        output.unlink(missing_ok=True)
        command = (*self.command, *flags, "-o", str(output), str(source), "-lm")
        try:
            return process.run(command, source.parent, self.timeout)  # type: ignore[no-any-return]
        except OSError as error:
            raise CompilerNotFound(
                f"{self.command[0]} cannot be run: {error.strerror}", command=command
            ) from error

    def _retries_plainly(self, finished: "Finished") -> bool:
        return self.accepts_native is None and not finished.timed_out

    def _failure(self, finished: "Finished", source: Path) -> CompileError:
        why = "ended well but wrote no library" if finished.code == 0 else ""
        error: CompileError = diagnostics.failure(finished, self.timeout, str(source), why)
        if not finished.timed_out and not self._builds_anything(source.parent):
            self.broken = error
        return error

    def _builds_anything(self, folder: Path) -> bool:
        """Tell a broken compiler, which need not be tried again, from one bad unit."""
        source, output = folder / "trivial.c", folder / "trivial.so"
        try:
            source.write_text(_TRIVIAL)
            return _built(self._run(source, output, _BASE_FLAGS), output)
        except (OSError, CompileError):
            return False

    def _remember(self, *, native: bool) -> None:
        if self.accepts_native is not native:
            self.accepts_native = native
            _write_memory(self)


def _built(finished: "Finished", output: Path) -> bool:
    return finished.code == 0 and not finished.timed_out and _size(output) > 0


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


_found: dict[tuple[object, ...], Toolchain] = {}


def find_toolchain(cache: Cache | None = None, timeout: float = TIMEOUT) -> Toolchain:
    """Return the compiler to use: ``GRADC_CC``, ``CC``, ``cc``, ``gcc``, ``clang``, then zig.

    Raises
    ------
    CompilerNotFound
        When there is none, or the one asked for cannot be run.
    """
    cache = cache or default_cache()
    wanted = tuple(os.environ.get(name, "") for name in ("GRADC_CC", "CC", "PATH"))
    key = (*wanted, cache.root, timeout)
    if key not in _found:
        _found[key] = _probe(_command(*wanted[:2]), cache, timeout)
    return _found[key]


def _command(*chosen: str) -> tuple[str, ...]:
    for text in chosen:
        if text.strip():
            return _split(text)
    for name in _NAMES:
        path = _which(name)
        if path:
            return (str(Path(path).absolute()),)
    for path in _zig():
        return (path, "cc")
    raise CompilerNotFound(
        "no C compiler found",
        repair='install gcc or clang, or "pip install gradc[zig]", or set GRADC_CC',
    )


def _which(name: str) -> str | None:
    """Find a program by its plain name, as ``shutil.which`` does it."""
    if sys.platform == "win32":
        return shutil.which(name)  # type: ignore[no-any-return]
    for folder in os.environ.get("PATH", os.defpath).split(os.pathsep):
        path = os.path.join(folder, name)  # noqa: PTH118 - asked for many folders
        if os.access(path, os.F_OK | os.X_OK) and not os.path.isdir(path):  # noqa: PTH112
            return path
    return None


def _split(text: str) -> tuple[str, ...]:
    """Read ``CC``: a program, whose path may hold spaces, or a program with arguments."""
    try:
        words = [text] if shutil.which(text) else shlex.split(text)
    except ValueError:
        words = [text]
    path = shutil.which(words[0])
    if path is None:
        raise CompilerNotFound(
            f"the C compiler {words[0]!r} is not there or may not be run",
            repair="correct GRADC_CC or CC, or unset it",
        )
    return (str(Path(path).absolute()), *words[1:])


def _zig() -> Iterator[str]:
    """Find the program in the ziglang package, without importing the package."""
    spec = finders.find_spec("ziglang")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        for name in ("zig", "zig.exe"):
            if (Path(folder) / name).is_file():
                yield str(Path(folder) / name)


def _probe(command: tuple[str, ...], cache: Cache, timeout: float) -> Toolchain:
    memory = cache.root / "compilers" / f"{_fingerprint(command)}.json"
    known = _read_memory(memory)
    if known is not None:
        return Toolchain(command, known[0], known[1], memory, known[2], timeout)
    try:
        with cache.building("probe") as folder:
            version = _ask(command, "--version", folder, timeout) or _content_hash(command[0])
            machine = _ask(command, "-dumpmachine", folder, timeout)
    except OSError as error:
        raise CompileError(f"cannot work in {cache.root}: {error.strerror}") from error
    toolchain = Toolchain(command, version, machine, memory, None, timeout)
    _write_memory(toolchain)
    return toolchain


def _fingerprint(command: tuple[str, ...]) -> str:
    status = Path(command[0]).stat()
    real = Path(command[0]).resolve()
    facts = (*command, str(real), str(status.st_mtime_ns), str(status.st_size))
    return sha256("\0".join(facts).encode()).hexdigest()[:32]


def _ask(command: tuple[str, ...], question: str, folder: Path, timeout: float) -> str:
    """Return the answer, or nothing when the compiler does not know the question."""
    try:
        finished = process.run((*command, question), folder, timeout)
    except OSError as error:
        raise CompilerNotFound(
            f"{command[0]} cannot be run: {error.strerror}", command=(*command, question)
        ) from error
    if finished.timed_out:
        raise diagnostics.failure(finished, timeout, "")
    return finished.output.strip() if finished.code == 0 else ""


def _content_hash(program: str) -> str:
    """Stand in for the version of a compiler that does not tell it."""
    return "sha256 " + sha256(Path(program).read_bytes()).hexdigest()


def _read_memory(path: Path) -> tuple[str, str, bool | None] | None:
    try:
        record = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(record, dict):
        return None
    version, machine, native = (record.get(name) for name in ("version", "machine", "native"))
    if isinstance(version, str) and isinstance(machine, str) and native in (True, False, None):
        return version, machine, native
    return None


def _write_memory(toolchain: Toolchain) -> None:
    """Remember for other processes; that this fails is no harm."""
    record = {
        "version": toolchain.version,
        "machine": toolchain.machine,
        "native": toolchain.accepts_native,
    }
    aside = toolchain.memory.with_suffix(f".{os.getpid()}")
    with suppress(OSError):
        aside.write_text(json.dumps(record))
        aside.replace(toolchain.memory)
