"""Loops that keep what their reverse reads, and their reverse bodies."""

from collections.abc import Sequence

from gradc.autodiff.activity import Part
from gradc.autodiff.again import inner_nodes
from gradc.autodiff.regions import LoopRecipe, Source, WhileRecipe
from gradc.autodiff.regions_counters import Counter, find_counters
from gradc.autodiff.regions_split import End, Final, Pulled, find_final
from gradc.autodiff.regions_tape import Row, Tape, counted_row, counter_row, make_tapes
from gradc.autodiff.regions_undo import Undo, choose_undone
from gradc.autodiff.tie_codes import with_codes
from gradc.ir import INT64, ArrayType, Graph, Node, Value, op_named
from gradc.ir.accesses import Turns
from gradc.ir.ranges import Range
from gradc.ir.rebuild import copy_input, copy_node, inline, transfer
from gradc.records import dataclass

__all__ = ["Prepared", "prepare_loop", "prepare_while"]


@dataclass(frozen=True, slots=True)
class _Plan:
    """How the reverse body gets at values of the forward body."""

    pulled: Pulled
    carries: int
    final: Final
    kept: tuple[int, ...]
    undone: tuple[Undo, ...] = ()
    counters: tuple[Counter, ...] = ()

    @property
    def captures(self) -> int:
        """The number of captures."""
        return self.pulled.taken - self.carries


@dataclass(frozen=True, slots=True)
class Prepared:
    """A loop that keeps what its reverse reads, ready to be added to a graph.

    Parameters
    ----------
    node : Node
        The loop as it was.
    regions : tuple of Graph
        Its regions, longer by the tapes.
    tapes : tuple of Tape
        What is kept.
    recipe : LoopRecipe or WhileRecipe
        Its reverse.
    """

    node: Node
    regions: tuple[Graph, ...]
    tapes: tuple[Tape, ...]
    recipe: LoopRecipe | WhileRecipe

    def attach(self, target: Graph, operands: tuple[Value, ...]) -> Value:
        """Add the loop with its tapes as further carries."""
        first = [tape.start(target, operands) for tape in self.tapes]
        if isinstance(self.recipe, WhileRecipe):
            first.insert(0, target.literal(0, INT64))
        carries = self.node.params["carries"] + len(first)
        ids = tuple(v.id for v in (*operands, *first))
        params = {**self.node.params, "carries": carries}
        return target.value(target.add(self.node.op, ids, params, self.regions))

    @property
    def reverse(self) -> Graph:
        """The body of the reverse loop."""
        loop = self.recipe.loop if isinstance(self.recipe, WhileRecipe) else self.recipe
        return loop.body


def prepare_loop(
    node: Node, part: Part, pulled: Pulled, around: tuple[Range, ...], *, finals: bool = True
) -> Prepared:
    """Prepare a counted loop; with ``finals`` its reverse reads arrays as the loop leaves them."""
    params = node.params
    turns = Turns(params["index"], params["count"], params["reverse"], around)

    def planned(pulled: Pulled) -> _Plan:
        final = find_final(pulled, params["carries"], turns) if finals else Final()
        return _plan(pulled, params["carries"], final, turns.ranges)

    plan = planned(pulled)
    coded = with_codes(pulled, plan.kept)
    plan = plan if coded is pulled else planned(coded)
    tapes = make_tapes(plan.pulled.graph, plan.captures, plan.carries, plan.kept, node)
    row = counted_row(params["index"])
    body = _forward_body(plan, tapes, row, counter=False)
    sources, reverse = _reverse_body(plan, tapes, row, part, plan.carries)
    recipe = _recipe(plan, part, sources, reverse)
    return Prepared(node, (body,), tuple(tapes), recipe)


def prepare_while(node: Node, part: Part, pulled: Pulled) -> Prepared:
    """Prepare a loop with a condition, which counts its turns."""
    counters = find_counters(pulled, node.params["carries"])
    plan = _plan(pulled, node.params["carries"], Final(), counters=counters)
    tapes = make_tapes(pulled.graph, plan.captures, plan.carries, plan.kept, node)
    body = _forward_body(plan, tapes, None, counter=True)
    test = _longer_test(node.regions[0], body)
    sources, reverse = _reverse_body(plan, tapes, None, part, plan.carries + 1)
    loop = _recipe(plan, part, sources, reverse)
    recipe = WhileRecipe(loop, _turns_left(reverse, len(sources)), plan.carries)
    return Prepared(node, (test, body), tuple(tapes), recipe)


def _recipe(plan: _Plan, part: Part, sources: tuple[Source, ...], reverse: Graph) -> LoopRecipe:
    items, captures = _true(part.items), _active_captures(part)
    return LoopRecipe(reverse, sources, items, captures, tuple(one.item for one in plan.undone))


