"""Find the syntax tree of a function: the very text it was compiled from, at its own positions.

The whole file is parsed (once), so line and column numbers are those of the user's file, and a
lambda is told from its neighbours on the same line by the columns of its instructions.
"""

import ast
import linecache
from collections.abc import Iterator
from functools import lru_cache
from types import CodeType
from typing import Any, TypeAlias

from gradc.records import dataclass

__all__ = ["FunctionNode", "Located", "locate"]

FunctionNode: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


@dataclass(frozen=True)
class Located:
    """A function's syntax tree and the classes it stands in, outermost first."""

    node: FunctionNode
    classes: tuple[str, ...]


def locate(code: CodeType, module_globals: dict[str, Any] | None = None) -> Located | None:
    """Return the syntax tree that ``code`` was compiled from, or None when it is not at hand.

    A file that was edited after it was imported does not match its code any more and counts as not
    at hand.
    """
    lines = linecache.getlines(code.co_filename, module_globals)
    if not lines:
        return None
    tree = _parsed(code.co_filename, "".join(lines))
    found = [f for f in _functions_at(tree, code.co_firstlineno) if _matches(f.node, code)]
    if len(found) > 1:
        found = [f for f in found if _covers(f.node, code)]
    return found[-1] if found else None


@lru_cache(maxsize=64)
def _parsed(filename: str, text: str) -> ast.Module:
    try:
        return ast.parse(text, filename)
    except (SyntaxError, ValueError):
        return ast.Module([], [])


def _functions_at(module: ast.Module, line: int) -> Iterator[Located]:
    """Yield the functions of a module that have ``line``, outer before inner, without recursion.

    What stands on other lines is not looked into: a file may be long.
    """
    pending: list[tuple[ast.AST, tuple[str, ...]]] = [(module, ())]
    while pending:
        node, classes = pending.pop()
        if isinstance(node, _FUNCTIONS):
            yield Located(node, classes)
        if isinstance(node, ast.ClassDef):
            classes = (*classes, node.name)
        children = [child for child in ast.iter_child_nodes(node) if _may_hold(child, line)]
        pending += [(child, classes) for child in reversed(children)]


def _may_hold(node: ast.AST, line: int) -> bool:
    """Tell whether a node has a line, counted from its first decorator; some have no lines."""
    end: int | None = getattr(node, "end_lineno", None)
    if end is None:
        return True
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    first: int = decorators[0].lineno if decorators else node.lineno  # type: ignore[attr-defined]
    return first <= line <= end


def _first_line(node: FunctionNode) -> int:
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *[d.lineno for d in decorators]])


def _argument_names(node: FunctionNode) -> list[str]:
    a = node.args
    names = [*a.posonlyargs, *a.args, *a.kwonlyargs, *filter(None, [a.vararg, a.kwarg])]
    return [arg.arg for arg in names]


def _matches(node: FunctionNode, code: CodeType) -> bool:
    if _first_line(node) != code.co_firstlineno:
        return False
    if getattr(node, "name", "<lambda>") != code.co_name:
        return False
    flags = bool(code.co_flags & 0x04) + bool(code.co_flags & 0x08)
    count = code.co_argcount + code.co_kwonlyargcount + flags
    return _same_names(_argument_names(node), code.co_varnames[:count])


def _same_names(written: list[str], compiled: tuple[str, ...]) -> bool:
    """Compare argument names; in a class, ``__x`` is compiled as ``_Class__x``."""
    return len(written) == len(compiled) and all(
        c == w or (w.startswith("__") and c.endswith(w))
        for w, c in zip(written, compiled, strict=True)
    )


def _covers(node: FunctionNode, code: CodeType) -> bool:
    """Tell whether the instructions of ``code`` lie inside the body of ``node``."""
    body = node.body if isinstance(node, ast.Lambda) else node
    begin = (body.lineno, body.col_offset)
    end = (body.end_lineno or body.lineno, body.end_col_offset or 0)
    places = [
        ((line, column), (end_line or line, end_column or column))
        for line, end_line, column, end_column in code.co_positions()
        if line is not None and column is not None and end_column
    ]
    return all(begin <= first and last <= end for first, last in places)
