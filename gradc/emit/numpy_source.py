"""Programs as NumPy source: a module that imports NumPy only and can be read.

One statement for each value that the user named; values that are read once stand inside the
expression that reads them while the line is short.  The text says what the graph says, operation by
operation and in NumPy's meaning, so the C backend is tested against it.  Only what NumPy does by
itself is left out: broadcasts, and reductions that keep their axes.

Derivatives may divide by zero where the user's function does not; whoever calls the generated
function does so under ``np.errstate(all="ignore")``.
"""

from gradc.emit.lines import Lines, framed
from gradc.emit.names import PYTHON, Namer, plain_path, stem_of
from gradc.emit.numpy_expressions import ATOM, Expression
from gradc.emit.numpy_layout import LONGEST, Row, add_rows, wrapped
from gradc.emit.numpy_literals import array_literal
from gradc.emit.numpy_operands import Deferred, Operands
from gradc.emit.numpy_plan import Section, expanded_axes, is_fresh, make_plan, memory_of
from gradc.emit.render import render
from gradc.emit.source import Source
from gradc.ir import Array, ArrayType, At, DimExpr, Graph, Kind, Node, Program, Symbol
from gradc.ops.index_spec import is_basic, subscript

__all__ = ["print_numpy"]

_MARGIN = 4
_INLINE = 72
_SHORT_TABLE = 40


def print_numpy(program: Program) -> Source:
    """Return a module with one function named after the program.

    It takes the inputs in order and returns the output, or a tuple of them.  It writes to none of
    its arguments, and what it returns shares no memory with them.
    """
    printer = _Printer(program)
    printer.write()
    function = printer.function()
    text = render("numpy/module.py.j2", tables=printer.tables, function=function.texts)
    return framed(text, function)


