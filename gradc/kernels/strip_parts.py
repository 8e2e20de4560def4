"""A run of stages taken apart, and what its statements read and make."""

from dataclasses import field

from gradc.kernels.nest import (
    Accumulate,
    Assign,
    Buffer,
    Declare,
    Fill,
    Let,
    Local,
    Loop,
    Stage,
    Stmt,
)
from gradc.kernels.walk import expressions, statements, subexpressions, uses
from gradc.records import dataclass

__all__ = ["Strips", "between", "made_by", "read_by"]


@dataclass(slots=True, eq=False)
class Strips:
    """A run of stages taken apart.

    Attributes
    ----------
    length : int
        Of the vectors.
    head, fills, core, tail : list
        What comes first, whole buffers that are set, what is done strip by strip, what comes last.
    totals : dict
        Sums over all elements, each with the numbers that it is added to.
    sums : list
        Statements that only add sums up: the lanes take their place.
    own : dict
        Buffers that the core writes, each with the distance of neighbours.
    restarts : list
        Numbers that the turns change whatever the elements are: every strip starts them anew.
    repeated : bool
        Whether a loop goes over the elements more than once.
    late, changed : set
        Numbers that core and tail make or change, and buffers that they write.
    """

    stages: list[Stage]
    length: int
    head: list[Stmt] = field(default_factory=list)
    fills: list[Fill] = field(default_factory=list)
    core: list[Stmt] = field(default_factory=list)
    tail: list[Stmt] = field(default_factory=list)
    totals: dict[Local, list[Local]] = field(default_factory=dict)
    sums: list[Stmt] = field(default_factory=list)
    own: dict[Buffer, int] = field(default_factory=dict)
    restarts: list[Declare] = field(default_factory=list)
    repeated: bool = False
    late: set[Local] = field(default_factory=set)
    changed: set[Buffer] = field(default_factory=set)

    def note_late(self, statement: Stmt) -> None:
        """Take note of what a statement of the core or the tail makes."""
        self.late |= made_by([statement], deep=True)
        self.changed |= {b for s in statements([statement]) for b, w in uses(s) if w}

    def is_lane(self, statement: Stmt) -> bool:
        """Tell whether a statement is a loop over all elements."""
        return (
            isinstance(statement, Loop)
            and statement.node < 0
            and statement.start == 0
            and statement.step == 1
            and statement.stop == self.length
        )

    def renewed(self) -> list[Stmt]:
        """Return the statements that start such numbers again."""
        return [Assign(s.local, s.value) for s in self.restarts]


def read_by(statement: Stmt) -> set[Local]:
    """Return the numbers that a statement reads."""
    return {
        part
        for s in statements([statement])
        for expr in expressions(s)
        for part in subexpressions(expr)
        if isinstance(part, Local)
    }


def made_by(body: list[Stmt], *, deep: bool = False) -> set[Local]:
    """Return the numbers that statements make or change."""
    made: set[Local] = set()
    for s in statements(body) if deep else body:
        if isinstance(s, Let | Declare | Assign):
            made.add(s.local)
        elif isinstance(s, Accumulate) and isinstance(s.target, Local):
            made.add(s.target)
    return made


def between(body: list[Stmt]) -> list[Stmt]:
    """Return the statements on numbers between the loops over elements."""
    found: list[Stmt] = []
    for statement in body:
        if not isinstance(statement, Loop):
            found.append(statement)
        elif statement.node >= 0:
            found += between(statement.body)
    return found
