"""Rows that a reverse sweep spreads: the adjoint of ``x[j] = (x[j - 1] + x[j + 1] + up[j]) * c``.

    for j, down:                        g[j] = x_bar[j] + c * g[j + 1]            a chain
        t = x_bar[j] * c                x_bar[j] = c * (g[j] + g[j - 1])          the row itself
        x_bar[j] = t                    up_bar[j] += c * (g[j - 1] + g[j] + ...)  each other row
        x_bar[j - 1] += t
        x_bar[j + 1] += t
        up_bar[j - 1] += t; ...

Each turn adds to the element that the next one reads.  That share is kept in a register instead,
the sums of the row's adjoints ``g`` stay in scratch memory, and then every element of the other
rows gathers what it is sent, once, many at a time.  ``g`` is padded with -0.0, which changes no
sum.  The order of sums differs from that of single turns, so only sums are treated in this way.
"""

from collections.abc import Iterable
from dataclasses import field, replace

import numpy as np

from gradc.ir import ArrayType, Dim, Symbol
from gradc.kernels.chains import Sweep, apply, chain, is_mild, sweep_of, times
from gradc.kernels.nest import (
    Accumulate,
    Apply,
    Buffer,
    Expr,
    Lane,
    Let,
    Load,
    Local,
    Loop,
    Number,
    Ref,
    Stmt,
    Store,
)
from gradc.kernels.promote import with_scalars
from gradc.kernels.walk import expressions, loads, subexpressions
from gradc.records import dataclass

__all__ = ["spread_rows"]

_WIDEST = 8
"""Positions within which shares of one row are gathered together."""


def spread_rows(loop: Loop) -> list[Stmt] | None:
    """Return an innermost loop in passes; None where it is no such sweep."""
    parts = _parts(loop)
    sweep = sweep_of(loop, parts.own) if parts is not None else None
    if parts is None or sweep is None:
        return None
    shares = _shares(loop, sweep, parts.sums)
    kept = _Weights(loop, parts.own).of(parts.store.value) if parts.store is not None else 1.0
    if shares is None or kept is None:
        return None
    node = parts.store.node if parts.store is not None else loop.node
    spread = _Spread(sweep, shares, kept, node)
    return spread.statements(_rest(loop, parts, spread)) if spread.is_sound() else None


@dataclass(frozen=True, slots=True)
class _Parts:
    """What a turn does: reads its own element, may store it, adds to others; and the rest."""

    own: Ref
    store: Store | None
    sums: list[Accumulate]
    rest: list[Stmt]


def _parts(loop: Loop) -> _Parts | None:
    """Sort a loop's statements; None where it reads another element of what it adds to."""
    changes = [s for s in loop.body if not isinstance(s, Let)]
    targets = [s.ref if isinstance(s, Store) else s.target for s in changes
               if isinstance(s, Store | Accumulate)]  # fmt: skip
    if len(targets) != len(changes):
        return None
    written = {t.buffer for t in targets if isinstance(t, Ref)}
    read = {ref for s in loop.body for ref in loads(s) if ref.buffer in written}
    if len(read) != 1 or any(isinstance(t, Local | Lane) and _reads(loop, t) for t in targets):
        return None
    (own,) = read
    mine = [s for s, t in zip(changes, targets, strict=True) if _is_in(t, own.buffer)]
    stores = [s for s in mine if isinstance(s, Store)]
    sums = [s for s in mine if isinstance(s, Accumulate) and s.how == "sum"]
    if own.buffer.type.dtype.kind != "f" or len(stores) > 1 or not sums:
        return None
    if len(stores) + len(sums) != len(mine) or any(s.ref != own for s in stores):
        return None
    rest = [s for s in loop.body if s not in mine]
    return _Parts(own, stores[0] if stores else None, sums, rest)


def _is_in(target: Ref | Local | Lane, buffer: Buffer) -> bool:
    return isinstance(target, Ref) and target.buffer is buffer


def _reads(loop: Loop, target: Local | Lane) -> bool:
    return any(
        part == target for s in loop.body for e in expressions(s) for part in subexpressions(e)
    )


