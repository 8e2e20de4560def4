"""Sums that one turn of a loop adds to more than once, in another order than memory's.

    for i: total += x[3 * i + 2]; total += x[3 * i]; total += x[3 * i + 1]

gcc 12 takes such additions together as a chain, forgets the order in which the elements were read,
and from the next turn on reads wrong ones (``-O2`` does too; without its loop vectoriser it is
right, and clang is).  What was seen to be right: chains whose reads all move on by the same step
from one addition to the next, one addition a turn, chains of ``-``, of ``*`` and of conditional
additions.  A loop around short loops counts as the loop that unrolling makes of it.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from gradc.emit.c_uses import children
from gradc.ir import Dim, Symbol
from gradc.kernels import nest
from gradc.kernels.affine import Form, linear
from gradc.kernels.nest import Buffer, Expr, Local, Loop, Ref, Stmt

__all__ = ["SHORT", "adds_out_of_order"]

SHORT = 16
"""Turns up to which a compiler may write an inner loop out."""
_MOST_STATEMENTS = 2000
"""Statements of a turn with its short loops written out, from which on no compiler unrolls."""
_MOST_READS = 1000
"""Reads of one addition that are compared with another one's."""
_DEEPEST = 64
"""Additions inside each other that are looked into."""

Target: TypeAlias = Any
"""A scalar, or an element that is the same in all turns: (buffer, factors, constant)."""
Reads: TypeAlias = tuple[tuple[Buffer | None, Form | None], ...]


def adds_out_of_order(loop: Loop) -> bool:
    """Tell whether a turn adds to the same sum several times, its reads not in one fixed step."""
    try:
        if not any(_chains(loop, reads=False)):
            return False
        return any(not _in_order(added) for added in _chains(loop, reads=True))
    except _StaysAsItIs:
        return False


def _chains(loop: Loop, *, reads: bool) -> Iterator[tuple[Reads, ...]]:
    """Yield what is added to each sum that one turn adds to several times.

    Most loops have none; only where there is one it is worth looking at what the additions read.
    """
    turn = _Turn(loop.symbol, reads=reads)
    turn.run(loop.body, {})
    for target, value in turn.values.items():
        if target in turn.carried and value.target == target and len(value.added) > 1:
            yield value.added


class _StaysAsItIs(Exception):
    """The loop holds something that keeps a compiler from vectorising it."""


class _Value(NamedTuple):
    """What a turn has made: what it reads, and the sum it continues with what was added to it."""

    reads: Reads
    target: Target = None
    added: tuple[Reads, ...] = ()


_UNKNOWN_READS: Reads = ((None, None),)
_UNKNOWN = _Value(_UNKNOWN_READS)


