"""``if``, ``and``, ``or``, ``not`` and conditional expressions in recorded code.

A test that is known picks its branch in Python.  A traced one records both branches; what they
bind, what they write and how they leave are joined, component by component.
"""

import operator
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import numpy as np

from gradc.capture.carries import Mismatch, Tree, initial, join, observe
from gradc.capture.cells import UNBOUND, Cells, repair_of
from gradc.capture.context import Trace, Unroll, current, enter, fail, maybe_current
from gradc.capture.convert import value_of
from gradc.capture.mutation import read, write
from gradc.capture.positions import is_position
from gradc.capture.regions import Plan, Turn, captures_of, close, drop, record
from gradc.capture.sharing import arrays_in, is_one, leave_in_doubt, share
from gradc.capture.tracer import Kind, Tracer, describe, is_concrete, wrap
from gradc.capture.twins import join_memory, root_of, unsure
from gradc.errors import GradcError, TraceError
from gradc.ir import BOOL, ArrayType, Value, op_named
from gradc.ops.regions import make_cond

__all__ = ["any_of", "both", "branch", "chain", "either", "join_sides", "negated", "truth"]

_RESULT = "_gradc_result"


def _undecided(test: Any) -> Any:
    """Return a test as a traced value when only running tells, otherwise None."""
    if is_position(test):
        test = test != 0
    trace = maybe_current()
    if trace is None or not isinstance(test, Tracer) or is_concrete(test):
        return None
    return test if trace.recorder.options.regions else None


def truth(test: Any) -> Value:
    """Return the truth of one value as a value of the current trace."""
    if is_position(test):
        test = test != 0
    if not isinstance(test, Tracer):
        return current().graph.literal(bool(test), BOOL)
    if test.size != 1:
        fail(
            TraceError,
            "the truth of an array with more than one element is ambiguous",
            operands=[describe(test)],
            repair="use np.any, np.all or np.where, and combine masks with & | ~",
        )
    value = read(test).reshape(())
    if value.dtype == BOOL:
        return value
    return op_named("not_equal")(value, value.graph.literal(0, value.dtype))


def branch(test: Any, then: Any, otherwise: Any, bound: Sequence[str], after: Sequence[str]) -> Any:
    """Run an ``if``; return its status.

    ``bound`` are the names that a branch binds, ``after`` those among them that are read later.
    """
    traced = _undecided(test)
    if traced is None:
        return then() if test else otherwise()
    return join_sides([then, otherwise], traced, Cells([then, otherwise], bound), after)


def join_sides(
    sides: Sequence[Callable[[], Any]], test: Tracer, cells: Cells, after: Sequence[str]
) -> Any:
    """Record two sides, of which a traced test takes one; return the joined status."""
    watched = [name for name in cells.bound if name in after or name == _RESULT]
    status, found = _join(sides, test, cells, watched)
    for name in (*cells.bound, *cells.elements):
        cells.set(name, found.get(name, UNBOUND))
    return status


def _join(
    sides: Sequence[Callable[[], Any]], test: Tracer, cells: Cells, watched: Sequence[str]
) -> tuple[Any, dict[str, Any]]:
    """Record both sides; return the joined status and the values of names."""
    condition = truth(test)
    turns = [_recorded(side, cells, watched) for side in sides]
    while any(turn.again for turn in turns):
        turns = [_recorded(side, cells, watched) for side in sides]
    names = _joined_names(turns, [*watched, *cells.elements])
    statuses = [turn.status for turn in turns]
    traced = not all(isinstance(s, int) and s == statuses[0] for s in statuses)
    handles = {key: h for turn in turns for key, (h, _) in turn.handles_out.items()}
    outputs = [_outputs(turn, handles, names, traced) for turn in turns]
    results = iter(_make(condition, turns, outputs))
    drop(handle for turn in turns for handle in turn.gone)
    for handle in handles.values():
        write(handle, next(results))
    found = {
        name: spec.build([next(results) for _ in spec.traced])
        if isinstance(spec, Tree)
        else turns[0].before[name]
        for name, spec in names.items()
    }
    _join_arrays(turns, found, names, condition)
    _keep_shared(turns, found)
    return (wrap(next(results), Kind.PYTHON) if traced else statuses[0]), found


