"""Sums into carried arrays, made in place.

Inside the body of a loop the adjoint of an array is a carry, and what is read of the array gives
terms that are zero but for a part::

    a_bar + pad(v, low, high)                  index_add(a_bar, v, [low : low + n])
    a_bar + index_add(zeros, v, where)         index_add(a_bar, v, where)
    a_bar + index_put(zeros, v, where)         index_add(a_bar, v, where)
    a_bar * v + pad(v, index, ...)             index_add(a_bar * v, v, [index])
    a_bar + (loop that adds to zeros)          the loop starts from a_bar
    a_bar + if(c, one of these, zeros)         the branch adds to a_bar (``branch_sums``)

so that the adjoint stays one buffer and no array of zeros is made in a turn.  Terms are added in
the order in which they come up.
"""

from collections.abc import Sequence
from dataclasses import field

from gradc.ir import At, DimExpr, Graph, IndexItem, Node, Slice, Value, op_named
from gradc.ir.rebuild import copy_input, copy_node, transfer
from gradc.passes.branch_sums import branch_origin, is_zero, with_sums
from gradc.passes.rewrite import literal
from gradc.records import dataclass

__all__ = ["update_in_place"]


@dataclass(slots=True)
class _Sum:
    """A sum of arrays: its terms, and what has been added up so far."""

    root: int
    terms: list[int]
    bases: set[int] = field(default_factory=set)
    total: Value | None = None
    waiting: list[tuple[Node, tuple[Value, ...]]] = field(default_factory=list)


def update_in_place(body: Graph, captures: int) -> Graph:
    """Return the body of a loop with sums into its carries made in place."""
    sums = _sums(body, captures)
    return _Updates(body, sums).run() if sums else body


def _sums(body: Graph, captures: int) -> list[_Sum]:
    """Return the sums that have a carried array and a sparse term among their terms."""
    live = body.live()
    inner: set[int] = set()
    found: list[_Sum] = []
    based = _carried(body, captures)
    for node in reversed(body.nodes):
        if not live[node.id] or node.id in inner or not _is_sum(node):
            continue
        within: set[int] = set()
        terms = _terms(body, node, within, live)
        sparse = [id for id in terms if _is_sparse(body, body[id], live)]
        bases = {id for id in terms if based[id]}
        if not bases and any(_moves(body[id]) for id in sparse):
            bases = {*terms}.difference(sparse)
        if not bases:
            continue
        inner |= within
        if sparse and len(terms) == len(set(terms)):
            found.append(_Sum(node.id, terms, bases))
    return found


def _moves(term: Node) -> bool:
    """Tell whether a term of a sum lies elsewhere in each turn."""
    if term.op.name != "pad":
        return False
    return any(isinstance(d, DimExpr) for d in (*term.params["low"], *term.type.shape))


def _is_sum(node: Node) -> bool:
    return node.op.name == "add" and bool(node.type.shape) and node.type.dtype.kind == "f"


def _terms(body: Graph, root: Node, inner: set[int], live: Sequence[bool]) -> list[int]:
    """Return the terms of a sum of sums; sums inside that nobody else uses are noted."""
    terms, open_ = [], list(root.operands)
    while open_:
        id = open_.pop()
        if _is_sum(body[id]) and _uses(body, id, live) == 1 and id not in body.outputs:
            inner.add(id)
            open_ += body[id].operands
        else:
            terms.append(id)
    return terms


def _uses(graph: Graph, id: int, live: Sequence[bool]) -> int:
    return sum(live[child] for child, _ in graph.uses(id))


def _carried(body: Graph, captures: int) -> list[bool]:
    """Tell which values are versions of a carried array."""
    flags = [False] * len(body)
    for id in body.inputs[captures:]:
        flags[id] = True
    for node in body.nodes:
        if node.op.name in ("index_put", "index_add"):
            flags[node.id] = flags[node.operands[0]]
        elif _is_sum(node):
            flags[node.id] = any(flags[i] for i in node.operands)
        elif node.op.name == "project":
            older = _older(body, node)
            flags[node.id] = older is not None and flags[older]
    return flags


