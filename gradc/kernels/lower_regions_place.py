"""Which values of a loop body or branch are written over the value they are a new version of.

A write into b may be done in b's own memory when nobody needs the old b afterwards: every other
reader of b runs before the writer (an order that is added where it does not follow already), b is
no result, and the writer reads b nowhere else.  A reader that must come later, and the writer's own
other reads, are given a copy of the part of b that they look at; where they look at all of b, the
writer copies b.  Reads inside the written value itself are checked once the loops are known
(``lower_scatter``).
"""

from collections.abc import Iterator, Mapping
from dataclasses import field
from typing import NamedTuple

from gradc.ir import Kind, Program
from gradc.kernels.cone import reads
from gradc.kernels.lower_regions_parts import Region, updated_operands
from gradc.kernels.placement import Form, Placement
from gradc.records import dataclass

__all__ = ["Clash", "InPlace", "in_place"]

LITTLE = 4
"""How many times the part of an array that is copied first fits into it."""


class Clash(Exception):
    """A part must be placed again, with more values kept or fewer writes in place."""

    def __init__(self, forced: set[int], copied: set[int]) -> None:
        super().__init__(f"keep {sorted(forced)}, copy for {sorted(copied)}")
        self.forced = forced
        self.copied = copied


@dataclass(slots=True, eq=False)
class InPlace:
    """``heirs``: whose memory a value takes over; ``after``: roots that must run before a root."""

    heirs: dict[int, int] = field(default_factory=dict)
    after: dict[int, set[int]] = field(default_factory=dict)


class _Write(NamedTuple):
    """``value`` is a new version of ``base``, made when ``owner`` runs."""

    value: int
    owner: int
    base: int


def in_place(
    p: Placement,
    part: Program,
    regions: Mapping[int, Region],
    carried: Mapping[int, int],
    copied: set[int],
) -> InPlace:
    """Decide for one part; ``carried`` says which input shares the memory of which output.

    Raises ``Clash`` when more has to be kept first.
    """
    return _Decision(p, part, regions, copied).decide(carried)


class _Decision:
    def __init__(
        self, p: Placement, part: Program, regions: Mapping[int, Region], copied: set[int]
    ) -> None:
        self.p = p
        self.regions = regions
        self.copied = copied
        self.plan = InPlace()
        self.forced: set[int] = set()
        self.needs = {id: {b for b in reads(p, id) if b in p.form} for id in p.form}
        self.readers: dict[int, set[int]] = {}
        for id in p.form:
            for base in reads(p, id):
                self.readers.setdefault(base, set()).add(id)
        outputs = part.graph.outputs
        self.late = {p.views[id].base for id in outputs if id not in p.form and id in p.views}
        self.late |= {id for id in outputs if id in p.form}

    def decide(self, carried: Mapping[int, int]) -> InPlace:
        taken: set[int] = set()
        for write in self._candidates(carried):
            fresh = write.base not in taken and write.value not in self.plan.heirs
            if fresh and write.value not in self.copied and self._possible(write):
                self.plan.heirs[write.value] = write.base
                taken.add(write.base)
        if self.forced:
            raise Clash(self.forced, set())
        return self.plan

    def _candidates(self, carried: Mapping[int, int]) -> Iterator[_Write]:
        """Yield writes: first those that lead from an input to the output in its memory."""
        p = self.p
        for output, source in carried.items():
            chain: list[_Write] = []
            id = output
            while id != source and (write := self._write(id)):
                chain.append(write)
                id = write.base
            if id == source:
                yield from chain
            elif self._made_anew(id, source):
                yield from (*chain, _Write(id, id, source))
        for id in sorted(p.form, reverse=True):
            found = self._write(id)
            if found and found.base in p.form:
                yield found

    def _made_anew(self, id: int, source: int) -> bool:
        """Tell whether a value is made of an input element by element, in one sweep of its own.

        What such a sweep reads besides, of other elements, is noted to be kept if it is little;
        so is the value itself where it is but the start of what is written next.
        """
        p = self.p
        if p.form.get(id, Form.MAP) is not Form.MAP or p.node(id).op.kind is not Kind.ELEMENTWISE:
            return id in p.form and p.form[id] is Form.MAP and reads(p, id).get(source, True)
        seen = reads(p, id)
        if id in p.form and seen.get(source, True):
            return True
        if seen.get(source):
            self.forced.add(id)
        elif source in seen:
            self.forced |= self._small_parts(id, source)
        return False

    def _small_parts(self, reader: int, base: int) -> set[int]:
        """Return what an expression reads of a base beside its own elements, if it is little."""
        p, found = self.p, set[int]()
        whole = p.node(base).type.size
        for id in self._views(reader, base):
            while id != base and p.node(id).operands[0] != base:
                id = p.node(id).operands[0]
            size = p.node(id).type.size
            if id == base:
                continue
            if not (isinstance(size, int) and isinstance(whole, int) and LITTLE * size <= whole):
                return set()
            found.add(id)
        return found

    def _write(self, id: int) -> _Write | None:
        node = self.p.node(id)
        if self.p.form.get(id) is Form.SCATTER:
            return _Write(id, id, node.operands[0])
        if self.p.form.get(id) is Form.PROJECT and node.type.shape:
            region = self.p.node(node.operands[0])
            slot = updated_operands(region, self.regions).get(node.params["item"])
            if slot is not None:
                return _Write(id, region.id, region.operands[slot])
        return None

    def _possible(self, write: _Write) -> bool:
        """Tell whether nobody needs the old value later; note what must be kept for that."""
        p, base = self.p, write.base
        if base in self.late or not p.node(base).type.shape:
            return False
        if base not in p.form and p.node(base).op.kind is not Kind.INPUT:
            return False
        forced: set[int] = set()
        if p.form[write.owner] is not Form.MAP:
            own = self._own_reads(write)
            if own is None:
                return False
            forced |= own
        before: set[int] = set()
        for reader in self.readers.get(base, set()) - {write.owner}:
            if not self._depends(reader, write.owner):
                before.add(reader)
                continue
            views = set(self._views(reader, base))
            if base in views or not views:
                return False
            forced |= views
        self.forced |= forced
        self.plan.after.setdefault(write.owner, set()).update(before)
        self.needs[write.owner] |= before
        return True

    def _own_reads(self, write: _Write) -> set[int] | None:
        """Return the other operands of a writer that show its base; None if one is the base."""
        node = self.p.node(write.owner)
        written = [slot for slot, id in enumerate(node.operands) if id == write.base]
        region = self.p.form[write.owner] is Form.REGION
        if len(written) != 1:
            return None
        others = node.operands if region else node.operands[2:]
        found = {id for id in others if id in self.p.views and id != write.base}
        return {id for id in found if self.p.views[id].base == write.base}

    def _depends(self, reader: int, writer: int) -> bool:
        """Tell whether a root runs after another one in any case."""
        seen, stack = {reader}, [reader]
        while stack:
            here = stack.pop()
            if here == writer:
                return True
            fresh = self.needs[here] - seen
            seen |= fresh
            stack.extend(fresh)
        return False

    def _views(self, reader: int, base: int) -> Iterator[int]:
        """Yield the values over a base that the expressions of a root look at."""
        p = self.p
        seen: set[int] = set()
        stack = list(p.terms.get(reader, p.node(reader).operands))
        while stack:
            id = stack.pop()
            if id in seen:
                continue
            seen.add(id)
            view = p.views.get(id)
            if view is None:
                stack.extend(p.node(id).operands)
            elif view.base == base:
                yield id
