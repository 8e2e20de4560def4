"""Maps as operations on whole batches, where every operation has a form.

    for i in range(n):
        rows[i] = np.tanh(w @ x[i])       ->      rows = np.tanh(x @ w.T)
        total += x[i] @ x[i]                      total = total + np.sum(x * x)

What depends on the turn gets a new first axis.  The rules are by kind of operation (``batched``),
not by operation.  A loop stays a loop where a result is handed from turn to turn in any other way,
or where something in its body has no such form: a loop or a branch of another kind, a long window
that moves.

Maps that the user asked for are such batches in both backends.  In C, a loop of the user is one too
where each turn has a large product and writes rows of its own or adds up, and where no value for
all turns is much larger than what the loop works on.
"""

from dataclasses import replace

from gradc.ir import (
    Array,
    At,
    Dim,
    Graph,
    IndexSpec,
    NewAxis,
    Node,
    Program,
    Slice,
    Symbol,
    Value,
    op_named,
)
from gradc.ir.dims import product
from gradc.ir.rebuild import copy_node, rebuild, transfer
from gradc.passes.batched import Batch, NotBatchedError
from gradc.passes.regions import has_regions
from gradc.passes.simplify import simplify
from gradc.passes.window_batches import add_to_windows

__all__ = ["vectorize", "vectorized"]

MOST_ELEMENTS = 1 << 24
"""Elements of a batch of values; a loop with more stays one."""
ROOM = 4
"""How much larger than all it works on a batch of products may be in C."""
HEAVY = 64
"""Multiplications of a product in one turn that is better made for all turns together."""


def vectorized(program: Program, *, heavy: bool = False) -> Program:
    """Return the program with its maps as operations on batches: all, or those with large products.

    The products of all turns are then one product of matrices.
    """
    if not has_regions(program.graph):
        return program
    graph = vectorize(program.graph, heavy=heavy)
    if _regions(graph) == _regions(program.graph):
        return program
    return replace(program, graph=simplify(graph, final=True))


def _regions(graph: Graph) -> int:
    """Count regions, those inside others included."""
    return sum(1 + _regions(region) for node in graph.nodes for region in node.regions)


def vectorize(graph: Graph, *, heavy: bool = False) -> Graph:
    """Return an equivalent graph whose maps are operations on batches, inner ones first."""
    results: dict[int, list[Value]] = {}

    def visit(target: Graph, node: Node, operands: tuple[Value, ...]) -> Value:
        if node.op.name == "project" and node.operands[0] in results:
            item: int = node.params["item"]
            return results[node.operands[0]][item]
        if not node.regions:
            return copy_node(target, node, operands)
        regions = tuple(vectorize(region, heavy=heavy) for region in node.regions)
        if node.op.name == "loop" and (not heavy or _is_heavy(regions[0])):
            mark = len(target)
            mapped = node.params["index"].role == "map"
            made = _whole(target, node, regions[0], operands) if mapped or heavy else None
            large = heavy and made is not None and _is_large(target, mark, made, operands, mapped)
            if made is not None and not large:
                results[node.id] = made
                return operands[0]
        ids = tuple(v.id for v in operands)
        return target.value(target.add(node.op, ids, node.params, regions))

    return rebuild(graph, visit)


def _is_large(
    target: Graph, mark: int, results: list[Value], operands: tuple[Value, ...], mapped: bool
) -> bool:
    """Tell whether values for all turns, added from a mark on, outgrow what the loop works on.

    Of a map that the user asked for, the products count; of a loop, all values.
    """
    room = ROOM * max(_elements(v) for v in (*operands, *results))
    live = _needed(target, [value.id for value in results])
    added = (target.value(node.id) for node in target.nodes[mark:] if live[node.id])
    return any(_elements(v) > room for v in added if not mapped or v.node.op.name == "contract")


def _elements(value: Value) -> int:
    size = value.size
    return size if isinstance(size, int) else 0


def _is_heavy(body: Graph) -> bool:
    """Tell whether one turn has a product that is worth a place in a product of matrices."""
    return any(_work(body, node) >= HEAVY for node in body.nodes if node.op.name == "contract")


def _work(body: Graph, node: Node) -> int:
    a, b = (body[i].type.shape for i in node.operands)
    extents = dict(zip(node.params["a_labels"], a, strict=True))
    extents |= dict(zip(node.params["b_labels"], b, strict=True))
    work = product(extents.values())
    return work if isinstance(work, int) else 0


def _whole(
    target: Graph, node: Node, body: Graph, operands: tuple[Value, ...]
) -> list[Value] | None:
    """Return the results of a loop computed at once; None where it stays a loop."""
    count, index = node.params["count"], node.params["index"]
    if not isinstance(count, int) or count < 2:
        return None
    first = len(operands) - node.params["carries"]
    batch = Batch(target, index, count, MOST_ELEMENTS)
    images = dict(zip(body.inputs, operands, strict=True))
    try:
        carries = [_Carry.of(body, first + k, out, index) for k, out in enumerate(body.outputs)]
        wanted = _needed(body, [i for carry in carries for i in carry.reads])
        transfer(body, target, images, wanted, lambda g, n, v: batch.visit(g, n, v))
        return [
            carry.finish(batch, images, start)
            for carry, start in zip(carries, operands[first:], strict=True)
        ]
    except NotBatchedError:
        return None


