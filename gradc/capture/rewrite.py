"""Rewrite a function from source to source, so that plain Python and NumPy can be recorded.

What is written becomes what runs (every new node keeps the place of the old one in the file):

    f(a, k=b)            ->  _gradc_call(f, a, k=b)
    G          (outside) ->  _gradc_load(G, "G")
    obj.attr             ->  _gradc_attribute(obj, "attr")
    box[i], for x in box ->  _gradc_open(box)[i], for x in _gradc_open(box)
    h = expr             ->  h = _gradc_name(expr, "h")
    a, (b, c) = expr     ->  a, (b, c) = _gradc_names(expr, ("a", ("b", "c")))
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

from gradc.capture.scopes import Scope, bound_by_comprehension, bound_by_function
from gradc.capture.source import FunctionNode, Located, locate

__all__ = ["HOOKS", "bind", "is_rewritten", "rewritten_code"]

HOOKS = ("call", "load", "attribute", "open", "name", "names", "test")
"""Names of the hooks; in rewritten code they carry the prefix ``_gradc_``."""

_PREFIX = "_gradc_"
_FACTORY = "_gradc_factory"
_LEFT_ALONE = {"super", "locals", "globals", "vars", "dir", "eval", "exec", "breakpoint"}
_FUTURE_FLAGS = 0x1FF0000
_rewritten: set[CodeType] = set()


def rewritten_code(function: FunctionType) -> CodeType | None:
    """Return the rewritten code of a function, or None when its source is not at hand."""
    outside = frozenset(n for n in _builtin_names() if n not in function.__globals__)
    code = function.__code__
    return _rewrite(code, code.co_filename, outside, _Globals(function.__globals__))


def is_rewritten(function: FunctionType) -> bool:
    """Tell whether the function runs rewritten code (a nested function or a lambda of one)."""
    return function.__code__ in _rewritten


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
        cells[_PREFIX + name] = CellType(hook)
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
    code: CodeType, filename: str, left: frozenset[str], module: _Globals
) -> CodeType | None:
    # equal code objects may come from different files: hence the file name in the key
    found = locate(code, module.variables)
    if found is None or not _is_current(found, code):
        return None
    tree = _Rewriter(left, found.classes).function(found.node)
    new = _compile(tree, found, code, tuple(_PREFIX + hook for hook in HOOKS))
    _remember(new)
    return new


def _remember(code: CodeType) -> None:
    pending = [code]
    while pending:
        here = pending.pop()
        if here.co_flags & CO_OPTIMIZED:  # class bodies were left as they were
            _rewritten.add(here)
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
        bare = ast.Lambda(args=_without_defaults(node.args), body=node.body)
        return [ast.Return(value=ast.copy_location(bare, node))]
    kind = type(node)
    function = kind(
        name=node.name,
        args=_without_defaults(node.args),
        body=node.body,
        decorator_list=[],
    )
    return [ast.copy_location(function, node)]


def _without_defaults(a: ast.arguments) -> ast.arguments:
    """Drop defaults and annotations: the values are taken from the function object."""

    def bare(arg: ast.arg) -> ast.arg:
        return ast.copy_location(ast.arg(arg=arg.arg), arg)

    return ast.arguments(
        posonlyargs=[bare(x) for x in a.posonlyargs],
        args=[bare(x) for x in a.args],
        vararg=bare(a.vararg) if a.vararg else None,
        kwonlyargs=[bare(x) for x in a.kwonlyargs],
        kw_defaults=[None] * len(a.kwonlyargs),
        kwarg=bare(a.kwarg) if a.kwarg else None,
        defaults=[],
    )


def _nested(code: CodeType) -> CodeType:
    """Find the function's code: the only one inside the factory."""
    inside = code.co_name == _FACTORY
    inner = next(constant for constant in code.co_consts if isinstance(constant, CodeType))
    return inner if inside else _nested(inner)


# the transformation


