"""Small mistakes put into derivative and rewrite rules, one at a time.

A mutant is one changed expression in one function of gradc: a sign, a missing factor, a dropped
sum, swapped operands, a stale primal value.  It is put in by exchanging the code of the function
that is loaded, so whoever holds the function meets the mistake.
"""

import ast
import copy
import gc
import importlib
import inspect
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from types import CodeType, FunctionType
from typing import Any

from gradc import ops
from gradc.passes.rewrite import RULES

__all__ = ["Mutant", "derivative_mutants", "file_of", "install", "loaded_from", "rewrite_mutants"]

_SWAPPED = {
    **{ast.Lt: ast.GtE, ast.GtE: ast.Lt, ast.Gt: ast.LtE, ast.LtE: ast.Gt},
    **{ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Is: ast.IsNot, ast.IsNot: ast.Is},
    **{ast.In: ast.NotIn, ast.NotIn: ast.In},
}
# Operands of one op have the same type and graph, and these ask for no more.
_TYPE_ONLY = {"dtype", "graph", "full_like"}
_LIKE_LAST = {"choose": 3, "mask": 1}
_COMMUTATIVE = {
    *("add", "multiply", "equal", "not_equal", "maximum", "minimum"),
    *("logical_and", "logical_or", "logical_xor"),
}
_NO_ORDER = {"disjoint", "getattr", "isinstance", "max", "min", "zip"}
_DROPPED = {"sum", "broadcast_to", "transpose", "flip", "without_zeros", "mask", "reshape", "cast"}


@dataclass(frozen=True)
class Mutant:
    """One mistake: the ``index``-th change of a module's source that can be made.

    Attributes
    ----------
    module : str
        The module it is in.
    function : str
        Name of the function.
    line : int
        Where the changed expression starts.
    change : str
        What was there, and what stands there now.
    turn : int
        Which one this is of the same changes of functions of that name in the module, from 1.
    scope : int
        Where the innermost function starts that the change is in.
    """

    module: str
    function: str
    line: int
    change: str
    index: int
    turn: int
    scope: int

    def __str__(self) -> str:
        return f"{self.module}:{self.line} {self.function}: {self.change}  [{self.turn}]"

    @property
    def key(self) -> str:
        """What the mistake is, wherever in the file its function stands: one key, one mutant."""
        return f"{self.module} {self.function}: {self.change}  [{self.turn}]"


def derivative_mutants() -> list[Mutant]:
    """Return the mutants of all derivative rules and of what they are written with."""
    roots: list[FunctionType] = []
    for op in ops.registry():
        if is_dataclass(op.derivative):
            values = [getattr(op.derivative, field.name) for field in fields(op.derivative)]
            roots += [value for value in values if isinstance(value, FunctionType)]
    return list(_mutants(_reachable(roots, "gradc.ops.")))


def rewrite_mutants() -> list[Mutant]:
    """Return the mutants of all rewrite rules and of what they are written with."""
    roots = [rule.rewrite for rule in RULES if isinstance(rule.rewrite, FunctionType)]
    return list(_mutants(_reachable(roots, "gradc.passes.")))


def _reachable(roots: Iterable[FunctionType], prefix: str) -> list[FunctionType]:
    """Return the functions of some modules that the roots use, themselves included."""
    found: dict[int, FunctionType] = {}
    pending = list(roots)
    while pending:
        function = pending.pop()
        if id(function) in found or not function.__module__.startswith(prefix):
            continue
        found[id(function)] = function
        for name in _names(function.__code__):
            value = function.__globals__.get(name)
            if isinstance(value, FunctionType):
                pending.append(value)
        cells = [cell.cell_contents for cell in function.__closure__ or ()]
        pending += [value for value in cells if isinstance(value, FunctionType)]
    return sorted(found.values(), key=_place)


def _place(function: FunctionType) -> tuple[str, int]:
    return function.__module__, function.__code__.co_firstlineno


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _names(inner)


