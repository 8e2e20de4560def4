"""Printing of loop-level statements as C.

A value that the user gave no name and that is read once waits in ``pending`` and is printed where
it is read, unless the line would grow too long.  Nothing is moved over a write: what still waits
then is written down as a constant first.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import singledispatchmethod
from itertools import groupby

import numpy as np

from gradc.emit.c_barriers import needs_barrier
from gradc.emit.c_block import Block
from gradc.emit.c_comments import COLUMNS, Places
from gradc.emit.c_expressions import Expressions, Pending, filled
from gradc.emit.c_fused import factors, function
from gradc.emit.c_parts import (
    CHUNK,
    Parts,
    captured,
    chunks_text,
    least_text,
    limits,
)
from gradc.emit.c_scope import Scope
from gradc.emit.c_steps import Steps
from gradc.emit.c_support import Support, product_name
from gradc.emit.c_templates import Hole, prepare, routine_name
from gradc.emit.c_types import (
    ATOM,
    BOTH,
    COMPARE,
    EITHER,
    EQUAL,
    PRODUCT,
    SHIFT,
    UNARY,
    Text,
    dim_text,
    literal,
    measure,
    memory_type,
    value_type,
)
from gradc.emit.c_uses import count_uses, node_of, set_by
from gradc.emit.lines import Lines
from gradc.ir.dims import Dim, Symbol
from gradc.ir.op import op_named
from gradc.ir.types import BOOL, INT64
from gradc.kernels import nest
from gradc.kernels.nest import Buffer, BufferPlan, Local, Matrix, Ref, Stage, Stmt
from gradc.kernels.ragged import ragged_lanes
from gradc.kernels.walk import is_shared, statements_in

__all__ = ["Statements"]

_OPS = {
    "sum": "add",
    "prod": "multiply",
    "max": "maximum",
    "min": "minimum",
    "any": "logical_or",
    "all": "logical_and",
}
_STEPS = {1: "++{}", -1: "--{}"}
_INLINE = 48
"""Longest text that is moved to where it is read."""
_TRUTHS = (COMPARE, EQUAL, BOTH, EITHER)


class Statements:
    """Prints the stages of a function into ``lines``, loops that threads share to ``parts``."""

    def __init__(self, scope: Scope, support: Support, name: str, plan: BufferPlan) -> None:
        self.lines = Lines()
        self.parts = Parts(name, scope)
        self.steps = Steps(name)
        self.headers: set[str] = set()
        self.needs_env = False
        self._scope = scope
        self._support = support
        self._plan = plan
        self._places = Places(scope.graph)
        self._said: tuple[str, str] | None = None
        self._place: tuple[str, str] | None = None
        self._limits: list[tuple[str, int, int]] = []
        self._ex = Expressions(scope, support, self._spill, self._settle)

    def function(self, stages: list[Stage]) -> None:
        """Print all stages in order, with headings where there are several sections."""
        self._uses = count_uses([stage.body for stage in stages])
        self.parts.several = sum(map(is_shared, statements_in(stages))) > 1
        self._ex.ragged = ragged_lanes(stages)
        headed = len({stage.section for stage in stages}) > 1
        for step, group in groupby(stages, lambda stage: stage.step):
            if step:
                self._step(list(group), headed)
            else:
                self._stages(group, headed)

    def _stages(self, stages: Iterable[Stage], headed: bool) -> None:
        section = ""
        for stage in stages:
            start = len(self.lines)
            if headed and stage.section != section:
                self._heading(stage.section)
                section = stage.section
            self._block(stage.body)
            self.lines.note(start, stage.nodes)
        self._flush()

    def _step(self, stages: list[Stage], headed: bool) -> None:
        """Print a step of a long function as a function, and its call."""
        self._support.need(("GRADC_STEP",))
        with self._aside(1) as (body, used):
            self._stages(stages, headed)
        self.lines.add(*self.steps.add(self._scope, used, body))

    @contextmanager
    def _aside(self, depth: int) -> Iterator[tuple[Lines, set[Buffer]]]:
        """Print what stands inside to other lines; yield these and the memory they name."""
        kept = self.lines, self._said, self._scope.used
        self.lines, self._said, self._scope.used = Lines(), None, set()
        for _ in range(depth):
            self.lines.indent()
        with self._scope.block():
            yield self.lines, self._scope.used
        used = self._scope.used
        self.lines, self._said, self._scope.used = kept
        self._scope.used |= {buffer for buffer in used if buffer.kind != "temporary"}

    def _heading(self, section: str) -> None:
        self._flush()
        if len(self.lines):
            self.lines.add("")
        self.lines.add(f"/* {section} */")
        self._said = None

    def _block(self, body: list[Stmt]) -> None:
        for stmt in body:
            target = set_by(stmt)
            if target is not None and not self._uses[target]:
                continue
            start = len(self.lines)
            self._place = self._places.of(stmt)
            self._ex.room = COLUMNS - self.lines.width_used - 32
            taken = self._ex.taken = []
            node = node_of(stmt)
            self._print(stmt)
            self.lines.note(start, (*taken, node), self._places.span(node))

    # one statement

    @singledispatchmethod
    def _print(self, stmt: Stmt) -> None:
        raise TypeError(f"{type(stmt).__name__} is not a loop-level statement")

    @_print.register
    def _(self, stmt: nest.Loop) -> None:
        self._flush()
        if stmt.chunk:
            self._in_chunks(stmt)
        else:
            self._loop_between(stmt, self._dim(stmt.start), self._dim(stmt.stop, SHIFT))

    def _loop_between(self, stmt: nest.Loop, start: str, stop: str) -> None:
        with self._scope.block(stmt.symbol) as i:
            step = _STEPS.get(stmt.step, f"{i} += {stmt.step}").format(i)
            test = f"{i} < {stop}" if stmt.step > 0 else f"{i} > {stop}"
            test = f"{i} >= 0" if stmt.step < 0 and stmt.stop == -1 else test
            if stmt.apart:
                self._support.need(("GRADC_APART",))
                self.lines.add("GRADC_APART")
            with self._braces(f"for (int64_t {i} = {start}; {test}; {step}) {{"):
                if needs_barrier(stmt):
                    self._support.need(("gradc_serial",))
                    self.lines.add("gradc_serial();")
                self._block(stmt.body)

    def _in_chunks(self, loop: nest.Loop) -> None:
        """Print a loop that threads share: what a chunk does, and the call for all chunks."""
        outside = captured(loop)
        with self._aside(self.parts.depth) as (body, used):
            self._part(loop)
        self._support.need(("gradc_parallel_for",))
        self.needs_env = True
        self._announce()
        numbers = outside.fields(self._scope, body.texts)
        self.lines.add(*self.parts.add(numbers, used, body))
        self.lines.add(self.parts.call(chunks_text(loop, self._scope.symbols)))

    def _part(self, loop: nest.Loop) -> None:
        """Print what is done for one chunk."""
        symbols = self._scope.symbols
        if loop.chunk == 1 and loop.start == 0 and loop.step == 1:
            symbols[loop.symbol] = CHUNK
            self._block(loop.body)
            self._flush()
            return
        first, last = limits(loop, symbols)
        self._support.need(("gradc_least",) if "(" in last else ())
        self._loop_between(loop, first, last)

    @_print.register
    def _(self, stmt: nest.While) -> None:
        self._flush()
        turns = self._scope.namer.fresh("turns")
        self._write(f"int64_t {turns} = 0;")
        limit = (turns, stmt.limit, stmt.code)
        first, condition = stmt.body[0], "true"
        if isinstance(first, nest.Break):
            condition = self._ex.text(first.condition, whole=True).text
        with self._scope.block(), self._braces(f"while ({condition}) {{"):
            if isinstance(first, nest.Break):
                self._limit(*limit)
                self._block(stmt.body[1:])
            else:
                self._limits.append(limit)
                self._block(stmt.body)

    @_print.register
    def _(self, stmt: nest.Break) -> None:
        condition = self._ex.text(stmt.condition)
        self._flush()
        with self._braces(f"if (!{condition.within(UNARY)}) {{"):
            self.lines.add("break;")
        self._limit(*self._limits.pop())

    def _limit(self, turns: str, limit: int, code: int) -> None:
        with self._braces(f"if ({turns}++ == {limit}) {{"):
            self.lines.add(f"return {code};")

    @_print.register
    def _(self, stmt: nest.If) -> None:
        condition = self._ex.text(stmt.condition).text
        self._flush()
        with (
            self._scope.block(),
            self._braces(f"if ({condition}) {{", "" if stmt.otherwise else "}"),
        ):
            self._block(stmt.then)
        if stmt.otherwise:
            with self._scope.block(), self._braces("} else {"):
                self._block(stmt.otherwise)

    @_print.register
    def _(self, stmt: nest.Round) -> None:
        self._flush()
        value = dim_text(stmt.dim, self._scope.symbols).within(PRODUCT)
        name = self._scope.add_symbol(stmt.symbol)
        self._write(f"const int64_t {name} = {value} / {stmt.step} * {stmt.step};")

    @_print.register
    def _(self, stmt: nest.Least) -> None:
        a, b = (dim_text(dim, self._scope.symbols) for dim in (stmt.a, stmt.b))
        self._support.need(("gradc_least",))
        self._scope.symbols[stmt.symbol] = least_text(a, b)

    @_print.register
    def _(self, stmt: nest.Let) -> None:
        reads = self._uses[stmt.local]
        if not reads:
            return
        text = self._ex.text(stmt.value)
        short = measure(text.text) <= _INLINE
        if reads == 1 and short and self._scope.needs_no_name(stmt.local):
            nodes = (*self._ex.taken, stmt.local.node)
            self._ex.pending[stmt.local] = Pending(text, nodes)
        else:
            self._constant(stmt.local, text)

    @_print.register
    def _(self, stmt: nest.Declare) -> None:
        value = self._ex.text(stmt.value)
        name, kind = self._scope.add_local(stmt.local), value_type(stmt.local.dtype)
        if not stmt.lanes:
            self._write(f"{kind} {name} = {value.text};")
        elif isinstance(stmt.value, nest.Number) and not _bits(stmt.value):
            self._write(f"{kind} {name}[{stmt.lanes}] = {{{value.text}}};")
        else:
            self._flush()
            self._write(f"{kind} {name}[{stmt.lanes}];")
            self._loop("lane", stmt.lanes, lambda lane: f"{name}[{lane}] = {value.text};")

    @_print.register
    def _(self, stmt: nest.Store) -> None:
        target = self._ex.reference(stmt.ref, self._ex.gathers(stmt.ref))
        self._leave_room(target)
        value = self._ex.text(stmt.value)
        self._flush()
        self._write(f"{target} = {self._stored(value, stmt.value, stmt.ref)};")

    @_print.register
    def _(self, stmt: nest.Assign) -> None:
        value = self._ex.text(stmt.value)
        self._flush()
        self._write(f"{self._scope.locals[stmt.local]} = {value.text};")

    @_print.register
    def _(self, stmt: nest.Accumulate) -> None:
        old, dtype = self._target(stmt.target)
        self._leave_room(old.text)
        pair = factors(stmt, self._scope.graph, self._support.math)
        if pair is not None:
            self._fused(old, pair, dtype)
            return
        value = self._ex.text(stmt.value)
        self._flush()
        self._write(self._combined(old, value, stmt.how, dtype, isinstance(stmt.target, Ref)))

    def _fused(self, old: Text, pair: tuple[nest.Expr, nest.Expr], dtype: np.dtype) -> None:
        """Add a product in one rounding."""
        a, b = (self._ex.text(factor).text for factor in pair)
        self._flush()
        name = function(dtype)
        self._support.need((name,))
        self._write(f"{old.text} = {name}({a}, {b}, {old.text});")

    @_print.register
    def _(self, stmt: nest.Check) -> None:
        value = self._ex.text(stmt.value)
        self._flush()
        if not value.text.isidentifier():
            value = self._spill(value, INT64)
        test = f"{value.text} < 0 || {value.text} >= {self._dim(stmt.extent, SHIFT)}"
        with self._braces(f"if ({test}) {{"):
            self._write(f"return {int(stmt.code)};")

    @_print.register
    def _(self, stmt: nest.Fill) -> None:
        self._flush()
        size = stmt.buffer.type.size
        if size == 0:
            return
        name = self._scope.buffer(stmt.buffer)
        if not _bits(stmt.value):
            self.headers.add("string.h")
            self._write(f"memset({name}, 0, {self._bytes(stmt.buffer)});")
        else:
            value = literal(stmt.value.value, stmt.value.dtype).text
            self._loop("i", size, lambda i: f"{name}[{i}] = {value};")

    @_print.register
    def _(self, stmt: nest.Copy) -> None:
        self._flush()
        if stmt.target.type.size != 0:
            target, source = self._scope.buffer(stmt.target), self._scope.buffer(stmt.source)
            self.headers.add("string.h")
            self._write(f"memcpy({target}, {source}, {self._bytes(stmt.target)});")

    @_print.register
    def _(self, stmt: nest.MatMul) -> None:
        name = product_name(stmt.c.ref.buffer.type.dtype.itemsize)
        self._support.need((name,))
        self.needs_env = True
        sizes = ", ".join(self._dim(dim) for dim in (stmt.m, stmt.n, stmt.k))
        matrices = [self._matrix(matrix) for matrix in (stmt.a, stmt.b, stmt.c)]
        self._flush()
        last = f"{int(stmt.accumulate)}, {self._scratch}"
        self._call(name, [f"env, {sizes}", *matrices, last])

    @_print.register
    def _(self, stmt: nest.Call) -> None:
        name = routine_name(stmt.op, stmt.dtype, blocked=stmt.product is not None)
        self._support.need((name,))
        counts = ", ".join(self._dim(dim) for dim in stmt.counts)
        arrays = [self._pointer(ref) for ref in (*stmt.reads, *stmt.writes)]
        if stmt.product is not None:
            self._support.need((product_name(stmt.dtype.itemsize),))
            self.needs_env = True
            counts, arrays = f"env, {counts}", [*arrays, self._scratch]
        self._flush()
        if not stmt.code:
            return self._call(name, [counts, *arrays])
        with self._braces(f"if ({name}({', '.join([counts, *arrays])})) {{"):
            self.lines.add(f"return {stmt.code};")

    # parts of statements

    @property
    def _scratch(self) -> str:
        return "scratch" if self._plan.scratch[1] else "NULL"

    def _leave_room(self, target: str) -> None:
        """Keep what is assigned short enough for a line that begins with the target."""
        self._ex.room = max(
            min(self._ex.room, COLUMNS - self.lines.width_used - measure(target) - 8), 24
        )

    def _dim(self, dim: Dim, least: int = 0) -> str:
        return dim_text(dim, self._scope.symbols).within(least)

    def _matrix(self, matrix: Matrix) -> str:
        row, column = self._dim(matrix.row), self._dim(matrix.column)
        return f"{self._pointer(matrix.ref)}, {row}, {column}"

    def _pointer(self, ref: Ref) -> str:
        """Print the address of an element."""
        gathers = self._ex.gathers(ref)
        pointer = self._scope.buffer(ref.buffer)
        if gathers or ref.offset != 0:
            pointer += f" + {self._ex.offset(ref, gathers).text}"
        return pointer

    def _call(self, name: str, groups: list[str]) -> None:
        """Print a call on one line or, where that is too long, one group of arguments a line."""
        line = f"{name}({', '.join(groups)});"
        if measure(line) + self.lines.width_used < COLUMNS:
            self._write(line)
            return
        self._write(f"{name}(")
        with self.lines.indented():
            self.lines.add(*(group + "," for group in groups[:-1]), groups[-1] + ");")

    def _target(self, target: Local | nest.Lane | Ref) -> tuple[Text, np.dtype]:
        """Return what an accumulation writes to, and its dtype."""
        if isinstance(target, Ref):
            text = self._ex.reference(target, self._ex.gathers(target))
            return Text(text), target.buffer.type.dtype
        if isinstance(target, nest.Lane):
            return self._ex.text(target), target.local.dtype
        return Text(self._scope.locals[target]), target.dtype

    def _combined(self, old: Text, value: Text, how: str, dtype: np.dtype, stored: bool) -> str:
        """Print ``old = how(old, value)``, with ``+=`` where C has it."""
        prepared = prepare(op_named(_OPS[how]), dtype, dtype, self._support.math)
        self._support.need(prepared.names)
        pieces = prepared.pieces
        infix = len(pieces) == 3 and isinstance(pieces[0], Hole) and not prepared.narrow
        if infix and pieces[1] in (" + ", " * ") and isinstance(pieces[2], Hole):
            return f"{old.text} {str(pieces[1]).strip()}= {value.text};"
        read = Text(f"{old.text} != 0", EQUAL) if stored and dtype == BOOL else old
        return f"{old.text} = {filled(prepared, [read, value]).text};"

    def _stored(self, value: Text, expr: nest.Expr, ref: Ref) -> str:
        """Print a value for memory; booleans are 0 or 1 there."""
        if ref.buffer.type.dtype != BOOL:
            return value.text
        plain = isinstance(expr, Local | nest.Number) and value.precedence == ATOM
        if not plain and value.precedence not in _TRUTHS and value.text[0] != "!":
            value = Text(f"{value.within(COMPARE + 5)} != 0", EQUAL)
        # gcc folds ``isnan(x) != 0`` to an int before it looks at the conversion
        return f"(uint8_t)({value.text})" if "(" in value.text else value.text

    def _bytes(self, buffer: Buffer) -> str:
        kind, size = memory_type(buffer.type.dtype), buffer.type.size
        count = str(size) if isinstance(size, int) else f"(size_t)({self._dim(size)})"
        return f"{count} * sizeof({kind})"

    def _loop(self, wanted: str, stop: Dim, line: Callable[[str], str]) -> None:
        with self._scope.block(Symbol(wanted, "index")) as i:
            stop_text = self._dim(stop, SHIFT)
            with self._braces(f"for (int64_t {i} = 0; {i} < {stop_text}; ++{i}) {{"):
                self._write(line(i))

    # writing

    def _braces(self, opening: str, closing: str = "}") -> Block:
        self._announce()
        return Block(self.lines, self._flush, opening, closing)

    def _write(self, line: str) -> None:
        self._announce()
        self.lines.add(line)

    def _announce(self) -> None:
        """Name the user's line once above the first statement of a stretch from it."""
        if self._place is not None and self._place != self._said:
            self._said = self._place
            width = COLUMNS - self.lines.width_used
            self.lines.add(self._places.text(self._place, width))

    def _constant(self, local: Local, text: Text) -> None:
        kind = value_type(local.dtype)
        self._write(f"const {kind} {self._scope.add_local(local)} = {text.text};")

    def _spill(self, text: Text, dtype: np.dtype, stem: str = "t") -> Text:
        """Write part of a statement down as a constant of its own."""
        name = self._scope.namer.fresh(stem)
        self._write(f"const {value_type(dtype)} {name} = {text.text};")
        return Text(name)

    def _settle(self, local: Local) -> None:
        waiting = self._ex.pending.pop(local)
        start = len(self.lines)
        self._constant(local, waiting.text)
        self.lines.note(start, waiting.nodes, self._places.span(local.node))

    def _flush(self) -> None:
        """Write down all constants that still wait."""
        for local in list(self._ex.pending):
            self._settle(local)


def _bits(number: nest.Number) -> bool:
    """Tell whether any bit of the number is set."""
    return any(np.asarray(number.value, number.dtype).tobytes())
