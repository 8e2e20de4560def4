"""Loops and branches as Python statements.

A carry is a variable that each turn assigns anew; a carried array that a turn only writes to stays
one array, of which the loop has a copy of its own unless nobody else wants the initial one.  What a
region captures it reads by the name it has outside.
"""

import re
from collections.abc import Sequence

from gradc.emit.names import Namer, plain_path, stem_of
from gradc.emit.numpy_body import Body, copied
from gradc.emit.numpy_expressions import NOT, Expression
from gradc.emit.numpy_layout import Row
from gradc.emit.numpy_plan import Plan, Section, make_plan
from gradc.ir import Graph, Kind, Node, Symbol
from gradc.ir.bind import bind_params
from gradc.ir.rebuild import transfer
from gradc.ir.value import Value
from gradc.records import dataclass

__all__ = ["RegionBody"]

_WORD = re.compile(r"[A-Za-z_]\w*")


@dataclass(frozen=True, slots=True)
class _Target:
    """A variable that a region leaves a result in.

    ``input`` is the region's input that stands in the variable at first, if there is one;
    ``linked`` says that the variable's array is the region's own, to be written to.
    """

    variable: str
    output: int
    input: int | None
    linked: bool


class RegionBody(Body):
    """Writes a graph with the regions inside it, each by a body of its own."""

    targets: Sequence[_Target] = ()
    owner: int | None = None

    def __init__(self, graph: Graph, plan: Plan, namer: Namer, tables: list[str]) -> None:
        super().__init__(graph, plan, namer, tables)
        self._results: dict[int, list[str]] = {}
        self._asked: dict[str, str] = {}

    # results

    def project(self, node: Node) -> None:
        """Give a result of a region its variable."""
        self.operands.names[node.id] = self._results[node.operands[0]][node.params["item"]]

    def row(self, code: str, node: Node, nodes: tuple[int, ...]) -> None:
        """Write a statement; inside a region it counts as the region's node."""
        super().row(code, node, nodes if self.owner is None else (self.owner,))

    def variable(self, node: Node) -> str | None:
        """Return the variable of the result that a node is, once its old value is read no more."""
        for target in self.targets:
            if target.output == node.id and not target.linked:
                old = target.input
                if old is None or self._claims(target.variable, node):
                    return target.variable
        return None

    def _claims(self, variable: str, node: Node) -> bool:
        """Make a variable free to be assigned by a node; False if its value is read later.

        The old value of a carry and what an inner loop made of it may both stand in it.
        """
        held = [id for id, name in self.operands.names.items() if name == variable]
        if not all(self.memory.is_last_use(id, node) for id in held):
            return False
        for id in held:
            self.release(id, node, memory=False)
        return True

    def region(self, node: Node) -> None:
        """Write a loop or a branch."""
        print_region = {"loop": self._loop, "while_loop": self._while, "cond": self._cond}
        print_region[node.op.name](node)

    # loops

    def _loop(self, node: Node) -> None:
        params, index = node.params, node.params["index"]
        self._name_captures(node, 0, node.regions)
        variables = self._carries(node)
        with self.namer.scope():
            name = self.namer.user(index.name)
            body = _with_index(node.regions[0], index, Symbol(name, index.role))
            turns = f"range({params['count']})"
            turns = f"reversed({turns})" if params["reverse"] else turns
            self.row(f"for {name} in {turns}:", node, (node.id,))
            self._block(node, self._turn(node, body, variables))

    def _while(self, node: Node) -> None:
        limit = node.params["limit"]
        whole = node.params.get("whole", limit)
        self._name_captures(node, 0, node.regions)
        variables = self._carries(node)
        with self.namer.scope():
            turns = self.namer.user("turns")
            self.row(f"{turns} = 0", node, (node.id,))
            test = self._child(node, node.regions[0], 0)
            self._hand_carries(test, node, variables)
            test.write()
            holds = test.condition()
            rows = test.rows[Section.PRIMAL]
            self.row(f"while {'True' if rows else holds.text}:", node, (node.id,))
            if rows:
                rows += [
                    Row(f"if {_negated(holds)}:", (node.id,), node.origin.span, test.depth),
                    Row("break", (node.id,), node.origin.span, test.depth + 1),
                ]
            rows += [
                Row(f"if {turns} == {limit}:", (node.id,), node.origin.span, test.depth),
                Row(
                    f'raise RuntimeError("the loop runs more than {whole} times")',
                    (node.id,),
                    node.origin.span,
                    test.depth + 1,
                ),
                Row(f"{turns} += 1", (node.id,), node.origin.span, test.depth),
            ]
            self._block(node, rows + self._turn(node, node.regions[1], variables))

    def _carries(self, node: Node) -> list[str]:
        """Put the initial values into the variables of a loop."""
        first = len(node.operands) - node.params["carries"]
        body, links = node.regions[-1], self.memory.links[node.id]
        variables = []
        for item, slot in enumerate(range(first, len(node.operands))):
            wanted = self._wanted(node, item, body.names.get(body.inputs[slot], ""))
            variables.append(self._initial(node, slot, wanted, linked=item in links))
        self._results[node.id] = variables
        return variables

    def _turn(self, node: Node, body: Graph, variables: list[str]) -> list[Row]:
        """Write one turn of a loop."""
        child = self._child(node, body, 0)
        self._hand_carries(child, node, variables)
        links, first = self.memory.links[node.id], len(node.operands) - len(variables)
        child.targets = [
            _Target(name, body.outputs[item], body.inputs[first + item], item in links)
            for item, name in enumerate(variables)
        ]
        child.owned |= {body.inputs[first + item] for item in links}
        child.write()
        child.finish_turn()
        return child.rows[Section.PRIMAL]

    def _hand_carries(self, child: "RegionBody", node: Node, variables: list[str]) -> None:
        first = len(node.operands) - len(variables)
        for item, name in enumerate(variables):
            child.operands.names[child.graph.inputs[first + item]] = name

    def condition(self) -> Expression:
        """Return the text of the only output, with all that waits for it."""
        (output,) = self.graph.outputs
        text = self.operands.read(output)
        self.consume((output,))
        return text

    # branches

    def _cond(self, node: Node) -> None:
        self._name_captures(node, 1, node.regions)
        links = self.memory.links[node.id]
        variables = []
        for item in range(len(node.regions[0].outputs)):
            names = [r.names.get(r.outputs[item], "") for r in node.regions]
            wanted = self._wanted(node, item, next(filter(None, names), ""))
            if item in links:
                variables.append(self._initial(node, links[item], wanted, linked=True))
            else:
                variables.append(self._result(node, item) or self._named_as(wanted, "t"))
        self._results[node.id] = variables
        holds = self.operands.read(node.operands[0])
        nodes = self.consume(node.operands[:1], node.id)
        then, otherwise = (self._branch(node, region, variables) for region in node.regions)
        if then:
            self.row(f"if {holds.text}:", node, nodes)
            self.rows[self.section] += then
            if otherwise:
                self.row("else:", node, nodes)
        elif otherwise:
            self.row(f"if {_negated(holds)}:", node, nodes)
        self.rows[self.section] += otherwise

    def _result(self, node: Node, item: int) -> str | None:
        """Return the variable in which a result must end up, if branches can assign it."""
        found = self._project(node, item)
        for target in self.targets:
            old = target.input
            if found is None or target.output != found or target.linked:
                continue
            if old is None:
                return target.variable
            once = node.operands.count(old) <= 1 and old != node.operands[0]
            if once and self._claims(target.variable, node):
                return target.variable
        return None

    def _project(self, node: Node, item: int) -> int | None:
        """Return the node of a result that is used."""
        for child, _ in self.graph.uses(node.id):
            if self.graph[child].params["item"] == item and child in self.memory.roots:
                return child
        return None

    def _branch(self, node: Node, region: Graph, variables: list[str]) -> list[Row]:
        links = self.memory.links[node.id]
        with self.namer.scope():
            child = self._child(node, region, 1)
            targets = []
            for item, name in enumerate(variables):
                old = self._old_input(node, region, item, name)
                if item in links and old is not None:
                    child.operands.names[old] = name
                    child.owned.add(old)
                targets.append(_Target(name, region.outputs[item], old, item in links))
            child.targets = targets
            child.write()
            child.finish_turn()
        return child.rows[Section.PRIMAL]

    def _old_input(self, node: Node, region: Graph, item: int, variable: str) -> int | None:
        """Return the input of a branch that stands in the variable of a result."""
        slot = self.memory.links[node.id].get(item)
        if slot is None:
            names = [self.operands.names.get(id) for id in node.operands]
            slot = names.index(variable, 1) if variable in names[1:] else None
        return None if slot is None else region.inputs[slot - 1]

    # between a body and the one around it

    def _child(self, node: Node, region: Graph, first: int) -> "RegionBody":
        """Return a body for a region in which captures have the names they have here."""
        plan = make_plan(region, sections=False)
        child = RegionBody(region, plan, self.namer, self.tables)
        child.depth = self.depth + 1
        child._asked = self._asked
        child.owner = node.id if self.owner is None else self.owner
        captures = node.operands[first : len(node.operands) - node.params.get("carries", 0)]
        for id, operand in zip(region.inputs, captures, strict=False):
            number = self.operands.scalar(operand)
            if number is not None and not region[id].type.shape:
                child.operands.numbers[id] = number
            elif operand in self.operands.names:
                child.operands.names[id] = self.operands.names[operand]
        return child

    def _name_captures(self, node: Node, first: int, regions: tuple[Graph, ...]) -> None:
        """Give what a region captures a statement, so that no turn computes it again."""
        carried = node.params.get("carries", 0)
        for place, id in enumerate(node.operands[first : len(node.operands) - carried]):
            if any(region.live()[region.inputs[place]] for region in regions):
                self._named(id)

    def _named(self, id: int) -> None:
        node = self.graph[id]
        number = self.operands.scalar(id)
        if id in self.operands.names or (number is not None and not node.type.shape):
            return
        if id in self.operands.deferred:
            self.materialise(id)
            return
        text = self.operands.read(id)
        self.assign(node, self.fresh_name(node), text, self.consume((id,), id))

    def _wanted(self, node: Node, item: int, inner: str) -> str:
        """Return the user's name of a result: outside, or else inside the region."""
        found = self._project(node, item)
        return inner if found is None else self.graph.names.get(found, inner)

    def _initial(self, node: Node, slot: int, wanted: str, *, linked: bool) -> str:
        """Return a variable with the initial value of a carry, its own array where it is linked."""
        id = node.operands[slot]
        mine = self.takes_over(node, slot)
        held = self.operands.names.get(id)
        reused = held is not None and self._may_reuse(node, slot, wanted)
        if held and (reused or (linked and mine)):
            self.release(id, node, memory=linked and mine)
        if held and reused and (mine or not linked):
            return held
        made = self.graph[id]
        name = held if held and reused else self._named_as(wanted, stem_of(made.op))
        text = self.operands.read(id)
        if linked and not mine:
            text = copied(text, made.type)
        self.row(f"{name} = {text.text}", node, self.consume((id,), node.id))
        return name

    def _named_as(self, wanted: str, stem: str) -> str:
        """Return a new variable; what it was to be called is remembered."""
        name = self.namer.value(plain_path(wanted), stem)
        self._asked[name] = wanted
        return name

    def _may_reuse(self, node: Node, slot: int, wanted: str) -> bool:
        """Tell whether a carry may go on in the variable of its initial value."""
        id = node.operands[slot]
        kind = self.graph[id].op.kind
        captured = self.owner is not None and all(target.input != id for target in self.targets)
        if kind is Kind.CONSTANT or (kind is Kind.INPUT and captured):
            return False
        others = (*node.operands[:slot], *node.operands[slot + 1 :])
        if any(self.operands.leaf(other) == id for other in others):
            return False
        held = self.operands.names[id]
        known = ("", self.graph.names.get(id, ""), held, self._asked.get(held))
        return wanted in known and self.memory.is_last_use(id, node)

    def _block(self, node: Node, rows: list[Row]) -> None:
        """Write what stands inside a loop."""
        if not rows:
            owner = node.id if self.owner is None else self.owner
            rows = [Row("pass", (owner,), node.origin.span, self.depth + 1)]
        self.rows[self.section] += rows

    # the end of a turn

    def finish_turn(self) -> None:
        """Leave each result in its variable."""
        pending = []
        claimed: set[int] = set()
        for target in sorted(self.targets, key=lambda target: not target.linked):
            id, roots = target.output, self.memory.roots[target.output]
            array = bool(self.graph[id].type.shape)
            alien = target.linked and not self.is_own(id)
            copy = array and (alien or not claimed.isdisjoint(roots))
            if target.linked:
                claimed |= roots
            if self.operands.names.get(id) == target.variable and not copy:
                continue
            pending.append((target, copy))
        self._assign_together(pending)

    def _assign_together(self, pending: list[tuple[_Target, bool]]) -> None:
        """Assign as if at once: in an order that reads nothing too late, or as tuples."""
        texts = {}
        for target, copy in pending:
            text = self.operands.read(target.output)
            kind = self.graph[target.output].type
            texts[target.variable] = (copied(text, kind) if copy else text).text
        nodes = {target.variable: self.graph[target.output] for target, _ in pending}
        self.consume(tuple(target.output for target, _ in pending))
        while texts:
            free = next((name for name in texts if _is_free(name, texts)), None)
            names = list(texts) if free is None else [free]
            code = f"{', '.join(names)} = {', '.join(texts.pop(name) for name in names)}"
            self.row(code, nodes[names[0]], (nodes[names[0]].id,))


def _is_free(name: str, texts: dict[str, str]) -> bool:
    """Tell whether no other text mentions a variable."""
    return not any(name in _WORD.findall(t) for other, t in texts.items() if other != name)


def _negated(text: Expression) -> str:
    return f"not {text.at_least(NOT)}"


def _with_index(graph: Graph, index: Symbol, renamed: Symbol) -> Graph:
    """Return a region in which the index has the name of the Python variable."""
    if index == renamed:
        return graph
    symbols = {index: renamed.expr()}

    def visit(target: Graph, node: Node, operands: tuple[Value, ...]) -> Value:
        ids = tuple(value.id for value in operands)
        regions = node.regions
        if node.params.get("index") != index:
            regions = tuple(_with_index(region, index, renamed) for region in regions)
        params = bind_params(node.params, symbols)
        return target.value(target.add(node.op, ids, params, regions))

    result = Graph(graph.name)
    images: dict[int, Value] = {}
    for id in graph.inputs:
        kind = bind_params(graph[id].params, symbols)["type"]
        images[id] = result.input(graph[id].params["name"], kind, graph[id].origin)
    transfer(graph, result, images, graph.live(), visit)
    result.outputs = [images[id].id for id in graph.outputs]
    return result