def _mutants(functions: list[FunctionType]) -> Iterator[Mutant]:
    by_module: dict[str, set[tuple[int, str]]] = {}
    for function in functions:
        place = (function.__code__.co_firstlineno, function.__code__.co_name)
        by_module.setdefault(function.__module__, set()).add(place)
    for module, places in by_module.items():
        turns: Counter[tuple[str, str]] = Counter()
        for index, (scope, old, new) in enumerate(_changes(_tree(module))):
            if any(_is_in(scope, place) for place in places):
                name, change = _name(scope), f"{ast.unparse(old)}  ->  {ast.unparse(new)}"
                turns[name, change] += 1
                turn, start = turns[name, change], _first_line(scope[-1])
                yield Mutant(module, name, old.lineno, change, index, turn, start)


def _is_in(scopes: tuple[ast.AST, ...], place: tuple[int, str]) -> bool:
    return any((_first_line(scope), _own_name(scope)) == place for scope in scopes)


def _first_line(scope: Any) -> int:
    decorators = getattr(scope, "decorator_list", None)
    return int(decorators[0].lineno if decorators else scope.lineno)


def _own_name(scope: ast.AST) -> str:
    return scope.name if isinstance(scope, ast.FunctionDef) else "<lambda>"


def _name(scopes: tuple[ast.AST, ...]) -> str:
    return ".".join(_own_name(scope) for scope in scopes)


def file_of(module: str) -> str:
    """Return the file that a module's code names as its own."""
    return importlib.import_module(module).__file__ or module


def _tree(module: str) -> ast.Module:
    return ast.parse(_source(module))


@cache
def _source(module: str) -> str:
    return inspect.getsource(importlib.import_module(module))


_Change = tuple[tuple[ast.AST, ...], ast.expr, ast.expr]


def _changes(tree: ast.Module) -> Iterator[_Change]:
    """Yield functions around, expression and replacement, always in the same order."""
    pending: list[tuple[ast.AST, tuple[ast.AST, ...]]] = [(tree, ())]
    while pending:
        node, scopes = pending.pop()
        if isinstance(node, ast.FunctionDef):
            scopes = (*scopes, node)
            children: list[ast.AST] = list(node.body)
        elif isinstance(node, ast.Lambda):
            scopes = (*scopes, node)
            children = [node.body]
        else:
            children = [child for child in ast.iter_child_nodes(node) if not _is_like(node, child)]
        if scopes and isinstance(node, ast.expr):
            for new in _replacements(node, scopes[-1]):
                yield scopes, node, new
        pending.extend((child, scopes) for child in reversed(children))


def _is_like(node: ast.AST, child: ast.AST) -> bool:
    """Tell whether only the type of a value is asked for: any operand would do."""
    if isinstance(node, ast.Attribute):
        return node.attr in _TYPE_ONLY and isinstance(child, ast.Name)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        position = _LIKE_LAST.get(node.func.id)
        return position is not None and child in node.args[position : position + 1]
    return False


def _replacements(node: ast.expr, scope: ast.AST) -> Iterator[ast.expr]:
    """Yield the mistakes that one expression lends itself to."""
    if isinstance(node, ast.BinOp):
        yield from _of_operation(node)
    elif isinstance(node, ast.Call):
        yield from _of_call(node)
    elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
        yield from _stale(node, scope)
    else:
        yield from _of_choice(node)


