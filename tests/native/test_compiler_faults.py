"""What gcc gets wrong without gradc's workarounds, fault by fault, with the compilers found here.

Each text is the smallest seen to be compiled wrongly.  With the workaround it has to be right with
every compiler.  Without it, it has to be wrong with those listed as faulty: where such a test
fails, the compiler no longer has the fault, and the workaround may go once no listed version is in
use.
What other versions of gcc do is told in the counts at the end of a run.
"""

import ctypes
import platform
import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from gradc.native import identity
from gradc.native.compiler import _BASE_FLAGS, _SHORT_MOVES
from tests.support_c.builds import SUPPORT, compilers

FAULTY = {("gcc", 12, "x86_64")}
"""Compilers, versions and machines that were seen to have all of the faults."""


@dataclass(frozen=True)
class Fault:
    """A loop that a compiler gets wrong.

    Parameters
    ----------
    body : str
        C statements that read 64 numbers x and change 64 numbers r.
    meaning : callable
        The same in NumPy, in place.
    where : str
        The module that keeps generated code from it.
    flags : tuple of str
        What the fault needs.
    mended : tuple of str
        Flags of the workaround, if it is one by flags.
    """

    body: str
    meaning: Callable[[np.ndarray, np.ndarray], None]
    where: str
    flags: tuple[str, ...] = ()
    mended: tuple[str, ...] = ()


def sum_backwards(x: np.ndarray, r: np.ndarray) -> None:
    r[0] = x[:24].sum()


def add_interleaved(x: np.ndarray, r: np.ndarray) -> None:
    for i in range(6):
        for j in range(3):
            r[i * 5 + j + 6] += x[i * 3 + j]
            r[i * 5 + j + 1] += x[i * 3 + j] * 3.0


def sum_out_of_order(x: np.ndarray, r: np.ndarray) -> None:
    r[0] = x[:16].sum()


def move_twice(x: np.ndarray, r: np.ndarray) -> None:
    r[:16] = np.tile([2.0, 2.0, 0.0, 0.0], 4)
    r[16:28], r[28:32] = r[:12], 0.0
    r[32:48] = r[:16]


FAULTS = {
    "a sum over two loops, backwards through memory": Fault(
        """
    double total = 0.0;
    for (int64_t i = 0; i < 6; ++i) {
        KEEP
        for (int64_t j = 0; j < 4; ++j) {
            total += x[i * 4 + 3 - j];
        }
    }
    r[0] = total;""",
        sum_backwards,
        "emit/c_barriers.py",
    ),
    "turns that reach the same elements over a stride": Fault(
        """
    for (int64_t i = 0; i < 6; ++i) {
        KEEP
        for (int64_t j = 0; j < 3; ++j) {
            r[i * 5 + j + 6] += x[i * 3 + j];
            r[i * 5 + j + 1] += x[i * 3 + j] * 3.0;
        }
    }""",
        add_interleaved,
        "emit/c_barriers.py",
    ),
    "several additions a turn, out of memory's order": Fault(
        """
    double total = 0.0;
    for (int64_t i = 0; i < 8; ++i) {
        KEEP
        total += x[i * 2 + 1];
        total += x[i * 2];
    }
    r[0] = total;""",
        sum_out_of_order,
        "emit/c_chains.py",
    ),
    "short memory moved in pieces of 32 bytes": Fault(
        """
    double *restrict pad = r, *restrict copy = r + 16, *restrict out = r + 32;
    for (int64_t i = 0; i < 4; ++i) {
        for (int64_t j = 0; j < 2; ++j) pad[i * 4 + j] = 2.0;
        for (int64_t j = 2; j < 4; ++j) pad[i * 4 + j] = 0.0;
    }
    memcpy(copy, pad, 16 * sizeof(double));
    for (int64_t i = 0; i < 4; ++i) copy[i + 12] = 0.0;
    for (int64_t j = 0; j < 12; ++j) out[j] = copy[j];
    for (int64_t j = 0; j < 4; ++j) out[j + 12] = pad[j + 12] + copy[j + 12];""",
        move_twice,
        "native/compiler.py",
        ("-mavx", "-mmove-max=256", "-mstore-max=256"),
        _SHORT_MOVES,
    ),
}
CASES = [(compiler, name) for compiler in compilers() for name in FAULTS]


def version_of(compiler: str) -> tuple[str, int]:
    """Return whose compiler it is, and its major version."""
    asked = subprocess.run([compiler, "--version"], capture_output=True, text=True, check=True)
    own = "gcc" if "Free Software Foundation" in asked.stdout else "clang"
    found = re.search(r"\d+(?=\.\d+\.\d+)", asked.stdout)
    return own, int(found[0]) if found else 0


def is_right(compiler: str, fault: Fault, folder: Path, *, kept: bool) -> bool:
    """Compile a fault's text, with the workaround or without, and run it."""
    source, library = folder / "unit.c", folder / f"unit_{int(kept)}.so"
    keep = '#include "gradc_serial.h"\n#define KEEP gradc_serial();' if kept else "#define KEEP"
    head = f"#include <stdint.h>\n#include <string.h>\n{keep}\n"
    opening = "void run(const double *restrict x, double *restrict r);\n"
    opening += "void run(const double *restrict x, double *restrict r) {"
    source.write_text(f"{head}{opening}{fault.body}\n    (void)x;\n}}\n")
    flags = [flag for flag in _BASE_FLAGS if not flag.startswith("-fvisibility")]
    flags += ["-O3", *fault.flags, *(fault.mended if kept else ()), f"-I{SUPPORT}"]
    subprocess.run([compiler, *flags, str(source), "-o", str(library)], check=True)
    x, found, wanted = np.linspace(1.0, 9.0, 64), np.ones(64), np.ones(64)
    ctypes.CDLL(str(library)).run(
        ctypes.c_void_p(x.ctypes.data), ctypes.c_void_p(found.ctypes.data)
    )
    fault.meaning(x, wanted)
    return np.allclose(found, wanted, rtol=1e-12)


def skip_unless_it_can_show(compiler: str, fault: Fault) -> None:
    """Skip where the flags that a fault needs do not exist, and so neither does the fault."""
    if fault.flags and " avx " not in identity.processor() + " ":
        pytest.skip("the processor has no registers of 32 bytes")
    if fault.flags and (version_of(compiler)[0] != "gcc" or version_of(compiler)[1] < 12):
        pytest.skip(f"{compiler} has no flags for how memory is moved")


@pytest.mark.parametrize(("compiler", "name"), CASES)
def test_with_its_workaround_it_is_right(compiler: str, name: str, tmp_path: Path) -> None:
    skip_unless_it_can_show(compiler, FAULTS[name])
    assert is_right(compiler, FAULTS[name], tmp_path, kept=True)


@pytest.mark.parametrize(("compiler", "name"), CASES)
def test_without_its_workaround_a_listed_compiler_is_wrong(
    compiler: str, name: str, tmp_path: Path, tally: Callable[[str, int], None]
) -> None:
    fault = FAULTS[name]
    skip_unless_it_can_show(compiler, fault)
    own, major = version_of(compiler)
    right = is_right(compiler, fault, tmp_path, kept=False)
    tally(f"faults of {own} {major}, {'gone' if right else 'there'}", 1)
    if (own, major, platform.machine()) in FAULTY:
        assert not right, f"{own} {major} gets {name} right: look whether {fault.where} may let go"
    if own == "clang":
        assert right, f"{own} {major} has a fault that only gcc is kept from: {name}"
