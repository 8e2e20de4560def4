"""Which variables matter after a loop or a branch, and which a turn reads before it binds them.

A plain backward sweep over the statements of one function.  What cannot be seen through (``try``,
nested functions) counts as read.
"""

import ast
from collections.abc import Iterable, Sequence
from typing import TypeAlias

from gradc.records import dataclass

__all__ = ["Live", "liveness", "names_read"]

Names: TypeAlias = frozenset[str]
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
_NOTHING: Names = frozenset()


@dataclass(frozen=True, slots=True)
class Live:
    """Names read after a statement, and, for a loop, at the beginning of a turn."""

    after: Names
    inside: Names = _NOTHING


@dataclass(frozen=True, slots=True)
class _Exits:
    """What is read after ``break`` and after ``continue``."""

    on_break: Names = _NOTHING
    on_continue: Names = _NOTHING


def liveness(body: Sequence[ast.stmt]) -> dict[int, Live]:
    """Return what is live around each loop and branch of a function, by ``id`` of the node."""
    captured = frozenset(
        name
        for statement in body
        for node in ast.walk(statement)
        if isinstance(node, _FUNCTIONS)
        for name in names_read([node])
    )
    captured |= _of_others(body)
    sweep = _Sweep()
    sweep.block(body, captured, _Exits())
    return {
        key: Live(live.after | captured, live.inside | captured)
        for key, live in sweep.found.items()
    }


def _of_others(body: Sequence[ast.stmt]) -> Names:
    """Return the variables of functions around that this one binds: somebody reads them later."""
    nodes = [node for statement in body for node in ast.walk(statement)]
    found = [node.names for node in nodes if isinstance(node, ast.Nonlocal | ast.Global)]
    return frozenset(name for names in found for name in names)


def names_read(nodes: Iterable[ast.AST]) -> Names:
    """Return every name that is loaded anywhere in some nodes."""
    return frozenset(
        node.id
        for root in nodes
        for node in ast.walk(root)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load | ast.Del)
    )


class _Sweep:
    def __init__(self) -> None:
        self.found: dict[int, Live] = {}

    def block(self, body: Sequence[ast.stmt], after: Names, exits: _Exits) -> Names:
        """Return the names read from the beginning of a block on."""
        for statement in reversed(body):
            after = self.statement(statement, after, exits)
        return after

    def statement(self, node: ast.stmt, after: Names, exits: _Exits) -> Names:
        """Return the names read from a statement on."""
        if isinstance(node, ast.For | ast.While):
            return self.loop(node, after, exits)
        if isinstance(node, ast.If):
            self.found[id(node)] = Live(after)
            sides = self.block(node.body, after, exits) | self.block(node.orelse, after, exits)
            return sides | names_read([node.test])
        if isinstance(node, ast.Return):
            return names_read([node])
        if isinstance(node, ast.Raise):
            return names_read([node])
        if isinstance(node, ast.Break):
            return exits.on_break
        if isinstance(node, ast.Continue):
            return exits.on_continue
        if isinstance(node, ast.Assign | ast.AnnAssign):
            return self.assignment(node, after)
        if isinstance(node, ast.With | ast.Try | ast.Match):
            return self.opaque(node, after, exits)
        if isinstance(node, ast.FunctionDef):
            return after - {node.name} | names_read([node])
        return after | names_read([node]) | _updated(node)

    def loop(self, node: ast.For | ast.While, after: Names, exits: _Exits) -> Names:
        """Sweep the body twice: a turn may be followed by another one."""
        past = self.block(node.orelse, after, exits)
        test = names_read([node.test]) if isinstance(node, ast.While) else _NOTHING
        targets = _bound([node.target]) if isinstance(node, ast.For) else _NOTHING
        begin = past | test
        for _ in range(2):
            turn = self.block(node.body, begin, _Exits(after, begin))
            begin = past | test | (turn - targets)
        self.found[id(node)] = Live(after, turn - targets | test)
        return begin | (names_read([node.iter]) if isinstance(node, ast.For) else _NOTHING)

    def assignment(self, node: ast.Assign | ast.AnnAssign, after: Names) -> Names:
        """Take away the names that are bound whatever happens."""
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        return after - _bound(targets) | names_read([node])

    def opaque(self, node: ast.stmt, after: Names, exits: _Exits) -> Names:
        """Count every name that a statement mentions as read, inside it as well."""
        mentioned = after | names_read([node]) | exits.on_break | exits.on_continue
        for field in ("body", "orelse", "finalbody"):
            self.block(getattr(node, field, []), mentioned, exits)
        for handler in [*getattr(node, "handlers", []), *getattr(node, "cases", [])]:
            self.block(handler.body, mentioned, exits)
        return mentioned


def _bound(targets: Iterable[ast.expr]) -> Names:
    """Return the plain names among assignment targets."""
    found: set[str] = set()
    pending = list(targets)
    while pending:
        target = pending.pop()
        if isinstance(target, ast.Name):
            found.add(target.id)
        elif isinstance(target, ast.Tuple | ast.List):
            pending += target.elts
        elif isinstance(target, ast.Starred):
            pending.append(target.value)
    return frozenset(found)


def _updated(node: ast.stmt) -> Names:
    """``x += 1`` reads ``x``."""
    if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
        return frozenset((node.target.id,))
    return _NOTHING
