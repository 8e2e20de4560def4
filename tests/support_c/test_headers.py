"""Every support header is complete by itself and free of warnings."""

import re
import subprocess

import pytest

from tests.support_c.builds import SUPPORT, WARNINGS, compilers

HEADERS = sorted(path.name for path in SUPPORT.glob("*.h"))


def complaints(compiler, *headers):
    unit = "".join(f'#include "{header}"\n' for header in headers) + "typedef int gradc_unit;\n"
    command = [compiler, "-xc", "-", f"-I{SUPPORT}", *WARNINGS, "-O1", "-fsyntax-only"]
    return subprocess.run(command, input=unit, capture_output=True, text=True, check=False).stderr


@pytest.mark.parametrize("header", HEADERS)
def test_compiles_alone_without_warnings(header):
    for compiler in compilers():
        assert complaints(compiler, header, header) == ""


def test_compiles_together_without_warnings():
    for compiler in compilers():
        assert complaints(compiler, *HEADERS) == ""


@pytest.mark.parametrize("header", HEADERS)
def test_holds_no_state_and_allocates_nothing(header):
    text = re.sub(r"/\*.*?\*/", "", (SUPPORT / header).read_text(), flags=re.DOTALL)
    assert not re.search(r"\b(malloc|calloc|realloc|free|alloca|errno|__int128)\b", text)
    assert not re.search(r"^\s*static (?!inline|const|void gradc_gemm_tile)", text, re.MULTILINE)