def _rest(loop: Loop, parts: _Parts, spread: "_Spread") -> list[Stmt]:
    """Return a loop of what else is done with each adjoint, in the order of turns."""
    if all(isinstance(s, Let) for s in parts.rest):
        return []
    sweep, own = spread.sweep, Local(parts.own.buffer.type.dtype, "")
    place = loop.symbol.expr() - sweep.low
    place = sweep.count - 1 - place if sweep.turned else place
    body: list[Stmt] = [Let(own, Load(spread.element(place)))]
    body += [with_scalars(s, {parts.own: own}) for s in parts.rest]
    return [replace(loop, body=body)]


def _shares(loop: Loop, sweep: Sweep, sums: list[Accumulate]) -> dict[int, float] | None:
    """Return what part of an adjoint goes how many positions on."""
    weights = _Weights(loop, Ref(sweep.buffer, sweep.offset))
    shares: dict[int, float] = {}
    for one in sums:
        assert isinstance(one.target, Ref)
        distance, weight = sweep.distance(one.target), weights.of(one.value)
        if distance is None or weight is None:
            return None
        shares[distance] = shares.get(distance, 0.0) + weight
    return shares


class _Weights:
    """How often an expression holds the own element, for products and quotients with numbers."""

    def __init__(self, loop: Loop, own: Ref) -> None:
        self._own = Load(own)
        self._lets = {s.local: s.value for s in loop.body if isinstance(s, Let)}

    def of(self, expr: Expr) -> float | None:
        """Return the factor; None where the expression is anything else."""
        expr = self._opened(expr)
        if expr == self._own:
            return 1.0
        if isinstance(expr, Number):
            return 0.0 if expr.value == 0 else None
        if not isinstance(expr, Apply) or expr.dtype != self._own.ref.buffer.type.dtype:
            return None
        if expr.op.name == "negative":
            inner = self.of(expr.args[0])
            return None if inner is None else -inner
        return self._scaled(expr)

    def _scaled(self, expr: Apply) -> float | None:
        if expr.op.name not in ("multiply", "divide"):
            return None
        left, right = (self._opened(arg) for arg in expr.args)
        if expr.op.name == "multiply" and isinstance(left, Number):
            left, right = right, left
        if not isinstance(right, Number) or right.value == 0:
            return None
        inner = self.of(left)
        if inner is None:
            return None
        value = float(right.value)
        return inner * value if expr.op.name == "multiply" else inner / value

    def _opened(self, expr: Expr) -> Expr:
        while isinstance(expr, Local) and expr in self._lets:
            expr = self._lets[expr]
        return expr