def _of_choice(node: ast.expr) -> Iterator[ast.expr]:
    """Yield mistakes in signs, numbers and conditions."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.Not):
        if not isinstance(node.operand, ast.Constant):
            yield node.operand
    elif isinstance(node, ast.Compare) and len(node.ops) == 1:
        yield ast.Compare(node.left, [_SWAPPED[type(node.ops[0])]()], node.comparators)
    elif isinstance(node, ast.IfExp):
        yield ast.IfExp(node.test, node.orelse, node.body)
    elif isinstance(node, ast.BoolOp):
        other = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        yield ast.BoolOp(other, node.values)
    elif isinstance(node, ast.Constant) and type(node.value) in (int, float):
        yield ast.Constant(node.value + 1)


def _of_operation(node: ast.BinOp) -> Iterator[ast.expr]:
    left, right, kind = node.left, node.right, type(node.op)
    if kind is ast.Add:
        yield ast.BinOp(left, ast.Sub(), right)
    if kind is ast.Sub:
        yield ast.BinOp(left, ast.Add(), right)
        yield ast.BinOp(right, ast.Sub(), left)
    if kind in (ast.Mult, ast.Div, ast.MatMult, ast.Pow):
        yield left
    if kind in (ast.Mult, ast.MatMult):
        yield right
    if kind in (ast.Div, ast.MatMult):
        yield ast.BinOp(right, node.op, left)


def _of_call(node: ast.Call) -> Iterator[ast.expr]:
    arguments = node.args
    starred = any(isinstance(a, ast.Starred) for a in arguments[:2])
    if len(arguments) > 1 and not starred and not _is_symmetric(node.func):
        swapped = [arguments[1], arguments[0], *arguments[2:]]
        yield ast.Call(node.func, swapped, node.keywords)
    if isinstance(node.func, ast.Attribute) and node.func.attr in _DROPPED:
        yield node.func.value
    elif isinstance(node.func, ast.Name) and node.func.id in _DROPPED and arguments:
        yield arguments[0]


def _is_symmetric(function: ast.expr) -> bool:
    """Tell whether swapping the operands of a call is no mistake, or not even a program."""
    if isinstance(function, ast.Call) and isinstance(function.func, ast.Name):
        named = function.args[0] if function.func.id == "op_named" and function.args else None
        return isinstance(named, ast.Constant) and named.value in _COMMUTATIVE
    return isinstance(function, ast.Name) and function.id in _NO_ORDER


def _stale(node: ast.Name, scope: Any) -> Iterator[ast.expr]:
    """Take another primal value: the output for the first operand, an operand for the next."""
    names = [a.arg for a in scope.args.args]
    if node.id in names and len(names) > 1 and node.id != "ct":
        others = [name for name in names if name not in ("ct", node.id)]
        if others:
            yield ast.Name(others[0], ast.Load())


def install(mutant: Mutant) -> int:
    """Put the mistake into the functions that are loaded; return how many hold it now."""
    tree = _tree(mutant.module)
    name = file_of(mutant.module)
    right = compile(tree, name, "exec", dont_inherit=True)
    for index, (_, old, new) in enumerate(_changes(tree)):
        if index == mutant.index:
            tree = _Exchange(old, new).visit(tree)
            break
    wrong = compile(ast.fix_missing_locations(tree), name, "exec", dont_inherit=True)
    loaded = loaded_from(name)
    return sum(_exchange(loaded, a, b) for a, b in _pairs(right, wrong) if a != b)


@cache
def loaded_from(file: str) -> list[FunctionType]:
    """Return the functions whose code is from a file: found once, before forks look for them."""
    return [
        one
        for one in gc.get_objects()
        if type(one) is FunctionType and one.__code__.co_filename == file
    ]


class _Exchange(ast.NodeTransformer):
    """Replace one node of a tree."""

    def __init__(self, old: ast.expr, new: ast.expr) -> None:
        self.old, self.new = old, new

    def visit(self, node: ast.AST) -> Any:
        if node is self.old:
            return ast.copy_location(copy.deepcopy(self.new), self.old)
        return super().visit(node)


def _pairs(right: CodeType, wrong: CodeType) -> Iterator[tuple[CodeType, CodeType]]:
    """Yield the code of functions, and what it has become."""
    inner = [
        [const for const in code.co_consts if isinstance(const, CodeType)]
        for code in (right, wrong)
    ]
    if len(inner[0]) != len(inner[1]):  # a function was dropped with the expression it stood in
        return
    for a, b in zip(*inner, strict=True):
        yield a, b
        yield from _pairs(a, b)


def _exchange(loaded: list[FunctionType], right: CodeType, wrong: CodeType) -> int:
    holders = [function for function in loaded if function.__code__ == right]
    for function in holders:
        function.__code__ = wrong
    return len(holders)
