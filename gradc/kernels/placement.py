"""Where each value lives: in memory, in a local, or nowhere but inside an expression."""

import re
from collections.abc import Collection, Mapping
from dataclasses import field
from enum import Enum

from gradc.ir import ArrayType, Kind, Node, Op, Program
from gradc.kernels.contraction import Contraction
from gradc.kernels.index import View, row_major_strides
from gradc.records import dataclass

__all__ = ["MATH", "SWEEPS", "Form", "Placement", "is_scalar", "op_cost"]


class Form(Enum):
    """How a stored value is computed."""

    MAP = "map"  # element by element over its own shape
    REDUCE = "reduce"  # a sweep over more axes than the result has
    MATMUL = "matmul"  # matrix products
    SCAN = "scan"  # running sums and products
    ARG = "arg"  # position of an extremum
    SCATTER = "scatter"  # a copy that is written into
    ASSEMBLE = "assemble"  # a sum of many paddings, added one by one
    JOIN = "join"  # a padding or joined arrays whose extents depend on a loop
    ROUTINE = "routine"  # a support function on whole arrays
    REGION = "region"  # a loop or branch
    PROJECT = "project"  # a result of one: made with it


SWEEPS = (Form.MAP, Form.REDUCE)
"""Forms whose nests can be fused."""


def is_scalar(kind: ArrayType) -> bool:
    """Tell whether the type has one element."""
    return all(extent == 1 for extent in kind.shape)


@dataclass(slots=True, eq=False)
class Placement:
    """The decisions of ``place``.

    Attributes
    ----------
    form : dict
        Nodes that are computed once and kept (roots); every other live node is an input, a
        constant, a view or is inlined where it is used.
    views : dict
        Affine view of stored memory, for inputs, constants, roots and views of them.
    copies : dict
        What a root that only copies a view shows.
    memory : set
        Roots that must lie in memory because something walks over them by address.
    cost, pieces : dict
        For inlined nodes: work of computing one element again; paddings met on the way.
    terms : dict
        Addends of ``ASSEMBLE`` roots.
    written : dict
        Results that are a reshaped root: the root writes them.
    given : mapping
        What the inputs of a loop body show of the memory around it.
    slender : collection
        Products that are loops along a long axis.
    """

    program: Program
    nodes: list[Node]
    consumers: dict[int, list[int]]
    outputs: frozenset[int]
    form: dict[int, Form] = field(default_factory=dict)
    views: dict[int, View] = field(default_factory=dict)
    copies: dict[int, View] = field(default_factory=dict)
    memory: set[int] = field(default_factory=set)
    cost: dict[int, int] = field(default_factory=dict)
    pieces: dict[int, int] = field(default_factory=dict)
    terms: dict[int, list[int]] = field(default_factory=dict)
    contractions: dict[int, Contraction] = field(default_factory=dict)
    written: dict[int, int] = field(default_factory=dict)
    given: Mapping[int, View] = field(default_factory=dict)
    slender: Collection[int] = ()

    @classmethod
    def of(cls, program: Program) -> "Placement":
        """Return an empty placement that knows who uses whom."""
        nodes = program.nodes
        consumers: dict[int, list[int]] = {node.id: [] for node in nodes}
        for node in nodes:
            for operand in dict.fromkeys(node.operands):
                consumers[operand].append(node.id)
        return cls(program, nodes, consumers, frozenset(program.graph.outputs))

    def node(self, id: int) -> Node:
        """Return a node's record."""
        return self.program.graph[id]

    def shared(self, id: int) -> bool:
        """Tell whether several nodes use the value."""
        return len(self.consumers[id]) > 1

    def private(self, id: int) -> bool:
        """Tell whether the value is used by one node only, and is no result."""
        return len(self.consumers[id]) == 1 and id not in self.outputs

    def keep(self, id: int, form: Form = Form.MAP) -> None:
        """Make a node a root."""
        if id in self.form:
            return
        self.form[id] = form
        if id in self.views:
            self.copies[id] = self.views[id]
        self.views[id] = View(id, 0, row_major_strides(self.node(id).type.shape))
        self.cost[id] = 1
        self.pieces[id] = 0

    def keep_in_memory(self, id: int) -> View:
        """Make the value addressable and return its view."""
        if id not in self.views:
            self.keep(id)
        view = self.views[id]
        self.memory.add(view.base)
        return view

    def is_uniform(self, id: int) -> bool:
        """Tell whether all elements of a constant are the same bits."""
        value = self.node(id).params["value"]
        item = value.array.dtype.itemsize
        return len(value.data) == 0 or value.data == value.data[:item] * value.array.size


_FREE = ("fabs", "floor", "ceil", "trunc", "rint", "copysign", "fmin", "fmax")
_LONG = ("gradc_sigmoid", "gradc_power", "gradc_logaddexp")
MATH = 20
"""Work of a math function, in additions."""


def op_cost(op: Op, kind: str) -> int:
    """Weigh an elementwise op on a dtype kind: 1 an addition, 5 a division, 20 a math function."""
    if op.kind is not Kind.ELEMENTWISE:
        return 1
    text = op.c if isinstance(op.c, str) else (op.c or {}).get(kind, "")
    called = re.findall(r"(\w+)@?\(", text)
    functions = sum(name not in _FREE and not name.startswith("gradc_") for name in called)
    if functions or any(name.startswith(_LONG) for name in called):
        return MATH * max(1, functions)
    return 5 if "/" in text else 1