class _Printer:
    """Writes one program, node after node."""

    def __init__(self, program: Program) -> None:
        graph = program.graph
        self.program, self.graph, self.plan = program, graph, make_plan(program)
        self.operands = Operands(graph, self.plan)
        self.sizes = _size_symbols(graph)
        self.namer = Namer(PYTHON, taken=self.sizes)
        self.name = self.namer.user(program.name)
        self.tables: list[str] = []
        self.rows: dict[Section, list[Row]] = {section: [] for section in Section}
        self.last: list[Row] = []
        self.section = Section.PRIMAL
        self.wishes = _wishes(graph, self.plan.order, self.plan.reads)
        for id, port in zip(graph.inputs, program.inputs, strict=True):
            self.operands.names[id] = self.namer.user(port.name)

    # walking

    def write(self) -> None:
        """Write the statements of the body."""
        for node in self.plan.order:
            self.section = self.plan.section[node.id]
            if node.op.kind is Kind.CONSTANT:
                self._constant(node)
            elif node.op.name in ("index_put", "index_add"):
                self._update(node)
            elif node.op.kind is not Kind.INPUT and not self.plan.transparent[node.id]:
                self._operation(node)
        self._return()

    def _operation(self, node: Node) -> None:
        named = node.id in self.graph.names or self.plan.reads[node.id] > 1
        if named:
            name = self._fresh_name(node)
            self._assign(node, name, *self._expression(node, _room(name)))
            return
        expression, nodes = self._expression(node, _INLINE)
        self.operands.deferred[node.id] = Deferred(expression, nodes)
        if len(expression.text) > _INLINE + _MARGIN:
            self._materialise(node.id)

    def _expression(self, node: Node, room: int) -> tuple[Expression, tuple[int, ...]]:
        """Return the text of a node, giving its operands statements until it fits."""
        kept = self._with_axes_kept(node)
        if kept is not None:
            return kept
        expression = self._rendered(node)
        if len(expression.text) > room:
            self._shorten(len(expression.text) - room, node.operands)
            expression = self._rendered(node)
        return expression, self._consume(node.operands, node.id)

    def _rendered(self, node: Node) -> Expression:
        if node.op.name == "broadcast_to":
            return self.operands.spread(node)
        if expanded_axes(self.graph, node):
            return self.operands.expanded(node)
        return self.operands.render(node)

    def _with_axes_kept(self, node: Node) -> tuple[Expression, tuple[int, ...]] | None:
        """Return ``np.sum(x, axis=1, keepdims=True)`` for a reduction that is expanded again."""
        waiting = self.operands.deferred.get(node.operands[0]) if node.operands else None
        if waiting is None or not self.plan.keeps[node.id]:
            return None
        text = f"{waiting.expression.text[:-1]}, keepdims=True)"
        return Expression(text), self._consume(node.operands, node.id)

    def _shorten(self, excess: int, ids: tuple[int, ...]) -> None:
        """Give the longest deferred operands statements until ``excess`` columns are saved."""
        for id in self.operands.waiting(ids):
            if excess <= 0:
                return
            excess -= len(self.operands.deferred[id].expression.text)
            excess += len(self._materialise(id))

    def _consume(self, ids: tuple[int, ...], *last: int) -> tuple[int, ...]:
        """Take the deferred operands out of waiting; return the nodes inside them."""
        found = [self.operands.deferred.pop(id).nodes for id in self.operands.waiting(ids)]
        return tuple(sorted({i for nodes in found for i in nodes}.union(last)))

    def _materialise(self, id: int) -> str:
        """Give a deferred node its own statement."""
        expression, nodes = self.operands.deferred.pop(id)
        name = self._fresh_name(self.graph[id])
        self._assign(self.graph[id], name, expression, nodes)
        return name

    # statements

    def _fresh_name(self, node: Node) -> str:
        wanted = plain_path(self.graph.names.get(node.id) or self.wishes.get(node.id, ""))
        made = self.graph[node.operands[0]] if self.plan.keeps[node.id] else node
        return self.namer.value(wanted, stem_of(made.op))

    def _assign(
        self, node: Node, name: str, expression: Expression, nodes: tuple[int, ...]
    ) -> None:
        self.operands.names[node.id] = name
        self._row(f"{name} = {expression.text}", node, nodes)

    def _row(self, code: str, node: Node, nodes: tuple[int, ...]) -> None:
        self.rows[self.section].append(Row(code, nodes, node.origin.span))

    def _constant(self, node: Node) -> None:
        """Write an array constant: inside its reader, as a statement, or above the function."""
        named = node.id in self.graph.names
        if not node.type.shape or (node.type.size == 1 and not named):
            return
        expression = array_literal(node.params["value"].array)
        small = len(expression.text)
        once = self.plan.reads[node.id] == 1 and not named
        if once and small <= _SHORT_TABLE:
            self.operands.deferred[node.id] = Deferred(expression, (node.id,))
            return
        name = self._fresh_name(node)
        if small <= _INLINE:
            self._assign(node, name, expression, (node.id,))
            return
        self.operands.names[node.id] = name
        self.tables += wrapped(f"{name} = {expression.text}", 0)

    def _update(self, node: Node) -> None:
        """Write a copy and an assignment to a part of it."""
        base, value, *arrays = node.operands
        name = self._writable(node, base)
        before, after = self._target(node, name, arrays)
        text = self.operands.assigned(value).text
        self._shorten(len(before) + len(text) + len(after) - _room(""), (value,))
        text = self.operands.assigned(value).text
        nodes = self._consume((value, *arrays), node.id)
        self.operands.names[node.id] = name
        self._row(before + text + after, node, nodes)

    def _target(self, node: Node, name: str, arrays: list[int]) -> tuple[str, str]:
        """Return what stands before and after the value that is stored."""
        spec, shape = node.params["spec"], self.graph[node.operands[0]].type.shape
        *first, index = subscript(spec, shape, [self.operands.read(id).text for id in arrays])
        view = name + "".join(f"[{part}]" for part in first)
        if node.op.name == "index_put":
            return f"{view}[{index}] = ", ""
        if is_basic(spec):
            return f"{view}[{index}] += ", ""
        items = [item for item in spec if not (first and isinstance(item, At))]
        if not all(isinstance(item, Array | At) for item in items):
            index = f"np.s_[{index}]"
        elif len(items) > 1:
            index = f"({index})"
        return f"np.add.at({view}, {index}, ", ")"

    def _writable(self, node: Node, base: int) -> str:
        """Return a variable that holds ``base`` and that nothing else reads."""
        mine = self._owned(base)
        held = self.operands.names.get(base)
        wanted = self.graph.names.get(node.id, "")
        if mine and held and wanted in ("", self.graph.names.get(base, self.wishes.get(base))):
            return held
        name, text = self._fresh_name(node), self.operands.read(base)
        if not mine:
            text = _copied(text, self.graph[base].type)
        nodes = self._consume((base,), node.id)
        self._row(f"{name} = {text.text}", node, nodes)
        return name

    def _owned(self, base: int) -> bool:
        """Tell whether the base is new memory that only this update reads."""
        once = self.plan.transparent[base] or self.plan.reads[base] == 1
        return once and bool(self.graph[base].type.shape) and is_fresh(self.graph, base)

    def _return(self) -> None:
        """Write the return statement; results share memory with nothing."""
        outputs = tuple(self.graph.outputs)
        self.section = max((self.plan.section[id] for id in outputs), default=Section.PRIMAL)
        texts = [self.operands.read(id).text for id in outputs]
        self._shorten(sum(map(len, texts)) + 2 * len(texts) - _INLINE, outputs)
        shared = _shared(self.graph, outputs)
        texts = [self.operands.read(id).text for id in outputs]
        texts = [f"np.copy({t})" if s else t for t, s in zip(texts, shared, strict=True)]
        code = ", ".join(texts) or "()"
        nodes = self._consume(outputs)
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


def _room(name: str) -> int:
    return LONGEST - _MARGIN - len(name) - len(" = ")


def _copied(text: Expression, type: ArrayType) -> Expression:
    if not type.shape:
        return Expression(f"np.array({text.text})")
    return Expression(f"{text.at_least(ATOM)}.copy()")


def _wishes(graph: Graph, order: list[Node], reads: list[int]) -> dict[int, str]:
    """Let an array that is filled in steps have from the start the name it gets in the end."""
    wishes: dict[int, str] = {}
    for node in reversed(order):
        if node.op.name in ("index_put", "index_add") and reads[node.operands[0]] == 1:
            name = graph.names.get(node.id) or wishes.get(node.id)
            if name:
                wishes[node.operands[0]] = name
    return wishes


def _shared(graph: Graph, outputs: tuple[int, ...]) -> list[bool]:
    """Say for each output whether its text may share memory with an input or another output."""
    taken: set[int] = set()
    found = []
    for id in outputs:
        node, root = graph[id], graph[memory_of(graph, id)]
        passed_in = root.op.kind is Kind.INPUT or bool(
            root.op.kind is Kind.CONSTANT and root.type.shape
        )
        again = root.id in taken and bool(node.type.shape)
        spread = bool(node.type.size != root.type.size)
        found.append(passed_in or again or spread)
        taken.add(root.id)
    return found


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
