"""Which loops keep all that their reverse reads, and which run again, so that tapes fit.

A loop is tried in this order, each step running more again than the one before:

1. everything is kept, turn by turn;
2. the carries are kept, the rest of each turn is computed again;
3. the carries at the start of each segment are kept, segments run again; segments are cut into
   segments in turn where that is not enough.

With carries of ``a`` bytes, ``b`` bytes kept a turn and N turns, L levels of segments take
``K1 a + ... + M b`` bytes, least where all terms are equal: ``L (N a^(L-1) b)^(1/L)``, and run the
loop L times in all.  (Binomial schedules, A. Griewank and A. Walther, "Revolve", ACM TOMS 26, 2000,
place unequal segments and need somewhat fewer turns; segments of one length stay plain loops.)
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import TypeAlias

from gradc.autodiff.activity import Part
from gradc.autodiff.again import marked
from gradc.autodiff.regions_bytes import Most, inner_bytes, known_bytes, most_of, own_bytes
from gradc.autodiff.regions_loop import Prepared, prepare_loop, prepare_while
from gradc.autodiff.regions_segments import segments, while_segments
from gradc.autodiff.regions_split import Pulled
from gradc.errors import LimitError
from gradc.ir import Graph, Node, TupleType
from gradc.ir.node import fresh_again
from gradc.ir.ranges import Range
from gradc.records import dataclass

__all__ = ["WHILE_BYTES", "Plan", "Pull", "plan_loop"]

Pull: TypeAlias = Callable[[Graph, Part, tuple[Range, ...], int | None, bool], Pulled]
"""Differentiates a body: with the ranges of the indices around, the bytes it may keep, and whether
loops inside may read arrays as they are at their ends."""

MOST_WHILE_BYTES = 256 << 20
"""Bytes at most that a loop with a condition may keep: it needs room for its limit of turns."""
WHILE_BYTES = 16 << 20
"""Bytes that a loop with a condition may keep for its limit of turns before it runs again."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The loops that stand for one loop, one after the other, and the bytes of their tapes."""

    loops: tuple[Prepared, ...]
    own: int
    inner: int

    @property
    def nbytes(self) -> int:
        """Bytes of all tapes at once."""
        return self.own + self.inner


def plan_loop(
    node: Node,
    part: Part,
    around: tuple[Range, ...],
    budget: int | None,
    pull: Pull,
    *,
    finals: bool = True,
) -> Plan:
    """Return the first way of running a loop that fits, or else the one with the fewest bytes.

    How a segment of a loop runs is settled with the loop; its budget is for the loops inside it.
    With ``finals`` its reverse may read arrays as they are at the ends of the loop.
    """
    ways = _Ways(node, part, around, pull, finals)
    if node.origin.again < 0:
        return ways.plain(budget)
    plan = _first_that_fits(ways, budget)
    whole = not node.origin.again  # what runs again is part of something that counts it
    settled = whole and budget is not None and node.op.name == "while_loop"
    if settled and plan.nbytes > MOST_WHILE_BYTES:
        raise LimitError(
            f"the gradient of this loop keeps {plan.nbytes >> 20} MiB "
            f"for {node.params['limit']} turns at most",
            span=node.origin.span,
            repair="lower max_turns, or let the loop carry less",
        )
    return plan


def _first_that_fits(ways: "_Ways", budget: int | None) -> Plan:
    best = ways.plain(None)
    if budget is None or best.nbytes <= budget:
        return best
    for plan in ways.again(budget, best):
        if plan.nbytes <= budget:
            return plan
        best = min(best, plan, key=lambda found: found.nbytes)
    return best


