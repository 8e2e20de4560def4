"""``while``: turns whose test is known are run in Python, otherwise it is one node of the graph."""

from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from gradc.capture.carries import Mismatch
from gradc.capture.cells import Cells, repair_of
from gradc.capture.conditional import NEXT, RETURN, conditional, is_traced
from gradc.capture.context import Unroll, current, fail, maybe_current
from gradc.capture.loops import STEADY, explain
from gradc.capture.regions import Plan, Turn, record
from gradc.errors import GradcError, LimitError, TraceError

__all__ = ["while_loop"]


def while_loop(
    test: Callable[[], Any],
    body: Any,
    bound: Sequence[str],
    live: Sequence[str],
    after: Sequence[str],
) -> Any:
    """Run a ``while`` loop; return its status.  Turns whose test is known are run in Python."""
    trace = maybe_current()
    regions = trace is not None and trace.recorder.options.regions
    limit = trace.recorder.options.max_turns if trace is not None else 0
    turns, status = 0, NEXT
    cells = Cells([body, test], bound)  # type: ignore[list-item]
    watched = [n for n in cells.bound if n in live or n in after]
    while True:
        if regions and is_traced(status):
            return _while_region(cells, watched, body, test, status)
        if status:
            return RETURN if status == RETURN else NEXT
        holds = test()
        if regions and is_traced(holds):
            return _while_region(cells, watched, body, test, NEXT)
        if not holds:
            return NEXT
        kept = _at_once(cells, watched, body, test) if regions and not turns else None
        if kept is not None:
            return kept
        status = body()
        turns += 1
        if trace is not None and turns > limit:
            fail(
                LimitError,
                f"the loop runs more than {limit} times while the function is recorded",
                repair="check that its condition changes, or raise max_turns",
            )


def _at_once(cells: Cells, watched: Sequence[str], body: Any, test: Any) -> Any:
    """Keep a loop from its first turn on, of which alone it is known that it is made.

    Returns the status; None, with nothing changed, where that cannot be done or is not needed.
    """
    since = len(current().recorder.inputs)
    try:
        if _is_decided_later(cells, body, test):
            current().recorder.forget_draws(since)
            return conditional(cells, watched, lambda turn: body(), lambda turn: test(), [], NEXT)
    except (Unroll, GradcError, Mismatch, NameError):
        pass
    current().recorder.forget_draws(since)
    return None


def _is_decided_later(cells: Cells, body: Any, test: Any) -> bool:
    """Tell whether it is known only when the code runs if a second turn is made."""

    def run(turn: Turn) -> Any:
        status = body()
        return status if is_traced(status) or status else test()

    turn = record("body", cells, (), run, Plan())
    return is_traced(turn.status)


def _while_region(cells: Cells, watched: Sequence[str], body: Any, test: Any, status: Any) -> Any:
    try:
        return conditional(cells, watched, lambda turn: body(), lambda turn: test(), [], status)
    except Unroll as reason:
        if any(not isinstance(fact.count, int) for fact in current().facts) or current().region:
            raise
        _refuse_while(reason)
    except Mismatch as reason:
        _refuse_while(reason)


def _refuse_while(reason: Any) -> NoReturn:
    fail(
        TraceError,
        f"a while loop on a traced value cannot be recorded: {explain(reason)}",
        repair=repair_of(explain(reason), STEADY),
    )