def _plan(
    pulled: Pulled,
    carries: int,
    final: Final,
    ranges: Sequence[Range] = (),
    counters: tuple[Counter, ...] = (),
) -> _Plan:
    graph = pulled.graph
    live = pulled.live([*graph.outputs, *pulled.bars])
    inner = inner_nodes(graph, live, pulled.late())
    needed = _needed(pulled, final)
    known = [one.input for one in counters]
    kept, undone = choose_undone(pulled, carries, final, needed, ranges, inner, known)
    return _Plan(pulled, carries, final, tuple(kept), undone, counters)


def _needed(pulled: Pulled, final: Final) -> set[int]:
    """Return what the reverse reads of the forward part."""
    graph = pulled.graph
    late, live = pulled.late(), pulled.live(pulled.bars)
    needed = {id for id in pulled.bars if not late[id]}
    for node in graph.nodes:
        if late[node.id] and live[node.id]:
            needed.update(
                operand
                for slot, operand in enumerate(node.operands)
                if not late[operand] and (node.id, slot) not in final.slots
            )
    return needed


def _true(flags: Sequence[bool]) -> tuple[int, ...]:
    return tuple(k for k, flag in enumerate(flags) if flag)


def _active_captures(part: Part) -> tuple[int, ...]:
    return _true(part.operands[: len(part.operands) - len(part.items)])


def _forward_body(plan: _Plan, tapes: Sequence[Tape], row: Row | None, *, counter: bool) -> Graph:
    """Return the body with the tapes as further carries, each written as soon as that can be."""
    joint = plan.pulled.graph
    made = joint.outputs[: plan.carries]
    body = Graph(joint.name)
    images = {id: copy_input(joint, id, body) for id in joint.inputs[: plan.pulled.taken]}
    turn = body.input("turn", ArrayType(INT64, ())) if counter else None
    rows = [body.input(tape.name, tape.type) for tape in tapes]
    place = row if turn is None else counter_row(turn)
    written: dict[int, int] = {}

    def write(id: int, value: Value) -> None:
        for number, tape in enumerate(tapes):
            if tape.written == id and place is not None:
                written[number] = tape.write(rows[number], value, place).id

    def visit(target: Graph, node: Node, operands: tuple[Value, ...]) -> Value:
        image = copy_node(target, node, operands)
        write(node.id, image)
        return image

    for id, value in list(images.items()):
        write(id, value)
    transfer(joint, body, images, plan.pulled.live([*made, *plan.kept]), visit)
    body.outputs = [images[id].id for id in made]
    if turn is not None:
        body.outputs.append((turn + 1).id)
    body.outputs += [written[number] for number in range(len(tapes))]
    return body


def _longer_test(test: Graph, body: Graph) -> Graph:
    """Return the test as a graph of all inputs of the longer body."""
    result = Graph(test.name)
    operands = [copy_input(body, id, result) for id in body.inputs]
    outputs = inline(test, result, operands[: len(test.inputs)])
    result.outputs = [value.id for value in outputs]
    return result


def _turns_left(body: Graph, sources: int) -> Graph:
    """Return the test of a reverse loop that counts its first carry down to 0."""
    result = Graph("turns_left")
    operands = [copy_input(body, id, result) for id in body.inputs]
    turns = operands[sources]
    result.outputs = [op_named("greater")(turns, 0).id]
    return result


def _reverse_body(
    plan: _Plan, tapes: Sequence[Tape], row: Row | None, part: Part, first_tape: int
) -> tuple[tuple[Source, ...], Graph]:
    """Return what the reverse reads, and its body."""
    return _Reverse(plan, tapes, row, part, first_tape).build()