def _join_arrays(
    turns: Sequence[Turn], found: dict[str, Any], names: dict[str, Tree | None], test: Value
) -> None:
    """Say which arrays share memory afterwards: the old ones, where a name kept its array."""
    shared = {name for turn in turns for name in turn.shared}
    inside = [handle for turn in turns for handle in turn.unsure]
    for name in shared:
        unsure(found[name], *inside)
        if any(name in turn.same for turn in turns):
            unsure(found[name], *arrays_in(turns[0].before[name]))
        trees = [turn.after[name] for turn in turns if name in turn.after]
        unsure(found[name], *(leaf.handle for tree in trees for leaf in tree.leaves))
    for name, spec in names.items():
        kept = [name in turn.same for turn in turns]
        before = turns[0].before[name]
        if spec is None or name in shared or not any(kept) or before is UNBOUND:
            continue
        join_memory(found[name], before, test if kept[0] else op_named("logical_not")(test))


def _keep_shared(turns: Sequence[Turn], found: dict[str, Any]) -> None:
    """Let names that hold one array at the end of each side hold one array after the branch."""
    one, rest = [], {spot for turn in turns for spot in turn.doubtful}
    for group in (group for turn in turns for group in turn.groups if is_one(group)):
        others = [[other for other in turn.groups if is_one(other)] for turn in turns]
        if all(any(group.keys() <= other.keys() for other in side) for side in others):
            one.append(group)
        else:
            rest |= group.keys()
    share(found, one)
    leave_in_doubt(found, rest)


def _recorded(side: Callable[[], Any], cells: Cells, watched: Sequence[str]) -> Turn:
    try:
        return record("branch", cells, watched, lambda turn: side(), Plan(), sharing=True)
    except Unroll as reason:
        if current().region:
            raise
        _refuse(reason.reason)
    except (GradcError, Mismatch, NameError):
        raise
    except Exception as error:
        _refuse_raising(error)


def _refuse_raising(error: Exception) -> NoReturn:
    """Refuse an exception on one side: whether it is raised is known only when the code runs."""
    fail(
        TraceError,
        "an if on a traced value cannot be recorded: one side raises "
        f"{type(error).__name__}: {error}",
        repair="both sides are recorded, whichever is taken: check arguments before the call, or "
        "give np.nan there",
    )


def _refuse(text: str) -> NoReturn:
    fail(
        TraceError,
        f"an if on a traced value cannot be recorded: {text}",
        repair=repair_of(
            text, "let both branches give values of the same type and shape, or use np.where"
        ),
    )


def _joined_names(turns: Sequence[Turn], watched: Sequence[str]) -> dict[str, Tree | None]:
    """Return the joined value of each name; None where both sides leave it as it was."""
    names: dict[str, Tree | None] = {}
    for name in watched:
        if all(name in turn.same for turn in turns):
            names[name] = None
            continue
        start = observe(turns[0].before[name])
        sides = [start if name in turn.same else turn.after[name] for turn in turns]
        known = [side for side in sides if side is not None]
        try:
            names[name] = known[0] if len(known) == 1 else join(_shown(name), *known)
        except Mismatch as error:
            if current().region and any(True for _ in current().facts):
                raise
            _refuse(str(error))
    return names


def _shown(name: str) -> str:
    return "the result" if name == _RESULT else name


def _outputs(
    turn: Turn, handles: dict[int, Tracer], names: dict[str, Tree | None], traced: bool
) -> list[Value]:
    """Return what one side gives, in its own graph."""
    with enter(turn.trace):
        outs = [
            turn.handles_out[key][1] if key in turn.handles_out else read(handle)
            for key, handle in handles.items()
        ]
        for name, spec in names.items():
            if spec is not None:
                outs += _side(turn, name, spec)
        if traced:
            outs.append(value_of(turn.status, np.dtype(np.int64)))
    return outs


def _side(turn: Turn, name: str, spec: Tree) -> list[Value]:
    """Return the leaves of one name on one side; zeros where it has no value there."""
    tree = turn.after.get(name)
    if name in turn.same:
        tree = turn.kept[name] if name in turn.kept else observe(turn.before[name])
    if tree is None:
        return [_zeros(leaf.type) for leaf in spec.traced if leaf.type is not None]
    pairs = zip(tree.leaves, spec.leaves, strict=True)
    return [initial(leaf, wanted) for leaf, wanted in pairs if wanted.type is not None]


