"""Small C drivers around the support headers, compiled directly with the compilers found here."""

import ctypes
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

SUPPORT = Path(__file__).parents[2] / "templates" / "c" / "support"
WARNINGS = ["-std=c99", "-pedantic", "-Wall", "-Wextra", "-Wconversion", "-Wshadow"]
WARNINGS += ["-Wdouble-promotion", "-Wstrict-prototypes", "-Werror", "-Wno-unused-function"]
BASE = [
    "-std=c99",
    "-fPIC",
    "-shared",
    "-ffp-contract=off",
    "-fno-math-errno",
    "-fno-trapping-math",
]
FAST = ["-O3", "-march=native"]
PLAIN = ["-O0"]

C_TYPES = {
    "f64": "double",
    "f32": "float",
    "i64": "int64_t",
    "i32": "int32_t",
    "i16": "int16_t",
    "i8": "int8_t",
    "u64": "uint64_t",
    "u32": "uint32_t",
    "u16": "uint16_t",
    "u8": "uint8_t",
}
_KINDS = {"f": "float", "i": "int", "u": "uint"}


def dtype(name: str) -> np.dtype:
    return np.dtype(_KINDS[name[0]] + name[1:])


def compilers() -> list[str]:
    """The compilers to test: gcc and clang where present, else whatever `cc` is."""
    found = [name for name in ("gcc", "clang") if shutil.which(name)]
    return found or [name for name in ("cc",) if shutil.which(name)]


@dataclass(frozen=True)
class Loop:
    """A C function to call for every item: `name(arguments...) -> result`, types as `f64`."""

    name: str
    result: str
    arguments: tuple[str, ...]

    def text(self) -> str:
        letters = "abc"[: len(self.arguments)]
        inputs = [
            f"const {C_TYPES[t]} *restrict {x}"
            for t, x in zip(self.arguments, letters, strict=True)
        ]
        head = (
            f"void all_{self.name}({', '.join(inputs)}, {C_TYPES[self.result]} *restrict y,"
            " int64_t n)"
        )
        call = f"{self.name}({', '.join(f'{x}[i]' for x in letters)})"
        return f"{head};\n{head} {{ for (int64_t i = 0; i < n; i++) {{ y[i] = {call}; }} }}\n"


@dataclass
class Library:
    """A compiled driver."""

    path: Path
    loops: dict[str, Loop]
    messages: str
    handle: ctypes.CDLL = field(init=False)

    def __post_init__(self) -> None:
        self.handle = ctypes.CDLL(str(self.path))

    def map(self, name: str, *arrays: np.ndarray) -> np.ndarray:
        loop = self.loops[name]
        inputs = [
            np.ascontiguousarray(x, dtype(t)) for x, t in zip(arrays, loop.arguments, strict=True)
        ]
        out = np.empty(inputs[0].shape, dtype(loop.result))
        pointers = [ctypes.c_void_p(x.ctypes.data) for x in (*inputs, out)]
        self.handle[f"all_{name}"](*pointers, ctypes.c_int64(out.size))
        return out


def build(folder: Path, text: str, loops: list[Loop], compiler: str, *flags: str) -> Library:
    """Compile `text` (includes, own functions) and one C loop for each of `loops`."""
    stem = f"driver-{len(list(folder.iterdir()))}"
    source, library = folder / f"{stem}.c", folder / f"{stem}.so"
    source.write_text(text + "".join(loop.text() for loop in loops))
    command = [compiler, *BASE, *flags, f"-I{SUPPORT}", str(source), "-o", str(library), "-lm"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return Library(library, {loop.name: loop for loop in loops}, done.stderr)


def variants(folder: Path, text: str, loops: list[Loop]) -> list[Library]:
    """The driver optimised for this machine first, then unoptimised, then by a second compiler."""
    first, *others = compilers()
    told = ["-fopt-info-vec-optimized"] if first == "gcc" else []
    built = [build(folder, text, loops, first, *FAST, *told)]
    built.append(build(folder, text, loops, first, *PLAIN))
    built += [build(folder, text, loops, other, *FAST) for other in others]
    return built
