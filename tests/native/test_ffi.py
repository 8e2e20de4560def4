import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from gradc.native import generate_ffi
from gradc.native.cache import Cache
from gradc.native.ffi import NULL, LoadError, ffi, load_entry
from gradc.native.library import library
from tests.native.kernels import doubling

ROOT = Path(__file__).resolve().parents[2]
HEADER = ROOT / "templates" / "c" / "support" / "gradc_env.h"


def test_module_is_what_the_generator_writes(tmp_path: Path) -> None:
    committed = (ROOT / "gradc" / "native" / "_entry_ffi.py").read_text()
    assert generate_ffi.module_text(HEADER.read_text(), tmp_path) == committed


@pytest.mark.parametrize("standard", ["c99", "c11", "c17"])
def test_header_is_clean(standard: str) -> None:
    flags = "-pedantic -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Werror"
    command = ["cc", f"-std={standard}", *flags.split(), "-fsyntax-only", "-x", "c", str(HEADER)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_same_names_in_two_libraries_do_not_meet(cache: Cache) -> None:
    x, y = np.arange(8.0), np.empty(8)
    block = [ffi.from_buffer("void *", array) for array in (x, y)]
    eight = library("eight", lambda: doubling(8), cache=cache)
    one = library("one", lambda: doubling(1), cache=cache)
    eight.entry(block, NULL)
    np.testing.assert_array_equal(y, 2 * x)
    y[:] = 7
    one.entry(block, NULL)
    np.testing.assert_array_equal(y, [0, *[7] * 7])


def test_the_entry_keeps_its_library(cache: Cache) -> None:
    entry = library("kept", doubling, cache=cache).entry
    x, y = np.arange(8.0), np.empty(8)
    entry([ffi.from_buffer("void *", array) for array in (x, y)], NULL)
    np.testing.assert_array_equal(y, 2 * x)


def test_a_foreign_library_is_refused(tmp_path: Path) -> None:
    source = tmp_path / "other.c"
    source.write_text("int other(void); int other(void) { return 1; }")
    subprocess.run(["cc", "-shared", "-fPIC", "-o", tmp_path / "other.so", source], check=True)
    with pytest.raises(LoadError, match="symbol is missing"):
        load_entry(tmp_path / "other.so", "key")
    with pytest.raises(LoadError):
        load_entry(source, "key")


HIT = """
import sys
from pathlib import Path
from gradc.native.cache import Cache
from gradc.native.library import library

def never():
    raise AssertionError("a hit must not make the unit")

library("hit", never, cache=Cache(Path(sys.argv[1])))
slow = {"cffi", "pycparser", "jinja2", "networkx"} & set(sys.modules)
assert not slow, slow
"""


def test_a_hit_imports_nothing_slow_and_starts_no_process(cache: Cache, tmp_path: Path) -> None:
    library("hit", doubling, cache=cache)
    guard = (
        "import sys\n"
        "def hook(event, args):\n"
        "    assert event not in ('subprocess.Popen', 'os.system', 'os.exec'), event\n"
        "sys.addaudithook(hook)\n"
    )
    command = [sys.executable, "-c", guard + HIT, str(cache.root)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