class _Rewriter(ast.NodeTransformer):
    """Turns the syntax of one function into calls of the hooks."""

    def __init__(self, left_alone: frozenset[str], classes: tuple[str, ...]) -> None:
        self.left_alone = left_alone
        self.class_name = classes[-1] if classes else None
        self.scopes: list[Scope] = []

    def function(self, node: FunctionNode) -> FunctionNode:
        """Rewrite the body; arguments and decorators stay outside."""
        copy: FunctionNode = _copy_function(node)
        self._body_of(copy)
        return copy

    # scopes

    def _body_of(self, node: FunctionNode) -> None:
        self.scopes.append(bound_by_function(node))
        if isinstance(node, ast.Lambda):
            node.body = self.visit(node.body)
        else:
            node.body = self._block(node.body)
        self.scopes.pop()

    def _block(self, body: list[Any]) -> list[Any]:
        result: list[Any] = []
        for item in body:
            new = self.visit(item) if isinstance(item, ast.AST) else item
            result += new if isinstance(new, list) else [new]
        return result

    def generic_visit(self, node: Any) -> Any:
        """Copy the node and visit its fields: the cached syntax tree of the file stays as it is."""
        copy = _shallow(node)
        for field, value in ast.iter_fields(copy):
            if isinstance(value, list):
                setattr(copy, field, self._block(value))
            elif isinstance(value, ast.AST):
                setattr(copy, field, self.visit(value))
        return copy

    def _nested_function(self, node: Any) -> Any:
        copy = _copy_function(node)
        copy.args.defaults = [self.visit(d) for d in node.args.defaults]
        copy.args.kw_defaults = [d and self.visit(d) for d in node.args.kw_defaults]
        if not isinstance(node, ast.Lambda):
            copy.decorator_list = [self.visit(d) for d in node.decorator_list]
        self._body_of(copy)
        return copy

    visit_FunctionDef = visit_AsyncFunctionDef = visit_Lambda = _nested_function

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.ClassDef:
        """Leave a class as it is: its methods are rewritten when they are called."""
        return node

    def _comprehension(self, node: Any) -> Any:
        first = self.visit(node.generators[0].iter)  # evaluated in the enclosing scope
        self.scopes.append(bound_by_comprehension(node))
        copy = _shallow(node)
        copy.generators = [_shallow(g) for g in node.generators]
        for i, generator in enumerate(copy.generators):
            inner = first if i == 0 else self.visit(generator.iter)
            generator.iter = _hook("open", inner, inner)
            generator.ifs = [_test(self.visit(test), "if") for test in generator.ifs]
        for field in ("elt", "key", "value"):
            if hasattr(node, field):
                setattr(copy, field, self.visit(getattr(node, field)))
        self.scopes.pop()
        return copy

    visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = _comprehension

    def _is_external(self, name: str) -> bool:
        scopes = reversed(self.scopes)
        return name not in self.left_alone and not any(name in scope.names for scope in scopes)

    # loads

    def visit_Name(self, node: ast.Name) -> ast.expr:
        """Report reads of names that come from outside."""
        if not isinstance(node.ctx, ast.Load) or not self._is_external(node.id):
            return node
        return _hook("load", node, node, ast.Constant(node.id))

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        """Report reads of attributes."""
        value = self.visit(node.value)
        if not isinstance(node.ctx, ast.Load):
            return ast.copy_location(ast.Attribute(value, node.attr, node.ctx), node)
        return _hook("attribute", node, value, ast.Constant(self._mangled(node.attr)))

    def _mangled(self, name: str) -> str:
        if self.class_name and name.startswith("__") and not name.endswith("__"):
            return f"_{self.class_name.lstrip('_')}{name}"
        return name

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        """Look into containers of closed-over arrays through a hook."""
        value = self.visit(node.value)
        if isinstance(node.ctx, ast.Load):
            value = _hook("open", value, value)
        return ast.copy_location(ast.Subscript(value, self.visit(node.slice), node.ctx), node)

    def visit_Starred(self, node: ast.Starred) -> ast.expr:
        """Open what is unpacked into arguments."""
        if not isinstance(node.ctx, ast.Load):
            return node
        value = self.visit(node.value)
        return ast.copy_location(ast.Starred(_hook("open", value, value), node.ctx), node)

    def visit_Call(self, node: ast.Call) -> ast.expr:
        """Send every call through the hook."""
        if isinstance(node.func, ast.Name) and node.func.id in _LEFT_ALONE:
            return self.generic_visit(node)  # type: ignore[no-any-return]
        arguments = [self.visit(argument) for argument in node.args]
        keywords = [
            ast.copy_location(ast.keyword(k.arg, self.visit(k.value)), k) for k in node.keywords
        ]
        function = _load_hook("call", node)
        call = ast.Call(function, [self.visit(node.func), *arguments], keywords)
        return ast.copy_location(call, node)

    # names

    def visit_Assign(self, node: ast.Assign) -> ast.stmt:
        """Tell the value the name it is bound to."""
        value = _named(self.visit(node.value), node.targets[0])
        targets = [self.visit(target) for target in node.targets]
        return ast.copy_location(ast.Assign(targets, value), node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> Any:
        """Drop the annotation."""
        if node.value is None:
            return ast.copy_location(ast.Pass(), node)
        value = _named(self.visit(node.value), node.target)
        return ast.copy_location(ast.Assign([self.visit(node.target)], value), node)

    def visit_NamedExpr(self, node: ast.NamedExpr) -> ast.expr:
        """Name the value of a walrus."""
        value = _named(self.visit(node.value), node.target)
        return ast.copy_location(ast.NamedExpr(node.target, value), node)

    def visit_AugAssign(self, node: ast.AugAssign) -> Any:
        """Keep the statement, since ``x += 1`` may write in place, and name the new value."""
        target: Any = node.target if isinstance(node.target, ast.Name) else self.visit(node.target)
        new = ast.copy_location(ast.AugAssign(target, node.op, self.visit(node.value)), node)
        if not isinstance(target, ast.Name) or self._is_external(target.id):
            return new
        read = ast.copy_location(ast.Name(target.id, ast.Load()), target)
        value = _hook("name", node, read, ast.Constant(target.id))
        return [new, ast.copy_location(ast.Assign([target], value), node)]

    # decisions

    def visit_If(self, node: ast.If) -> ast.stmt:
        """Ask whether the test can be decided while recording."""
        test = _test(self.visit(node.test), "if")
        new = ast.If(test, self._block(node.body), self._block(node.orelse))
        return ast.copy_location(new, node)

    def visit_While(self, node: ast.While) -> ast.stmt:
        """Ask whether the test can be decided while recording."""
        test = _test(self.visit(node.test), "while")
        new = ast.While(test, self._block(node.body), self._block(node.orelse))
        return ast.copy_location(new, node)

    def visit_For(self, node: ast.For) -> ast.stmt:
        """Open what the loop runs over."""
        over = self.visit(node.iter)
        new = ast.For(
            self.visit(node.target),
            _hook("open", over, over),
            self._block(node.body),
            self._block(node.orelse),
        )
        return ast.copy_location(new, node)

    def visit_IfExp(self, node: ast.IfExp) -> ast.expr:
        """Ask whether the test can be decided while recording."""
        test = _test(self.visit(node.test), "if")
        new = ast.IfExp(test, self.visit(node.body), self.visit(node.orelse))
        return ast.copy_location(new, node)

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.expr:
        """Test each operand but the last, which is only handed on."""
        word = "and" if isinstance(node.op, ast.And) else "or"
        values = [self.visit(value) for value in node.values]
        tested = [_test(value, word) for value in values[:-1]]
        return ast.copy_location(ast.BoolOp(node.op, [*tested, values[-1]]), node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.expr:
        """Test the operand of ``not``."""
        value = self.visit(node.operand)
        if isinstance(node.op, ast.Not):
            value = _test(value, "not")
        return ast.copy_location(ast.UnaryOp(node.op, value), node)

    def visit_Assert(self, node: ast.Assert) -> ast.stmt:
        """Ask whether the test can be decided while recording."""
        test = _test(self.visit(node.test), "assert")
        return ast.copy_location(ast.Assert(test, node.msg and self.visit(node.msg)), node)


def _shallow(node: Any) -> Any:
    """Copy one node, so that the cached syntax tree of the file stays as it is."""
    fields = {name: getattr(node, name, None) for name in node._fields}
    return ast.copy_location(type(node)(**fields), node)


def _copy_function(node: Any) -> Any:
    copy = _shallow(node)
    copy.args = _without_defaults(node.args)
    if not isinstance(node, ast.Lambda):
        copy.returns = None
        copy.body = list(node.body)
    return copy


def _load_hook(name: str, place: ast.AST) -> ast.Name:
    return ast.copy_location(ast.Name(_PREFIX + name, ast.Load()), place)


def _hook(name: str, place: Any, *arguments: ast.expr) -> ast.Call:
    """Call a hook; the call stands where ``place`` stands in the file."""
    for argument in arguments:
        if isinstance(argument, ast.Constant) and not hasattr(argument, "lineno"):
            ast.copy_location(argument, place)
    return ast.copy_location(ast.Call(_load_hook(name, place), list(arguments), []), place)


def _test(value: ast.expr, word: str) -> ast.expr:
    if isinstance(value, ast.Constant):
        return value
    return _hook("test", value, value, ast.Constant(word))


def _named(value: ast.expr, target: ast.expr) -> ast.expr:
    """Wrap the value of an assignment so that it learns its name."""
    if isinstance(value, ast.Constant):
        return value
    if isinstance(target, ast.Tuple | ast.List):
        spec = ast.fix_missing_locations(ast.copy_location(_spec(target), value))
        return _hook("names", value, value, spec)
    name = _target_name(target)
    return _hook("name", value, value, ast.Constant(name)) if name else value


def _target_name(target: ast.expr) -> str | None:
    if isinstance(target, ast.Name):
        return target.id
    if isinstance(target, ast.Attribute):
        return target.attr
    if isinstance(target, ast.Subscript):
        return _target_name(target.value)
    return None


def _spec(target: ast.expr) -> ast.expr:
    """Spell the names of nested targets as a literal tuple; a starred one ends the naming."""
    if isinstance(target, ast.Tuple | ast.List):
        if any(isinstance(element, ast.Starred) for element in target.elts):
            return ast.Constant(None)
        return ast.Tuple([_spec(element) for element in target.elts], ast.Load())
    return ast.Constant(_target_name(target))
