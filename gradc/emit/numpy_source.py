"""Programs as NumPy source: a module that imports NumPy only and can be read.

One statement for each value that the user named; values that are read once stand inside the
expression that reads them while the line is short.  The text says what the graph says, operation by
operation and in NumPy's meaning, so the C backend is tested against it.  Only what NumPy does by
itself is left out: broadcasts, and reductions that keep their axes.

Derivatives may divide by zero where the user's function does not; whoever calls the generated
function does so under ``np.errstate(all="ignore")``.
"""

import inspect
from collections.abc import Callable
from functools import cache
from typing import Any

from gradc.emit.lines import Lines, framed
from gradc.emit.names import PYTHON, Namer
from gradc.emit.numpy_layout import LONGEST, Row, add_rows, wrapped
from gradc.emit.numpy_memory import Memory
from gradc.emit.numpy_plan import Section, make_plan
from gradc.emit.numpy_regions import RegionBody
from gradc.emit.render import render
from gradc.emit.source import Source
from gradc.ir import DimExpr, Graph, Kind, Node, Program, Symbol

__all__ = ["print_numpy"]

_INLINE = 72


def print_numpy(program: Program) -> Source:
    """Return a module with one function named after the program.

    It takes the inputs in order and returns the output, or a tuple of them.  It writes to none of
    its arguments, and what it returns shares no memory with them.
    """
    printer = _Printer(program)
    printer.write()
    printer.finish()
    function = printer.function()
    text = render(
        "numpy/module.py.j2",
        tables=printer.tables,
        helpers=[line for helper in printer.helpers for line in _source_of(helper)],
        function=function.texts,
    )
    return framed(text, function)


class _Printer(RegionBody):
    """Writes one program."""

    def __init__(self, program: Program) -> None:
        graph = program.graph
        self.sizes = _size_symbols(graph)
        self.helpers = _helpers(graph)
        taken = (*self.sizes, *(helper.__name__ for helper in self.helpers))
        namer = Namer(PYTHON, taken=taken)
        self.name = namer.user(program.name)
        super().__init__(graph, make_plan(graph), namer, [])
        self.last: list[Row] = []
        for id, port in zip(graph.inputs, program.inputs, strict=True):
            self.operands.names[id] = self.namer.user(port.name)

    def finish(self) -> None:
        """Write the return statement; results share memory with nothing."""
        outputs = tuple(self.graph.outputs)
        self.section = max((self.plan.section[id] for id in outputs), default=Section.PRIMAL)
        texts = [self.operands.read(id).text for id in outputs]
        self.shorten(sum(map(len, texts)) + 2 * len(texts) - _INLINE, outputs)
        shared = _shared(self.memory, self.graph, outputs)
        texts = [self.operands.read(id).text for id in outputs]
        texts = [f"np.copy({t})" if s else t for t, s in zip(texts, shared, strict=True)]
        code = ", ".join(texts) or "()"
        nodes = self.consume(outputs)
        code = f"return ({code})" if len(code) > LONGEST else f"return {code}"
        span = self.graph[max(nodes)].origin.span if nodes else None
        self.last.append(Row(code, nodes, span))

    # the frame

    def function(self) -> Lines:
        """Return the whole function."""
        lines = Lines()
        names = [self.operands.names[id] for id in self.graph.inputs]
        head = f"def {self.name}({', '.join(names)}):"
        lines.add(*wrapped(head, 0))
        with lines.indented():
            lines.add(*self._sizes())
            self._sections(lines)
        return lines

    def _sections(self, lines: Lines) -> None:
        """Write the statements, under headings where there is more than the primal."""
        filled = [section for section in Section if self.rows[section]]
        for section in filled:
            if filled != [Section.PRIMAL]:
                lines.add(f"# {section.name.lower()}")
            add_rows(lines, self.rows[section])
        add_rows(lines, self.last)

    def _sizes(self) -> list[str]:
        """Read the sizes that are known only at the call off the inputs."""
        return [
            f"{symbol} = {self.operands.names[id]}.shape[{axis}]"
            for symbol, (id, axis) in self.sizes.items()
        ]


def _helpers(graph: Graph) -> tuple[Callable[..., Any], ...]:
    """Return the functions that the text of operations calls, those of regions included."""
    found: dict[Callable[..., Any], None] = {}
    for node in graph.nodes:
        found.update(dict.fromkeys(node.op.helpers))
        for region in node.regions:
            found.update(dict.fromkeys(_helpers(region)))
    return tuple(found)


@cache
def _source_of(helper: Callable[..., Any]) -> tuple[str, ...]:
    """Return the text of a function, with the empty lines that follow it."""
    return (*inspect.getsource(helper).rstrip().splitlines(), "", "")


def _shared(memory: Memory, graph: Graph, outputs: tuple[int, ...]) -> list[bool]:
    """Say for each output whether its text may share memory with an input or another output."""
    taken: set[int] = set()
    found = []
    for id in outputs:
        node, roots = graph[id], memory.roots[id]
        outside = any(_is_outside(graph[root]) for root in roots)
        made = [graph[root] for root in roots if not graph[root].regions]
        spread = any(node.type.size != root.type.size for root in made)
        again = bool(node.type.shape) and not taken.isdisjoint(roots)
        found.append(outside or spread or again)
        taken |= roots
    return found


def _is_outside(node: Node) -> bool:
    """Tell whether a value is an argument, or an array that stands above the function."""
    return node.op.kind is Kind.INPUT or (node.op.kind is Kind.CONSTANT and bool(node.type.shape))


def _size_symbols(graph: Graph) -> dict[str, tuple[int, int]]:
    """Find for each symbolic size an input and the axis that has just this extent."""
    found: dict[str, tuple[int, int]] = {}
    for id in graph.inputs:
        for axis, dim in enumerate(graph[id].type.shape):
            symbol = _lone_symbol(dim) if isinstance(dim, DimExpr) else None
            if symbol is not None:
                found.setdefault(symbol.name, (id, axis))
    return found


def _lone_symbol(dim: DimExpr) -> Symbol | None:
    symbols = dim.symbols
    symbol = next(iter(symbols))
    return symbol if len(symbols) == 1 and dim == symbol.expr() else None
