"""When a value may take the place of one that dies in the stage that makes it."""

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from gradc.ir import Dim, DimExpr, Symbol
from gradc.kernels.nest import Buffer, Loop, Ref, Stage, Stmt, Store, While
from gradc.kernels.walk import loads, nested, uses

__all__ = ["Access", "accesses", "can_share"]


_UNKNOWN = Symbol("turns", "unknown")
"""Stands for the turns of a loop with a condition: no offset holds it."""


class Access(NamedTuple):
    """A read or a write of one buffer by one statement.

    ``body`` and ``place`` say which statement list, and where in it; ``offset`` is None unless one
    plain element is read, or stored in a turn of its own; ``turns`` counts the turns.
    """

    body: int
    place: int
    written: bool
    offset: Dim | None
    turns: Dim


def accesses(stage: Stage) -> dict[Buffer, list[Access]]:
    """Return how a stage touches each temporary, body by body in textual order."""
    found: dict[Buffer, list[Access]] = {}
    bodies = [_Body(stage.body, frozenset(), 1)]
    for number, body in enumerate(bodies):
        for place, statement in enumerate(body.statements):
            _note(found, statement, (number, place), body)
            bodies.extend(_inside(body, statement, inner) for inner in nested(statement))
    return found


class _Body(NamedTuple):
    """A statement list with the symbols and the number of turns of the loops around it."""

    statements: list[Stmt]
    loops: frozenset[Symbol]
    turns: Dim


def _inside(body: _Body, statement: Stmt, inner: list[Stmt]) -> _Body:
    if isinstance(statement, While):
        return _Body(inner, body.loops | {_UNKNOWN}, body.turns)
    if not isinstance(statement, Loop):
        return _Body(inner, body.loops, body.turns)
    start, stop = statement.start, statement.stop
    length = stop - start
    if statement.step < 0:
        length = -length
    elif statement.step > 1 and not isinstance(length, int):
        return _Body(inner, body.loops | {_UNKNOWN}, body.turns)
    elif isinstance(length, int):
        length = -(-length // statement.step)
    return _Body(inner, body.loops | {statement.symbol}, body.turns * length)


def _note(
    found: dict[Buffer, list[Access]],
    statement: Stmt,
    where: tuple[int, int],
    body: _Body,
) -> None:
    """Note what one statement touches; what is no plain element has no offset."""
    plain: Counter[tuple[Buffer, bool]] = Counter()
    for ref in loads(statement):
        if not ref.gathers:
            found.setdefault(ref.buffer, []).append(Access(*where, False, ref.offset, body.turns))
            plain[ref.buffer, False] += 1
    if isinstance(statement, Store) and _is_own(statement.ref, body.loops):
        ref = statement.ref
        found.setdefault(ref.buffer, []).append(Access(*where, True, ref.offset, body.turns))
        plain[ref.buffer, True] += 1
    for use in uses(statement):
        if plain[use]:
            plain[use] -= 1
        else:
            found.setdefault(use[0], []).append(Access(*where, use[1], None, body.turns))


def _is_own(ref: Ref, loops: frozenset[Symbol]) -> bool:
    """Tell whether every turn of the loops around writes another element."""
    known = ref.offset.symbols if isinstance(ref.offset, DimExpr) else frozenset()
    return not ref.gathers and loops <= known


def can_share(seen: Mapping[Buffer, list[Access]], old: Buffer, new: Buffer) -> bool:
    """Tell whether ``new`` may be written over ``old``.

    It may if every element of the new one is stored once, if wherever the old one is read, the same
    element of the new one is stored later in the same turn, and if nothing else touches either.
    """
    if old.type.dtype.itemsize != new.type.dtype.itemsize or old.type.size != new.type.size:
        return False
    stores: dict[int, Access] = {}
    stored: Dim = 0
    for access in seen.get(new, ()):
        if access.offset is None or not access.written or access.body in stores:
            return False
        stores[access.body] = access
        stored = stored + access.turns
    return stored == new.type.size and all(
        _precedes(access, stores.get(access.body)) for access in seen.get(old, ())
    )


def _precedes(access: Access, store: Access | None) -> bool:
    if access.offset is None or access.written or store is None:
        return False
    return store.offset == access.offset and store.place >= access.place