@dataclass(slots=True)
class _Spread:
    """A sweep, the shares by distance in positions, and what the own element keeps."""

    sweep: Sweep
    shares: dict[int, float]
    kept: float
    node: int
    row: Buffer = field(init=False)
    pad: int = field(init=False)

    def __post_init__(self) -> None:
        """Make room for the row and for what lies beside it."""
        widths = [max(group) - min(group) for group in self._groups()]
        self.pad = max([*widths, *(abs(m) for m in self._near())], default=1)
        room = self.sweep.count + 2 * self.pad
        self.row = Buffer("temporary", ArrayType.of(self._dtype, room), "row")

    @property
    def _dtype(self) -> np.dtype:
        return self.sweep.buffer.type.dtype

    @property
    def _next(self) -> int:
        """How many positions on the next turn is."""
        return 1 if self.sweep.rises else -1

    def _near(self) -> list[int]:
        """Distances within the row."""
        return [m for m in sorted(self.shares) if abs(m) < self.sweep.count]

    def _groups(self) -> list[list[int]]:
        """Distances to other rows, those close to each other together."""
        groups: list[list[int]] = []
        for m in sorted(m for m in self.shares if abs(m) >= self.sweep.count):
            if groups and m - groups[-1][0] <= _WIDEST:
                groups[-1].append(m)
            else:
                groups.append([m])
        return groups

    def is_sound(self) -> bool:
        """Tell whether the next turn is the only later one that a turn adds to."""
        later = [m for m in self._near() if m * self._next >= 0]
        behind = [m for m in self._near() if m * self._next < 0]
        if later != [self._next] or not is_mild(self.shares[self._next]):
            return False
        return all(abs(m) <= _WIDEST for m in behind) and all(
            map(np.isfinite, self.shares.values())
        )

    def statements(self, rest: list[Stmt]) -> list[Stmt]:
        """Return the passes: pads, chain, other rows, ``rest``, the row itself and its two ends."""
        sweep, factor = self.sweep, self._factor(self.shares[self._next])
        first = self._number(-0.0 if self.shares[self._next] > 0 else 0.0)
        pads = [*range(-self.pad, 0), *range(sweep.count, sweep.count + self.pad)]
        passes: list[Stmt] = [Store(self.element(p), self._number(-0.0)) for p in pads]
        passes += chain(sweep, factor, first, lambda p: Load(sweep.at(p)), self.element, self.node)
        passes += [self._other(group) for group in self._alike()]
        return [*passes, *rest, *self._own()]

    def _alike(self) -> list[list[list[int]]]:
        """Return the groups, those that gather the same sum together if they lie apart."""
        found: list[list[list[int]]] = []
        for group in self._groups():
            for others in found:
                if self._pattern(group) == self._pattern(others[0]) and all(
                    group[0] - other[0] >= self.sweep.count + self.pad for other in others
                ):
                    others.append(group)
                    break
            else:
                found.append([group])
        return found

    def _pattern(self, group: list[int]) -> list[tuple[int, float]]:
        return [(m - group[0], self.shares[m]) for m in group]

    def _other(self, groups: list[list[int]]) -> Loop:
        """Return the loop in which other rows gather their shares."""
        place = Symbol("p", "index")
        pattern = self._pattern(groups[0])
        width = max(shift for shift, _ in pattern)
        total = self._gathered([(place.expr() - shift, weight) for shift, weight in pattern])
        body: list[Stmt] = []
        if len(groups) > 1:
            local = Local(self._dtype, "")
            body.append(Let(local, total))
            total = local
        body += [
            Accumulate(self.sweep.at(place.expr() + group[0]), "sum", total, self.node)
            for group in groups
        ]
        return Loop(place, 0, self.sweep.count + width, body, node=self.node, apart=True)

    def _own(self) -> list[Stmt]:
        """Return what gives the row its values, and its neighbours at both ends theirs."""
        place, count = Symbol("p", "index"), self.sweep.count
        behind = [m for m in self._near() if m != self._next]
        terms = [(place.expr() - m, self.shares[m]) for m in behind]
        if self.kept:
            terms = [(place.expr(), self.kept), *terms]
        total = self._gathered(terms) if terms else self._number(0.0)
        body: list[Stmt] = [Store(self.sweep.at(place.expr()), total, self.node)]
        found: list[Stmt] = [Loop(place, 0, count, body, node=self.node, apart=True)]
        for m in self._near():
            for source in range(-m) if m < 0 else range(count - m, count):
                share = self._gathered([(source, self.shares[m])])
                found.append(Accumulate(self.sweep.at(source + m), "sum", share, self.node))
        return found

    def _gathered(self, terms: Iterable[tuple[Dim, float]]) -> Expr:
        """Return the weighted sum of elements of the row; one product where weights are equal."""
        pairs = list(terms)
        weights = {weight for _, weight in pairs}
        if len(weights) == 1:
            return times(
                self._sum([Load(self.element(p)) for p, _ in pairs]), self._factor(weights.pop())
            )
        return self._sum([times(Load(self.element(p)), self._factor(w)) for p, w in pairs])

    def _sum(self, parts: list[Expr]) -> Expr:
        total = parts[0]
        for part in parts[1:]:
            total = apply("add", total, part, self._dtype)
        return total

    def element(self, position: Dim) -> Ref:
        """Return the adjoint at a position of the row."""
        return Ref(self.row, position + self.pad)

    def _factor(self, weight: float) -> Number | None:
        return None if weight == 1.0 else self._number(weight)

    def _number(self, value: float) -> Number:
        return Number(self._dtype.type(value), self._dtype)
