"""Builds work in one thread; asked for it, they take the threads that their caller lends."""

import ctypes
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

import gradc
from gradc.ahead import Built
from tests.large_programs import elementwise

COMPILERS = [path for name in ("gcc", "clang") if (path := shutil.which(name))]
STRICT = ["-std=c99", "-pedantic", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror"]
N = 100_000

DRIVER = """
#include <stdio.h>
#include <string.h>
#include "value.h"

enum { size = 100000 };
static double x[size], alone[size], lent[size], result[2];
static double arena[2 + VALUE_ARENA / sizeof(double)];
static int64_t calls;

/* Does all chunks, the last one first. */
static void backwards(void *pool, int64_t chunks, gradc_chunk_fn body, void *arguments) {
    *(int64_t *)pool += 1;
    while (chunks > 0) {
        body(arguments, --chunks);
    }
}

int main(void) {
    gradc_env env;
    int i, same;
    memset(&env, 0, sizeof env);
    env.version = GRADC_ENV_VERSION;
    env.pool = &calls;
    env.parallel_for = backwards;
    for (i = 0; i < size; i++) {
        x[i] = (double)i / size;
    }
    value(x, &result[0], alone, arena);
    value_with(x, &result[1], lent, arena, &env);
    same = result[0] == result[1] && memcmp(alone, lent, sizeof lent) == 0;
    value_with(x, &result[1], lent, arena, NULL);
    same = same && result[0] == result[1] && memcmp(alone, lent, sizeof lent) == 0;
    printf("%.17g %d %d\\n", result[0], same, (int)calls);
    return 0;
}
"""


def built(folder: Path, **options: object) -> Built:
    gradient = gradc.value_and_grad(elementwise)
    return gradc.build(gradient, (np.zeros(N),), out=folder, name="value", **options)


@pytest.mark.skipif(not COMPILERS, reason="no C compiler here")
def test_nobody_is_made_to_have_threads(tmp_path: Path) -> None:
    files = built(tmp_path)
    assert "gradc_env" not in files.header.read_text()
    command = ["nm", "-D", "--defined-only", str(files.shared)]
    exported = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert {line.split()[-1] for line in exported.splitlines()} == {"value", "value_arena"}
    undefined = subprocess.run(
        ["nm", "-u", str(files.archive)], capture_output=True, text=True, check=True
    ).stdout
    assert "pthread" not in undefined


@pytest.mark.parametrize("compiler", COMPILERS)
def test_a_caller_lends_threads(compiler: str, tmp_path: Path) -> None:
    files = built(tmp_path, threads=2)
    (tmp_path / "main.c").write_text(DRIVER)
    command = [compiler, *STRICT, "main.c", files.source.name, "-O2", "-o", "main", "-lm"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[:3000]
    out = subprocess.run([tmp_path / "main"], capture_output=True, text=True, check=True).stdout
    value, same, calls = out.split()
    assert (same, calls) == ("1", "1")
    want = elementwise(np.arange(N) / N)
    assert abs(float(value) - want) <= 1e-12 * abs(want)


@pytest.mark.skipif(not COMPILERS, reason="no C compiler here")
def test_a_build_and_a_call_agree_to_the_last_bit(tmp_path: Path) -> None:
    files = built(tmp_path)
    library = ctypes.CDLL(str(files.shared))
    library.value_arena.restype = ctypes.c_size_t
    x, result, slope = np.arange(N) / N, np.empty(()), np.empty(N)
    arena = np.empty(library.value_arena() + 64, np.uint8)
    start = arena.ctypes.data + -arena.ctypes.data % 64
    pointers = (ctypes.c_void_p(a) for a in (*(b.ctypes.data for b in (x, result, slope)), start))
    assert library.value(*pointers) == 0
    found = gradc.value_and_grad(elementwise, threads=2, math="portable")(x)
    assert float(found[0]) == float(result)
    np.testing.assert_array_equal(found[1], slope)


def test_a_program_without_large_loops_has_nothing_to_lend_to(tmp_path: Path) -> None:
    gradient = gradc.value_and_grad(elementwise)
    files = gradc.build(
        gradient, (np.zeros(10),), out=tmp_path, name="value", threads=2, libraries=False
    )
    assert "value_with" not in files.header.read_text() + files.source.read_text()
