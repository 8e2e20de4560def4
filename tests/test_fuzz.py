"""Random graphs and their gradients: interpreter, NumPy source and C at full optimisation agree."""

import ctypes
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from gradc.autodiff import reverse
from gradc.emit.c_source import print_c
from gradc.emit.numpy_source import print_numpy
from gradc.ir import ArrayType, Graph, Port, Program
from gradc.ir.interpret import interpret
from gradc.kernels.lower import lower
from gradc.options import Options
from gradc.passes import simplify
from gradc.runtime.python_source import load_function
from tests.backends import HAS_COMPILER
from tests.kernels.test_random import Maker

SHAPES = ((4, 3), (3,), (1, 3), (2, 17), ())
FLAGS = ["-std=c99", "-fPIC", "-shared", "-ffp-contract=off", "-fno-math-errno", "-O3"]


def gradient(seed: int) -> Program:
    """Return value and gradient of the sum of a random graph's last values."""
    graph = Graph(f"fuzz_{seed}")
    inputs = [graph.input(f"x{k}", ArrayType.of("f8", *s)) for k, s in enumerate(SHAPES)]
    graph.input("rows", ArrayType.of("i8", 3))
    maker = Maker(seed, list(inputs))
    for _ in range(12):
        maker.step()
    tail = [v for v in maker.values[len(inputs) :][-4:] if v.dtype.kind == "f"]
    loss = graph.literal(0.0, inputs[0].dtype)
    for value in (*tail, *inputs):
        loss = loss + value.sum()
    graph.outputs = [loss.id]
    joint = reverse(simplify(graph), range(len(inputs)))
    final = simplify(joint.graph, final=True)
    final.name = graph.name
    ports = [Port(f"x{k}", final[id].type) for k, id in enumerate(final.inputs)]
    results = [Port(f"r{k}", final[id].type, "result") for k, id in enumerate(final.outputs)]
    return Program(graph.name, final, tuple(ports), tuple(results))


def arguments(seed: int) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [*(rng.uniform(-1.5, 1.5, shape) for shape in SHAPES), np.zeros(3, np.int64)]


def compile_all(programs: list[Program], folder: Path) -> ctypes.CDLL:
    """Compile every program into one library, one file each, as calls compile them."""
    files = []
    for program in programs:
        source = print_c(lower(program, Options()), Options(), symbol=program.name)
        files.append(folder / f"{program.name}.c")
        files[-1].write_text(source.text)
    library = folder / "fuzz.so"
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    command = [str(compiler), *FLAGS, "-march=native", *map(str, files), "-o", str(library), "-lm"]
    subprocess.run(command, check=True, capture_output=True)
    return ctypes.CDLL(str(library))


def run(library: ctypes.CDLL, program: Program, given: list[np.ndarray]) -> list[np.ndarray]:
    results = [np.empty(port.type.extents, port.type.dtype) for port in program.outputs]
    size = getattr(library, f"{program.name}_arena")
    size.restype = ctypes.c_size_t
    memory = np.full(size() + 64, 0xA5, np.uint8)
    start = memory.ctypes.data + (-memory.ctypes.data % 64)
    pointers = [array.ctypes.data for array in (*given, *results)] + [start, 0]
    block = (ctypes.c_void_p * len(pointers))(*pointers)
    assert getattr(library, f"{program.name}_call")(block, None) == 0
    return results


def compare(seeds: range, folder: Path) -> None:
    programs = {seed: gradient(seed) for seed in seeds}
    library = compile_all(list(programs.values()), folder)
    for seed, program in programs.items():
        given = arguments(seed)
        expected = interpret(program.graph, *given)
        with np.errstate(all="ignore"):
            printed = load_function(print_numpy(program).text, program.name)(*given)
        native = run(library, program, given)
        for wanted, text, binary in zip(expected, printed, native, strict=True):
            scale = max(1.0, float(np.max(np.abs(wanted), initial=0.0)))
            for found, what, bound in ((text, "NumPy source", 1e-13), (binary, "C", 1e-11)):
                np.testing.assert_allclose(  # np.sum adds in the order of memory
                    found, wanted, rtol=0, atol=bound * scale, err_msg=f"{what}, seed {seed}"
                )


needs_compiler = pytest.mark.skipif(not HAS_COMPILER, reason="no C compiler on this machine")


@needs_compiler
@pytest.mark.parametrize("block", range(4))
def test_random_gradients(block, tmp_path):
    seeds = range(20 * block, 20 * (block + 1))
    print(f"seeds {seeds}")
    compare(seeds, tmp_path)


@needs_compiler
@pytest.mark.full
@pytest.mark.parametrize("block", range(40))
def test_many_random_gradients(block, tmp_path):
    seeds = range(1000 + 50 * block, 1000 + 50 * (block + 1))
    print(f"seeds {seeds}")
    compare(seeds, tmp_path)
