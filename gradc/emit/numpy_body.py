"""The statements of one graph as Python rows: the body of a function, of a loop or of a branch."""

from collections.abc import Callable

from gradc.emit.names import Namer, plain_path, stem_of
from gradc.emit.numpy_expressions import ATOM, Expression
from gradc.emit.numpy_layout import LONGEST, Row, wrapped
from gradc.emit.numpy_literals import array_literal
from gradc.emit.numpy_memory import Memory, is_filled
from gradc.emit.numpy_operands import Deferred, Operands
from gradc.emit.numpy_plan import Plan, Section, expanded_axes
from gradc.ir import Array, ArrayType, At, Graph, Kind, Node
from gradc.ops.index_spec import is_basic, subscript

__all__ = ["Body", "copied"]

_MARGIN = 4
_INLINE = 72
_SHORT_TABLE = 40


class Body:
    """Writes the nodes of one graph, one after the other.

    Parameters
    ----------
    graph, plan
        What to write, and in which order.
    namer : Namer
        Hands out names; shared with the bodies around this one.
    tables : list of str
        Receives constants that stand above the function.
    """

    def __init__(self, graph: Graph, plan: Plan, namer: Namer, tables: list[str]) -> None:
        self.graph, self.plan, self.namer, self.tables = graph, plan, namer, tables
        self.memory = Memory(graph, plan.order, plan.transparent)
        self.operands = Operands(graph, plan)
        self.rows: dict[Section, list[Row]] = {section: [] for section in Section}
        self.section = Section.PRIMAL
        self.depth = 0
        self.owned: set[int] = set()
        self.wishes = _wishes(graph, plan.order, plan.reads)

    # walking

    def write(self) -> None:
        """Write the statements of the body."""
        for node in self.plan.order:
            self.section = self.plan.section[node.id]
            if node.op.kind is Kind.CONSTANT:
                self._constant(node)
            elif node.regions:
                self.region(node)
            elif node.op.name == "project":
                self.project(node)
            elif node.op.name in ("index_put", "index_add"):
                self._update(node)
            elif node.op.kind is not Kind.INPUT and not self.plan.transparent[node.id]:
                self._operation(node)

    def region(self, node: Node) -> None:
        """Write a loop or a branch."""
        raise NotImplementedError

    def project(self, node: Node) -> None:
        """Give a result of a region its variable."""
        raise NotImplementedError

    def variable(self, node: Node) -> str | None:
        """Return the variable that a node must be left in, if it can be assigned at once."""
        return None

    def _operation(self, node: Node) -> None:
        variable = self.variable(node)
        if variable or node.id in self.graph.names or self.plan.reads[node.id] > 1:
            name = variable or self.fresh_name(node)
            self.assign(node, name, *self._expression(node, self.room(name)))
            return
        expression, nodes = self._expression(node, _INLINE)
        self.operands.deferred[node.id] = Deferred(expression, nodes)
        if len(expression.text) > _INLINE + _MARGIN:
            self.materialise(node.id)

    def _expression(self, node: Node, room: int) -> tuple[Expression, tuple[int, ...]]:
        """Return the text of a node, giving its operands statements until it fits."""
        kept = self._with_axes_kept(node)
        if kept is not None:
            return kept
        expression = self._rendered(node)
        if len(expression.text) > room:
            self.shorten(len(expression.text) - room, node.operands)
            expression = self._rendered(node)
        return expression, self.consume(node.operands, node.id)

    def _rendered(self, node: Node) -> Expression:
        if node.op.name == "broadcast_to":
            return self.operands.spread(node)
        if expanded_axes(self.graph, node):
            return self.operands.expanded(node)
        return self.operands.render(node)

    def _with_axes_kept(self, node: Node) -> tuple[Expression, tuple[int, ...]] | None:
        """Return ``np.sum(x, axis=1, keepdims=True)`` for a reduction that is expanded again."""
        waiting = self.operands.deferred.get(node.operands[0]) if node.operands else None
        if waiting is None or not self.plan.keeps[node.id]:
            return None
        text = f"{waiting.expression.text[:-1]}, keepdims=True)"
        return Expression(text), self.consume(node.operands, node.id)

    def room(self, name: str) -> int:
        """Return the columns left for what is assigned to a name."""
        return LONGEST - _MARGIN * (self.depth + 1) - len(name) - len(" = ")

    def shorten(self, excess: int, ids: tuple[int, ...]) -> None:
        """Give the longest deferred operands statements until ``excess`` columns are saved."""
        for id in self.operands.waiting(ids):
            if excess <= 0:
                return
            excess -= len(self.operands.deferred[id].expression.text)
            excess += len(self.materialise(id))

    def consume(self, ids: tuple[int, ...], *last: int) -> tuple[int, ...]:
        """Take the deferred operands out of waiting; return the nodes inside them."""
        found = [self.operands.deferred.pop(id).nodes for id in self.operands.waiting(ids)]
        return tuple(sorted({i for nodes in found for i in nodes}.union(last)))

    def materialise(self, id: int) -> str:
        """Give a deferred node its own statement."""
        expression, nodes = self.operands.deferred.pop(id)
        name = self.fresh_name(self.graph[id])
        self.assign(self.graph[id], name, expression, nodes)
        return name

    # statements

    def fresh_name(self, node: Node, name: Callable[[str, str], str] | None = None) -> str:
        """Return a new name for a node: the user's, or one for its op."""
        wanted = plain_path(self.graph.names.get(node.id) or self.wishes.get(node.id, ""))
        made = self.graph[node.operands[0]] if self.plan.keeps[node.id] else node
        return (name or self.namer.value)(wanted, stem_of(made.op))

    def assign(self, node: Node, name: str, expression: Expression, nodes: tuple[int, ...]) -> None:
        """Write ``name = expression``."""
        self.operands.names[node.id] = name
        self.row(f"{name} = {expression.text}", node, nodes)

    def row(self, code: str, node: Node, nodes: tuple[int, ...]) -> None:
        """Write a statement."""
        self.rows[self.section].append(Row(code, nodes, node.origin.span, self.depth))

    def _constant(self, node: Node) -> None:
        """Write an array constant: inside its reader, as a statement, or above the function."""
        named = node.id in self.graph.names
        if not node.type.shape or (node.type.size == 1 and not named):
            return
        expression = array_literal(node.params["value"].array)
        small = len(expression.text)
        once = self.plan.reads[node.id] == 1 and not named
        if once and small <= _SHORT_TABLE:
            self.operands.deferred[node.id] = Deferred(expression, (node.id,))
            return
        if small <= _INLINE:
            self.assign(node, self.fresh_name(node), expression, (node.id,))
            return
        name = self.fresh_name(node, self.namer.lasting)
        self.operands.names[node.id] = name
        self.tables += wrapped(f"{name} = {expression.text}", 0)

    def _update(self, node: Node) -> None:
        """Write a copy and an assignment to a part of it."""
        base, value, *arrays = node.operands
        name = self._writable(node, base)
        before, after = self._target(node, name, arrays)
        text = self.operands.assigned(value).text
        self.shorten(len(before) + len(text) + len(after) - self.room(""), (value,))
        text = self.operands.assigned(value).text
        nodes = self.consume((value, *arrays), node.id)
        self.operands.names[node.id] = name
        self.row(before + text + after, node, nodes)

    def _target(self, node: Node, name: str, arrays: list[int]) -> tuple[str, str]:
        """Return what stands before and after the value that is stored."""
        spec, shape = node.params["spec"], self.graph[node.operands[0]].type.shape
        *first, index = subscript(spec, shape, [self.operands.read(id).text for id in arrays])
        view = name + "".join(f"[{part}]" for part in first)
        if node.op.name == "index_put":
            return f"{view}[{index}] = ", ""
        if is_basic(spec):
            return f"{view}[{index}] += ", ""
        items = [item for item in spec if not (first and isinstance(item, At))]
        if not all(isinstance(item, Array | At) for item in items):
            index = f"np.s_[{index}]"
        elif len(items) > 1:
            index = f"({index})"
        return f"np.add.at({view}, {index}, ", ")"

    def _writable(self, node: Node, base: int) -> str:
        """Return a variable that holds ``base`` and that nothing else reads."""
        mine = self.takes_over(node, 0)
        held = self.operands.names.get(base)
        if mine and held:
            self.release(base, node, memory=True)
            if self._may_keep(node, base):
                return held
        name, text = self.fresh_name(node), self.operands.read(base)
        if not mine:
            text = copied(text, self.graph[base].type)
        nodes = self.consume((base,), node.id)
        self.row(f"{name} = {text.text}", node, nodes)
        return name

    def _may_keep(self, node: Node, base: int) -> bool:
        """Tell whether an array that is written to keeps its name."""
        wanted = self.graph.names.get(node.id, "")
        usual = self.graph.names.get(base, self.wishes.get(base))
        return base in self.owned or wanted in ("", usual)

    def takes_over(self, node: Node, slot: int) -> bool:
        """Tell whether a node may overwrite an operand: own memory that nothing reads later."""
        id = node.operands[slot]
        if self.plan.transparent[id] and id not in self.operands.names:
            return is_filled(self.graph, self.graph[id])
        return self.is_own(id) and self.memory.is_last_read(node, slot)

    def is_own(self, id: int) -> bool:
        """Tell whether a value stands in memory that no other value shares."""
        return id in self.owned or self.memory.is_own(id)

    def release(self, id: int, node: Node, *, memory: bool) -> None:
        """Give statements to what waits and mentions ``id``, or reads its memory.

        What ``node`` takes in itself may go on waiting.
        """
        kept = set(self.operands.waiting(node.operands))
        for other in [d for d in self.operands.deferred if d not in kept]:
            if other in self.operands.deferred and self._mentions(other, id, memory=memory):
                self.materialise(other)

    def _mentions(self, waiting: int, id: int, *, memory: bool) -> bool:
        for inner in self.operands.deferred[waiting].nodes:
            for operand in self.graph[inner].operands:
                if self.operands.leaf(operand) == id:
                    return True
                if memory and id in self.memory.roots[operand]:
                    return True
        return False


def copied(text: Expression, type: ArrayType) -> Expression:
    """Return the text of a copy."""
    if not type.shape:
        return Expression(f"np.array({text.text})")
    return Expression(f"{text.at_least(ATOM)}.copy()")


def _wishes(graph: Graph, order: list[Node], reads: list[int]) -> dict[int, str]:
    """Let an array that is filled in steps have from the start the name it gets in the end."""
    wishes: dict[int, str] = {}
    for node in reversed(order):
        if node.op.name in ("index_put", "index_add") and reads[node.operands[0]] == 1:
            name = graph.names.get(node.id) or wishes.get(node.id)
            if name:
                wishes[node.operands[0]] = name
    return wishes