class _Reverse:
    """Builds the reverse body: inputs as they are asked for, then adjoints, then sums."""

    def __init__(
        self, plan: _Plan, tapes: Sequence[Tape], row: Row | None, part: Part, first_tape: int
    ) -> None:
        self.plan, self.tapes, self.row, self.part = plan, tapes, row, part
        self.first_tape = first_tape
        self.joint = plan.pulled.graph
        self.body = Graph(f"{self.joint.name}_reverse")
        self.wanted = self._wanted()
        self.sources: dict[Source, Value] = {}
        self.images: dict[int, Value] = {}

    def build(self) -> tuple[tuple[Source, ...], Graph]:
        """Return the sources and the body."""
        self._declare_sources()
        turns = None
        if self.row is None:
            turns = self.body.input("turns", ArrayType(INT64, ())) - 1
            self.row = counter_row(turns)
            self._count(turns)
        arrays = [self._carried(one.item) for one in self.plan.undone]
        for id in self.plan.pulled.cts:
            self.images[id] = copy_input(self.joint, id, self.body)
        captures = [self.joint.inputs[slot] for slot in _active_captures(self.part)]
        sums = [
            self.body.input(f"{self.joint.names.get(id, 'x')}_bar", self.joint[id].type)
            for id in captures
        ]
        self._read()
        restored = self._restore(arrays)
        fetch = self._final_operand
        transfer(self.joint, self.body, self.images, self.wanted, self._copy, fetch)
        self._finish(([] if turns is None else [turns]) + restored, sums)
        return tuple(self.sources), self.body

    def _count(self, turns: Value) -> None:
        """Compute what goes up by the same number in each turn."""
        for one in self.plan.counters:
            source = self.sources.get(Source(False, self.plan.captures + one.item))
            if source is not None:
                self.images[one.input] = source + turns * one.step

    def _restore(self, arrays: Sequence[Value]) -> list[Value]:
        """Put back what the turn overwrote; return the arrays as they were before it."""
        found: list[Value] = []
        for one, array in zip(self.plan.undone, arrays, strict=True):
            self._compute([id for step in one.arrays for id in step])
            versions = one.restore(self.joint, array, self.images)
            self.images.update(zip(one.versions, versions, strict=True))
            found.append(versions[0])
        return found

    def _compute(self, ids: Sequence[int]) -> None:
        """Compute some nodes before all others."""
        wanted = [False] * len(self.joint)
        stack = [id for id in ids if id not in self.images]
        while stack:
            id = stack.pop()
            wanted[id] = True
            stack += [i for i in self.joint[id].operands if i not in self.images and not wanted[i]]
        transfer(self.joint, self.body, self.images, wanted, fetch=self._final_operand)

    def _finish(self, first: Sequence[Value], sums: Sequence[Value]) -> None:
        found = [self.images[id] for id in self.plan.pulled.bars]
        carried = len(self.plan.pulled.cts)
        added = [total + bar for total, bar in zip(sums, found[carried:], strict=True)]
        outputs = [*first, *found[:carried], *added]
        self.body.outputs = [value.id for value in outputs]

    def _wanted(self) -> list[bool]:
        """Tell which nodes of the joint graph the reverse body holds."""
        late, final = self.plan.pulled.late(), self.plan.final
        wanted = [False] * len(self.joint)
        undone = self.plan.undone
        read = [id for one in undone for ids in (one.parts, *one.arrays) for id in ids]
        for id in (*self.plan.pulled.bars, *read):
            wanted[id] = True
        versions = (id for one in undone for id in one.versions)
        there = {*self.plan.kept, *final.parts, *versions}
        for node in reversed(self.joint.nodes):
            if wanted[node.id] and (late[node.id] or node.id not in there):
                for slot, operand in enumerate(node.operands):
                    if (node.id, slot) not in final.slots:
                        wanted[operand] = True
        return wanted

    def _declare_sources(self) -> None:
        """Add an input for each capture, final array and tape that is read."""
        for slot, id in enumerate(self.joint.inputs[: self.plan.captures]):
            if self.wanted[id]:
                value = copy_input(self.joint, id, self.body)
                self.sources[Source(False, slot)] = self.images[id] = value
        final = self.plan.final
        ends = {final.parts[id][0] for id in final.parts if self._reads_final(id)}
        ends |= {end for (user, _), end in final.slots.items() if self.wanted[user]}
        for end in sorted(ends):
            self.sources[self._source(end)] = self._carried(end.item)
        for one in self.plan.counters:
            if self.wanted[one.input]:
                first = Source(False, self.plan.captures + one.item)
                self.sources[first] = self._carried(one.item)
        for number, tape in enumerate(self.tapes):
            value = self.body.input(tape.name, tape.type)
            self.sources[Source(True, self.first_tape + number)] = value

    def _source(self, end: End) -> Source:
        slot = self.plan.captures + end.item
        return Source(False, slot) if end.first else Source(True, end.item)

    def _carried(self, item: int) -> Value:
        """Add an input for a carried array."""
        return copy_input(self.joint, self.joint.inputs[self.plan.captures + item], self.body)

    def _reads_final(self, id: int) -> bool:
        return self.wanted[id] and id not in self.plan.kept

    def _read(self) -> None:
        """Read what was kept."""
        assert self.row is not None
        for number, tape in enumerate(self.tapes):
            array = self.sources[Source(True, self.first_tape + number)]
            for id in tape.values:
                if self.wanted[id]:
                    self.images[id] = tape.read(array, id, self.row)
        for id, (end, spec) in self.plan.final.parts.items():
            if self._reads_final(id):
                array = self.sources[self._source(end)]
                self.images[id] = op_named("index")(array, spec=spec)

    def _final_operand(self, node: Node, slot: int) -> Value | None:
        end = self.plan.final.slots.get((node.id, slot))
        return None if end is None else self.sources[self._source(end)]

    def _copy(self, target: Graph, node: Node, operands: tuple[Value, ...]) -> Value:
        return copy_node(target, node, operands)
