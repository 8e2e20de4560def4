"""When a value may take the place of one that dies in the stage that makes it."""

from collections.abc import Mapping
from typing import NamedTuple

from gradc.ir import Dim
from gradc.kernels.nest import Buffer, Stage, Stmt, Store
from gradc.kernels.walk import loads, nested, uses

__all__ = ["Access", "accesses", "can_share"]


class Access(NamedTuple):
    """A read or a write of one buffer by one statement.

    ``body`` and ``place`` say which statement list, and where in it; ``offset`` is None unless one
    plain element is read, or stored.
    """

    body: int
    place: int
    written: bool
    offset: Dim | None


def accesses(stage: Stage) -> dict[Buffer, list[Access]]:
    """Return how a stage touches each temporary, body by body in textual order."""
    found: dict[Buffer, list[Access]] = {}
    bodies = [stage.body]
    for number, body in enumerate(bodies):
        for place, statement in enumerate(body):
            _note(found, statement, number, place)
            bodies.extend(nested(statement))
    return found


def _note(found: dict[Buffer, list[Access]], statement: Stmt, body: int, place: int) -> None:
    plain: dict[Buffer, int] = {}
    for ref in loads(statement):
        if not ref.gathers:
            found.setdefault(ref.buffer, []).append(Access(body, place, False, ref.offset))
            plain[ref.buffer] = plain.get(ref.buffer, 0) + 1
    if isinstance(statement, Store) and not statement.ref.gathers:
        ref = statement.ref
        found.setdefault(ref.buffer, []).append(Access(body, place, True, ref.offset))
        plain[ref.buffer] = plain.get(ref.buffer, 0) + 1
    for buffer, written in uses(statement):
        left = plain.get(buffer, 0)
        plain[buffer] = left - 1
        if left <= 0:
            found.setdefault(buffer, []).append(Access(body, place, written, None))


def can_share(seen: Mapping[Buffer, list[Access]], old: Buffer, new: Buffer) -> bool:
    """Tell whether ``new`` may be written over ``old``.

    It may if wherever the old one is read, the new one is stored to the same element later in the
    same turn, and nothing else touches either.
    """
    if old.type.dtype.itemsize != new.type.dtype.itemsize or old.type.size != new.type.size:
        return False
    stores: dict[int, Access] = {}
    for access in seen.get(new, ()):
        if access.offset is None or not access.written or access.body in stores:
            return False
        stores[access.body] = access
    for access in seen.get(old, ()):
        store = stores.get(access.body)
        if access.offset is None or access.written or store is None:
            return False
        if store.offset != access.offset or store.place < access.place:
            return False
    return True
