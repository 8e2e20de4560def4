"""Numbers between the loops over elements: sums of a turn that are carried on, and all others.

    p = 0
    for i < n: p += x[i]                  the lanes of p take all turns of a strip together;
    t = c + p                      ->     c gets them once, after the last strip
    c = t

Numbers that do not hang on the elements take the same values in every strip, which starts them
anew.
"""

from dataclasses import field

from gradc.kernels.nest import (
    Accumulate,
    Apply,
    Assign,
    Declare,
    Expr,
    Let,
    Local,
    Loop,
    Number,
    Stmt,
)
from gradc.kernels.strip_parts import Strips, between, made_by, read_by
from gradc.kernels.walk import statements
from gradc.records import dataclass

__all__ = ["sort_numbers"]


def sort_numbers(strips: Strips) -> bool:
    """Fill in ``totals``, ``sums`` and ``restarts``; tell whether all numbers are such."""
    if strips.totals and not _Sums(strips).sort():
        return False
    return _restart(strips, [s for s in between(strips.core) if s not in strips.sums])


@dataclass(frozen=True, slots=True)
class _Form:
    """A value that is a carry (or nothing) and the sums that are added to it."""

    carry: Local | None
    totals: tuple[Local, ...]


@dataclass(slots=True)
class _Sums:
    """Follows the sums of a turn into the numbers that carry them on.

    Attributes
    ----------
    places : dict
        For each statement between the loops, its list and its place there.
    ready : dict
        For each sum that a turn starts, the list of that statement and the place of the last loop
        that adds to it.
    """

    strips: Strips
    places: dict[int, tuple[int, int]] = field(default_factory=dict)
    ready: dict[Local, tuple[int, int]] = field(default_factory=dict)
    forms: dict[Local, _Form] = field(default_factory=dict)
    assigned: set[tuple[Local, int]] = field(default_factory=set)

    def sort(self) -> bool:
        """Fill in the sums and where they go; tell whether nothing else is done with them."""
        strips, middle = self.strips, between(self.strips.core)
        self._note(strips.core)
        outside = {s.local for s in strips.head if isinstance(s, Declare)}
        for total in strips.totals:
            if total in outside:
                strips.totals[total].append(total)
                self.forms[total] = _Form(None, ())
            elif total in self.ready:
                self.forms[total] = _Form(None, (total,))
            else:
                return False
        carries = _carries(middle, set(self.ready))
        if not carries <= outside - strips.totals.keys():
            return False
        self.forms |= {carry: _Form(carry, ()) for carry in carries}
        return all(map(self._fits, middle)) and not self._read_elsewhere()

    def _note(self, body: list[Stmt]) -> None:
        for place, statement in enumerate(body):
            self.places[id(statement)] = id(body), place
            if isinstance(statement, Declare) and statement.local in self.strips.totals:
                adding = [k for k, s in enumerate(body) if _adds(s, statement.local)]
                first = statement.local not in self.ready and _is_zero(statement.value)
                if adding and place < adding[0] and first:
                    self.ready[statement.local] = id(body), adding[-1]
            if isinstance(statement, Loop) and statement.node >= 0:
                self._note(statement.body)

    def _fits(self, statement: Stmt) -> bool:
        """Take a statement that only adds sums up; tell whether it does nothing worse."""
        touched = self.forms.keys() & (read_by(statement) | made_by([statement]))
        if not touched:
            return True
        self.strips.sums.append(statement)
        if isinstance(statement, Declare):
            return statement.local in self.ready
        level, place = self.places[id(statement)]
        if any(
            (level, place) <= self.ready[t] or level != self.ready[t][0]
            for t in read_by(statement) & self.ready.keys()
        ):
            return False
        if isinstance(statement, Let):
            form = self._form(statement.value)
            if form is not None:
                self.forms[statement.local] = form
            return form is not None
        return self._carried(statement, level)

    def _carried(self, statement: Stmt, level: int) -> bool:
        """Read ``carry = carry + sums`` and ``carry += sums``, once in a turn."""
        if isinstance(statement, Assign):
            carry, form = statement.local, self._form(statement.value)
            wanted: Local | None = carry
        elif isinstance(statement, Accumulate) and isinstance(statement.target, Local):
            carry, form = statement.target, self._form(statement.value)
            wanted = None
            if statement.how != "sum":
                return False
        else:
            return False
        known = self.forms.get(carry)
        if form is None or form.carry is not wanted or known != _Form(carry, ()):
            return False
        if (carry, level) in self.assigned:
            return False
        self.assigned.add((carry, level))
        for total in form.totals:
            self.strips.totals[total].append(carry)
        return True

    def _form(self, value: Expr) -> _Form | None:
        """Return a value as a carry and sums that are added to it."""
        if isinstance(value, Local):
            form = self.forms.get(value)
            return form if form is not None and (form.carry or form.totals) else None
        if not isinstance(value, Apply) or value.op.name != "add":
            return None
        left, right = (self._form(arg) for arg in value.args)
        if left is None or right is None or (left.carry and right.carry):
            return None
        return _Form(left.carry or right.carry, left.totals + right.totals)

    def _read_elsewhere(self) -> bool:
        return any(
            self.forms.keys() & read_by(s)
            for s in statements(self.strips.core)
            if not isinstance(s, Loop) and s not in self.strips.sums
        )


def _adds(statement: Stmt, total: Local) -> bool:
    return isinstance(statement, Loop) and any(
        isinstance(s, Accumulate) and s.target is total for s in statements([statement])
    )


def _carries(middle: list[Stmt], flowing: set[Local]) -> set[Local]:
    """Return the numbers that sums flow into."""
    flowing, carries = set(flowing), set[Local]()
    for statement in middle:
        if not read_by(statement) & flowing:
            continue
        if isinstance(statement, Let):
            flowing.add(statement.local)
        else:
            carries |= made_by([statement])
    return carries


def _is_zero(value: Expr) -> bool:
    return isinstance(value, Number) and value.value == 0


def _restart(strips: Strips, middle: list[Stmt]) -> bool:
    """Let every strip begin with the same numbers."""
    changed: set[Local] = set()
    for statement in middle:
        if isinstance(statement, Assign):
            changed.add(statement.local)
        elif isinstance(statement, Accumulate) and isinstance(statement.target, Local):
            changed.add(statement.target)
    inside = {s.local for s in middle if isinstance(s, Declare)}
    strips.restarts = [s for s in strips.head if isinstance(s, Declare) and s.local in changed]
    known = {s.local for s in strips.restarts} | inside
    return changed <= known and not any(s.lanes for s in strips.restarts)
