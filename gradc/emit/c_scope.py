"""What has which name at one point of a generated function.

Buffers are named once for the whole function; locals and loop indices for their block.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from gradc.emit.c_names import C
from gradc.emit.names import Namer, value_name
from gradc.ir.dims import Symbol
from gradc.ir.graph import Graph
from gradc.kernels.nest import Buffer, Local

__all__ = ["Scope"]


class Scope:
    """Names of buffers, locals and symbols of one function."""

    def __init__(self, graph: Graph, namer: Namer) -> None:
        self.graph = graph
        self.namer = namer
        self.buffers: dict[Buffer, str] = {}
        self.locals: dict[Local, str] = {}
        self.symbols: dict[Symbol, str] = {}
        self.used: set[Buffer] = set()
        self._stored: set[int] = set()

    def buffer(self, buffer: Buffer) -> str:
        """Return a buffer's name and note that it is used."""
        self.used.add(buffer)
        return self.buffers[buffer]

    def keep_buffer(self, buffer: Buffer, name: str) -> None:
        """Note the name that a parameter has already."""
        self.buffers[buffer] = name
        if buffer.node >= 0:
            self._stored.add(buffer.node)

    def add_buffer(self, buffer: Buffer) -> None:
        """Name a temporary after the value it holds, a constant table with ``_table``."""
        user, stem = value_name(self.graph, buffer.node)
        wanted = buffer.name or user
        if wanted and buffer.kind == "constant" and C.safe(wanted) == wanted:
            wanted += "_table"
        stem = "table" if buffer.kind == "constant" else stem
        self.keep_buffer(buffer, self.namer.value(wanted, stem))

    def add_symbol(self, symbol: Symbol) -> str:
        """Name a loop index or a size."""
        name = self.symbols[symbol] = self.namer.user(symbol.name)
        return name

    def add_local(self, local: Local) -> str:
        """Name a scalar: as the user calls it, with ``_i`` for one element of a stored array."""
        user, stem = value_name(self.graph, local.node)
        wanted = local.name or user
        if wanted and local.node in self._stored and C.safe(wanted) == wanted:
            wanted += "_i"
        name = self.locals[local] = self.namer.value(wanted, stem)
        return name

    def needs_no_name(self, local: Local) -> bool:
        """Tell whether the user named no such value, or an array carries the name already."""
        if not local.name and local.node not in self.graph.names:
            return True
        return local.node in self._stored

    @contextmanager
    def block(self, symbol: Symbol | None = None) -> Iterator[str]:
        """Open a block, with a loop index or without; its names are free again afterwards."""
        mark = self.namer.mark()
        before = self.symbols.get(symbol) if symbol else None
        yield self.add_symbol(symbol) if symbol else ""
        self.namer.release(mark)
        if symbol and before:
            self.symbols[symbol] = before
