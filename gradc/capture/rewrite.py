"""Rewrite a function from source to source, so that plain Python and NumPy can be recorded.

What is written becomes what runs (every new node keeps the place of the old one in the file):

    f(a, k=b)            ->  _gradc_call(f, a, k=b)
    G          (outside) ->  _gradc_load(G, "G")
    obj.attr             ->  _gradc_attribute(obj, "attr")
    box[i], for x in box ->  _gradc_open(box)[i], for x in _gradc_open(box)
    h = expr             ->  h = _gradc_name(expr, "h")
    a, (b, c) = expr     ->  a, (b, c) = _gradc_names(expr, ("a", ("b", "c")))
    a * b, -a            ->  _gradc_binary("Mult", a, b), _gradc_unary("USub", a)
    if test, while, not  ->  if _gradc_test(test, "if")

The hooks are free variables of the new code, next to the variables that the function closes over,
so the same code serves every closure.  What the hooks do is in ``hooks.py``.
"""

import ast
import builtins
import dis
from collections.abc import Callable, Mapping
from functools import lru_cache
from inspect import CO_OPTIMIZED
from types import CellType, CodeType, FunctionType
from typing import Any

from gradc.capture.control_syntax import ControlRewriter
from gradc.capture.source import FunctionNode, Located, locate
from gradc.capture.syntax import PREFIX, Rewriter, without_defaults

__all__ = ["HOOKS", "bind", "is_rewritten", "rewritten_code"]

HOOKS = (
    "call", "load", "attribute", "open", "name", "names", "test", "seen", "for", "while", "branch",
    "either", "both", "any_of", "chain", "negated", "finish", "decorator",
    "binary", "unary", "collect",
)  # fmt: skip
"""Names of the hooks; in rewritten code they carry the prefix ``_gradc_``."""

_FACTORY = "_gradc_factory"
_FUTURE_FLAGS = 0x1FF0000
_rewritten: dict[int, CodeType] = {}
"""By their identity: code without a hook equals what was written."""


def rewritten_code(function: FunctionType, control: bool = False) -> CodeType | None:
    """Return the rewritten code of a function, or None when its source is not at hand.

    ``control`` turns loops and branches into closures, so that they can stay what they are.
    """
    outside = frozenset(n for n in _builtin_names() if n not in function.__globals__)
    code = function.__code__
    return _rewrite(code, code.co_filename, outside, _Globals(function.__globals__), control)


def is_rewritten(function: FunctionType) -> bool:
    """Tell whether the function runs rewritten code (a nested function or a lambda of one)."""
    return id(function.__code__) in _rewritten


def bind(
    function: FunctionType,
    code: CodeType,
    hooks: Mapping[str, Callable[..., Any]],
    defaults: tuple[Any, ...] | None,
    keyword_defaults: dict[str, Any] | None,
) -> FunctionType:
    """Make a function of rewritten code: same globals, same closure cells, and the hooks."""
    cells = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))
    for name, hook in hooks.items():
        cells[PREFIX + name] = CellType(hook)
    closure = tuple(cells[name] for name in code.co_freevars)
    result = FunctionType(code, function.__globals__, function.__name__, defaults, closure)
    result.__kwdefaults__ = keyword_defaults
    result.__qualname__ = function.__qualname__
    result.__module__ = function.__module__
    return result


class _Globals:
    """A module's variables, as an argument that takes no part in the cache key."""

    def __init__(self, variables: dict[str, Any]) -> None:
        self.variables = variables

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Globals)

    def __hash__(self) -> int:
        return 0


@lru_cache(maxsize=1)
def _builtin_names() -> tuple[str, ...]:
    return tuple(dir(builtins))


@lru_cache(maxsize=4096)
def _rewrite(
    code: CodeType, filename: str, left: frozenset[str], module: _Globals, control: bool
) -> CodeType | None:
    # equal code objects may come from different files: hence the file name in the key
    found = locate(code, module.variables)
    if found is None or not _is_current(found, code):
        return None
    rewriter = (ControlRewriter if control else Rewriter)(left, found.classes)
    tree = rewriter.function(found.node)
    new = _compile(tree, found, code, tuple(PREFIX + hook for hook in HOOKS))
    new = _named_after(new, new.co_name)
    _remember(new)
    return new


