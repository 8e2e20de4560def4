"""The C face of a program: parameters in order, with their names, types and descriptions.

    int symbol(inputs..., outputs..., sizes..., void *arena)      size_t symbol_arena(sizes...)

The header and the definition are made from the same list.
"""

from collections.abc import Iterable, Iterator

from gradc.emit.c_comments import COLUMNS
from gradc.emit.c_names import C, keep_clear
from gradc.emit.c_types import memory_type
from gradc.emit.names import Namer
from gradc.ir.dims import DimExpr, Symbol
from gradc.ir.program import Port, Program
from gradc.records import dataclass

__all__ = ["Parameter", "Signature", "function_lines", "signature"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One array that is handed in: its C name, and the port it belongs to.

    A donated argument is an output as well: its result has no parameter of its own.
    """

    name: str
    port: Port
    output: bool
    donated: bool = False

    def declared(self, restrict: str = "") -> str:
        """Print the declaration, in a definition with ``restrict``."""
        kind = memory_type(self.port.type.dtype)
        return f"{'' if self.output else 'const '}{kind} *{restrict}{self.name}"

    @property
    def about(self) -> tuple[str, str, str, str]:
        """Describe the argument: name, type, direction and, where it differs, the user's path."""
        path = self.port.path if self.port.path != self.name else ""
        way = "in, out" if self.donated else "out" if self.output else "in"
        return self.name, str(self.port.type), way, path


@dataclass(frozen=True, slots=True)
class Signature:
    """All parameters of a function."""

    symbol: str
    inputs: tuple[Parameter, ...]
    outputs: tuple[Parameter, ...]
    sizes: tuple[tuple[Symbol, str], ...]
    namer: Namer

    @property
    def arrays(self) -> tuple[Parameter, ...]:
        """Inputs, then outputs but for those in the memory of an input."""
        return (*self.inputs, *(p for p in self.outputs if not p.donated))

    @property
    def places(self) -> list[int]:
        """Where :attr:`arrays` stand among all inputs and outputs."""
        count = len(self.inputs)
        return [
            k for k, p in enumerate((*self.inputs, *self.outputs)) if k < count or not p.donated
        ]

    @property
    def size_parameters(self) -> list[str]:
        """The declarations of the symbolic sizes."""
        return [f"int64_t {name}" for _, name in self.sizes]

    def parameters(self, restrict: str = "") -> list[str]:
        """Return all declarations in order."""
        arrays = [parameter.declared(restrict) for parameter in self.arrays]
        return [*arrays, *self.size_parameters, f"void *{restrict}arena"]

    @property
    def arguments(self) -> list[str]:
        """Return the names in order, as another function with the same parameters passes them."""
        return [*(p.name for p in self.arrays), *(name for _, name in self.sizes), "arena"]


def signature(program: Program, symbol: str) -> Signature:
    """Name the parameters of a program's function after the user's arguments and results."""
    namer = Namer(C, taken=keep_clear(symbol))
    donated = dict(program.donated)
    inputs = tuple(
        Parameter(namer.user(port.name), port, k in donated.values(), k in donated.values())
        for k, port in enumerate(program.inputs)
    )
    outputs = tuple(
        inputs[donated[k]] if k in donated else Parameter(namer.user(port.name), port, True)
        for k, port in enumerate(program.outputs)
    )
    sizes = tuple((symbol, namer.user(symbol.name)) for symbol in _sizes(program))
    return Signature(symbol, inputs, outputs, sizes, namer)


def _sizes(program: Program) -> list[Symbol]:
    """Return the symbols in the shapes of the arguments, in order of appearance."""
    dims = (dim for port in (*program.inputs, *program.outputs) for dim in port.type.shape)
    return list(dict.fromkeys(_symbols(dims)))


def _symbols(dims: Iterable[object]) -> Iterator[Symbol]:
    for dim in dims:
        if isinstance(dim, DimExpr):
            yield from sorted(dim.symbols)


def function_lines(start: str, parameters: list[str], ending: str = "") -> list[str]:
    """Print ``start(parameters)`` on one line, or one parameter a line where that is too long."""
    line = f"{start}({', '.join(parameters) or 'void'}){ending}"
    if len(line) < COLUMNS:
        return [line]
    rows = [f"    {parameter}," for parameter in parameters]
    rows[-1] = rows[-1][:-1] + ")" + ending
    return [f"{start}(", *rows]


def packed_lines(start: str, items: list[str], ending: str) -> list[str]:
    """Print items after ``start`` on one line, or on lines of their own that are filled."""
    line = f"{start}{', '.join(items)}{ending}"
    if len(line) < COLUMNS:
        return [line]
    rows = [f"    {items[0]}"]
    for item in items[1:]:
        if len(rows[-1]) + len(item) + len(ending) + 3 < COLUMNS:
            rows[-1] += f", {item}"
        else:
            rows[-1] += ","
            rows.append(f"    {item}")
    rows[-1] += ending
    return [start, *rows]
