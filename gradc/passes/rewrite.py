"""Rewrite rules: small functions, indexed by the op at their root, applied while a graph is built.

    @rule("multiply")
    def multiply_by_one(x, y): return x if literal(y) == 1 else None

A rule receives the operands of the node (and its parameters as keywords), and returns the value
that replaces it, or None.  Rules keep NaN, infinities and the sign of zero; those that do not are
marked ``unsafe=True`` and run only with ``fast_math``.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from gradc.ir import ArrayType, Graph, Kind, Op, Origin, Value
from gradc.passes.fold import fold
from gradc.passes.sink import sink_broadcast
from gradc.records import dataclass

__all__ = ["RULES", "RewritingGraph", "Rule", "literal", "rule"]

Rewrite: TypeAlias = Callable[..., Value | None]


@dataclass(frozen=True, slots=True)
class Rule:
    """A rewrite with the op it starts at."""

    root: str
    name: str
    rewrite: Rewrite
    unsafe: bool = False
    final: bool = False


RULES: list[Rule] = []


def rule(*roots: str, unsafe: bool = False, final: bool = False) -> Callable[[Rewrite], Rewrite]:
    """Register a rewrite for some root ops.

    Parameters
    ----------
    unsafe : bool
        It may change NaN, infinities or the sign of zero.
    final : bool
        It may run only when no derivative will be taken any more.
    """

    def register(rewrite: Rewrite) -> Rewrite:
        RULES.extend(Rule(root, rewrite.__name__, rewrite, unsafe, final) for root in roots)
        return rewrite

    return register


COMMUTATIVE = frozenset(
    ("add", "multiply", "logical_and", "logical_or", "logical_xor", "equal", "not_equal")
)


class RewritingGraph(Graph):
    """A graph that simplifies each node as it is added."""

    __slots__ = ("_by_root", "_replaced", "fired")

    def __init__(self, name: str, rules: list[Rule]) -> None:
        super().__init__(name)
        self._by_root: dict[str, list[Rule]] = {}
        for item in rules:
            self._by_root.setdefault(item.root, []).append(item)
        self._replaced: dict[int, int] = {}
        self.fired: Counter[str] = Counter()

    def add(
        self,
        op: Op,
        operands: tuple[int, ...] = (),
        params: Mapping[str, Any] | None = None,
        regions: tuple[Graph, ...] = (),
        origin: Origin | None = None,
        known: ArrayType | None = None,
    ) -> int:
        """Add the node, or what the rules make of it."""
        if op.name in COMMUTATIVE:
            swapped = self._known.get((op, *(operands[::-1],)))
            if swapped is not None:
                return self._replaced.get(swapped, swapped)
        count = len(self.nodes)
        id = super().add(op, operands, params, regions, origin, known)
        if id < count:
            return self._replaced.get(id, id)
        for general in (fold, sink_broadcast):
            found = general(self, self.nodes[id], self.values(operands))
            if found is not None:
                return self._replace(id, general.__name__, found)
        for item in self._by_root.get(op.name, ()):
            found = item.rewrite(*self.values(operands), **(params or {}))
            if found is not None:
                return self._replace(id, item.name, found)
        return id

    def _replace(self, id: int, name: str, found: Value) -> int:
        self.fired[name] += 1
        self._replaced[id] = found.id
        return found.id


def literal(value: Value) -> float | None:
    """Return the number that every element of a value is known to be, None if there is none."""
    node = value.node
    while node.op.name in ("broadcast_to", "reshape"):
        node = value.graph[node.operands[0]]
    if node.op.kind is not Kind.CONSTANT:
        return None
    constant = node.params["value"]
    if constant.array.size == 1:
        return constant.array.item()  # type: ignore[no-any-return]
    return None
