"""``else`` of loops, written with a flag: it runs unless a ``break`` ended the loop.

    for x in xs:            left = False
        ...                 for x in xs:
            break               ...
    else:                           left = True; break
        rest                if not left: rest

Syntax in, syntax out, before anything else looks at the function: loops without ``else`` are easier
to make closures of.
"""

import ast
from collections.abc import Sequence
from typing import Any

from gradc.capture.control_tools import at, breaks

__all__ = ["plain_loops"]


def plain_loops(body: Sequence[ast.stmt]) -> list[ast.stmt]:
    """Return the statements of a function without ``else`` at loops."""
    return _Flags().block(body)


class _Flags:
    """Counts the flags of one function."""

    def __init__(self) -> None:
        self.count = 0

    def block(self, body: Sequence[ast.stmt]) -> list[ast.stmt]:
        """Rewrite statements."""
        return [new for statement in body for new in self.statement(statement)]

    def statement(self, node: ast.stmt) -> list[ast.stmt]:
        """Rewrite one statement and the blocks inside it."""
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            return [node]
        node = self.inside(node)
        if not isinstance(node, ast.For | ast.While) or not node.orelse:
            return [node]
        past = node.orelse
        if not breaks(node.body):
            return [_with(node, orelse=[]), *past]
        self.count += 1
        flag = f"left_early_{self.count}"
        loop = _with(node, body=_flagged(node.body, flag), orelse=[])
        test = at(ast.UnaryOp(ast.Not(), at(ast.Name(flag, ast.Load()), node)), node)
        return [_set(flag, False, node), loop, at(ast.If(test, past, []), node)]

    def inside(self, node: Any) -> Any:
        """Rewrite the blocks of a statement."""
        changed = {}
        for name, value in ast.iter_fields(node):
            if isinstance(value, list) and value and isinstance(value[0], ast.stmt):
                changed[name] = self.block(value)
            elif name in ("handlers", "cases"):
                changed[name] = [self.inside(part) for part in value]
        return _with(node, **changed) if changed else node


def _with(node: Any, **changed: Any) -> Any:
    """Copy a node with some fields changed; the file's own syntax tree stays as it is."""
    return at(type(node)(**{**dict(ast.iter_fields(node)), **changed}), node)


def _set(flag: str, value: bool, place: ast.AST) -> ast.stmt:
    assignment = ast.Assign([ast.Name(flag, ast.Store())], ast.Constant(value))
    return ast.fix_missing_locations(at(assignment, place))  # type: ignore[no-any-return]


def _flagged(body: Sequence[ast.stmt], flag: str) -> list[ast.stmt]:
    """Set the flag before each ``break`` of this loop."""
    found: list[ast.stmt] = []
    for node in body:
        if isinstance(node, ast.Break):
            found.append(_set(flag, True, node))
        found.append(_flagged_inside(node, flag))
    return found


def _flagged_inside(node: Any, flag: str) -> Any:
    if not breaks([node]) or isinstance(node, ast.Break):
        return node
    changed: dict[str, Any] = {}
    for name, value in ast.iter_fields(node):
        if name in ("handlers", "cases"):
            changed[name] = [_flagged_inside(part, flag) for part in value]
        elif isinstance(value, list) and value and isinstance(value[0], ast.stmt):
            changed[name] = _flagged(value, flag)
    return _with(node, **changed)
