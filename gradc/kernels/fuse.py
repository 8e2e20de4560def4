"""Group roots into sweeps: roots over the same extents that read each other at the same index.

Every root gets a level; a sweep is all roots of one level and domain.  A root's level is at least
that of what it reads, and more by one where it needs another sweep's result first, so the sweeps of
one level do not depend on each other.  Roots move to a later level, never beyond the one that keeps
the number of levels, to meet others of their domain.
"""

import heapq
from bisect import bisect_left, insort
from collections.abc import Hashable, Mapping
from dataclasses import field
from typing import Any

from gradc.ir import Kind, Shape
from gradc.kernels.awaited import awaited
from gradc.kernels.cone import iteration_shape, reads
from gradc.kernels.index import domain_of
from gradc.kernels.placement import SWEEPS, Form, Placement
from gradc.records import dataclass

__all__ = ["Group", "Sweep", "fuse"]

CROWDED = 4
"""Roots that take apart more pieces than this get a nest of their own."""
NEAR = 2
"""Sweeps whose extents differ by at most this are run as one, the edges apart."""
NEIGHBOURS = 8
"""How many sweeps of one level are compared."""
LONG = 32
"""Shortest extents for which that pays."""


@dataclass(slots=True, eq=False)
class Sweep:
    """One root with what fusion needs to know of it.

    ``order`` holds what it reads, and what must run before it for another reason.
    """

    id: int
    form: Form
    shape: Shape
    key: Hashable
    reads: dict[int, bool]
    order: dict[int, bool]
    level: int = 0
    latest: int = 0


@dataclass(slots=True, eq=False)
class Group:
    """Roots computed by one nest; ``shape`` holds the extents of its loops, without ones."""

    members: list[Sweep]
    shape: Shape
    level: int
    before: set[int] = field(default_factory=set)

    @property
    def is_nest(self) -> bool:
        """Whether it is a nest of loops over elements."""
        return self.members[0].form in SWEEPS


def fuse(p: Placement, after: Mapping[int, set[int]] | None = None) -> list[Group]:
    """Return the groups in the order in which they run.

    ``after`` names roots that must run before a root although it does not read them.
    """
    sweeps = {id: _sweep(p, id) for id in sorted(p.form)}
    after = _all_after(after or {}, awaited(p))
    if after:
        for id, others in after.items():
            sweeps[id].order = {**sweeps[id].reads, **dict.fromkeys(others, False)}
        sweeps = _sorted(sweeps)
    _first_levels(sweeps)
    _last_levels(sweeps)
    _meet(sweeps)
    _sink(sweeps)
    return _ordered(_join_near(p, _collect(sweeps)))


def _all_after(
    first: Mapping[int, set[int]], second: Mapping[int, set[int]]
) -> Mapping[int, set[int]]:
    return {id: first.get(id, set()) | second.get(id, set()) for id in {*first, *second}}


def _sorted(sweeps: dict[int, Sweep]) -> dict[int, Sweep]:
    """Put every sweep behind what must run before it."""
    waiting = {id: len(sweep.order) for id, sweep in sweeps.items()}
    users: dict[int, list[int]] = {id: [] for id in sweeps}
    for id, sweep in sweeps.items():
        for other in sweep.order:
            users[other].append(id)
    ready = [id for id, count in waiting.items() if not count]
    heapq.heapify(ready)
    result: dict[int, Sweep] = {}
    while ready:
        id = heapq.heappop(ready)
        result[id] = sweeps[id]
        for user in users[id]:
            waiting[user] -= 1
            if not waiting[user]:
                heapq.heappush(ready, user)
    assert len(result) == len(sweeps), "roots wait for each other in a circle"
    return result


def _sweep(p: Placement, id: int) -> Sweep:
    shape, form = iteration_shape(p, id), p.form[id]
    own = form not in SWEEPS or _pieces(p, id) > CROWDED
    key: Hashable = ("own", id) if own else domain_of(shape)
    needed = {base: same for base, same in reads(p, id).items() if base in p.form}
    return Sweep(id, form, shape, key, needed, needed)


def _pieces(p: Placement, id: int) -> int:
    """Count the paddings that the nest of a root takes apart."""
    node = p.node(id)
    if node.op.name in ("pad", "concatenate"):
        return len(node.operands) + sum(p.pieces[i] for i in node.operands)
    return sum(p.pieces[i] for i in node.operands)


def _distance(reader: Sweep, read: Sweep, pointwise: bool) -> int:
    """Return 0 where both can be in one sweep, else 1."""
    return int(not (pointwise and read.form is Form.MAP and reader.key == read.key))


def _first_levels(sweeps: dict[int, Sweep]) -> None:
    for sweep in sweeps.values():
        sweep.level = _earliest(sweep, sweeps)


