"""One compiled function for one set of argument types, open for inspection."""

from __future__ import annotations

import importlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gradc.collector import rare_collections
from gradc.errors import GradcError, UnsupportedError
from gradc.ir.program import Program
from gradc.options import Options
from gradc.runtime.call import Caller

if TYPE_CHECKING:
    import networkx

    from gradc.emit.source import Source
    from gradc.view.memory import Memory

__all__ = ["Artifact"]


@dataclass(eq=False)
class Artifact:
    """A program, the code generated for it, and what calls it.

    Parameters
    ----------
    program : Program
        The simplified graph with named inputs and outputs.
    options : Options
        How it was compiled.
    backend : {"c", "numpy"}
        What a call runs.
    caller : Caller
        Takes arrays in input order, returns results in output order.
    facts : dict of str to str
        Compiler, flags, math mode, BLAS, and what became of each loop: what ``inspect`` shows.
    stored : str
        The name of its library in the disk cache.
    """

    program: Program
    options: Options
    backend: str
    caller: Caller
    facts: dict[str, str] = field(default_factory=dict)
    log: list[Any] = field(default_factory=list)
    stored: str = ""

    def generated(self, kind: str) -> Source:
        """Return generated code with its source map: ``"numpy"`` or ``"c"``."""
        printing = importlib.import_module("gradc.printing")
        if kind == "numpy":
            return printing.numpy_source(self.program)  # type: ignore[no-any-return]
        if kind == "c":
            return printing.c_source(self.program, self.options)  # type: ignore[no-any-return]
        raise GradcError(f"there is no {kind!r} source", repair='ask for "numpy" or "c"')

    def source(self, kind: str = "numpy") -> str:
        """Return generated code as text: ``"numpy"`` or ``"c"``."""
        with rare_collections():
            return self.generated(kind).text

    def graph(self) -> networkx.MultiDiGraph:
        """Return the graph: attribute ``"node"`` holds a node's record, keys are operand slots."""
        return self.program.graph.nx

    def dot(self) -> str:
        """Return the graph in the DOT language."""
        return _view("dot").dot(self.program.graph)  # type: ignore[no-any-return]

    def svg(self) -> str:
        """Return the graph as an SVG picture."""
        return _view("svg").svg(self.program.graph)  # type: ignore[no-any-return]

    def residuals(self) -> str:
        """Return, as text, which primal values the backward part reads, and their bytes."""
        return _view("report").residual_report(self.program)  # type: ignore[no-any-return]

    def memory(self) -> Memory:
        """Return the bytes that a call takes: arena, results, and the tape of every loop.

        ``memory().tape`` is what all loops keep for their reverse, ``memory().tapes`` says for
        which loop and value; ``arena`` holds the tapes and all other temporaries of the C form
        (for an artifact of the NumPy backend: what its C form would take), but neither arguments
        nor results.  The program is lowered for it; nothing is compiled or run.

        Raises
        ------
        UnsupportedError
            The function has no C form.
        """
        return _view("memory").memory_of(self.program, self.options)  # type: ignore[no-any-return]

    def report(self) -> str:
        """Return what ``gradc inspect`` prints: arguments, counts, passes, memory, compiler."""
        try:
            memory = self.memory()
        except UnsupportedError:  # an op without a C form: there is no arena to speak of
            memory = None
        return _view("report").report(self.program, self.facts, memory=memory)  # type: ignore[no-any-return]

    def save(self, folder: str | Path) -> list[Path]:
        """Write the generated sources into a folder, and return their paths."""
        target = Path(folder)
        target.mkdir(parents=True, exist_ok=True)
        written = []
        for kind, suffix in (("numpy", ".py"), ("c", ".c")):
            path = target / f"{self.program.name}{suffix}"
            path.write_text(self.source(kind))
            written.append(path)
        return written


def _view(name: str) -> Any:
    """Load what only looking needs, when somebody looks."""
    return importlib.import_module(f"gradc.view.{name}")
