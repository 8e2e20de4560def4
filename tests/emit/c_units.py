"""Small loop-level units built by hand, and a C compiler to run them with."""

import ctypes
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

import gradc.ops  # noqa: F401
from gradc.ir.dims import Symbol
from gradc.ir.graph import Graph
from gradc.ir.op import op_named
from gradc.ir.program import Port, Program
from gradc.ir.types import ArrayType
from gradc.kernels import nest

STRICT = [
    "-std=c99",
    "-pedantic",
    "-Wall",
    "-Wextra",
    "-Wconversion",
    "-Wshadow",
    "-Wdouble-promotion",
    "-Wstrict-prototypes",
    "-Werror",
    "-ffp-contract=off",
    "-fno-math-errno",
    "-fno-trapping-math",
]
COMPILERS = [found for name in ("gcc", "clang") if (found := shutil.which(name))]


def index(name: str) -> Symbol:
    return Symbol(name, "index")


def apply(name: str, *args: nest.Expr, dtype: str = "f8", operand: str = "") -> nest.Apply:
    return nest.Apply(op_named(name), args, np.dtype(dtype), np.dtype(operand or dtype))


def number(value: object, dtype: str = "f8") -> nest.Number:
    return nest.Number(value, np.dtype(dtype))


def load(buffer: nest.Buffer, offset: object = 0, *gathers: object) -> nest.Load:
    return nest.Load(nest.Ref(buffer, offset, gathers))


def store(buffer: nest.Buffer, offset: object, value: nest.Expr, node: int = -1) -> nest.Store:
    return nest.Store(nest.Ref(buffer, offset), value, node)


@dataclass
class Maker:
    """Collects buffers and stages, and lays temporaries one after the other."""

    name: str = "f"
    graph: Graph = field(default_factory=lambda: Graph("f"))
    buffers: list[nest.Buffer] = field(default_factory=list)
    stages: list[nest.Stage] = field(default_factory=list)
    failures: list[tuple[str, None]] = field(default_factory=list)
    scratch: int = 0

    def input(self, name: str, dtype: str, *shape: object) -> nest.Buffer:
        return self._port("input", name, ArrayType.of(dtype, *shape))

    def output(self, name: str, dtype: str, *shape: object) -> nest.Buffer:
        return self._port("output", name, ArrayType.of(dtype, *shape))

    def temporary(self, name: str, dtype: str, *shape: object) -> nest.Buffer:
        return self._add(nest.Buffer("temporary", ArrayType.of(dtype, *shape), name))

    def constant(self, name: str, data: object) -> nest.Buffer:
        array = np.asarray(data)
        return self._add(nest.Buffer("constant", ArrayType.like(array), name, data=array))

    def stage(self, *body: nest.Stmt, section: str = "primal", nodes: tuple = ()) -> None:
        self.stages.append(nest.Stage(list(body), nodes, section))

    def unit(self) -> nest.Unit:
        ports = {
            kind: tuple(
                Port(buffer.name, buffer.type, role)
                for buffer in self.buffers
                if buffer.kind == kind
            )
            for kind, role in (("input", "argument"), ("output", "result"))
        }
        program = Program(self.name, self.graph, ports["input"], ports["output"])
        offsets, at = {}, 0
        for buffer in self.buffers:
            if buffer.kind == "temporary":
                offsets[buffer] = at
                at += -(-int(buffer.type.nbytes) // 64) * 64
        plan = nest.BufferPlan(offsets, at + self.scratch, (at, self.scratch))
        return nest.Unit(program, self.buffers, self.stages, plan, self.failures)

    def _port(self, kind: str, name: str, type: ArrayType) -> nest.Buffer:
        position = sum(buffer.kind == kind for buffer in self.buffers)
        return self._add(nest.Buffer(kind, type, name, position))

    def _add(self, buffer: nest.Buffer) -> nest.Buffer:
        self.buffers.append(buffer)
        return buffer


def compile_c(folder: Path, text: str, *flags: str, compiler: str = "gcc") -> Path:
    """Compile strictly into a library; the compiler's words are the failure's message."""
    source, library = folder / "unit.c", folder / "unit.so"
    source.write_text(text)
    command = [compiler, *STRICT, *(flags or ("-O1",)), "-fPIC", "-shared"]
    done = subprocess.run(
        [*command, "-o", str(library), str(source), "-lm"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[:4000]
    return library


def run(library: Path, symbol: str, unit: nest.Unit, *inputs: np.ndarray) -> list[np.ndarray]:
    """Call a compiled function, by the generic entry where there are many arrays."""
    loaded = ctypes.CDLL(str(library))
    size = getattr(loaded, f"{symbol}_arena")
    size.restype = ctypes.c_size_t
    arena = np.zeros(size() + 64, np.uint8)
    outputs = [np.full(p.type.extents, 77, p.type.dtype) for p in unit.program.outputs]
    arrays = [np.ascontiguousarray(x) for x in inputs]
    aligned = arena.ctypes.data + -arena.ctypes.data % 64
    addresses = [a.ctypes.data for a in (*arrays, *outputs)]
    if len(addresses) < 20:
        code = getattr(loaded, symbol)(*map(ctypes.c_void_p, (*addresses, aligned)))
    else:
        block = (ctypes.c_void_p * (len(addresses) + 2))(*addresses, aligned, None)
        code = getattr(loaded, f"{symbol}_call")(block, None)
    assert code == 0, f"status {code}"
    return outputs