def _named_after(code: CodeType, name: str) -> CodeType:
    """Give the closures that loops and branches became the name of the user's function."""
    name = name if code.co_name.startswith(PREFIX) else code.co_name
    inside = tuple(_named_after(c, name) if isinstance(c, CodeType) else c for c in code.co_consts)
    return code.replace(co_name=name, co_consts=inside)


def _remember(code: CodeType) -> None:
    pending = [code]
    while pending:
        here = pending.pop()
        if here.co_flags & CO_OPTIMIZED:  # class bodies were left as they were
            _rewritten[id(here)] = here
            pending += [constant for constant in here.co_consts if isinstance(constant, CodeType)]


def _is_current(found: Located, code: CodeType) -> bool:
    """Tell whether the text in the file is still the text that was compiled."""
    if any(name.startswith("@py") for name in code.co_varnames):
        return True  # pytest has rewritten the function's assertions
    return _same_code(_compile(found.node, found, code, ()), code)


def _same_code(left: CodeType, right: CodeType) -> bool:
    """Compare what text decides; loads of methods are compiled in more than one way."""
    if _facts(left) != _facts(right) or len(left.co_consts) != len(right.co_consts):
        return False
    return all(
        _same_code(a, b) if isinstance(a, CodeType) and isinstance(b, CodeType) else a == b
        for a, b in zip(left.co_consts, right.co_consts, strict=True)
    )


def _facts(code: CodeType) -> tuple[Any, ...]:
    operators = [i.argrepr for i in dis.get_instructions(code) if i.opname.endswith("_OP")]
    places = {place for place in code.co_positions() if place[3]}
    return code.co_names, code.co_varnames, code.co_freevars, places, operators


# compiling: factory(hooks, closed-over names) returns the function; only its code is kept


def _compile(
    node: FunctionNode, found: Located, code: CodeType, hooks: tuple[str, ...]
) -> CodeType:
    names = sorted({*code.co_freevars, *hooks})
    factory: ast.stmt = ast.FunctionDef(
        name=_FACTORY,
        args=_arguments(names),
        body=_factory_body(node),
        decorator_list=[],
    )
    for class_name in reversed(found.classes[-1:]):  # so that __private names are mangled
        factory = ast.ClassDef(
            name=class_name,
            bases=[],
            keywords=[],
            body=[factory],
            decorator_list=[],
        )
    module = ast.Module(body=[ast.fix_missing_locations(factory)], type_ignores=[])
    flags = code.co_flags & _FUTURE_FLAGS
    _complete(module)
    outer = compile(module, code.co_filename, "exec", flags=flags, dont_inherit=True)
    return _nested(outer)


def _complete(module: ast.Module) -> None:
    """Add the fields that newer Python versions demand."""
    for node in ast.walk(module):
        if "type_params" in node._fields and not hasattr(node, "type_params"):
            node.type_params = []  # type: ignore[attr-defined]


def _arguments(names: list[str]) -> ast.arguments:
    args = [ast.arg(arg=name) for name in names]
    return ast.arguments(posonlyargs=[], args=args, kwonlyargs=[], kw_defaults=[], defaults=[])


def _factory_body(node: FunctionNode) -> list[ast.stmt]:
    if isinstance(node, ast.Lambda):
        bare = ast.Lambda(args=without_defaults(node.args), body=node.body)
        return [ast.Return(value=ast.copy_location(bare, node))]
    kind = type(node)
    function = kind(
        name=node.name,
        args=without_defaults(node.args),
        body=node.body,
        decorator_list=[],
    )
    return [ast.copy_location(function, node)]


def _nested(code: CodeType) -> CodeType:
    """Find the function's code: the only one inside the factory."""
    inside = code.co_name == _FACTORY
    inner = next(constant for constant in code.co_consts if isinstance(constant, CodeType))
    return inner if inside else _nested(inner)
