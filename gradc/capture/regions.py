"""Record the body of a loop or a branch as a graph of its own, and find what it carries.

The body runs once on the values before the loop.  What it changed, names and arrays, are the
carries; it runs again with these as inputs, until their types settle.  Everything that a run
changed outside is put back, so nothing is left behind when the loop has to be unrolled instead.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import field
from typing import Any

from gradc.capture.carries import Leaf, Tree, depends_on, initial, join, observe
from gradc.capture.cells import CHANGED, Boxes, Cells, Element
from gradc.capture.context import GONE, FirstApart, Trace, current, demand, enter
from gradc.capture.mutation import carry, read
from gradc.capture.ranges import Fact
from gradc.capture.sharing import (
    Group,
    Spot,
    array_at,
    arrays_in,
    doubtful,
    groups_of,
    leave_in_doubt,
)
from gradc.capture.tracer import Kind, Tracer
from gradc.capture.twins import origins_of, root_of, sources_of
from gradc.ir import Graph, Value
from gradc.ir.rebuild import transfer
from gradc.records import dataclass

__all__ = [
    "Plan",
    "Run",
    "Turn",
    "captures_of",
    "close",
    "drop",
    "finals",
    "initials",
    "record",
    "settle",
]

_TRIES = 8
_UNDECIDED = 3
"""Where ``Tracer.state()`` says whether it is undecided who shares the memory."""


@dataclass(slots=True)
class Plan:
    """What is carried: arrays from outside that the body writes, and names that it binds."""

    handles: dict[int, Tracer] = field(default_factory=dict)
    names: dict[str, Tree] = field(default_factory=dict)
    replaced: dict[int, Tracer] = field(default_factory=dict)
    doubtful: set[Spot] = field(default_factory=set)


@dataclass(slots=True)
class Turn:
    """One run of a body."""

    trace: Trace
    before: dict[str, Any]
    handles_in: list[Value] = field(default_factory=list)
    names_in: dict[str, list[Value]] = field(default_factory=dict)
    entered: dict[str, Any] = field(default_factory=dict)
    after: dict[str, Tree] = field(default_factory=dict)
    same: set[str] = field(default_factory=set)
    kept: dict[str, Tree | None] = field(default_factory=dict)
    handles_out: dict[int, tuple[Tracer, Value]] = field(default_factory=dict)
    shared: set[str] = field(default_factory=set)
    unsure: list[Tracer] = field(default_factory=list)
    moved: dict[str, list[Tracer]] = field(default_factory=dict)
    groups: list[Group] = field(default_factory=list)
    doubtful: set[Spot] = field(default_factory=set)
    gone: list[Tracer] = field(default_factory=list)
    extra_in: list[Value] = field(default_factory=list)
    extra_out: list[Value] = field(default_factory=list)
    status: Any = 0
    again: bool = False


Run = Callable[[Turn], Any]
"""Runs the body inside its trace and returns its status."""


def record(
    name: str,
    cells: Cells,
    watched: Iterable[str],
    run: Run,
    plan: Plan,
    facts: tuple[Fact, ...] = (),
    sharing: bool = False,
) -> Turn:
    """Run a body once in a trace of its own, with the carries of the plan as inputs."""
    outer = current()
    trace = Trace(name, outer, outer.recorder, outer.max_nodes, True, (*outer.facts, *facts))
    boxes, before = Boxes(cells.reachable(), cells.shared()), cells.values()
    turn = Turn(trace, before)
    try:
        with enter(trace):
            if boxes.spent is not None:
                demand("it may advance an iterator from outside")
            _begin(turn, cells, plan)
            turn.status = run(turn)
            if trace.demanded is not None:
                raise trace.demanded
            if not _adopt(turn, boxes, cells):
                _end(turn, cells, watched, plan, sharing)
                boxes.forget(cells.elements.values())
                if boxes.changed():
                    what = "in a branch" if sharing else "from turn to turn"
                    demand(f"{CHANGED} {what}")
    finally:
        boxes.restore()
        cells.restore(before)
    return turn


def _adopt(turn: Turn, boxes: Boxes, cells: Cells) -> bool:
    """Make variables of elements that the run replaced; tell whether there were new ones."""
    known = len(cells.elements)
    own = current().recorder.is_from_outside
    cells.adopt(element for element in boxes.replaced() if not own(element[0]))
    turn.again = len(cells.elements) > known
    return turn.again


def _begin(turn: Turn, cells: Cells, plan: Plan) -> None:
    trace = turn.trace
    drop(plan.replaced.values())
    for handle in plan.handles.values():
        value = trace.graph.input(_name_of(handle), handle._type)
        turn.handles_in.append(value)
        carry(handle, value)
    for name, spec in plan.names.items():
        inputs = [trace.graph.input(name, leaf.type) for leaf in spec.traced if leaf.type]
        turn.names_in[name] = inputs
        value = turn.entered[name] = spec.build(inputs)
        cells.set(name, value)
    leave_in_doubt(turn.entered, plan.doubtful)


def drop(handles: Iterable[Tracer]) -> None:
    """Let arrays that a loop has replaced, with a write in its first turn, not be read any more."""
    for handle in handles:
        current().save(handle)
        handle._trace, handle._value = GONE, None


def _name_of(handle: Tracer) -> str:
    return handle._name or "array"


def _end(turn: Turn, cells: Cells, watched: Iterable[str], plan: Plan, sharing: bool) -> None:
    trace = turn.trace
    exchanged = [h for value in turn.before.values() for h in arrays_in(value)]
    for name in (*watched, *cells.elements):
        value = cells.get(name)
        start = turn.entered.get(name, turn.before[name])
        if value is start or (type(value) in (int, float, bool, str) and _is_same(value, start)):
            turn.same.add(name)
            if sharing and trace.mutated:
                turn.kept[name] = observe(value)
            continue
        tree = observe(value)
        if tree is None:
            demand(f"{name} has a value before a turn and none after it")
        turn.after[name] = tree
        if sharing:
            turn.shared |= {name} if _shares(tree, turn) else set()
        else:
            _check_leaves(name, tree, turn, () if name in plan.names else exchanged)
    same = {name: turn.entered.get(name, turn.before[name]) for name in turn.same}
    turn.groups = groups_of(turn.after, {} if sharing else same)
    turn.doubtful = doubtful(turn.groups, turn.after, trace)
    turn.gone = [handle for handle, _ in trace.saved.values() if handle._trace is GONE]
    for handle in trace.mutated.values():
        if handle._trace is not GONE:
            turn.handles_out[id(handle)] = (handle, read(handle))
    _refuse_stale_copies(turn, plan)
    _find_replaced(turn, plan)


def _is_same(a: Any, b: Any) -> bool:
    return type(a) is type(b) and repr(a) == repr(b)


def _check_leaves(name: str, tree: Tree, turn: Turn, exchanged: Sequence[Tracer | None]) -> None:
    """Refuse what shares memory with other arrays, since its copy in the next turn would not."""
    trace = turn.trace
    roots: set[int] = set()
    for leaf in tree.traced:
        assert leaf.type is not None
        if any(depends_on(dim, trace) for dim in leaf.type.shape):
            demand(f"{name} has the type {leaf.type} at the end of a turn")
        handle = leaf.handle
        if handle is None or handle._kind is not Kind.ARRAY:
            continue
        root = root_of(handle)
        own = arrays_in(turn.before[name])
        others = [h for h in _made_unsure(trace) if not any(h is mine for mine in own)]
        if others and (handle._undecided or root._undecided):
            demand(f"{name} shares memory with another array at the end of a turn")
        mine = trace.owns(root) or any(
            old is other for old in origins_of(handle) for other in exchanged
        )
        if not mine or id(root) in roots:
            demand(f"{name} shares memory with another array at the end of a turn")
        roots.add(id(root))


def _shares(tree: Tree, turn: Turn) -> bool:
    """Tell whether a value may share memory with an array from outside."""
    handles = [leaf.handle for leaf in tree.traced if leaf.handle is not None]
    arrays = [h for h in handles if h._kind is Kind.ARRAY]
    if any(h._undecided or root_of(h)._undecided for h in arrays):
        turn.unsure = _made_unsure(turn.trace)
        if turn.unsure:
            return True
    return not all(turn.trace.owns(root_of(h)) for h in arrays)


def _made_unsure(trace: Trace) -> list[Tracer]:
    """Return the arrays from outside that may have come to share memory with others."""
    states = trace.saved.values()
    return [handle for handle, state in states if handle._undecided and not state[_UNDECIDED]]


def _find_replaced(turn: Turn, plan: Plan) -> None:
    """Find arrays from outside that later turns would write: nobody else may hold them.

    A name that is bound anew gets a fresh array in each turn.  When one of these is written in
    place, the array that the name (or the name it goes to, as in ``a, b = b, a``) held before the
    loop would change as well, and every alias of it would show that.
    """
    entered = {
        (name, k): handle
        for name, value in turn.entered.items()
        for k, handle in enumerate(arrays_in(value))
        if handle is not None
    }
    goes_to = _came_from(turn, entered)
    written = _written(turn, entered)
    reached: set[Any] = set()
    pending = list(written)
    while pending:
        spot = pending.pop()
        if spot not in reached:
            reached.add(spot)
            pending += goes_to.get(spot, ())
    _refuse_aliases(turn, reached)
    for name, k in reached:
        _replace(name, k, turn, plan)
    for end, starts in goes_to.items():
        for spot in starts - reached - {end}:
            _move(end[0], spot, turn, plan)
        if end in starts:
            _stay(end, turn)


def _came_from(turn: Turn, entered: dict[Spot, Tracer]) -> dict[Spot, set[Spot]]:
    """Return, for arrays at the end of a turn, which ones of its beginning they may lie in."""
    spots = {id(handle): spot for spot, handle in entered.items()}
    found: dict[Spot, set[Spot]] = {}
    for name, tree in turn.after.items():
        for k, leaf in enumerate(tree.leaves):
            olds = [] if leaf.handle is None else sources_of(leaf.handle)
            starts = {spots[id(old)] for old in olds if id(old) in spots}
            if starts:
                found[name, k] = starts
    return found


def _written(turn: Turn, entered: dict[Any, Tracer]) -> list[Any]:
    """Return which of the arrays that entered were written, by their own names or after a loop.

    A loop that exchanges names leaves arrays that may be the ones it found.
    """
    handles = [leaf.handle for tree in turn.after.values() for leaf in tree.leaves]
    later = any(handle is not None and root_of(handle)._version for handle in handles)
    return [spot for spot, h in entered.items() if h._version or (later and h._trace is GONE)]


def _move(name: str, spot: Any, turn: Turn, plan: Plan) -> None:
    """Note that after the loop a name may hold an array that another name held before.

    A write to it would show in every alias of the old array: these are not to be used any more.
    An array of the caller's may be; then nothing may be written afterwards.
    """
    handle = array_at(turn.before, spot)
    if handle is None:
        return
    if handle._view is not None or any(handle is h for h in turn.trace.recorder.handles):
        turn.moved.setdefault(name, []).append(handle)
    else:
        plan.replaced[id(handle)] = handle


def _stay(spot: Spot, turn: Turn) -> None:
    """Note that after the loop a name may still hold its array of before: a branch decides."""
    handle = array_at(turn.before, spot)
    if handle is not None:
        turn.moved.setdefault(spot[0], []).append(handle)


def _refuse_stale_copies(turn: Turn, plan: Plan) -> None:
    """Refuse names that enter as arrays of their own while an alias writes into the old ones."""
    ins = {key: value.id for key, value in zip(plan.handles, turn.handles_in, strict=True)}
    written = {key for key, (_, out) in turn.handles_out.items() if ins.get(key) != out.id}
    for name in turn.entered:
        for handle in arrays_in(turn.before[name]):
            if handle is not None and id(root_of(handle)) in written:
                demand(f"{name} is bound to another array while an alias writes into the old one")


def _refuse_aliases(turn: Turn, written: set[Any]) -> None:
    """Refuse arrays that are written in place while another name holds them as well.

    Each carry enters a turn as an array of its own, which a write through one name would show.
    """
    ends = {n: [leaf.handle for leaf in tree.leaves] for n, tree in turn.after.items()}
    starts = {name: arrays_in(turn.before[name]) for name in turn.entered}
    for sides in (starts, ends):
        holders: dict[int, list[Any]] = {}
        for name, handles in sides.items():
            for k, handle in enumerate(handles):
                if handle is not None and handle._kind is Kind.ARRAY:
                    holders.setdefault(id(root_of(handle)), []).append((name, k))
        for spots in holders.values():
            if len(spots) > 1 and written.intersection(spots):
                names = " and ".join(sorted({name for name, _ in spots}))
                demand(f"{names} share an array that is written in place")


def _replace(name: str, k: int, turn: Turn, plan: Plan) -> None:
    handle = array_at(turn.before, (name, k))
    if handle is None:
        return
    if handle._view is not None or any(handle is h for h in turn.trace.recorder.handles):
        demand(f"{name} is written in place and bound to another array as well", FirstApart)
    plan.replaced[id(handle)] = handle


# carries


def settle(
    name: str,
    cells: Cells,
    watched: Sequence[str],
    run: Run,
    facts: tuple[Fact, ...] = (),
    site: Any = None,
) -> tuple[Plan, Turn]:
    """Run a body until it hands on values of the types that it takes."""
    sites: dict[Any, list[Tracer]] = current().recorder.sites
    plan = Plan({id(h): h for h in sites.get(site, ()) if _is_alive(h)})
    elements: list[Element] = current().recorder.elements.get(site, [])
    if elements:
        cells.adopt(filter(Boxes(cells.reachable(), cells.shared()).holds, elements))
    since = len(current().recorder.inputs)
    for _ in range(_TRIES):
        current().recorder.forget_draws(since)
        replaced = len(plan.replaced)
        turn = record(name, cells, watched, run, plan, facts)
        if turn.again:
            continue
        if not _extend(plan, turn) and len(plan.replaced) == replaced:
            sites[site] = list(plan.handles.values())
            current().recorder.elements[site] = list(cells.elements.values())
            return plan, turn
    demand("the types of what it carries do not settle")


def _is_alive(handle: Tracer) -> bool:
    trace: Trace | None = current()
    while trace is not None and trace is not handle._home:
        trace = trace.parent
    return trace is not None and handle._trace is not GONE


def _extend(plan: Plan, turn: Turn) -> bool:
    """Add what the turn changed to the plan; tell whether there was anything new."""
    found = {key: h for key, (h, _) in turn.handles_out.items() if key not in plan.handles}
    unsure = {spot for spot in turn.doubtful if spot[0] in turn.entered}
    grown = bool(found) or not unsure <= plan.doubtful
    plan.handles.update(found)
    plan.doubtful |= unsure
    plan.replaced.update((id(h), h) for h in turn.gone if not turn.trace.owns(h))
    for key in plan.replaced:
        plan.handles.pop(key, None)
    for name, after in turn.after.items():
        spec = _joined(name, plan.names.get(name), turn.before[name], after)
        if plan.names.get(name) is None or not _agree(spec, plan.names[name]):
            plan.names[name] = spec
            grown = True
    return grown


def _joined(name: str, spec: Tree | None, before: Any, after: Tree) -> Tree:
    if spec is not None:
        return join(name, spec, after)
    start = observe(before)
    return after if start is None else join(name, start, after)


def _agree(a: Tree, b: Tree) -> bool:
    return a.tree == b.tree and all(
        x.type == y.type and x.kind == y.kind and (x.type is not None or x.value is y.value)
        for x, y in zip(a.leaves, b.leaves, strict=True)
    )


def initials(plan: Plan, before: dict[str, Any]) -> list[Value]:
    """Return what the first turn starts with, in the trace around: arrays, then names."""
    values = [read(handle) for handle in plan.handles.values()]
    for name, spec in plan.names.items():
        start = observe(before[name])
        if start is None:
            values += [_zeros(leaf) for leaf in spec.traced]
            continue
        for leaf, wanted in zip(start.leaves, spec.leaves, strict=True):
            if wanted.type is not None:
                values.append(initial(leaf, wanted))
    return values


def _zeros(leaf: Leaf) -> Value:
    assert leaf.type is not None
    graph = current().graph
    return graph.literal(0, leaf.type.dtype).broadcast_to(leaf.type.shape)


def finals(plan: Plan, turn: Turn) -> list[Value]:
    """Return what the turn hands on, in its own graph, in the order of ``initials``."""
    values = [turn.handles_out[key][1] for key in plan.handles]
    for name, spec in plan.names.items():
        if name in turn.same:
            values += turn.names_in[name]
            continue
        after = turn.after[name]
        for leaf, wanted in zip(after.leaves, spec.leaves, strict=True):
            if wanted.type is not None:
                values.append(initial(leaf, wanted))
    return values


# graphs


def captures_of(traces: Iterable[Trace], outputs: Iterable[Sequence[Value]]) -> list[Value]:
    """Return the values of the graph around that the bodies need, each once."""
    found: dict[int, None] = {}
    graph = current().graph
    for trace, outs in zip(traces, outputs, strict=True):
        trace.graph.outputs = [value.id for value in outs]
        live = trace.graph.live()
        for outer, inner in trace.captures.items():
            if live[inner.id]:
                found[outer] = None
    return [Value(graph, id) for id in found]


def close(
    trace: Trace, captures: Sequence[Value], inputs: Sequence[Value], outputs: Sequence[Value]
) -> Graph:
    """Return the body as a closed graph: captures first, then the other inputs."""
    source = trace.graph
    source.outputs = [value.id for value in outputs]
    target = Graph(source.name)
    images: dict[int, Value] = {}
    for k, outer in enumerate(captures):
        inner = trace.captures.get(outer.id)
        name = outer.graph.names.get(outer.id, f"captured_{k}")
        image = target.input(name, outer.type)
        if inner is not None:
            images[inner.id] = image
    for value in inputs:
        name = source.names.get(value.id, "carried")
        images[value.id] = target.input(name, value.type)
    transfer(source, target, images, source.live())
    target.outputs = [images[value.id].id for value in outputs]
    return target
