"""Which names a function binds, and which it reads from outside.

A scope is the set of names bound by one function, lambda, comprehension or class body.  A name that
no enclosing scope binds is *external*: a global, a builtin, or a variable the function closes over.
"""

import ast
from collections.abc import Iterable, Iterator
from typing import TypeAlias

from gradc.capture.source import FunctionNode

__all__ = ["Comprehension", "Scope", "bound_by_comprehension", "bound_by_function", "bound_in"]

Comprehension: TypeAlias = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_NESTED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)


class Scope:
    """Names bound by one block; ``is_class`` scopes are invisible to the functions inside them."""

    __slots__ = ("is_class", "names")

    def __init__(self, names: Iterable[str], is_class: bool = False) -> None:
        self.names = frozenset(names)
        self.is_class = is_class


def bound_by_function(node: FunctionNode) -> Scope:
    """Return the arguments and local variables of a function."""
    a = node.args
    arguments = [*a.posonlyargs, *a.args, *a.kwonlyargs, *filter(None, [a.vararg, a.kwarg])]
    body = [node.body] if isinstance(node, ast.Lambda) else node.body
    return Scope({argument.arg for argument in arguments} | bound_in(body))


def bound_by_comprehension(node: Comprehension) -> Scope:
    """Return the loop variables of a comprehension."""
    return Scope(
        name.id
        for generator in node.generators
        for name in ast.walk(generator.target)
        if isinstance(name, ast.Name)
    )


def bound_in(body: Iterable[ast.AST]) -> frozenset[str]:
    """Return the names that statements bind in their own block."""
    bound: set[str] = set()
    elsewhere: set[str] = set()
    for node in _own_nodes(body):
        if isinstance(node, ast.Global | ast.Nonlocal):
            elsewhere.update(node.names)
        bound.update(_names_bound_by(node))
    return frozenset(bound - elsewhere)


def _own_nodes(body: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """Nodes of a block without those of blocks nested in it."""
    pending = list(body)
    while pending:
        node = pending.pop()
        yield node
        if isinstance(node, _COMPREHENSIONS):
            pending += [n for n in ast.walk(node) if isinstance(n, ast.NamedExpr)]
        elif not isinstance(node, _NESTED):
            pending += ast.iter_child_nodes(node)


def _names_bound_by(node: ast.AST) -> Iterable[str]:
    if isinstance(node, ast.Name):
        return () if isinstance(node.ctx, ast.Load) else (node.id,)
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return (node.name,)
    if isinstance(node, ast.Import | ast.ImportFrom):
        return [(alias.asname or alias.name).split(".")[0] for alias in node.names]
    if isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
        return (node.name,)
    if isinstance(node, ast.MatchMapping) and node.rest:
        return (node.rest,)
    return ()
