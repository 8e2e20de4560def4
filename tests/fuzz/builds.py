"""Many generated C functions in one library, or in one program with memory of exact size."""

import ctypes
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from gradc.emit.c_source import print_c
from gradc.ir import Program
from gradc.kernels.lower import lower
from gradc.native.compiler import find_toolchain
from gradc.options import Options

__all__ = ["COMPILERS", "PLAIN", "QUICK", "STRICT", "build", "call", "run_alone", "write_sources"]

COMPILERS = [found for name in ("gcc", "clang") if (found := shutil.which(name))]
CC = (shutil.which("cc") or shutil.which("gcc") or shutil.which("clang") or "cc",)
BASE = ["-std=c99", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math"]
PLAIN = ["-O0"]
QUICK = [flag for flag in find_toolchain().flags() if flag[:2] in ("-O", "-m")] if COMPILERS else []
"""What calls are compiled with."""
STRICT = [
    *("-std=c99", "-pedantic", "-Wall", "-Wextra", "-Wconversion", "-Wshadow"),
    *("-Wdouble-promotion", "-Wstrict-prototypes", "-Werror"),
]


def write_sources(
    programs: Sequence[Program], folder: Path, options: Options | None = None
) -> list[Path]:
    """Print every program as calls compile it, one file each."""
    options = options or Options()
    files = []
    for program in programs:
        source = print_c(lower(program, options), options, symbol=program.name)
        files.append(folder / f"{program.name}.c")
        files[-1].write_text(source.text)
    return files


def build(files: Sequence[Path], library: Path, *flags: str) -> ctypes.CDLL:
    """Compile the files into one library."""
    command = [*CC, *BASE, *flags, "-fPIC", "-shared", *map(str, files), "-o", str(library), "-lm"]
    subprocess.run(command, check=True, capture_output=True)
    return ctypes.CDLL(str(library))


def results_of(program: Program) -> list[np.ndarray]:
    """Return arrays for the results, full of NaN where there is one."""
    return [
        np.full(port.type.extents, np.nan if port.type.dtype.kind == "f" else 77, port.type.dtype)
        for port in program.outputs
    ]


def call(library: ctypes.CDLL, program: Program, given: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Call one function of a library; its working memory is full of garbage before."""
    results = results_of(program)
    size = getattr(library, f"{program.name}_arena")
    size.restype = ctypes.c_size_t
    memory = np.full(size() + 64, 0xA5, np.uint8)
    start = memory.ctypes.data + (-memory.ctypes.data % 64)
    pointers = [array.ctypes.data for array in (*given, *results)] + [start, 0]
    block = (ctypes.c_void_p * len(pointers))(*pointers)
    assert getattr(library, f"{program.name}_call")(block, None) == 0
    return results


_MAIN = """\
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

typedef int32_t (*entry)(void *const *buffers, const int64_t *dims);
{declarations}
static void *bytes(size_t count) {{
    void *memory = NULL;
    if (posix_memalign(&memory, 64, count ? count : 1)) {{ exit(3); }}
    return memory;
}}

static int run(entry call, size_t arena, int inputs, int outputs, const size_t *sizes, FILE *in,
               FILE *out) {{
    void *buffers[64] = {{0}};
    for (int k = 0; k < inputs + outputs; ++k) {{
        buffers[k] = bytes(sizes[k]);
        if (k < inputs && fread(buffers[k], 1, sizes[k], in) != sizes[k]) {{ return 4; }}
    }}
    buffers[inputs + outputs] = bytes(arena);
    if (call(buffers, NULL)) {{ return 5; }}
    for (int k = inputs; k < inputs + outputs; ++k) {{
        if (fwrite(buffers[k], 1, sizes[k], out) != sizes[k]) {{ return 6; }}
    }}
    for (int k = 0; k <= inputs + outputs; ++k) {{ free(buffers[k]); }}
    return 0;
}}

int main(int argc, char **argv) {{
    FILE *in = fopen(argv[argc - 2], "rb"), *out = fopen(argv[argc - 1], "wb");
    int status = in == NULL || out == NULL;
{calls}
    fclose(in);
    fclose(out);
    return status;
}}
"""


def _main(programs: Sequence[Program]) -> str:
    declarations, calls = [], []
    for program in programs:
        name = program.name
        ports = (*program.inputs, *program.outputs)
        sizes = ", ".join(f"{int(port.type.nbytes)}" for port in ports)
        declarations.append(f"int32_t {name}_call(void *const *buffers, const int64_t *dims);")
        declarations.append(f"size_t {name}_arena(void);")
        calls.append(f"    static const size_t {name}_sizes[] = {{{sizes}}};")
        counts = f"{len(program.inputs)}, {len(program.outputs)}"
        calls.append(
            f"    if (!status) {{ status = run({name}_call, {name}_arena(), {counts}, "
            f"{name}_sizes, in, out); }}"
        )
    return _MAIN.format(declarations="\n".join(declarations), calls="\n".join(calls))


def run_alone(
    programs: Sequence[Program],
    arguments: Sequence[Sequence[np.ndarray]],
    folder: Path,
    flags: Sequence[str],
    under: Sequence[str] = (),
) -> list[list[np.ndarray]]:
    """Run the functions in a program of their own, every array with memory of its exact size.

    Parameters
    ----------
    flags : sequence of str
        For the compiler.
    under : sequence of str
        A command that the program is run by.
    """
    files = [*write_sources(programs, folder), folder / "main.c"]
    files[-1].write_text(_main(programs))
    binary, given, made = folder / "alone", folder / "in.bin", folder / "out.bin"
    command = [*CC, "-D_POSIX_C_SOURCE=200809L", *BASE, *flags, *map(str, files)]
    done = subprocess.run([*command, "-o", str(binary), "-lm"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-4000:]
    given.write_bytes(b"".join(a.tobytes() for arrays in arguments for a in arrays))
    run = subprocess.run(
        [*under, str(binary), str(given), str(made)], capture_output=True, text=True
    )
    assert run.returncode == 0, (run.returncode, run.stderr[-4000:])
    return _read(programs, made.read_bytes())


def _read(programs: Sequence[Program], data: bytes) -> list[list[np.ndarray]]:
    found, at = [], 0
    for program in programs:
        results = results_of(program)
        for array in results:
            piece = np.frombuffer(data[at : at + array.nbytes], array.dtype)
            array[...] = piece.reshape(array.shape)
            at += array.nbytes
        found.append(results)
    assert at == len(data)
    return found
