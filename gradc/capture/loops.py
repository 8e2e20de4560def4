"""``for`` in recorded code: turn by turn in Python, or as one node of the graph.

The body is a closure that shares its variables with the function.  It returns a status: 0 for the
next turn, 1 for ``break``, 2 for ``return``; where that depends on traced values it is traced, and
the loop becomes one with a condition.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NoReturn

from gradc.capture.bounds import most_turns
from gradc.capture.carries import Mismatch, observe
from gradc.capture.cells import Cells, repair_of
from gradc.capture.conditional import BREAK, NEXT, RETURN, conditional, deliver, is_traced, left
from gradc.capture.context import REPLACED, FirstApart, Unroll, current, enter, fail, maybe_current
from gradc.capture.exits import MOST as MOST_BRANCHES
from gradc.capture.exits import Body, turn_by_turn, unless_left
from gradc.capture.lengths import Lengths, changing
from gradc.capture.lists import Lists, Widened, growing_in
from gradc.capture.mutation import read
from gradc.capture.positions import Position, as_user
from gradc.capture.ranges import Fact, greatest
from gradc.capture.regions import Plan, Turn, captures_of, close, finals, initials, record, settle
from gradc.capture.residues import MOST, NODES, Split, nodes_in, turns_at_once
from gradc.capture.tracer import Kind, Tracer, wrap
from gradc.capture.turns import CountedLater, first_of, item_of, length_of, rest_of
from gradc.capture.unrolling import is_known, is_left_by_index, is_short, is_small
from gradc.errors import GradcError, LimitError, TraceError
from gradc.ir import INT64, Dim, Symbol, Value, substitute
from gradc.ops.regions import make_loop
from gradc.spans import caller_span

__all__ = ["BREAK", "NEXT", "RETURN", "STEADY", "explain", "finish", "run_for"]

_FAILURES = (Unroll, GradcError, Mismatch)
_TRIES = 4


def finish(status: Any, result: Callable[[], Any]) -> Any:
    """Return what a function returns: the result that was kept, or None at its end."""
    if is_traced(status) and result() is not None:
        fail(
            TraceError,
            "the function returns a value in some cases and reaches its end in others",
            repair="return a value of the same type in every case",
        )
    return result() if not is_traced(status) and status == RETURN else None


# for


def run_for(
    items: Any,
    body: Any,
    closure: Any,
    bound: Sequence[str],
    live: Sequence[str],
    after: Sequence[str],
    index: str,
) -> Any:
    """Run a ``for`` loop; return its status.

    Parameters
    ----------
    closure : function
        The user's body, whose variables ``body`` changes; the rest as in ``nested.for_loop``.
    """
    trace = maybe_current()
    count = None if trace is None or not trace.recorder.options.regions else length_of(items)
    counted_later = isinstance(items, CountedLater)
    if not counted_later and (count is None or (isinstance(count, int) and count <= 1)):
        here = Body(body, tuple(bound), (*live, *after), closure)
        return turn_by_turn(items, here, partial(_refuse_exit, None))
    cells = Cells([closure], bound)
    names = tuple(live), tuple(after), index
    site = _For(items, body, cells, *names, 0 if count is None else count)
    return site.without_count(items) if counted_later else site.run()


STEADY = "keep types and shapes the same from turn to turn"
_ROW = f"run over a range, or over a list or a tuple of at most {MOST_BRANCHES + 1} items"


def _refuse_exit(reason: Any, error: TraceError | None = None) -> NoReturn:
    if error is not None and reason is None:
        raise error
    why = f", which it cannot here: {explain(reason)}" if reason is not None else ""
    fail(
        TraceError,
        f"whether the loop is left depends on a traced value, so it must stay a loop{why}",
        repair=repair_of(why, f"{_ROW if reason is None else STEADY}, or use np.where instead"),
    )


def explain(reason: Any) -> str:
    """Say in half a sentence why a loop cannot stay one."""
    if isinstance(reason, Unroll):
        return reason.reason
    return reason.headline if isinstance(reason, GradcError) else str(reason)


def _is_of_first(reason: BaseException) -> bool:
    """Tell whether arrays of before the loop stand in the way, which later turns do not meet."""
    replaced = isinstance(reason, TraceError) and reason.headline == REPLACED
    return replaced or isinstance(reason, FirstApart)


class _For:
    """One ``for`` loop under way."""

    def __init__(
        self,
        items: Any,
        body: Any,
        cells: Cells,
        live: tuple[str, ...],
        after: tuple[str, ...],
        index: str,
        count: Dim,
        peeled: bool = False,
        at_once: int = 1,
        spare: int = MOST,
        lengths: Lengths | None = None,
        lists: Lists | None = None,
    ) -> None:
        self.peeled, self.at_once, self.spare = peeled, at_once, spare
        self.lengths, self.lists = lengths or Lengths(cells), lists
        self.first_apart = False
        self.items, self.body, self.cells, self.total = items, body, cells, count
        self.count = count if at_once == 1 else turns_at_once(count, at_once)
        self.live, self.after = live, after
        both = {*live, *after} - self.lengths.wholes.keys()
        self.watched = [n for n in cells.bound if n in both]
        self.symbol = Symbol(_free_name(index), "index")

    def run(self) -> Any:
        """Keep the loop when that is possible and worth it, otherwise unroll it."""
        since = len(current().recorder.inputs)
        try:
            plan, turn = self.settled()
            if is_traced(turn.status):
                current().recorder.forget_draws(since)
                if is_left_by_index(self.count, turn, current().recorder.options.unroll):
                    self.note("unrolled: its index alone says where it is left")
                    return self.plain(self.items)
                return self.with_exit(as_user(self.count), greatest(self.count, current().facts))
            if turn.status:
                raise Unroll("the loop always ends in its first turn")
            reason = self.shortness(plan, turn, since)
            if reason is None:
                self.note("kept")
                return self.commit(plan, turn)
        except (Mismatch, NameError) as reason:  # an unbound name: a turn before may bind it
            return self.otherwise(reason, since, peel=not self.peeled)
        except Split as wish:
            return self.apart(wish, since)
        except _FAILURES as reason:
            return self.otherwise(reason, since, peel=not self.peeled and _is_of_first(reason))
        current().recorder.forget_draws(since)
        self.note(f"unrolled: {reason}")
        return self.plain(self.items)

    def shortness(self, plan: Plan, turn: Turn, since: int) -> str | None:
        """Say why the loop is better run turn by turn, if it is."""
        turns: int = current().recorder.options.unroll
        if is_short(self.count, turn.trace, turns):
            return "it is short"
        if turns and is_known(self.count, plan, turn, since):
            return "its numbers are known while recording"
        return None

    def settled(self) -> tuple[Plan, Turn]:
        """Record the body with the index as a symbol."""

        def run(turn: Turn) -> Any:
            index = Position(self.symbol.expr())
            if self.lists is None:
                return self.turns(index)
            others = (*self.watched, *self.cells.elements)
            return self.lists.run(turn, index, lambda: self.turns(index), others)

        options = current().recorder.options
        apart = isinstance(self.count, int) and options.unroll
        fact = Fact(self.symbol, self.count, self.spare // self.at_once if apart else 1)
        site = self.cells.closures[0].__code__
        return settle("loop", self.cells, self.watched, run, (fact,), site)

    def turns(self, index: Position) -> Any:
        """Run the body for one turn, or for several where they are recorded at once."""
        if self.lengths.wholes:
            self.lengths.enter(index)
            status = self.body(item_of(self.items, index))
            self.lengths.leave(index, (*self.watched, *self.cells.elements))
            return status
        if self.at_once == 1:
            return self.body(item_of(self.items, index))
        for k in range(self.at_once):
            status = self.body(item_of(self.items, index * self.at_once + k))
            if is_traced(status) or status:
                raise Unroll("it is left in the middle")
        return NEXT

    def apart(self, wish: Split, since: int) -> Any:
        """Record several turns at once, so that remainders of the index are numbers."""
        current().recorder.forget_draws(since)
        if wish.symbol != self.symbol:
            raise wish
        at_once = self.at_once * wish.size
        if turns_at_once(self.total, at_once) < 2:
            self.note("unrolled: it is short")
            return self.plain(self.items)
        return self.again(at_once, MOST).together()

    def again(self, at_once: int, spare: int) -> "_For":
        """Return the same loop, to be recorded in another way."""
        name, total = self.symbol.name, self.total
        names = self.live, self.after, name
        return _For(self.items, self.body, self.cells, *names, total, self.peeled, at_once, spare)

    def together(self) -> Any:
        """Keep the loop with several turns at once; what is left of the turns follows it."""
        since = len(current().recorder.inputs)
        try:
            plan, turn = self.settled()
            if nodes_in(turn.trace.graph) > NODES:
                raise Unroll("it is long")
            self.note(f"kept, {self.at_once} turns at once")
            self.commit(plan, turn)
        except Split as wish:
            return self.apart(wish, since)
        except (*_FAILURES, NameError):
            current().recorder.forget_draws(since)
            return self.again(1, 1).run()
        done = turns_at_once(self.total, self.at_once) * self.at_once
        rest = range(done, self.total)  # type: ignore[arg-type]
        return self.plain([item_of(self.items, k) for k in rest])

    def otherwise(self, reason: BaseException, since: int, peel: bool = False) -> Any:
        """Record the loop in another way; ``reason`` says why it did not go as it stands.

        Parameters
        ----------
        reason : Exception or Unroll
        since : int
            Inputs of the function before the turn that was recorded.
        peel : bool
            Whether it may help to run the first turn by itself.
        """
        current().recorder.forget_draws(since)
        if self.with_lists() or self.with_lengths():
            return NEXT
        if (peel or self.first_apart) and not self.peeled and isinstance(self.count, int):
            return self.without_first()
        self.note(f"unrolled: {explain(reason)}")
        return self.unrolled(reason)

    def with_lists(self) -> bool:
        """Keep the loop where what stands in the way are lists that become longer steadily.

        Tell whether it was kept; otherwise nothing has changed.
        """
        if not isinstance(self.count, int) or self.count <= current().recorder.options.unroll:
            return False
        since = len(current().recorder.inputs)
        try:
            lists = growing_in(self.cells, lambda: self.body(first_of(self.items)), self.count)
            kept = lists is not None and bool(lists.all) and self.listwise(lists, since)
        except FirstApart:
            kept, self.first_apart = False, True
        except (*_FAILURES, NameError, Split, Widened):
            kept = False
        if not kept:
            current().recorder.forget_draws(since)
        return kept

    def listwise(self, lists: Lists, since: int) -> bool:
        """Keep the loop with lists that become longer, unless it is better run turn by turn."""
        names = self.live, self.after, self.symbol.name
        for _ in range(_TRIES):
            current().recorder.forget_draws(since)
            loop = _For(
                self.items, self.body, self.cells, *names, self.total, self.peeled, lists=lists
            )
            lists.allocate()
            try:
                plan, turn = loop.settled()
            except Widened:
                continue
            if turn.status != NEXT or loop.is_better_as_it_is(plan, turn, since):
                return False
            loop.note("kept")
            loop.commit(plan, turn)
            lists.finish(loop.symbol)
            return True
        return False

    def is_better_as_it_is(self, plan: Plan, turn: Turn, since: int) -> bool:
        """Tell whether a loop that makes lists is better run turn by turn."""
        few = current().recorder.options.unroll and is_small(
            self.count, turn.trace, current().region
        )
        return bool(few or is_known(self.count, plan, turn, since, most=None))

    def with_lengths(self) -> bool:
        """Keep the loop where what stands in the way are arrays whose lengths change steadily.

        Tell whether it was kept; otherwise nothing has changed.
        """
        if not isinstance(self.count, int):
            return False
        since = len(current().recorder.inputs)
        try:
            ends: dict[str, Any] = {}
            first = record("loop", self.cells, (), partial(self.first, ends), Plan())
            if is_traced(first.status) or first.status:
                return False
            starts = {name: first.before[name] for name in ends}
            lengths = changing(self.cells, starts, ends, self.count)
            current().recorder.forget_draws(since)
            return bool(lengths.wholes) and self.lengthwise(self.count, lengths)
        except (*_FAILURES, NameError, Split):
            current().recorder.forget_draws(since)
            return False

    def first(self, ends: dict[str, Any], turn: Turn) -> Any:
        """Run the body for the first turn; note what its names hold then."""
        status = self.body(first_of(self.items))
        ends.update((name, observe(self.cells.get(name))) for name in self.live)
        return status

    def lengthwise(self, count: int, lengths: Lengths) -> bool:
        """Keep the loop with arrays of changing lengths, unless it is better run turn by turn."""
        since = len(current().recorder.inputs)
        names = self.live, self.after, self.symbol.name
        loop = _For(self.items, self.body, self.cells, *names, count, self.peeled, lengths=lengths)
        plan, turn = loop.settled()
        if is_traced(turn.status) or turn.status or loop.shortness(plan, turn, since):
            current().recorder.forget_draws(since)
            return False
        loop.note("kept")
        loop.commit(plan, turn)
        lengths.finish(count)
        return True

    def without_first(self) -> Any:
        """Run the first turn by itself: after it, values may have the types that stay."""
        status = self.body(first_of(self.items))
        if isinstance(status, Tracer) and is_traced(status):
            leave = partial(left, status)
            return unless_left(status, self.after_first, leave, self.whole(self.after))
        if is_traced(status):
            _refuse_exit("the types of the first turn differ from those of the others")
        if status:
            return RETURN if status == RETURN else NEXT
        return self.after_first()

    def after_first(self) -> Any:
        """Run the turns that follow the first one."""
        rest = rest_of(self.items)
        length = length_of(rest)
        if length is None or length == 0:
            return self.plain(rest)
        return _For(
            rest, self.body, self.cells, self.live, self.after, self.symbol.name, length, True
        ).run()

    def plain(self, items: Any, reason: Any = None) -> Any:
        """Run turn by turn; ``reason`` says why the loop cannot stay one."""
        both = (*self.live, *self.after)
        return turn_by_turn(items, self.whole(both), partial(_refuse_exit, reason))

    def whole(self, read: tuple[str, ...]) -> Body:
        """Return the body with the names that are read after a turn."""
        return Body(self.body, self.cells.bound, read, self.cells.closures[0])

    def note(self, choice: str) -> None:
        """Keep what became of the loop, for whoever asks."""
        current().recorder.choices[caller_span()] = choice

    def unrolled(self, reason: Any) -> Any:
        """Run turn by turn; when that is too long, say why the loop could not stay a loop."""
        if not isinstance(self.count, int):
            if isinstance(reason, Mismatch):
                raise Unroll(str(reason), caller_span()) from None
            raise reason
        try:
            return self.plain(self.items, reason)
        except LimitError as error:
            fail(
                LimitError,
                f"the loop has {self.count} turns and cannot stay a loop: {explain(reason)}; "
                f"turn by turn it {error.headline.removeprefix('the function ')}",
                repair=repair_of(explain(reason), STEADY) + ", or raise max_nodes",
            )

    def commit(self, plan: Plan, turn: Turn) -> Any:
        """Add the loop to the graph, and give the function what it leaves behind."""
        trace = current()
        trace.mark()
        with enter(turn.trace):
            outs = finals(plan, turn)
        ins = [*turn.handles_in, *(v for vs in turn.names_in.values() for v in vs)]
        results = initials(plan, turn.before)
        kept = [k for k, (i, o) in enumerate(zip(ins, outs, strict=True)) if i.id != o.id]
        loop_results = self.loop(turn, results, ins, outs, kept)
        for k, value in zip(kept, loop_results, strict=True):
            results[k] = value
        always = isinstance(self.count, int)
        deliver(plan, turn, results, self.cells, kept, self.last(turn), always)
        return NEXT

    def loop(
        self, turn: Turn, starts: list[Value], ins: list[Value], outs: list[Value], kept: list[int]
    ) -> list[Value]:
        """Make the node; carries that stay as they are become captures."""
        if not kept:
            return []
        steady = [k for k in range(len(ins)) if k not in kept]
        for k in steady:
            turn.trace.captures[starts[k].id] = ins[k]
        outputs = [outs[k] for k in kept]
        captures = captures_of([turn.trace], [outputs])
        region = close(turn.trace, captures, [ins[k] for k in kept], outputs)
        return make_loop(
            region,
            captures,
            [starts[k] for k in kept],
            index=self.symbol,
            count=self.count,
        )

    def last(self, turn: Turn) -> dict[str, Any]:
        """Return names that hold an expression of the index: their value after the last turn."""
        found = {}
        for name, tree in turn.after.items():
            free = name not in self.live and name not in self.cells.elements
            if free and len(tree.leaves) == 1 and tree.leaves[0].dim is not None:
                dim = substitute(tree.leaves[0].dim, {self.symbol: self.count - 1})
                found[name] = as_user(dim)
        return found

    # loops that a traced condition leaves, or that make a number of turns known only then

    def without_count(self, items: CountedLater) -> Any:
        """Make it a loop with a condition on its counter."""
        self.note("kept")
        most = most_turns(read(items.count), current().facts) if is_traced(items.count) else None
        try:
            return self.with_exit(items.count, most)
        except Unroll as reason:
            if current().region:
                raise
            refuse_runtime(reason)
        except Mismatch as reason:
            refuse_runtime(reason)

    def with_exit(self, count: Any, limit: int | None) -> Any:
        """Make it a loop with a condition: a counter, and a status that ends it."""

        def body(turn: Turn) -> Any:
            counter = wrap(turn.extra_in[0], Kind.PYTHON)
            status = self.body(item_of(self.items, counter))
            turn.extra_out = [read(counter + 1)]
            return status

        def test(turn: Turn) -> Any:
            return wrap(turn.extra_in[0], Kind.PYTHON) < count

        zero = current().graph.literal(0, INT64)
        return conditional(self.cells, self.watched, body, test, [zero], NEXT, limit)


def refuse_runtime(reason: Any) -> NoReturn:
    """Say why a loop whose number of turns is known only when the code runs cannot be recorded."""
    fail(
        TraceError,
        "how many turns the loop makes is known only when the code runs, so it must stay a loop, "
        f"which it cannot here: {explain(reason)}",
        repair=repair_of(explain(reason), STEADY) + ", or give its bounds as Python ints",
    )


def _free_name(index: str) -> str:
    """Return a name for the index that no loop around has."""
    taken = {fact.symbol.name for fact in current().facts}
    name, k = index, 1
    while name in taken:
        name, k = f"{index}_{k}", k + 1
    return name