def _needed(graph: Graph, outputs: list[int]) -> list[bool]:
    needed = [False] * len(graph)
    for id in outputs:
        needed[id] = True
    for node in reversed(graph.nodes):
        if needed[node.id]:
            for operand in node.operands:
                needed[operand] = True
    return needed


class _Carry:
    """What the turns do to one carry: write at the index, or add."""

    def __init__(self, node: Node | None, value: int, reads: tuple[int, ...]) -> None:
        self.node, self.value, self.reads = node, value, reads

    @classmethod
    def of(cls, body: Graph, place: int, output: int, index: Symbol) -> "_Carry":
        """Read how a carry is made; refuse turns that depend on each other.

        A turn may read its own row before it writes it: that is the row before the loop.
        """
        carried, node = body.inputs[place], body[output]
        users = [user for user, _ in body.uses(carried)]
        others = [body[user] for user in users if user != output]
        if len(users) - len(others) != 1 or body.outputs.count(output) != 1 or body.uses(output):
            raise NotBatchedError
        if node.op.name in ("index_put", "index_add") and node.operands[0] == carried:
            if others and not all(_row(one, index) == _row(node, index) for one in others):
                raise NotBatchedError
            return cls(node, node.operands[1], node.operands[1:])
        if node.op.name == "add" and carried in node.operands and not others:
            (value,) = (i for i in node.operands if i != carried)
            return cls(None, value, (value,))
        raise NotBatchedError

    def finish(self, batch: Batch, images: dict[int, Value], start: Value) -> Value:
        """Return the carry after the last turn."""
        value = batch.whole(self.value, images[self.value])
        if self.node is None:
            return start + _total(value)
        spec, name = self.node.params["spec"], self.node.op.name
        if len(self.node.operands) != 2:
            raise NotBatchedError
        place = _place_of(spec, batch.index)
        if place is None:
            if name != "index_add":
                raise NotBatchedError
            return op_named(name)(start, _total(value), spec=spec)
        if isinstance(spec[place], Slice):
            plain = name == "index_add" and not any(isinstance(i, Array | NewAxis) for i in spec)
            done = plain and add_to_windows(start, value, spec, place, batch.count, batch.run_of)
            if not done:
                raise NotBatchedError
            return done
        return _written(name, start, value, spec, place, batch.count)


def _total(value: Value) -> Value:
    """Sum over the turns: a product with the turn in both operands sums over it itself."""
    node, graph = value.node, value.graph
    operands = [graph.value(i) for i in node.operands]
    if node.op.name == "add" and any(map(_sums_turns, operands)):
        a, b = map(_total, operands)
        return a + b
    if not _sums_turns(value):
        return value.sum([0])
    if node.op.name == "reshape":
        return _total(operands[0]).reshape(value.shape[1:])
    params = {**node.params, "out_labels": tuple(node.params["out_labels"][1:])}
    return node.op(*operands, **params)


def _sums_turns(value: Value) -> bool:
    """Tell whether a sum over the first axis is cheaper where the value is made."""
    node = value.node
    if node.op.name == "add":
        return any(_sums_turns(value.graph.value(i)) for i in node.operands)
    if node.op.name == "reshape":
        inner = value.graph.value(node.operands[0])
        return inner.shape[:1] == value.shape[:1] and _sums_turns(inner)
    if node.op.name != "contract":
        return False
    turn = node.params["out_labels"][0]
    return turn in node.params["a_labels"] and turn in node.params["b_labels"]


def _row(node: Node, index: Symbol) -> tuple[int, Dim]:
    """Return the axis and the position at which a turn reads or writes its own row."""
    spec: IndexSpec = node.params.get("spec", ())
    place = _place_of(spec, index)
    item = spec[place] if place is not None else None
    if not isinstance(item, At) or any(isinstance(one, Array | NewAxis) for one in spec):
        raise NotBatchedError
    assert place is not None
    return place, item.position


def _place_of(spec: IndexSpec, index: Symbol) -> int | None:
    """Return which item of a spec names the index; there must be no other."""
    found = [
        k for k, item in enumerate(spec) if isinstance(item, At | Slice) and index in _symbols(item)
    ]
    if not found:
        return None
    if len(found) > 1:
        raise NotBatchedError
    return found[0]


def _symbols(item: At | Slice) -> frozenset[Symbol]:
    dims: tuple[Dim, ...] = (item.position,) if isinstance(item, At) else (item.start, item.length)
    return frozenset(s for dim in dims for s in getattr(dim, "symbols", ()))


def _written(
    name: str, start: Value, value: Value, spec: IndexSpec, place: int, count: int
) -> Value:
    """Write all rows at once; the axis of the turns goes where the spec has it."""
    item = spec[place]
    assert isinstance(item, At)
    run = Batch.run_of(item.position, count)
    before = sum(1 for other in spec[:place] if not isinstance(other, At))
    axes = [*range(1, before + 1), 0, *range(before + 1, value.ndim)]
    placed = value.transpose(axes)
    wide = (*spec[:place], run, *spec[place + 1 :])
    covered = all(
        isinstance(one, Slice) and one.start == 0 and one.length == extent and one.step == 1
        for one, extent in zip(wide, start.shape, strict=False)
    )
    if covered and len(wide) == start.ndim:
        return placed if name == "index_put" else start + placed
    return op_named(name)(start, placed, spec=wide)