def _earliest(sweep: Sweep, sweeps: dict[int, Sweep]) -> int:
    return max(
        (
            sweeps[base].level + _distance(sweep, sweeps[base], same)
            for base, same in sweep.order.items()
        ),
        default=0,
    )


def _last_levels(sweeps: dict[int, Sweep]) -> None:
    last = max((sweep.level for sweep in sweeps.values()), default=0)
    for sweep in sweeps.values():
        sweep.latest = last
    for sweep in reversed(sweeps.values()):
        for base, same in sweep.order.items():
            read = sweeps[base]
            read.latest = min(read.latest, sweep.latest - _distance(sweep, read, same))


def _meet(sweeps: dict[int, Sweep]) -> None:
    """Give each root the first level that has a sweep it can join, or else its earliest."""
    open_levels: dict[Hashable, list[int]] = {}
    for sweep in sweeps.values():
        earliest = _earliest(sweep, sweeps)
        levels = open_levels.setdefault(sweep.key, [])
        place = bisect_left(levels, earliest)
        if place < len(levels) and levels[place] <= sweep.latest:
            sweep.level = levels[place]
        else:
            sweep.level = earliest
            insort(levels, earliest)


def _sink(sweeps: dict[int, Sweep]) -> None:
    """Move roots down to the sweep that uses them, so that they need no memory."""
    bound: dict[int, int] = {}
    present = {(sweep.key, sweep.level) for sweep in sweeps.values()}
    for sweep in reversed(sweeps.values()):
        latest = bound.get(sweep.id)
        if latest is not None and latest > sweep.level and (sweep.key, latest) in present:
            sweep.level = latest
        for base, same in sweep.order.items():
            limit = sweep.level - _distance(sweep, sweeps[base], same)
            bound[base] = min(bound.get(base, limit), limit)


def _collect(sweeps: dict[int, Sweep]) -> list[Group]:
    groups: dict[tuple[Hashable, int], Group] = {}
    for sweep in sweeps.values():
        key = (sweep.key, sweep.level)
        group = groups.get(key)
        if group is None:
            groups[key] = Group([sweep], domain_of(sweep.shape), sweep.level)
        else:
            group.members.append(sweep)
    return list(groups.values())


# sweeps whose extents differ by one or two


def _join_near(p: Placement, groups: list[Group]) -> list[Group]:
    """Run sweeps of one level together when they read the same memory over nearly equal extents."""
    kept: list[Group] = []
    buckets: dict[Any, list[Group]] = {}
    for group in groups:
        bucket = buckets.setdefault(_bucket(group), [])
        partner = next((g for g in bucket[-NEIGHBOURS:] if _near(p, g, group)), None)
        if partner is None:
            kept.append(group)
            bucket.append(group)
            continue
        partner.shape = tuple(map(max, partner.shape, group.shape))  # type: ignore[arg-type]
        partner.members = sorted(partner.members + group.members, key=lambda s: s.id)
    return kept


def _bucket(group: Group) -> Hashable:
    """Return equal keys for groups worth comparing."""
    whole = group.members[0].key == group.shape
    static = all(isinstance(extent, int) and extent >= LONG for extent in group.shape)
    return (group.level, len(group.shape)) if whole and static and group.shape else id(group)


def _near(p: Placement, a: Group, b: Group) -> bool:
    close = all(
        abs(x - y) <= NEAR  # type: ignore[arg-type]
        for x, y in zip(a.shape, b.shape, strict=True)
    )
    return close and bool(_inputs(p, a) & _inputs(p, b))


def _inputs(p: Placement, group: Group) -> set[int]:
    """Return the memory that a group reads."""
    free = {Kind.CONSTANT}
    return {
        base
        for sweep in group.members
        for base in reads(p, sweep.id)
        if p.node(base).op.kind not in free and p.node(base).type.ndim
    }


# order


def _ordered(groups: list[Group]) -> list[Group]:
    """Sort so that every group runs after what it reads, otherwise as in the user's program."""
    home = {sweep.id: place for place, group in enumerate(groups) for sweep in group.members}
    after: list[list[int]] = [[] for _ in groups]
    for place, group in enumerate(groups):
        needed = {home[base] for sweep in group.members for base in sweep.order} - {place}
        group.before = needed
        for other in needed:
            after[other].append(place)
    waiting = [len(group.before) for group in groups]
    ready = [(g.members[-1].id, place) for place, g in enumerate(groups) if not waiting[place]]
    heapq.heapify(ready)
    result: list[Group] = []
    while ready:
        _, place = heapq.heappop(ready)
        result.append(groups[place])
        for other in after[place]:
            waiting[other] -= 1
            if not waiting[other]:
                heapq.heappush(ready, (groups[other].members[-1].id, other))
    assert len(result) == len(groups), "sweeps depend on each other in a circle"
    return result