def _older(body: Graph, project: Node) -> int | None:
    """Return the array that a result of a loop or branch is a version of, if there is one."""
    source = body[project.operands[0]]
    if source.op.name != "cond":
        return source.operands[_initial_slot(body, project)]
    slot = branch_origin(source, project.params["item"])
    return None if slot is None else source.operands[slot]


def _initial_slot(graph: Graph, node: Node) -> int:
    """Return the operand of a loop that a projected carry starts from."""
    source = graph[node.operands[0]]
    slot: int = len(source.operands) - source.params["carries"] + node.params["item"]
    return slot


def _is_sparse(body: Graph, node: Node, live: Sequence[bool]) -> bool:
    if node.op.name == "pad":
        return True
    if node.op.name in ("index_add", "index_put"):
        unique = node.op.name == "index_add" or len(node.operands) == 2
        return unique and literal(body.value(node.operands[0])) == 0
    return _adds_to_zeros(body, node, live) or _is_sparse_in_branches(body, node, live)


def _is_sparse_in_branches(body: Graph, node: Node, live: Sequence[bool]) -> bool:
    """Tell whether a node is a result of branches that is sparse, or zero, in one of them."""
    if node.op.name != "project" or _uses(body, node.id, live) != 1 or not node.type.shape:
        return False
    source = body[node.operands[0]]
    return source.op.name == "cond" and any(
        is_zero(region, region.outputs[node.params["item"]])
        or _has_sparse_term(region, region.outputs[node.params["item"]])
        for region in source.regions
    )


def _has_sparse_term(region: Graph, id: int) -> bool:
    node, live = region[id], region.live()
    terms = _terms(region, node, set(), live) if _is_sum(node) else [id]
    return any(_is_sparse(region, region[term], live) for term in terms)


def _adds_to_zeros(body: Graph, node: Node, live: Sequence[bool]) -> bool:
    """Tell whether a node is a carry of a loop that starts from zeros and is only added to."""
    if node.op.name != "project" or body[node.operands[0]].op.name not in ("loop", "while_loop"):
        return False
    source, slot = body[node.operands[0]], _initial_slot(body, node)
    if literal(body.value(source.operands[slot])) != 0 or _uses(body, node.id, live) != 1:
        return False
    if source.op.name == "while_loop":
        test = source.regions[0]
        if test.live()[test.inputs[slot]]:
            return False
    inner = source.regions[-1]
    return only_adds(inner, inner.inputs[slot], inner.outputs[node.params["item"]])


def only_adds(body: Graph, start: int, end: int) -> bool:
    """Tell whether a carry is only added to in a turn, and not read."""
    live, at = body.live(), end
    while at != start:
        node = body[at]
        if at != end and _uses(body, at, live) != 1:
            return False
        if node.op.name == "index_add":
            at = node.operands[0]
        elif _is_sum(node) or node.op.name == "add":
            sides = [i for i in node.operands if _leads_to(body, start, i)]
            if len(sides) != 1:
                return False
            at = sides[0]
        elif node.op.name == "project" and body[node.operands[0]].op.name == "loop":
            source, slot = body[node.operands[0]], _initial_slot(body, node)
            inner = source.regions[0]
            if not only_adds(inner, inner.inputs[slot], inner.outputs[node.params["item"]]):
                return False
            at = source.operands[slot]
        elif node.op.name == "project" and body[node.operands[0]].op.name == "cond":
            source, item = body[node.operands[0]], node.params["item"]
            found = branch_origin(source, item)
            if found is None or not all(
                only_adds(region, region.inputs[found - 1], region.outputs[item])
                for region in source.regions
            ):
                return False
            at = source.operands[found]
        else:
            return False
    return _uses(body, start, live) == (start != end)


def _leads_to(body: Graph, start: int, id: int) -> bool:
    """Tell whether a value depends on an input."""
    seen, open_ = {id}, [id]
    while open_:
        at = open_.pop()
        if at == start:
            return True
        fresh = [i for i in body[at].operands if i not in seen and i >= 0]
        seen.update(fresh)
        open_ += fresh
    return False


