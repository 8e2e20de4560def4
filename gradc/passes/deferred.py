"""Sums of products over the turns of a loop, made after the loop as one product of matrices.

    for t in range(n):                              for t in range(n):
        h = f(h, w)                                     h = f(h, w)
        w_bar += np.outer(g(h), x[t])       ->          rows[t] = g(h)
                                                    w_bar += rows.T @ x

So it is with the gradient of the weights of a recurrent network.  Each turn reads and writes the
whole sum for one multiplication an element; a product of matrices does not.  What nobody reads in
the loop is deferred, where the factors are small beside the work: those of all turns are kept.
"""

from collections.abc import Sequence
from dataclasses import field, replace

from gradc.ir import At, Graph, IndexSpec, Kind, Node, Program, Slice, Value, op_named
from gradc.ir.dims import product
from gradc.ir.rebuild import copy_input, copy_node, needed, rebuild, transfer
from gradc.ops.regions import make_loop
from gradc.passes.batched import NotBatchedError
from gradc.passes.simplify import simplify
from gradc.passes.whole_loops import whole_loop, writes_of
from gradc.records import dataclass

__all__ = ["LITTLE", "ROOM", "TURNS", "deferred", "elements", "is_given", "pays"]

TURNS = 4
"""Turns that a loop has at least."""
WORK = 256
"""Multiplications of a product in one turn, at least."""
SHARE = 4
"""How many times more of them there are than elements that are kept."""
INTENSE = 6
"""Multiplications for each element that is touched, from which a turn's own product is good."""
ROOM = 4
"""How much larger than all that the loop works on what is kept may be."""
LITTLE = 1 << 14
"""Elements that may be kept in any case."""


def deferred(program: Program) -> Program:
    """Return the program with products of matrices after its loops."""
    graph, count = _deferred(program.graph)
    return replace(program, graph=simplify(graph, final=True)) if count else program


def _deferred(graph: Graph) -> tuple[Graph, int]:
    """Return a graph with sums deferred, those of inner loops first, and how many there are."""
    results: dict[int, list[Value]] = {}
    counts = [0]

    def visit(target: Graph, node: Node, operands: tuple[Value, ...]) -> Value:
        if node.op.name == "project" and node.operands[0] in results:
            item: int = node.params["item"]
            return results[node.operands[0]][item]
        if not node.regions:
            return copy_node(target, node, operands)
        inner = [_deferred(region) for region in node.regions]
        counts[0] += sum(count for _, count in inner)
        regions = tuple(region for region, _ in inner)
        node = Node(node.id, node.op, node.operands, node.params, regions, node.type, node.origin)
        plan = _Plan.of(node) if node.op.name == "loop" else None
        made = plan.apply(target, operands) if plan is not None else None
        if made is not None:
            results[node.id] = made
            counts[0] += 1
            return operands[0]
        ids = tuple(v.id for v in operands)
        return target.value(target.add(node.op, ids, node.params, regions))

    return rebuild(graph, visit), counts[0]