class _Turn:
    """One turn, its short loops written out, statement by statement.

    ``values`` tells what scalars and fixed elements hold, ``carried`` which of them live longer
    than a turn, ``inside`` which scalars do not.
    """

    def __init__(self, symbol: Symbol, *, reads: bool) -> None:
        self.symbol = symbol
        self.looks = reads
        self.values: dict[Target, _Value] = {}
        self.carried: set[Target] = set()
        self.inside: set[Local] = set()
        self.count = 0

    def run(self, body: list[Stmt], at: dict[Symbol, int]) -> None:
        """Take the statements in their order; ``at`` gives the turns of the short loops around."""
        for stmt in body:
            self.count += 1
            if self.count > _MOST_STATEMENTS:
                raise _StaysAsItIs
            self._take(stmt, at)

    def _take(self, stmt: Stmt, at: dict[Symbol, int]) -> None:
        if isinstance(stmt, nest.Let) or (isinstance(stmt, nest.Declare) and not stmt.lanes):
            self.inside.add(stmt.local)
            self.values[stmt.local] = self._value(stmt.value, at)
        elif isinstance(stmt, nest.Assign):
            self._set(stmt.local, self._value(stmt.value, at))
        elif isinstance(stmt, nest.Store):
            self._set(self._element(stmt.ref, at), self._value(stmt.value, at))
        elif isinstance(stmt, nest.Accumulate):
            self._accumulate(stmt, at)
        elif isinstance(stmt, nest.If):
            self._forget([*stmt.then, *stmt.otherwise], at)
        elif isinstance(stmt, Loop):
            self._unroll(stmt, at)
        else:
            raise _StaysAsItIs

    def _set(self, target: Target, value: _Value) -> None:
        if target is not None:
            self.values[target] = value
            if target not in self.inside:
                self.carried.add(target)

    def _accumulate(self, stmt: nest.Accumulate, at: dict[Symbol, int]) -> None:
        target = stmt.target
        key = self._element(target, at) if isinstance(target, Ref) else target
        if isinstance(target, nest.Lane) or key is None:
            return
        before = self.values.get(key, _Value((), key))
        reads = self._value(stmt.value, at).reads
        both = _both(before.reads, reads)
        if stmt.how == "sum" and _dtype(target).kind == "f":
            self._set(key, _Value(both, before.target, (*before.added, reads)))
        else:
            self._set(key, _Value(both))

    def _forget(self, body: list[Stmt], at: dict[Symbol, int]) -> None:
        """Take what is done under a condition: it ends every chain."""
        for stmt in body:
            if isinstance(stmt, nest.Assign):
                self.values[stmt.local] = _UNKNOWN
            elif isinstance(stmt, nest.Store | nest.Accumulate):
                target = stmt.ref if isinstance(stmt, nest.Store) else stmt.target
                key = self._element(target, at) if isinstance(target, Ref) else target
                if key is not None:
                    self.values[key] = _UNKNOWN
            elif isinstance(stmt, nest.If):
                self._forget([*stmt.then, *stmt.otherwise], at)
            elif not isinstance(stmt, nest.Let | nest.Declare):
                raise _StaysAsItIs

    def _unroll(self, loop: Loop, at: dict[Symbol, int]) -> None:
        start, stop = loop.start, loop.stop
        if not isinstance(start, int) or not isinstance(stop, int):
            raise _StaysAsItIs
        turns = range(start, stop, loop.step)
        if len(turns) > SHORT:
            raise _StaysAsItIs
        for turn in turns:
            self.run(loop.body, {**at, loop.symbol: turn})

    # expressions

    def _value(self, expr: Expr, at: dict[Symbol, int]) -> _Value:
        chain = self._chain(expr, at, _DEEPEST)
        if chain is not None:
            return chain
        return _Value(self._reads(expr, at))

    def _chain(self, expr: Expr, at: dict[Symbol, int], depth: int) -> _Value | None:
        """Return the sum that an expression continues, None where it continues none."""
        if isinstance(expr, Local):
            return self._continued(expr)
        if isinstance(expr, nest.Load):
            return self._continued(self._element(expr.ref, at))
        if not isinstance(expr, nest.Apply) or not _adds_floats(expr) or not depth:
            return None
        for here, other in (expr.args, expr.args[::-1]):
            found = self._chain(here, at, depth - 1)
            if found is not None:
                reads = self._reads(other, at)
                return _Value(_both(found.reads, reads), found.target, (*found.added, reads))
        return None

    def _continued(self, target: Target) -> _Value | None:
        if target is None:
            return None
        known = self.values.get(target)
        if known is not None:
            return known if known.target is not None else None
        return _Value((), target) if target not in self.inside else None

    def _reads(self, expr: Expr, at: dict[Symbol, int]) -> Reads:
        """Return what an expression reads, the scalars it is made of written out.

        That may double from scalar to scalar; an expression of very many is taken for unknown.
        """
        if not self.looks:
            return ()
        found: list[tuple[Buffer | None, Form | None]] = []
        waiting = [expr]
        while waiting:
            here = waiting.pop()
            if isinstance(here, Local) and here in self.values:
                found += self.values[here].reads
            elif isinstance(here, nest.Load):
                found.append(
                    (here.ref.buffer, None if here.ref.gathers else _at(here.ref.offset, at))
                )
            if len(found) > _MOST_READS:
                return _UNKNOWN_READS
            waiting += reversed(children(here))
        return tuple(found)

    def _element(self, ref: Ref, at: dict[Symbol, int]) -> Target:
        """Return a name for an element that is the same in every turn, else None."""
        form = None if ref.gathers else _at(ref.offset, at)
        if form is None or form.factors.get(self.symbol):
            return None
        fixed = tuple(sorted(form.factors.items(), key=lambda item: item[0].name))
        return ref.buffer, fixed, form.constant


def _both(a: Reads, b: Reads) -> Reads:
    return a + b if len(a) + len(b) <= _MOST_READS else _UNKNOWN_READS


def _adds_floats(expr: nest.Apply) -> bool:
    return expr.op.name == "add" and expr.dtype.kind == "f"


def _dtype(target: Local | Ref) -> np.dtype:
    return target.buffer.type.dtype if isinstance(target, Ref) else target.dtype


def _at(offset: Dim, at: dict[Symbol, int]) -> Form | None:
    """Return an offset in one turn of the short loops."""
    form = linear(offset)
    if form is None:
        return None
    constant = form.constant + sum(f * at[s] for s, f in form.factors.items() if s in at)
    return Form({s: f for s, f in form.factors.items() if s not in at}, constant)


def _in_order(added: tuple[Reads, ...]) -> bool:
    """Tell whether additions, if there are several, read memory in one fixed step."""
    steps = [_steps(a, b) for a, b in pairwise(added)]
    return all(step is not None and step == steps[0] for step in steps)


def _steps(a: Reads, b: Reads) -> tuple[int, ...] | None:
    """Return how far each read of an addition is behind that of the one before."""
    if len(a) != len(b):
        return None
    steps = []
    for (buffer, here), (other, there) in zip(a, b, strict=True):
        if buffer is not other or here is None or there is None or here.factors != there.factors:
            return None
        steps.append(there.constant - here.constant)
    return tuple(steps) if all(step >= 0 for step in steps) else None