class _Updates:
    """Rebuilds a body, adding terms as they come up."""

    def __init__(self, body: Graph, sums: Sequence[_Sum]) -> None:
        self.body = body
        self.by_root = {one.root: one for one in sums}
        self.by_term: dict[int, list[_Sum]] = {}
        self.by_loop: dict[int, list[tuple[_Sum, Node]]] = {}
        self.by_cond: dict[int, list[tuple[_Sum, Node]]] = {}
        live = body.live()
        for one in sums:
            for id in one.terms:
                self.by_term.setdefault(id, []).append(one)
                if _adds_to_zeros(body, body[id], live):
                    self.by_loop.setdefault(body[id].operands[0], []).append((one, body[id]))
                elif _is_sparse_in_branches(body, body[id], live):
                    self.by_cond.setdefault(body[id].operands[0], []).append((one, body[id]))
        self.absorbed: set[int] = set()

    def run(self) -> Graph:
        """Return the new body."""
        result = Graph(self.body.name)
        images: dict[int, Value] = {}
        for id in self.body.inputs:
            images[id] = copy_input(self.body, id, result)
            self._note(self.body[id], images[id], ())
        transfer(self.body, result, images, self.body.live(), self._visit)
        result.outputs = [images[id].id for id in self.body.outputs]
        return result

    def _visit(self, target: Graph, node: Node, operands: tuple[Value, ...]) -> Value:
        if node.id in self.by_root:
            total = self.by_root[node.id].total
            assert total is not None
            self._note(node, total, operands)
            return total
        if node.id in self.by_loop:
            operands = self._start_from_totals(node, operands)
        if node.id in self.by_cond:
            return self._add_in_branches(target, node, operands)
        image = copy_node(target, node, operands)
        self._note(node, image, operands)
        return image

    def _start_from_totals(self, node: Node, operands: tuple[Value, ...]) -> tuple[Value, ...]:
        changed = list(operands)
        for one, project in self.by_loop[node.id]:
            if one.total is not None and id(one) not in self.absorbed:
                changed[_initial_slot(self.body, project)] = one.total
                one.total = None
                self.absorbed |= {id(one), -1 - project.id}
        return tuple(changed)

    def _add_in_branches(self, target: Graph, node: Node, operands: tuple[Value, ...]) -> Value:
        """Give the branches the sums so far."""
        sums: dict[int, Value] = {}
        for one, project in self.by_cond[node.id]:
            if one.total is not None and id(one) not in self.absorbed:
                sums[project.params["item"]] = one.total
                one.total = None
                self.absorbed |= {id(one), -1 - project.id}
        regions = tuple(update_in_place(r, 0) for r in with_sums(node, sums, target))
        ids = tuple(v.id for v in (*operands, *sums.values()))
        return target.value(target.add(node.op, ids, node.params, regions))

    def _note(self, node: Node, image: Value, operands: tuple[Value, ...]) -> None:
        """Add a term to the sums it belongs to."""
        for one in self.by_term.get(node.id, ()):
            if -1 - node.id in self.absorbed:
                one.total = image
                self.absorbed.discard(id(one))
                self._settle(one)
            elif node.id in one.bases and one.total is None and id(one) not in self.absorbed:
                one.total = image
                self._settle(one)
            elif one.total is None:
                one.waiting.append((node, (*operands, image)))
            else:
                one.total = _added(one.total, node, (*operands, image))

    @staticmethod
    def _settle(one: _Sum) -> None:
        """Add the terms that came up before there was an array to add them to."""
        for node, operands in one.waiting:
            assert one.total is not None
            one.total = _added(one.total, node, operands)
        one.waiting.clear()


def _added(total: Value, node: Node, operands: tuple[Value, ...]) -> Value:
    """Add one term, given with its operands, to the array."""
    *inner, image = operands
    if node.op.name == "pad":
        spec: list[IndexItem] = []
        shape = []
        for low, extent in zip(node.params["low"], inner[0].shape, strict=True):
            spec.append(At(low) if extent == 1 else Slice(low, extent))
            shape += [extent] if extent != 1 else []
        return op_named("index_add")(total, inner[0].reshape(shape), spec=tuple(spec))
    if node.op.name in ("index_add", "index_put") and literal(inner[0]) == 0:
        return op_named("index_add")(total, *inner[1:], spec=node.params["spec"])
    return total + image
