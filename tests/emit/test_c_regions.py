"""Loops and branches as C: compiled strictly, equal to the interpreter, readable."""

import subprocess

import numpy as np
import pytest

from gradc.emit.c_source import print_c
from gradc.ir.interpret import interpret
from gradc.kernels.lower import lower
from gradc.options import Options
from tests.emit.c_units import COMPILERS, STRICT, run
from tests.kernels.region_corpus import CORPUS


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """All programs in one library: a unit each."""
    folder = tmp_path_factory.mktemp("regions")
    files = []
    for case in CORPUS:
        text = print_c(lower(case.program, Options()), Options(), symbol=f"f_{case.name}").text
        files.append(folder / f"{case.name}.c")
        files[-1].write_text(text)
    made = folder / "regions.so"
    command = [COMPILERS[0], *STRICT, "-O1", "-fPIC", "-shared", "-o", str(made)]
    done = subprocess.run(
        [*command, *map(str, files), "-lm"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[:4000]
    return made


@pytest.mark.skipif(not COMPILERS, reason="no C compiler")
@pytest.mark.parametrize("case", CORPUS, ids=lambda case: case.name)
def test_compiled_values(case, library):
    unit = lower(case.program, Options())
    expected = interpret(case.program.graph, *case.arguments)
    found = run(library, f"f_{case.name}", unit, *case.arguments)
    for want, have in zip(expected, found, strict=True):
        loose = 1e-5 if want.dtype == np.float32 else 1e-12
        np.testing.assert_allclose(have, want, rtol=loose, atol=loose)