def _zeros(kind: ArrayType) -> Value:
    return current().graph.literal(0, kind.dtype).broadcast_to(kind.shape)


def _make(condition: Value, turns: Sequence[Turn], outputs: Sequence[list[Value]]) -> list[Value]:
    if not outputs[0]:
        return []
    current().mark()
    traces: list[Trace] = [turn.trace for turn in turns]
    captures = captures_of(traces, outputs)
    regions = [
        close(trace, captures, [], outs) for trace, outs in zip(traces, outputs, strict=True)
    ]
    return make_cond(condition, regions[0], regions[1], captures)


# expressions


def either(test: Any, then: Callable[[], Any], otherwise: Callable[[], Any]) -> Any:
    """``then() if test else otherwise()``."""
    traced = _undecided(test)
    if traced is None:
        return then() if test else otherwise()

    def keep(side: Callable[[], Any]) -> Any:
        def run(turn: Turn) -> Any:
            turn.after["the value"] = _tree(side())
            return 0

        return run

    condition = truth(traced)
    turns = [_expression(keep(side)) for side in (then, otherwise)]
    trees = [turn.after["the value"] for turn in turns]
    try:
        spec = join("the value", *trees)
    except Mismatch as error:
        _refuse(str(error))
    values = _make(condition, turns, [_expression_outputs(turn, spec) for turn in turns])
    joined = spec.build(values)
    handles = [leaf.handle for tree in trees for leaf in tree.leaves if leaf.handle is not None]
    outside = [
        h for h in handles if h._kind is Kind.ARRAY and root_of(h)._home not in _homes(turns)
    ]
    if outside:
        unsure(joined, *outside)
    return joined


def _homes(turns: Sequence[Turn]) -> list[Trace]:
    return [turn.trace for turn in turns]


def _tree(value: Any) -> Tree:
    tree = observe(value)
    assert tree is not None
    return tree


def _expression(run: Callable[[Turn], Any]) -> Turn:
    try:
        turn = record("branch", Cells([], ()), (), run, Plan())
    except Unroll as reason:
        if current().region:
            raise
        _refuse(reason.reason)
    except (GradcError, Mismatch, NameError):
        raise
    except Exception as error:
        _refuse_raising(error)
    if turn.handles_out:
        _refuse("one side writes into an array")
    return turn


def _expression_outputs(turn: Turn, spec: Tree) -> list[Value]:
    with enter(turn.trace):
        pairs = zip(turn.after["the value"].leaves, spec.leaves, strict=True)
        return [initial(leaf, wanted) for leaf, wanted in pairs if wanted.type is not None]


def both(first: Any, second: Callable[[], Any]) -> Any:
    """``first and second()``."""
    traced = _undecided(first)
    if traced is None:
        return first and second()
    return _combined(traced, second, "logical_and")


def any_of(first: Any, second: Callable[[], Any]) -> Any:
    """``first or second()``."""
    traced = _undecided(first)
    if traced is None:
        return first or second()
    return _combined(traced, second, "logical_or")


def _combined(first: Tracer, second: Callable[[], Any], op: str) -> Any:
    """Ask the second only where it matters, as Python does."""
    if op == "logical_and":
        return either(first, second, lambda: first)
    return either(first, lambda: first, second)


_COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    "Lt": operator.lt,
    "LtE": operator.le,
    "Gt": operator.gt,
    "GtE": operator.ge,
    "Eq": operator.eq,
    "NotEq": operator.ne,
    "Is": operator.is_,
    "IsNot": operator.is_not,
    "In": lambda a, b: a in b,
    "NotIn": lambda a, b: a not in b,
}


def chain(first: Any, words: Sequence[str], *others: Callable[[], Any]) -> Any:
    """``first < a() <= b()``: the later operands are asked only while the comparisons hold."""

    def rest(left: Any, k: int) -> Any:
        right = others[k]()
        holds = _COMPARISONS[words[k]](left, right)
        return holds if k + 1 == len(words) else both(holds, lambda: rest(right, k + 1))

    return rest(first, 0)


def negated(value: Any) -> Any:
    """``not value``."""
    traced = _undecided(value)
    if traced is None:
        return not value
    return wrap(op_named("logical_not")(truth(traced)), Kind.PYTHON)