@dataclass(slots=True)
class _Plan:
    """Which carries of a loop are deferred, and which values of a turn are kept for them."""

    node: Node
    items: set[int] = field(default_factory=set)
    kept: dict[int, None] = field(default_factory=dict)

    @classmethod
    def of(cls, node: Node) -> "_Plan | None":
        """Look for carries that products are added to; None if there are none."""
        count = node.params["count"]
        if not isinstance(count, int) or count < TURNS:
            return None
        plan = cls(node)
        for item in range(node.params["carries"]):
            plan.consider(item)
        body = plan.body
        given = [elements(body[id]) for id in body.inputs]
        stored = count * sum(elements(body[id]) for id in plan.kept)
        fits = stored <= max(LITTLE, ROOM * max(given, default=0))
        return plan if plan.items and fits else None

    @property
    def body(self) -> Graph:
        return self.node.regions[0]

    @property
    def first(self) -> int:
        carries: int = self.node.params["carries"]
        return len(self.body.inputs) - carries

    def consider(self, item: int) -> None:
        """Defer a carry if each turn does nothing but add a product to it, and that pays."""
        body = self.body
        carried, output = body.inputs[self.first + item], body.outputs[item]
        try:
            writes = writes_of(body, carried, output)
        except NotBatchedError:
            return
        alone = len(body.uses(carried)) == 1 and not body.uses(output)
        if len(writes) != 1 or not alone or body.outputs.count(output) != 1:
            return
        write, value = writes[0]
        made = body[value]
        if write.op.name == "index_put" or made.op.name != "contract":
            return
        if len(body.uses(value)) != 1 or made.type.dtype.kind != "f":
            return
        kept = [i for i in made.operands if not is_given(body, self.first, i)]
        if pays(body, made, kept):
            self.items.add(item)
            self.kept.update(dict.fromkeys(kept))

    def apply(self, target: Graph, operands: Sequence[Value]) -> list[Value] | None:
        """Add the loop without its sums, then the sums; return all carries."""
        node, kept = self.node, list(self.kept)
        rest = [k for k in range(node.params["carries"]) if k not in self.items]
        blank = [target.blank(self._rows(id), self.body[id].type.dtype) for id in kept]
        loop = {name: node.params[name] for name in ("index", "count", "reverse")}
        found: dict[int, Value] = {}
        rows = blank
        if rest or kept:
            starts = [*(operands[self.first + k] for k in rest), *blank]
            made = make_loop(self._turn(rest), operands[: self.first], starts, **loop)
            found, rows = dict(zip(rest, made, strict=False)), made[len(rest) :]
        items = sorted(self.items)
        given = (*operands[: self.first], *rows, *(operands[self.first + k] for k in items))
        sums = self._sums(items)
        late = Node(
            node.id,
            node.op,
            (),
            {**node.params, "carries": len(items)},
            (sums,),
            node.type,
            node.origin,
        )
        after = whole_loop(target, late, sums, tuple(given))
        if after is None:
            return None
        found.update(zip(items, after, strict=True))
        return [found[k] for k in range(node.params["carries"])]

    def _rows(self, id: int) -> tuple[int, ...]:
        return (self.node.params["count"], *self.body[id].type.extents)

    def _place(self, id: int) -> IndexSpec:
        own = At(self.node.params["index"].expr())
        return (own, *(Slice(0, extent) for extent in self.body[id].type.shape))

    def _turn(self, rest: Sequence[int]) -> Graph:
        """Return a turn that keeps values instead of adding products up."""
        body, result = self.body, Graph(self.body.name)
        inputs = [*body.inputs[: self.first], *(body.inputs[self.first + k] for k in rest)]
        images = {id: copy_input(body, id, result) for id in inputs}
        rows = [
            result.input(f"{body.names.get(id, 'value')}_rows", body[id].type.with_shape(shape))
            for id, shape in ((id, self._rows(id)) for id in self.kept)
        ]
        made = [body.outputs[k] for k in rest]
        transfer(body, result, images, needed(body, [*made, *self.kept]))
        result.outputs = [images[id].id for id in made]
        for id, array in zip(self.kept, rows, strict=True):
            put = op_named("index_put")(array, images[id], spec=self._place(id))
            result.outputs.append(put.id)
        return result

    def _sums(self, items: Sequence[int]) -> Graph:
        """Return a turn that adds the products up, of values that were kept."""
        body, result = self.body, Graph(self.body.name)
        images = {id: copy_input(body, id, result) for id in body.inputs[: self.first]}
        for id in self.kept:
            kind = body[id].type.with_shape(self._rows(id))
            images[id] = op_named("index")(result.input("rows", kind), spec=self._place(id))
        for k in items:
            id = body.inputs[self.first + k]
            images[id] = copy_input(body, id, result)
        made = [body.outputs[k] for k in items]
        wanted = needed(body, made, images)
        transfer(body, result, images, wanted)
        result.outputs = [images[id].id for id in made]
        return result


def is_given(body: Graph, captures: int, id: int) -> bool:
    """Tell whether a value is a part of one of the first inputs of a body, or a number."""
    while body[id].op.kind in (Kind.MOVEMENT, Kind.INDEX) and len(body[id].operands) == 1:
        (id,) = body[id].operands
    return id in body.inputs[:captures] or body[id].op.kind is Kind.CONSTANT


def pays(body: Graph, made: Node, kept: Sequence[int]) -> bool:
    """Tell whether a product waits for memory in each turn, and what is kept for it is little."""
    work, touched = (
        _work(body, made),
        elements(made) + sum(elements(body[i]) for i in made.operands),
    )
    little = work >= SHARE * sum(elements(body[i]) for i in kept)
    return work >= WORK and little and work < INTENSE * touched


def _work(body: Graph, node: Node) -> int:
    a, b = (body[i].type.shape for i in node.operands)
    extents = dict(zip(node.params["a_labels"], a, strict=True))
    extents |= dict(zip(node.params["b_labels"], b, strict=True))
    work = product(extents.values())
    return work if isinstance(work, int) else 0


def elements(node: Node) -> int:
    """Return how many elements a value has; very many if that is not known."""
    shape = getattr(node.type, "shape", ())
    size = product(shape)
    return int(size) if isinstance(size, int) else 1 << 48
