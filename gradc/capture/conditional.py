"""Loops with a condition as one node of the graph: a test, a body, and what both carry."""

from collections.abc import Callable, Sequence
from typing import Any

from gradc.capture.branches import truth
from gradc.capture.cells import UNBOUND, Cells
from gradc.capture.context import Unroll, current, enter
from gradc.capture.convert import cast_to
from gradc.capture.mutation import read, write
from gradc.capture.positions import is_position
from gradc.capture.regions import (
    Plan,
    Turn,
    captures_of,
    close,
    drop,
    finals,
    initials,
    record,
    settle,
)
from gradc.capture.sharing import array_at, is_one, leave_in_doubt, share
from gradc.capture.tracer import Kind, Tracer, is_concrete, wrap
from gradc.capture.twins import unsure
from gradc.ir import INT64, Graph, Value, op_named
from gradc.ops.regions import make_while

__all__ = ["BREAK", "NEXT", "RETURN", "conditional", "deliver", "goes_on", "is_traced", "left"]

NEXT, BREAK, RETURN = 0, 1, 2


def is_traced(x: Any) -> bool:
    """Tell whether a status or a test is known only when the code runs."""
    return is_position(x) or (isinstance(x, Tracer) and not is_concrete(x))


def conditional(
    cells: Cells,
    watched: Sequence[str],
    body: Callable[[Turn], Any],
    test: Callable[[Turn], Any],
    extra: list[Value],
    status: Any,
    limit: int | None = None,
) -> Any:
    """Make a loop with a condition; ``extra`` are carries of its own, ``limit`` is of turns."""
    watch_status = is_traced(status)
    starts, plan, turn = _settled(cells, watched, body, extra, status if watch_status else None)
    if not watch_status and (is_traced(turn.status) or turn.status):
        watch_status = True
        starts, plan, turn = _settled(cells, watched, body, extra, status)
    checked = record(
        "test",
        cells,
        (),
        lambda turn: _with_extra(turn, starts, test, watch_status, is_test=True),
        plan,
    )
    current().mark()
    with enter(turn.trace):
        outs = [*finals(plan, turn), *turn.extra_out]
        if watch_status:
            outs.append(_status(turn.status))
    starts_of_all = [*initials(plan, turn.before), *starts]
    turns = current().recorder.options.max_turns if limit is None else limit
    results = _make_while(plan, turn, checked, outs, starts_of_all, turns)
    carried = len(results) - len(starts)
    deliver(plan, turn, results[:carried], cells)
    return left(wrap(results[-1], Kind.PYTHON)) if watch_status else NEXT


def _settled(
    cells: Cells,
    watched: Sequence[str],
    body: Callable[[Turn], Any],
    extra: list[Value],
    status: Any,
) -> tuple[list[Value], Plan, Turn]:
    """Record the body; a status that is watched is a carry as well."""
    starts = extra if status is None else [*extra, _status(status)]

    def run(turn: Turn) -> Any:
        return _with_extra(turn, starts, body, status is not None)

    return starts, *settle("body", cells, watched, run)


def _with_extra(
    turn: Turn,
    starts: Sequence[Value],
    run: Callable[[Turn], Any],
    watch_status: bool,
    is_test: bool = False,
) -> Any:
    """Run a body or a test with the loop's own carries as inputs."""
    graph = turn.trace.graph
    turn.extra_in = [graph.input("turn", value.type) for value in starts]
    outcome = run(turn)
    if not is_test:
        return outcome
    holds = truth(outcome)
    if watch_status:
        zero = graph.literal(0, INT64)
        going = op_named("equal")(turn.extra_in[-1], zero)
        holds = op_named("logical_and")(going, holds)
    turn.extra_out = [holds]
    return NEXT


def _make_while(
    plan: Plan, turn: Turn, checked: Turn, outs: list[Value], starts: list[Value], limit: int
) -> list[Value]:
    if checked.trace.mutated.keys() - plan.handles.keys():
        raise Unroll("its test writes into an array")
    traces, outputs = [checked.trace, turn.trace], [checked.extra_out, outs]
    captures = captures_of(traces, outputs)
    regions: list[Graph] = []
    for one, results in zip((checked, turn), outputs, strict=True):
        names = [v for vs in one.names_in.values() for v in vs]
        ins = [*one.handles_in, *names, *one.extra_in]
        regions.append(close(one.trace, captures, ins, results))
    return make_while(regions[0], regions[1], captures, starts, limit=limit)


def _status(status: Any) -> Value:
    """Return a status as a value of the current trace."""
    if isinstance(status, Tracer):
        return cast_to(read(status), INT64)
    return current().graph.literal(int(status), INT64)


def goes_on(traced: Tracer) -> Tracer:
    """Tell whether a traced status says that the loop makes another turn."""
    status = _status(traced)
    return wrap(op_named("equal")(status, status.graph.literal(NEXT, INT64)), Kind.PYTHON)


def left(traced: Tracer) -> Any:
    """Return the status after the loop: a ``break`` has done its work, a ``return`` goes on."""
    status = _status(traced)
    returns = op_named("equal")(status, status.graph.literal(RETURN, INT64))
    return wrap(cast_to(returns, INT64) * status.graph.literal(RETURN, INT64), Kind.PYTHON)


def keep_shared(finished: dict[str, Any], plan: Plan, turn: Turn, always: bool) -> None:
    """Let names that hold one array at the end of a turn hold one array after the loop.

    A loop that may make no turn leaves what was there before it.
    """
    one, rest = [], set(plan.doubtful)
    for group in filter(is_one, turn.groups):
        starts = {spot: array_at(turn.before, spot) for spot in group}
        if always or is_one(starts):
            one.append(group)
        else:
            rest |= group.keys()
    share(finished, one)
    leave_in_doubt(finished, rest)


def deliver(
    plan: Plan,
    turn: Turn,
    results: list[Value],
    cells: Cells,
    kept: Sequence[int] | None = None,
    known: dict[str, Any] | None = None,
    always: bool = False,
) -> None:
    """Give arrays and names what they hold after the loop, which ``always`` makes a turn."""
    values = iter(results)
    trace = current()
    for k, handle in enumerate(plan.handles.values()):
        value = next(values)
        if kept is None or k in kept:
            write(handle, value)
    drop(plan.replaced.values())
    finished = {}
    for name, spec in plan.names.items():
        own = [next(values) for _ in spec.traced]
        finished[name] = spec.build(own)
        for value in own:
            trace.graph.rename(value.id, name)
    keep_shared(finished, plan, turn, always)
    for name in cells.bound:
        if name not in finished:
            cells.set(name, turn.before[name] if name in turn.same else UNBOUND)
    cells.restore(finished | (known or {}))
    for name, handles in turn.moved.items():
        unsure(cells.get(name), *handles)
