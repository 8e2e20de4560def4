"""The syntax of one function, turned into calls of the hooks (see ``rewrite.py``)."""

import ast
from typing import Any

from gradc.capture.scopes import Scope, bound_by_comprehension, bound_by_function
from gradc.capture.source import FunctionNode

__all__ = ["LEFT_ALONE", "PREFIX", "Rewriter", "hook", "load_hook", "shallow", "without_defaults"]

PREFIX = "_gradc_"
_HIDING = frozenset(("globals", "eval", "exec"))
"""Builtins of which nobody sees what they read."""

LEFT_ALONE = {"super", "locals", "globals", "vars", "dir", "eval", "exec", "breakpoint"}


def without_defaults(a: ast.arguments) -> ast.arguments:
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


class Rewriter(ast.NodeTransformer):
    """Turns the syntax of one function into calls of the hooks."""

    def __init__(self, left_alone: frozenset[str], classes: tuple[str, ...]) -> None:
        self.left_alone = left_alone
        self.class_name = classes[-1] if classes else None
        self.scopes: list[Scope] = []

    def function(self, node: FunctionNode) -> FunctionNode:
        """Rewrite the body; arguments and decorators stay outside."""
        copy: FunctionNode = _copy_function(node)
        self.body_of(copy)
        return copy

    # scopes

    def body_of(self, node: FunctionNode) -> None:
        """Rewrite what a function does."""
        self.scopes.append(bound_by_function(node))
        if isinstance(node, ast.Lambda):
            node.body = self.visit(node.body)
        else:
            node.body = self.block(node.body)
        self.scopes.pop()

    def block(self, body: list[Any]) -> list[Any]:
        """Rewrite statements."""
        result: list[Any] = []
        for item in body:
            new = self.visit(item) if isinstance(item, ast.AST) else item
            result += new if isinstance(new, list) else [new]
        return result

    def generic_visit(self, node: Any) -> Any:
        """Copy the node and visit its fields: the cached syntax tree of the file stays as it is."""
        copy = shallow(node)
        for field, value in ast.iter_fields(copy):
            if isinstance(value, list):
                setattr(copy, field, self.block(value))
            elif isinstance(value, ast.AST):
                setattr(copy, field, self.visit(value))
        return copy

    def _nested_function(self, node: Any) -> Any:
        copy = _copy_function(node)
        copy.args.defaults = [self.visit(d) for d in node.args.defaults]
        copy.args.kw_defaults = [d and self.visit(d) for d in node.args.kw_defaults]
        if not isinstance(node, ast.Lambda):
            copy.decorator_list = [hook("decorator", d, self.visit(d)) for d in node.decorator_list]
        self.body_of(copy)
        return copy

    visit_FunctionDef = visit_AsyncFunctionDef = visit_Lambda = _nested_function

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.ClassDef:
        """Leave a class as it is: its methods are rewritten when they are called."""
        return node

    def _comprehension(self, node: Any) -> Any:
        first = self.visit(node.generators[0].iter)  # evaluated in the enclosing scope
        self.scopes.append(bound_by_comprehension(node))
        copy = shallow(node)
        copy.generators = [shallow(g) for g in node.generators]
        for i, generator in enumerate(copy.generators):
            inner = first if i == 0 else self.visit(generator.iter)
            generator.iter = hook("open", inner, inner)
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
        if node.id.startswith(PREFIX):
            return node
        return hook("load", node, node, ast.Constant(node.id))

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        """Report reads of attributes."""
        value = self.visit(node.value)
        if not isinstance(node.ctx, ast.Load):
            return ast.copy_location(ast.Attribute(value, node.attr, node.ctx), node)
        return hook("attribute", node, value, ast.Constant(self._mangled(node.attr)))

    def _mangled(self, name: str) -> str:
        if self.class_name and name.startswith("__") and not name.endswith("__"):
            return f"_{self.class_name.lstrip('_')}{name}"
        return name

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        """Look into containers of closed-over arrays through a hook."""
        value = self.visit(node.value)
        if isinstance(node.ctx, ast.Load):
            value = hook("open", value, value)
        return ast.copy_location(ast.Subscript(value, self.visit(node.slice), node.ctx), node)

    def visit_Starred(self, node: ast.Starred) -> ast.expr:
        """Open what is unpacked into arguments."""
        if not isinstance(node.ctx, ast.Load):
            return node
        value = self.visit(node.value)
        return ast.copy_location(ast.Starred(hook("open", value, value), node.ctx), node)

    def visit_Call(self, node: ast.Call) -> ast.expr:
        """Send every call through the hook."""
        if isinstance(node.func, ast.Name) and node.func.id in LEFT_ALONE and not _looks_at(node):
            plain: ast.Call = self.generic_visit(node)
            if node.func.id in _HIDING:
                plain.func = hook("seen", node.func, node.func)
            return plain
        arguments = [self.visit(argument) for argument in node.args]
        keywords = [
            ast.copy_location(ast.keyword(k.arg, self.visit(k.value)), k) for k in node.keywords
        ]
        function = load_hook("call", node)
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
            return [*self._reads(node.target), new]
        read = ast.copy_location(ast.Name(target.id, ast.Load()), target)
        value = hook("name", node, read, ast.Constant(target.id))
        return [new, ast.copy_location(ast.Assign([target], value), node)]

    def _reads(self, target: Any) -> list[ast.stmt]:
        """Report the read of what is changed: a variable from outside or an attribute."""
        owner = target
        while isinstance(owner, ast.Attribute):
            owner = owner.value
        if not isinstance(owner, ast.Name) or isinstance(target, ast.Subscript):
            return []
        read = shallow(target)
        read.ctx = ast.Load()
        return [ast.copy_location(ast.Expr(self.visit(read)), target)]

    # decisions

    def visit_If(self, node: ast.If) -> Any:
        """Ask whether the test can be decided while recording."""
        test = _test(self.visit(node.test), "if")
        new = ast.If(test, self.block(node.body), self.block(node.orelse))
        return ast.copy_location(new, node)

    def visit_While(self, node: ast.While) -> Any:
        """Ask whether the test can be decided while recording."""
        test = _test(self.visit(node.test), "while")
        new = ast.While(test, self.block(node.body), self.block(node.orelse))
        return ast.copy_location(new, node)

    def visit_For(self, node: ast.For) -> Any:
        """Open what the loop runs over."""
        over = self.visit(node.iter)
        new = ast.For(
            self.visit(node.target),
            hook("open", over, over),
            self.block(node.body),
            self.block(node.orelse),
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
        elif not isinstance(node.operand, ast.Constant):
            return hook("unary", node, ast.Constant(type(node.op).__name__), value)
        return ast.copy_location(ast.UnaryOp(node.op, value), node)

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        """Ask the user's classes first."""
        left, right = self.visit(node.left), self.visit(node.right)
        known = [isinstance(x, ast.Constant) for x in (left, right)]
        if all(known) or (known[0] and isinstance(left.value, str)):
            return ast.copy_location(ast.BinOp(left, node.op, right), node)
        return hook("binary", node, ast.Constant(type(node.op).__name__), left, right)

    def visit_Assert(self, node: ast.Assert) -> ast.stmt:
        """Ask whether the test can be decided while recording."""
        test = _test(self.visit(node.test), "assert")
        return ast.copy_location(ast.Assert(test, node.msg and self.visit(node.msg)), node)


def _looks_at(node: ast.Call) -> bool:
    """Tell ``vars(x)`` from ``vars()``, which asks for the frame it is called in."""
    return isinstance(node.func, ast.Name) and node.func.id in ("vars", "dir") and bool(node.args)


def shallow(node: Any) -> Any:
    """Copy one node, so that the cached syntax tree of the file stays as it is."""
    fields = {name: getattr(node, name, None) for name in node._fields}
    return ast.copy_location(type(node)(**fields), node)


def _copy_function(node: Any) -> Any:
    copy = shallow(node)
    copy.args = without_defaults(node.args)
    if not isinstance(node, ast.Lambda):
        copy.returns = None
        copy.body = list(node.body)
    return copy


def load_hook(name: str, place: ast.AST) -> ast.Name:
    """Name a hook."""
    return ast.copy_location(ast.Name(PREFIX + name, ast.Load()), place)


def hook(name: str, place: Any, *arguments: ast.expr) -> ast.Call:
    """Call a hook; the call stands where ``place`` stands in the file."""
    for argument in arguments:
        if isinstance(argument, ast.Constant) and not hasattr(argument, "lineno"):
            ast.copy_location(argument, place)
    return ast.copy_location(ast.Call(load_hook(name, place), list(arguments), []), place)


def _test(value: ast.expr, word: str) -> ast.expr:
    if isinstance(value, ast.Constant):
        return value
    return hook("test", value, value, ast.Constant(word))


def _named(value: ast.expr, target: ast.expr) -> ast.expr:
    """Wrap the value of an assignment so that it learns its name."""
    if isinstance(value, ast.Constant):
        return value
    if isinstance(target, ast.Tuple | ast.List):
        spec = ast.fix_missing_locations(ast.copy_location(_spec(target), value))
        return hook("names", value, value, spec)
    name = _target_name(target)
    return hook("name", value, value, ast.Constant(name)) if name else value


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
