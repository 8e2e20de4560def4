"""What one turn of a sweep along a row reads of memory that it writes, and what it adds where."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from gradc.ir import Dim
from gradc.kernels.nest import (
    Accumulate,
    Apply,
    Buffer,
    Choose,
    Expr,
    Let,
    Load,
    Local,
    Loop,
    Ref,
    Stmt,
    Store,
)
from gradc.kernels.turns import slope, turns_of
from gradc.kernels.walk import expressions, loads, subexpressions
from gradc.records import dataclass

__all__ = ["Row", "Write", "row_of"]

LEAST = 16
"""Turns from which it is worth several loops."""
_CHEAP = {"add", "subtract", "multiply", "negative"}
"""What may be computed once more."""


@dataclass(frozen=True, slots=True, eq=False)
class Write:
    """A value that is stored in an element or added to it.

    ``later`` is the number of turns after which the element is the one that the row reads; elements
    of other rows are counted on.
    """

    statement: Store | Accumulate
    ref: Ref
    value: Expr
    later: Fraction

    @property
    def stores(self) -> bool:
        """Tell whether the value takes the place of the old one."""
        return isinstance(self.statement, Store)


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """A loop whose turns read one element, ``own``, of the memory that they write.

    ``base`` is a scalar made of that element alone, by ``first``; values hold it and no other
    scalar of the loop.  ``chain`` is what is added to the own element of the next turn.
    """

    loop: Loop
    turns: int
    own: Ref
    base: Local
    first: Expr
    writes: tuple[Write, ...]
    chain: Write | None

    @property
    def low(self) -> Dim:
        """Return the least value of the symbol."""
        return self.loop.start if self.loop.step > 0 else self.loop.stop + 1


def row_of(loop: Loop) -> Row | None:
    """Read an innermost loop as a row that is better taken apart; None if it is no such row."""
    turns = turns_of(loop)
    if turns is None or turns < LEAST or not all(map(_is_plain, loop.body)):
        return None
    return _Reading(loop, turns).row()


def _is_plain(statement: Stmt) -> bool:
    if isinstance(statement, Accumulate):
        return statement.how == "sum" and isinstance(statement.target, Ref)
    return isinstance(statement, Let | Store)


def _target(statement: Stmt) -> Ref | None:
    if isinstance(statement, Store):
        return statement.ref
    if isinstance(statement, Accumulate) and isinstance(statement.target, Ref):
        return statement.target
    return None


class _Reading:
    """Reads a loop as a row."""

    def __init__(self, loop: Loop, turns: int) -> None:
        self.loop, self.turns = loop, turns
        self.targets = [ref for ref in map(_target, loop.body) if ref is not None]
        self.buffers = {ref.buffer for ref in self.targets}
        self.heads: dict[Buffer, Ref] = {}

    def row(self) -> Row | None:
        """Return the row if its writes can be sorted by element."""
        own = self._own()
        if own is None or not self._along(own):
            return None
        values = Values(self.loop.body, own)
        writes = [self._write(s, values) for s in self.loop.body if not isinstance(s, Let)]
        chained = [w for w in writes if self._is_read_later(w, own)]
        several = len({w.ref.buffer for w in writes}) < len(writes)
        if not (chained or several) or len(chained) > 1 or any(w.later != 1 for w in chained):
            return None
        if not values.cheap() or not all(self._may_store(w, writes, own) for w in writes):
            return None
        chain = chained[0] if chained else None
        return Row(self.loop, self.turns, own, values.base, values.first, tuple(writes), chain)

    def _own(self) -> Ref | None:
        """Return the only element that is both read and written, if it is read first."""
        read = {ref for s in self.loop.body for ref in loads(s) if ref.buffer in self.buffers}
        if len(read) != 1:
            return None
        (own,) = read
        changed = False
        for statement in self.loop.body:
            if changed and own in loads(statement):
                return None
            changed |= _target(statement) == own
        return own

    def _along(self, own: Ref) -> bool:
        """Tell whether all writes to one memory go along the row, at known distances."""
        self.heads[own.buffer] = own
        for ref in (own, *self.targets):
            head = self.heads.setdefault(ref.buffer, ref)
            step, known = slope(ref, self.loop), isinstance(ref.offset - head.offset, int)
            if not step or not known or slope(head, self.loop) != step:
                return False
            if ref.buffer.type.dtype != own.buffer.type.dtype:
                return False
        return own.buffer.type.dtype.kind == "f"

    def _write(self, statement: Stmt, values: "Values") -> Write:
        ref = _target(statement)
        assert ref is not None and isinstance(statement, Store | Accumulate)
        step, gap = slope(ref, self.loop), ref.offset - self.heads[ref.buffer].offset
        assert step and isinstance(gap, int)
        return Write(statement, ref, values.of(statement.value), Fraction(gap, step))

    def _is_read_later(self, write: Write, own: Ref) -> bool:
        meets = write.ref.buffer is own.buffer and write.later.denominator == 1
        return meets and 0 < write.later < self.turns

    def _may_store(self, write: Write, writes: Sequence[Write], own: Ref) -> bool:
        """Tell whether a store is the first write to the own element, or the only one at all."""
        if not write.stores:
            return True
        others = [w for w in writes if w.ref.buffer is write.ref.buffer and w is not write]
        if write.ref.buffer is not own.buffer:
            return not others
        if write.ref != own:
            return False
        first = next(w for w in writes if w.ref == own)
        return first is write and not any(w.stores for w in others)


class Values:
    """What scalars of a turn stand for, in terms of one scalar made of the own element."""

    def __init__(self, body: Sequence[Stmt], own: Ref) -> None:
        self.base = _base(body, own)
        self.first: Expr = Load(own)
        self.known: dict[Local, Expr] = {}
        self.dear: dict[Local, frozenset[Local]] = {}
        self.reached: Counter[Local] = Counter()
        self.own = own if self.base not in {s.local for s in body if isinstance(s, Let)} else None
        for statement in body:
            if isinstance(statement, Let):
                self._note(statement)

    def _note(self, let: Let) -> None:
        value = self._inlined(let.value)
        if let.local is self.base:
            self.first = value
            return
        self.known[let.local] = value
        reached = self._reached(let.value)
        own = not all(map(_is_cheap, subexpressions(let.value)))
        self.dear[let.local] = reached | {let.local} if own else reached

    def of(self, value: Expr) -> Expr:
        """Return a value that is written."""
        self.reached.update(self._reached(value))
        return self._inlined(value)

    def cheap(self) -> bool:
        """Tell whether nothing that takes long is computed more than once."""
        return all(count == 1 for count in self.reached.values())

    def _reached(self, value: Expr) -> frozenset[Local]:
        """Return the scalars that take long and are needed."""
        found = (self.dear[p] for p in subexpressions(value) if p in self.dear)
        return frozenset().union(*found)

    def _inlined(self, expr: Expr) -> Expr:
        """Rewrite an expression; expressions are small, so recursion is safe."""
        if isinstance(expr, Local):
            return self.known.get(expr, expr)
        if isinstance(expr, Load) and expr.ref == self.own:
            return self.base
        if isinstance(expr, Apply):
            return replace(expr, args=tuple(self._inlined(a) for a in expr.args))
        if isinstance(expr, Choose):
            return Choose(*(self._inlined(e) for e in (expr.condition, expr.a, expr.b)))
        return expr


def _is_cheap(expr: Expr) -> bool:
    if isinstance(expr, Apply):
        return expr.op.name in _CHEAP
    return not isinstance(expr, Choose)


def _base(body: Sequence[Stmt], own: Ref) -> Local:
    """Return the last scalar on the way from the own element that nothing goes past."""
    uses = Counter(part for s in body for e in expressions(s) for part in subexpressions(e))
    here: Expr = Load(own)
    for statement in body:
        if uses[here] == 1 and isinstance(statement, Let):
            alike = statement.local.dtype == own.buffer.type.dtype
            if alike and here in list(subexpressions(statement.value)):
                here = statement.local
    return here if isinstance(here, Local) else Local(own.buffer.type.dtype)
