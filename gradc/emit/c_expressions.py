"""Printing of loop-level expressions as C.

The walk keeps its own stack, so a chain of any depth prints.  Parts of a line that would grow too
long become constants of their own, which also keeps the work linear.
"""

from collections.abc import Callable
from dataclasses import field

import numpy as np

from gradc.emit.c_scope import Scope
from gradc.emit.c_support import Support
from gradc.emit.c_templates import Hole, Prepared, prepare
from gradc.emit.c_types import (
    ATOM,
    COMPARE,
    EQUAL,
    PRODUCT,
    SUM,
    TERNARY,
    UNARY,
    Text,
    commented,
    dim_text,
    literal,
    measure,
    value_type,
)
from gradc.emit.c_uses import children
from gradc.ir.types import BOOL, INT64
from gradc.kernels import nest
from gradc.kernels.nest import Expr, Local, Ref
from gradc.records import dataclass

__all__ = ["Expressions", "Pending", "dtype_of", "filled"]

_REPEATED = 24
"""Longest operand that is written twice."""
_LANES = {"f8": "", "f4": "f", "i8": "_i64"}


_SKIPPED = {"select": (1, 2), "logical_and": (1,), "logical_or": (1,)}
"""Operands that C evaluates only when another one asks for it."""


@dataclass(frozen=True, slots=True)
class Pending:
    """A constant that waits to be written where it is used, with the nodes it computes."""

    text: Text
    nodes: tuple[int, ...]


@dataclass(slots=True)
class Expressions:
    """Prints expressions for one function.

    ``spill`` writes a constant before the statement under way and returns its name; ``pending``
    holds the constants that are not written yet; ``taken`` collects the nodes of those used up;
    ``ragged`` are the locals whose lanes have an end of no fixed length.
    """

    scope: Scope
    support: Support
    spill: Callable[..., Text]
    settle: Callable[[Local], None]
    pending: dict[Local, Pending] = field(default_factory=dict)
    taken: list[int] = field(default_factory=list)
    ragged: set[Local] = field(default_factory=set)
    room: int = 80

    def text(self, expr: Expr, *, whole: bool = False) -> Text:
        """Print an expression; ``whole`` without constants before it, for what is tested anew."""
        done: list[Text] = []
        waiting: list[tuple[Expr, bool, bool]] = [(expr, False, whole)]
        while waiting:
            part, opened, lazy = waiting.pop()
            inner = () if opened else children(part)
            if inner:
                waiting.append((part, True, lazy))
                choice = isinstance(part, nest.Choose)
                waiting += [
                    (inner[slot], False, lazy or (choice and slot > 0))
                    for slot in reversed(range(len(inner)))
                ]
                continue
            count = len(children(part))
            operands = done[len(done) - count :]
            del done[len(done) - count :]
            done.append(self._assemble(part, operands, lazy))
        return done[0]

    def reference(self, ref: Ref, gathers: list[Text]) -> str:
        """Print ``buffer[offset]``."""
        return f"{self.scope.buffer(ref.buffer)}[{self.offset(ref, gathers).text}]"

    def offset(self, ref: Ref, gathers: list[Text]) -> Text:
        """Print a reference's offset in elements."""
        start = dim_text(ref.offset, self.scope.symbols)
        parts = [start.text] if ref.offset != 0 or not gathers else []
        for gather, (_, stride) in zip(gathers, ref.gathers, strict=True):
            factor = dim_text(stride, self.scope.symbols)
            parts.append(
                gather.within(SUM + 1)
                if stride == 1
                else f"{gather.within(PRODUCT)} * {factor.within(PRODUCT + 1)}"
            )
        if len(parts) == 1 and gathers and ref.gathers[0][1] == 1:
            return gathers[0]
        return Text(" + ".join(parts), SUM) if len(parts) > 1 else Text(parts[0], PRODUCT)

    def gathers(self, ref: Ref) -> list[Text]:
        """Print the index values of a reference that a statement writes to."""
        return self._positions([self.text(gather) for gather, _ in ref.gathers])

    def _positions(self, gathers: list[Text]) -> list[Text]:
        """Turn long index values into constants."""
        return [
            self.spill(text, INT64, "at") if measure(text.text) > _REPEATED else text
            for text in gathers
        ]

    def _assemble(self, expr: Expr, operands: list[Text], lazy: bool) -> Text:
        if isinstance(expr, nest.Apply):
            return self._apply(expr, operands, lazy)
        if isinstance(expr, nest.Load):
            return self._load(expr.ref, operands if lazy else self._positions(operands))
        if isinstance(expr, Local):
            return self._local(expr, lazy)
        if isinstance(expr, nest.Choose):
            condition, a, b = operands
            chosen = f"{condition.within(TERNARY + 10)} ? {a.within(TERNARY + 1)} : "
            return Text(chosen + b.within(TERNARY + 1), TERNARY)
        return self._leaf(expr)

    def _leaf(self, expr: Expr) -> Text:
        if isinstance(expr, nest.Number):
            return commented(literal(expr.value, expr.dtype), expr.value)
        if isinstance(expr, nest.Index):
            return dim_text(expr.dim, self.scope.symbols)
        if isinstance(expr, nest.Lane):
            return Text(f"{self.scope.locals[expr.local]}[{self.scope.symbols[expr.symbol]}]")
        if isinstance(expr, nest.Combine):
            dtype = expr.local.dtype
            tree = "ragged" if self._is_ragged(expr) else "lanes"
            name = f"gradc_{tree}_{expr.how}{_LANES.get(dtype.str[1:], '_' + dtype.str[1:])}"
            self.support.need((name,))
            return Text(f"{name}({self.scope.locals[expr.local]})")
        raise TypeError(f"{type(expr).__name__} is not a loop-level expression")

    def _is_ragged(self, expr: nest.Combine) -> bool:
        return expr.how == "sum" and expr.local.dtype.kind == "f" and expr.local in self.ragged

    def _load(self, ref: Ref, gathers: list[Text]) -> Text:
        text = self.reference(ref, gathers)
        return Text(f"{text} != 0", EQUAL) if ref.buffer.type.dtype == BOOL else Text(text)

    def _local(self, local: Local, lazy: bool) -> Text:
        waiting = self.pending.get(local)
        if waiting is not None and not lazy:
            del self.pending[local]
            self.taken.extend(waiting.nodes)
            return waiting.text
        if waiting is not None:
            self.settle(local)
        return Text(self.scope.locals[local])

    def _apply(self, expr: nest.Apply, operands: list[Text], lazy: bool) -> Text:
        if expr.op.name == "cast":
            return self._cast(operands[0], expr.operand_dtype, expr.dtype)
        prepared = prepare(expr.op, expr.operand_dtype, expr.dtype, self.support.math)
        self.support.need(prepared.names)
        if prepared.passes:
            return operands[0]
        if expr.op.name.startswith("logical_") and expr.operand_dtype.kind == "f":
            operands = [self._cast(text, expr.operand_dtype, BOOL) for text in operands]
        if prepared.repeats and not lazy:
            operands = self._once(expr, operands, prepared)
        if expr.op.name in _SKIPPED and not lazy:
            operands = self._read_first(expr, operands)
        text = filled(prepared, operands)
        excess = measure(text.text) - self.room
        if excess > 0 and not lazy:
            text = filled(prepared, self._shorten(expr, operands, excess))
        return _truth(text, prepared) if expr.dtype == BOOL else text

    def _once(self, expr: nest.Apply, operands: list[Text], prepared: Prepared) -> list[Text]:
        """Turn operands that a template repeats into constants unless they are short."""
        return [
            self.spill(text, dtype_of(expr.args[slot]))
            if slot in prepared.repeats and not _is_short(text)
            else text
            for slot, text in enumerate(operands)
        ]

    def _read_first(self, expr: nest.Apply, operands: list[Text]) -> list[Text]:
        """Read memory before an operator that may skip an operand, not inside it.

        Both branches are values that exist, so nothing is saved by skipping a read; and gcc 12
        turns a skipped read into a masked load that it moves across the stores it depends on.
        """
        slots, truths = _SKIPPED[expr.op.name], expr.op.name != "select"
        return [
            self.spill(text, BOOL if truths else dtype_of(expr.args[slot]))
            if slot in slots and "[" in text.text
            else text
            for slot, text in enumerate(operands)
        ]

    def _shorten(self, expr: nest.Apply, operands: list[Text], excess: int) -> list[Text]:
        """Turn the longest operands into constants until ``excess`` characters are saved."""
        out, lengths = list(operands), [measure(text.text) for text in operands]
        for slot in sorted(range(len(out)), key=lambda s: (-lengths[s], s)):
            if excess <= 0 or lengths[slot] < 16:
                break
            out[slot] = self.spill(out[slot], dtype_of(expr.args[slot]))
            excess -= lengths[slot] - len(out[slot].text)
        return out

    def _cast(self, value: Text, source: np.dtype, target: np.dtype) -> Text:
        """Convert as NumPy does; floats that do not fit an integer are no undefined behaviour."""
        if source == target:
            return value
        if target == BOOL:
            zero = literal(0, source).text
            return Text(f"{value.within(COMPARE + 5)} != {zero}", EQUAL)
        if source.kind == "f" and target.kind in "iu":
            name = f"gradc_to_{target.kind}{8 * target.itemsize}"
            self.support.need((name,))
            wide = value.text if source.itemsize == 8 else f"(double){value.within(UNARY)}"
            return Text(f"{name}({wide})")
        return Text(f"({value_type(target)}){value.within(UNARY)}", UNARY)