@dataclass(frozen=True, slots=True)
class _Ways:
    """The ways of running one loop."""

    node: Node
    part: Part
    around: tuple[Range, ...]
    pull: Pull
    finals: bool = True

    def plain(self, budget: int | None, node: Node | None = None) -> Plan:
        """Keep what the reverse reads; loops inside may keep ``budget`` bytes in each turn.

        What the loops inside read from an array as they leave it costs nothing, unless this loop
        goes on writing there: then it may be less to keep what they read, turn by turn.
        """
        plan = self._plain(budget, node or self.node, finals=self.finals)
        if not self.finals or not _keeps_a_carry(plan):
            return plan
        other = self._plain(budget, node or self.node, finals=False)
        return other if other.nbytes < plan.nbytes else plan

    def _plain(self, budget: int | None, node: Node, *, finals: bool) -> Plan:
        around = self._inside(node)
        pulled = self.pull(node.regions[-1], self.part, around, budget, finals)
        if node.op.name == "loop":
            made = prepare_loop(node, self.part, pulled, self.around, finals=self.finals)
        else:
            made = prepare_while(node, self.part, pulled)
        most = most_of(around)
        inner = max(inner_bytes(made.regions[-1], most), inner_bytes(made.reverse, most))
        return Plan((made,), own_bytes(made, most), inner)

    def again(self, budget: int, plain: Plan) -> Iterator[Plan]:
        """Yield the other ways."""
        turns, state = self._turns(), self._state()
        if not isinstance(turns, int):
            return
        *test, body = self.node.regions
        whole = (*test, marked(body, fresh_again()))
        node = _with_regions(self.node, whole)
        tight = self.plain(max(budget - turns * state, 0), node)
        yield tight
        keeps = tight if tight.own < plain.own else plain
        row = max(keeps.own // max(turns, 1), 1)
        lengths = segment_lengths(turns, max(state, 1), row, budget - keeps.inner)
        if lengths and lengths[0] < turns:
            inner = budget - segments_bytes(turns, state, row, lengths)
            yield self._cut(node if keeps is tight else self.node, lengths, inner)

    def _cut(self, node: Node, lengths: Sequence[int], left: int) -> Plan:
        """Run segments again; loops inside may keep ``left`` bytes."""
        if node.op.name != "loop":
            return self.plain(max(left, 0), while_segments(node, lengths))
        first, *rest = segments(node, lengths, [r.symbol for r in self.around])
        plan = self.plain(max(left, 0), first)
        left += segments_bytes(lengths[0], self._state(), 1, lengths[1:]) if lengths[1:] else 0
        for last in rest:
            room = max(left, 0)
            more = plan_loop(last, self.part, self.around, room, self.pull, finals=self.finals)
            inner = max(plan.inner, more.nbytes)
            plan = Plan((*plan.loops, *more.loops), plan.own, inner)
        return plan

    def _inside(self, node: Node) -> tuple[Range, ...]:
        if node.op.name != "loop":
            return self.around
        return (*self.around, Range(node.params["index"], 0, node.params["count"] - 1))

    def _turns(self) -> object:
        return self.node.params["count" if self.node.op.name == "loop" else "limit"]

    def _state(self) -> int:
        """Return the bytes of all carries."""
        assert isinstance(self.node.type, TupleType)
        most: Most = most_of(self.around)
        return sum(known_bytes(kind.nbytes, most) for kind in self.node.type.items)


def _keeps_a_carry(plan: Plan) -> bool:
    """Tell whether a loop with loops inside keeps a whole array that it carries, for each turn."""
    (made,) = plan.loops
    carries = made.node.params["carries"]
    assert isinstance(made.node.type, TupleType)
    kinds = [kind.shape for kind in made.node.type.items[:carries] if kind.shape]
    inside = any(n.op.name in ("loop", "while_loop") for n in made.node.regions[-1].nodes)
    return inside and any(tape.shape in kinds for tape in made.tapes)


def segment_lengths(turns: int, state: int, row: int, budget: int) -> list[int]:
    """Return how many turns a segment has, a segment in a segment, and so on.

    ``state`` are the bytes kept for a segment, ``row`` those kept for a turn.  Of the schedules
    that fit, the one with the fewest levels and no turns left over; if none does, the smallest.
    """
    best: tuple[float, list[int]] = (float("inf"), [])
    for levels in range(2, max(turns, 2).bit_length() + 1):
        found = [
            (segments_bytes(turns, state, row, lengths), turns % lengths[0] > 0, lengths)
            for lengths in _schedules(turns, state, row, levels)
        ]
        fitting = [(rest, size, lengths) for size, rest, lengths in found if size <= budget]
        if fitting:
            return min(fitting)[2]
        best = min([best, *((size, lengths) for size, _, lengths in found)])
    return best[1]


def segments_bytes(turns: int, state: int, row: int, lengths: Sequence[int]) -> int:
    """Return the bytes of all levels of segments together."""
    whole = [turns, *lengths]
    return sum(a // b for a, b in pairwise(whole)) * state + lengths[-1] * row


def _schedules(turns: int, state: int, row: int, levels: int) -> Iterator[list[int]]:
    """Yield lengths near those where all levels take the same."""
    share = (turns * float(state) ** (levels - 1) * row) ** (1.0 / levels)
    near = share / row
    shortest = {d for d in _divisors(turns) if near / 4 <= d <= near * 4} | {round(near)}
    middle = round(share / state)
    for last in sorted(shortest):
        for step in range(max(middle - 3, 2), max(middle, 2) + 4) if levels > 2 else (2,):
            lengths = [last * step**k for k in reversed(range(levels - 1))]
            if last >= 1 and 1 < lengths[0] < turns:
                yield lengths


def _divisors(number: int) -> Sequence[int]:
    found: set[int] = set()
    step = 1
    while step * step <= number:
        if number % step == 0:
            found |= {step, number // step}
        step += 1
    return sorted(found)


def _with_regions(node: Node, regions: tuple[Graph, ...]) -> Node:
    return Node(-1, node.op, node.operands, node.params, regions, node.type, node.origin)
