"""Generated programs under the thread sanitizer: no chunk touches what another one writes."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

import gradc
from gradc.emit.c_source import print_c, print_header
from gradc.kernels.lower import lower
from gradc.kernels.nest import Unit
from gradc.options import Options
from tests.large_programs import CORPUS

C = Path(__file__).resolve().parents[1] / "templates" / "c"
GCC = shutil.which("gcc")
OPTIONS = Options(math="libm", threads=3)
SHARED = [name for name, one in CORPUS.items() if one.shared]

DRIVER = """
#include "gradc_pool.c"
#include "f.h"

#include <stdio.h>

static void *filled(const char *name, size_t bytes) {
    void *memory = calloc(1, bytes + 64);
    FILE *file = fopen(name, "rb");
    if (file != NULL) {
        if (fread(memory, 1, bytes, file) != bytes) {
            exit(2);
        }
        fclose(file);
    }
    return memory;
}

int main(void) {
    int64_t lease = 3, end = gradc_pool_ends;
    gradc_env env = {0};
    int turn;
    ARRAYS
    env.pool = &lease;
    env.parallel_for = gradc_pool_for;
    for (turn = 0; turn < 3; turn++) {
        f_with(CALL, arena, &env);
    }
    gradc_pool_call(NULL, &end);
    RESULTS
    return 0;
}
"""


def driver(unit: Unit) -> str:
    """Return a program that reads its arguments from files and writes its results to others."""
    arrays, writes, names = [], [], []
    ports = [*unit.program.inputs, *unit.program.outputs]
    for number, port in enumerate(ports):
        size, name = int(port.type.nbytes), f"a{number}"
        arrays.append(f'void *{name} = filled("{name}.in", {size});')
        names.append(name)
        if number >= len(unit.program.inputs):
            target = f'FILE *{name}_file = fopen("{name}.out", "wb");'
            writes += [target, f"fwrite({name}, 1, {size}, {name}_file);", f"fclose({name}_file);"]
    arrays.append(f'void *arena = filled("", {unit.plan.arena_bytes});')
    text = DRIVER.replace("ARRAYS", "\n    ".join(arrays)).replace("CALL", ", ".join(names))
    return text.replace("RESULTS", "\n    ".join(writes))


def command(folder: Path, *sources: str) -> list[str]:
    includes = [f"-I{C / 'pool'}", f"-I{C / 'support'}"]
    flags = ["-std=c99", "-O1", "-g", "-fsanitize=thread", "-ffp-contract=off"]
    return [str(GCC), *flags, *includes, *sources, "-o", "run", "-lm", "-lpthread"]


@pytest.mark.full
@pytest.mark.skipif(GCC is None, reason="no gcc here")
@pytest.mark.parametrize("name", SHARED)
def test_no_data_races(name: str, tmp_path: Path) -> None:
    one = CORPUS[name]
    f = gradc.compile(one.function) if one.plain else gradc.value_and_grad(one.function)
    unit = lower(f.artifact(*one.arguments).program, OPTIONS)
    (tmp_path / "f.c").write_text(print_c(unit, OPTIONS, symbol="f", entry=False, lent=True).text)
    (tmp_path / "f.h").write_text(print_header(unit, "f", lent=True))
    (tmp_path / "main.c").write_text(driver(unit))
    for number, argument in enumerate(one.arguments):
        (tmp_path / f"a{number}.in").write_bytes(np.ascontiguousarray(argument).tobytes())
    made = subprocess.run(
        command(tmp_path, "main.c", "f.c"), cwd=tmp_path, capture_output=True, text=True
    )
    assert made.returncode == 0, made.stderr[:3000]
    done = subprocess.run(
        [tmp_path / "run"], cwd=tmp_path, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[:4000]
    first = len(unit.program.inputs)
    port = unit.program.outputs[0]
    found = np.fromfile(tmp_path / f"a{first}.out", port.type.dtype)
    want = f(*(np.array(a) for a in one.arguments))
    value = want if one.plain else want[0]
    np.testing.assert_allclose(found, np.ravel(value), rtol=1e-5 if found.itemsize == 4 else 1e-10)


@pytest.mark.full
@pytest.mark.skipif(GCC is None, reason="no gcc here")
def test_the_sanitizer_notices(tmp_path: Path) -> None:
    """The same check with a chunk that writes where the next one does."""
    one = CORPUS["written"]
    unit = lower(gradc.compile(one.function).artifact(*one.arguments).program, OPTIONS)
    text = print_c(unit, OPTIONS, symbol="f", entry=False, lent=True).text
    wrong = text.replace("result[i] =", "result[i % 64] =")
    assert wrong != text
    (tmp_path / "f.c").write_text(wrong)
    (tmp_path / "f.h").write_text(print_header(unit, "f", lent=True))
    (tmp_path / "main.c").write_text(driver(unit))
    subprocess.run(command(tmp_path, "main.c", "f.c"), cwd=tmp_path, check=True)
    done = subprocess.run([tmp_path / "run"], cwd=tmp_path, capture_output=True, text=True)
    assert "data race" in done.stderr
