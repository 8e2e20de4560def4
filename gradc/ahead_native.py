"""Compiling a build: from one C file to a static and a shared library.

The compiler works on a file without folders in its name, in a private folder, so that the same text
gives the same bytes wherever it is built.
"""

import os
import shlex
import shutil
from pathlib import Path

from gradc.errors import CompilerNotFound
from gradc.native.cache import default_cache
from gradc.native.compiler import Toolchain
from gradc.native.diagnostics import failure
from gradc.native.process import run
from gradc.records import dataclass

__all__ = ["Libraries", "compile_flags", "compile_libraries", "library_name"]

_FLAGS = (
    "-std=c99", "-fPIC", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math",
    "-fvisibility=hidden",
)  # fmt: skip
_LONG = 6000
"""Lines above which a unit is compiled with less optimisation: it would take minutes."""
_TIMEOUT = 600.0
_ARCHIVERS = ("ar", "gcc-ar", "llvm-ar")


@dataclass(frozen=True, slots=True)
class Libraries:
    """Both libraries as bytes, and the commands that made them."""

    archive: bytes
    shared: bytes
    commands: tuple[str, ...]


def library_name(name: str, machine: str) -> str:
    """Return the file name of the shared library for a compiler's target machine.

    >>> library_name("loss", "x86_64-linux-gnu"), library_name("loss", "arm64-apple-darwin23")
    ('libloss.so', 'libloss.dylib')
    """
    if "darwin" in machine or "macos" in machine:
        return f"lib{name}.dylib"
    return f"lib{name}.dll" if _is_windows(machine) else f"lib{name}.so"


def compile_flags(text: str) -> tuple[str, ...]:
    """Return the flags for one C text: portable, and none that change floating point."""
    return (*_FLAGS, "-O1" if text.count("\n") > _LONG else "-O3")


def compile_libraries(name: str, text: str, toolchain: Toolchain) -> Libraries:
    """Compile one C text.

    Raises
    ------
    CompileError
        When the compiler, the linker or the archiver fails.
    CompilerNotFound
        When there is no archiver beside the compiler.
    """
    shared = library_name(name, toolchain.machine)
    compile_ = (*toolchain.command, *compile_flags(text), "-c", f"{name}.c", "-o", f"{name}.o")
    archive = (*_archiver(toolchain), "rcsD", f"lib{name}.a", f"{name}.o")
    link = (*toolchain.command, "-shared", f"{name}.o", "-o", shared, *_binding(shared), "-lm")
    steps = {f"{name}.o": compile_, f"lib{name}.a": archive, shared: link}
    with default_cache().building("ahead") as folder:
        (folder / f"{name}.c").write_text(text, encoding="utf-8", newline="\n")
        for product, command in steps.items():
            _do(command, folder, product)
        _, *made = ((folder / product).read_bytes() for product in steps)
    commands = (shlex.join((Path(c[0]).name, *c[1:])) for c in steps.values())
    return Libraries(made[0], made[1], tuple(commands))


def _do(command: tuple[str, ...], folder: Path, product: str) -> None:
    try:
        finished = run(command, folder, _TIMEOUT)
    except OSError as error:
        raise CompilerNotFound(
            f"{command[0]} cannot be run: {error.strerror}", command=command
        ) from error
    path = folder / product
    if finished.timed_out or finished.code != 0:
        raise failure(finished, _TIMEOUT, "")
    if not path.is_file() or path.stat().st_size == 0:
        raise failure(finished, _TIMEOUT, "", f"ended well but wrote no {product}")


def _binding(shared: str) -> tuple[str, ...]:
    """Return the linker's flags: calls inside the library stay there, and what it is called."""
    if shared.endswith(".so"):
        return ("-Wl,-Bsymbolic", f"-Wl,-soname,{shared}")
    return (f"-Wl,-install_name,@rpath/{shared}",) if shared.endswith(".dylib") else ()


def _is_windows(machine: str) -> bool:
    return any(word in machine for word in ("mingw", "windows", "cygwin"))


def _archiver(toolchain: Toolchain) -> tuple[str, ...]:
    """Return the archiver: ``AR``, zig's own, or one of the usual names."""
    chosen = shlex.split(os.environ.get("AR", ""))
    if not chosen and toolchain.command[-1:] == ("cc",) and len(toolchain.command) > 1:
        return (*toolchain.command[:-1], "ar")
    for name in chosen[:1] or _ARCHIVERS:
        path = shutil.which(name)
        if path:
            return (str(Path(path).absolute()), *chosen[1:])
    raise CompilerNotFound(
        "no archiver found for the static library", repair="install binutils, or set AR"
    )
