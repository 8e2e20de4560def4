"""Questions about statements, and small pieces of syntax, for rewriting control flow."""

import ast
from collections.abc import Iterable, Sequence
from typing import Any

from gradc.capture.scopes import bound_in
from gradc.capture.source import FunctionNode
from gradc.capture.syntax import LEFT_ALONE

__all__ = [
    "after_docstring",
    "at",
    "binding",
    "binds",
    "bound_by_helpers",
    "breaks",
    "declared",
    "falls",
    "index_name",
    "is_stuck",
    "leaves",
    "makes_closures",
    "no_arguments",
    "raw",
    "returning",
    "returns",
    "texts",
    "thunk",
]

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
_LOOPS = (ast.For, ast.While, ast.AsyncFor)
_LEAVING = (ast.Return, ast.Break, ast.Continue, ast.Raise)
_STUCK = (ast.Yield, ast.YieldFrom, ast.Await, ast.AsyncFor, ast.AsyncWith)


# looking at syntax


def own_nodes(body: Iterable[ast.AST], past_loops: bool = True) -> Iterable[ast.AST]:
    """Nodes of a block without those of functions, and of loops, inside."""
    pending = list(body)
    while pending:
        node = pending.pop()
        yield node
        if isinstance(node, _FUNCTIONS) or (isinstance(node, _LOOPS) and not past_loops):
            continue
        pending += ast.iter_child_nodes(node)


def returns(body: Iterable[ast.AST]) -> bool:
    """Tell whether statements return from the function."""
    return any(isinstance(n, ast.Return) for n in own_nodes(body))


def breaks(body: Iterable[ast.AST]) -> bool:
    """Tell whether statements leave the loop that they stand in, by ``break``."""
    return any(isinstance(n, ast.Break) for n in own_nodes(body, past_loops=False))


def leaves(body: Sequence[ast.AST]) -> bool:
    """Tell whether statements may leave the block that they stand in."""
    own = own_nodes(body, past_loops=False)
    return returns(body) or any(isinstance(n, ast.Break | ast.Continue) for n in own)


def falls(body: Sequence[ast.stmt]) -> bool:
    """Tell whether the end of a block can be reached, as far as the last statement tells."""
    if not body:
        return True
    last = body[-1]
    if isinstance(last, ast.If) and last.orelse:
        return falls(last.body) or falls(last.orelse)
    return not isinstance(last, _LEAVING)


def declared(body: Sequence[ast.stmt]) -> dict[str, str]:
    """Return names declared global or nonlocal."""
    return {
        name: "global" if isinstance(node, ast.Global) else "nonlocal"
        for node in own_nodes(body)
        if isinstance(node, ast.Global | ast.Nonlocal)
        for name in node.names
    }


def bound_by_helpers(body: Sequence[ast.stmt], arguments: ast.arguments) -> dict[str, set[str]]:
    """Return which of a function's variables its nested functions bind, by their names.

    One of them may call another: a call of one is taken for a call of all.
    """
    own = bound_in(body).union(a.arg for a in ast.walk(arguments) if isinstance(a, ast.arg))
    helpers = [n for n in own_nodes(body) if isinstance(n, ast.FunctionDef)]
    inner = [n for helper in helpers for n in ast.walk(helper) if isinstance(n, ast.Nonlocal)]
    names = {name for n in inner for name in n.names} & own - declared(body).keys()
    return {helper.name: names for helper in helpers} if names else {}


def is_stuck(node: FunctionNode) -> bool:
    """Tell whether closures would change what a function means."""
    assert not isinstance(node, ast.Lambda)
    if isinstance(node, ast.AsyncFunctionDef):
        return True
    inside = list(own_nodes(node.body))
    names = {n.id for n in inside if isinstance(n, ast.Name)}
    return bool(names & LEFT_ALONE) or any(isinstance(n, _STUCK) for n in inside)


def binds(node: ast.expr) -> bool:
    """Tell whether an expression binds names, which a lambda would keep to itself."""
    return any(isinstance(n, ast.NamedExpr | ast.Yield | ast.Await) for n in ast.walk(node))


def makes_closures(node: ast.expr) -> bool:
    """Tell whether an expression may leave code behind that reads variables later on.

    What a comprehension makes of ``lambda: i`` sees the last ``i``, whichever turn has made it.
    """
    taken = {
        id(n.args[0])
        for n in ast.walk(node)
        if isinstance(n, ast.Call)
        and isinstance(n.func, ast.Name)
        and n.func.id in _TAKERS
        and n.args
    }
    inside = (n for n in ast.walk(node) if isinstance(n, ast.Lambda | ast.GeneratorExp))
    return any(id(n) not in taken for n in inside)


_TAKERS = frozenset(("sum", "list", "tuple", "set", "dict", "sorted", "min", "max", "any", "all"))


def index_name(target: ast.expr) -> str:
    """Return the name of a loop variable."""
    names = [n.id for n in ast.walk(target) if isinstance(n, ast.Name)]
    return names[0] if names and names[0] != "_" else "turn"


# making syntax


def at(node: Any, place: ast.AST) -> Any:
    """Place a new node where another one stands."""
    return ast.copy_location(node, place)


def returning(value: ast.expr, place: ast.AST) -> ast.stmt:
    """Return a value."""
    made: ast.stmt = at(ast.Return(value), place)
    return made


def raw(value: ast.expr, place: ast.AST) -> ast.stmt:
    """Return a status as it is."""
    made = at(ast.Return(ast.fix_missing_locations(at(value, place))), place)
    made.is_status = True
    return made  # type: ignore[no-any-return]


def texts(names: Iterable[str], place: ast.AST) -> ast.expr:
    """Spell names as a tuple of strings."""
    items: list[ast.expr] = [ast.Constant(name) for name in sorted(names)]
    return ast.fix_missing_locations(at(ast.Tuple(items, ast.Load()), place))  # type: ignore[no-any-return]


def thunk(value: ast.expr) -> ast.expr:
    """Make a function without arguments of an expression."""
    return at(ast.Lambda(no_arguments(), value), value)  # type: ignore[no-any-return]


def no_arguments() -> ast.arguments:
    """Return an empty list of parameters."""
    return ast.arguments(posonlyargs=[], args=[], kwonlyargs=[], kw_defaults=[], defaults=[])


def after_docstring(node: Any) -> int:
    """Return where the statements of a function begin."""
    first = node.body[0]
    return int(isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant))


def binding(names: Sequence[str], place: ast.AST) -> ast.stmt:
    """Bind names without running anything, so that closures can share them."""
    targets: list[ast.expr] = [ast.Name(name, ast.Store()) for name in names]
    never = ast.If(ast.Constant(False), [ast.Assign(targets, ast.Constant(None))], [])
    return ast.fix_missing_locations(at(never, place))  # type: ignore[no-any-return]