def filled(prepared: Prepared, operands: list[Text]) -> Text:
    """Put operands into a template's holes, with the parentheses and casts they need."""
    parts: list[str] = []
    for piece in prepared.pieces:
        if not isinstance(piece, Hole):
            parts.append(piece)
        elif prepared.widen:
            parts.append(f"({prepared.widen}){operands[piece.slot].within(UNARY)}")
        else:
            parts.append(operands[piece.slot].within(piece.least))
    text = Text("".join(parts), prepared.precedence)
    if prepared.narrow:
        return Text(f"({prepared.narrow}){text.within(UNARY)}", UNARY)
    return text


def _is_short(text: Text) -> bool:
    """Tell whether an operand may be written twice: a name, a number or an element."""
    return text.precedence == ATOM and "(" not in text.text and measure(text.text) <= _REPEATED


def _truth(text: Text, prepared: Prepared) -> Text:
    """Make 0 or 1 of what a C macro such as ``isnan`` returns."""
    own = all(name.startswith("gradc_") for name in prepared.names)
    return text if prepared.precedence < UNARY or own else Text(f"{text.text} != 0", EQUAL)


def dtype_of(expr: Expr) -> np.dtype:
    """Return the dtype of an expression's value."""
    while isinstance(expr, nest.Choose):
        expr = expr.a
    if isinstance(expr, nest.Load):
        return expr.ref.buffer.type.dtype
    if isinstance(expr, nest.Lane | nest.Combine):
        return expr.local.dtype
    return INT64 if isinstance(expr, nest.Index) else expr.dtype
