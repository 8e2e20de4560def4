"""Loops and branches, turned into closures and calls of the hooks.

    for x in xs:            def body(item):
        ...                     nonlocal a, b          (every name that the body binds)
                                x = item
                                ...
                                return 0               (1: break, 2: return)
                            _gradc_for(xs, body, ("a", "b", "x"), (live), (after), "x")

    if test:                def then(): nonlocal a; ...
        ...                 def otherwise(): nonlocal a; ...
                            _gradc_branch(test, then, otherwise, ("a",), (after))

Where a branch leaves the block (``return``, ``break``, ``continue``), the statements that follow
become part of the other branch, so that every path ends in one place and returns a status.
"""

import ast
from collections.abc import Iterable
from dataclasses import field
from typing import Any

from gradc.capture.control_tools import (
    after_docstring,
    at,
    binding,
    binds,
    bound_by_helpers,
    declared,
    falls,
    index_name,
    is_stuck,
    leaves,
    makes_closures,
    no_arguments,
    raw,
    returning,
    returns,
    texts,
    thunk,
)
from gradc.capture.liveness import Live, liveness
from gradc.capture.loop_else import plain_loops
from gradc.capture.scopes import bound_by_comprehension, bound_in
from gradc.capture.source import FunctionNode
from gradc.capture.syntax import PREFIX, Rewriter, hook
from gradc.records import dataclass

__all__ = ["ControlRewriter"]

RESULT = PREFIX + "result"
_TAKERS = frozenset(("sum", "list", "tuple"))


@dataclass(slots=True)
class _Frame:
    """The function being rewritten.

    Parameters
    ----------
    live : dict
        What is read around each loop and branch, by ``id``.
    depth : int
        How many closures stand around the current statement.
    plain : int
        How many loops inside the innermost closure were left as they are.
    at_end : bool
        Whether the end of the current block is the end of the closure (or of the function).
    exit_live : frozenset
        What is read after the innermost closure.
    calls : dict
        The variables that a call binds, by the name of what is called: a nested function of the
        user's, or a closure for the rest of a block.
    """

    live: dict[int, Live]
    elsewhere: dict[str, str]
    made: set[str] = field(default_factory=set)
    calls: dict[str, set[str]] = field(default_factory=dict)
    count: int = 0
    depth: int = 0
    plain: int = 0
    at_end: bool = True
    exit_live: frozenset[str] = frozenset()


class ControlRewriter(Rewriter):
    """Rewrites control flow as well; functions in which that cannot be done keep theirs."""

    def __init__(self, left_alone: frozenset[str], classes: tuple[str, ...]) -> None:
        super().__init__(left_alone, classes)
        self.frames: list[_Frame | None] = []

    @property
    def frame(self) -> _Frame | None:
        """The function being rewritten; None when its control flow is left alone."""
        return self.frames[-1] if self.frames else None

    def body_of(self, node: FunctionNode) -> None:
        """Rewrite a function, and bind in it what its closures share."""
        if isinstance(node, ast.Lambda):
            self.frames.append(_Frame({}, {}))
            super().body_of(node)
            self.frames.pop()
            return
        if is_stuck(node):
            self.frames.append(None)
            super().body_of(node)
            self.frames.pop()
            return
        node.body = plain_loops(node.body)
        elsewhere = declared(node.body)
        frame = _Frame(liveness(node.body), elsewhere, exit_live=frozenset(elsewhere))
        frame.calls = bound_by_helpers(node.body, node.args)
        self.frames.append(frame)
        super().body_of(node)
        self.frames.pop()
        if frame.made:
            node.body.insert(after_docstring(node), binding(sorted(frame.made), node.body[0]))

    # blocks

    def block(self, body: list[Any]) -> list[Any]:
        """Rewrite statements; what follows a branch that leaves goes into the branch."""
        frame = self.frame
        result: list[Any] = []
        at_end = frame is not None and frame.at_end
        for k, item in enumerate(body):
            if not isinstance(item, ast.stmt) or frame is None:
                new = self.visit(item) if isinstance(item, ast.AST) else item
                result += new if isinstance(new, list) else [new]
                continue
            last = k == len(body) - 1
            if at_end and not frame.plain:
                taken = self._leaving(item, body[k + 1 :])
                frame.at_end = at_end
                if taken is not None:
                    return result + taken
            frame.at_end = at_end and last
            new = self.visit(item)
            result += new if isinstance(new, list) else [new]
        if frame is not None:
            frame.at_end = at_end
        return result

    def _leaving(self, item: ast.stmt, rest: list[ast.stmt]) -> list[Any] | None:
        """Rewrite a statement that may leave the block, together with the rest of the block."""
        if isinstance(item, ast.If) and leaves([item]):
            return self._exit_branch(item, rest)
        frame = self.frame
        assert frame is not None
        frame.at_end = True
        if isinstance(item, ast.For | ast.While) and returns([item]) and self._convertible(item):
            frame.count += 1
            status = f"{PREFIX}status_{frame.count}"
            frame.at_end = True
            loop = self.visit(item)
            loop[-1] = at(ast.Assign([ast.Name(status, ast.Store())], loop[-1].value), item)
            test = at(ast.Name(status, ast.Load()), item)
            leave = at(ast.Return(at(ast.Constant(2), item)), item)
            leave.is_status = True
            return [*loop, *self._exit_branch(at(ast.If(test, [leave], []), item), rest)]
        return None

    def _exit_branch(self, item: ast.If, rest: list[ast.stmt]) -> list[Any]:
        frame = self.frame
        assert frame is not None
        then, otherwise, shared = list(item.body), list(item.orelse), []
        if not falls(then):
            otherwise += rest
        elif not falls(otherwise):
            then += rest
        elif rest:
            name = self._fresh("rest")
            shared = self._closure(name, rest, frame.exit_live, item)
            frame.calls[name] = self._bound_names(rest)
            for side in (then, otherwise):
                side.append(raw(ast.Call(ast.Name(name, ast.Load()), [], []), item))
        bound = self._shared_names([*item.body, *item.orelse, *rest]) | {RESULT}
        frame.made.add(RESULT)
        test = self.visit(item.test)
        closures, call = self._branch(item, test, then, otherwise, bound, frame.exit_live)
        return [*shared, *closures, self._ending(call, item)]

    def _ending(self, call: ast.expr, place: ast.stmt) -> ast.stmt:
        """Return a status from a closure, or the result from the function itself."""
        frame = self.frame
        assert frame is not None
        if frame.depth:
            return returning(call, place)
        result = at(ast.Lambda(no_arguments(), at(ast.Name(RESULT, ast.Load()), place)), place)
        return returning(hook("finish", place, call, result), place)

    # closures

    def _fresh(self, what: str) -> str:
        frame = self.frame
        assert frame is not None
        frame.count += 1
        return f"{PREFIX}{what}_{frame.count}"

    def _shared_names(self, body: Iterable[ast.AST]) -> set[str]:
        """Return the function's own variables that statements bind; they become cells."""
        frame = self.frame
        assert frame is not None
        nodes = [node for item in body for node in ast.walk(item)]
        called = {node.id for node in nodes if isinstance(node, ast.Name)} & frame.calls.keys()
        names = {n for n in bound_in(body) if not n.startswith(PREFIX)}
        names = names.union(*(frame.calls[name] for name in called))
        frame.made |= names - frame.elsewhere.keys()
        return names

    def _bound_names(self, body: list[ast.stmt]) -> set[str]:
        """Return the variables that a closure of some statements binds: the result as well."""
        names = self._shared_names(body)
        return names | {RESULT} if returns(body) else names

    def _closure(
        self,
        name: str,
        body: list[ast.stmt],
        exit_live: frozenset[str],
        place: ast.stmt,
        argument: str | None = None,
    ) -> list[ast.stmt]:
        """Define a closure of some statements; it ends with the status 0."""
        frame = self.frame
        assert frame is not None
        before = frame.plain, frame.at_end, frame.exit_live
        frame.depth, frame.plain, frame.at_end, frame.exit_live = (
            frame.depth + 1,
            0,
            True,
            exit_live,
        )
        names = self._bound_names(body)
        new = self.block(body)
        frame.depth -= 1
        frame.plain, frame.at_end, frame.exit_live = before
        declared = self._declarations(names, place)
        ending = [raw(ast.Constant(0), place)] if falls(body) else []
        arguments = no_arguments()
        if argument is not None:
            arguments.args.append(ast.arg(arg=argument))
        made = ast.FunctionDef(
            name=name, args=arguments, body=[*declared, *new, *ending], decorator_list=[]
        )
        return [at(made, place)]

    def _declarations(self, names: set[str], place: ast.stmt) -> list[ast.stmt]:
        frame = self.frame
        assert frame is not None
        outside = {n for n in names if frame.elsewhere.get(n) == "global"}
        found: list[ast.stmt] = []
        if names - outside:
            found.append(at(ast.Nonlocal(sorted(names - outside)), place))
        if outside:
            found.append(at(ast.Global(sorted(outside)), place))
        return found

    def _branch(
        self,
        item: ast.If,
        test: ast.expr,
        then: list[ast.stmt],
        otherwise: list[ast.stmt],
        bound: set[str],
        after: frozenset[str],
    ) -> tuple[list[ast.stmt], ast.expr]:
        names = self._fresh("then"), self._fresh("else")
        frame = self.frame
        assert frame is not None
        closures = self._closure(names[0], then, frame.exit_live, item)
        closures += self._closure(names[1], otherwise, frame.exit_live, item)
        sides = [at(ast.Name(name, ast.Load()), item) for name in names]
        live = bound & after
        call = hook("branch", item, test, *sides, texts(bound, item), texts(live, item))
        return closures, call

    # lists

    def visit_ListComp(self, node: ast.ListComp) -> ast.expr:
        """Turn an element into a closure over the item."""
        first = node.generators[0]
        plain = len(node.generators) == 1 and not first.ifs and not first.is_async
        if self.frame is None or not plain or binds(node) or makes_closures(node.elt):
            return self._comprehension(node)  # type: ignore[no-any-return]
        over = self.visit(first.iter)
        self.scopes.append(bound_by_comprehension(node))
        element = self.visit(node.elt)
        self.scopes.pop()
        item = first.target.id if isinstance(first.target, ast.Name) else PREFIX + "item"
        if not isinstance(first.target, ast.Name):
            given = at(ast.Tuple([at(ast.Name(item, ast.Load()), node)], ast.Load()), node)
            one = ast.comprehension(first.target, given, [], 0)
            alone = at(ast.ListComp(element, [one]), node)
            element = at(ast.Subscript(alone, at(ast.Constant(0), node), ast.Load()), node)
        arguments = no_arguments()
        arguments.args.append(ast.arg(arg=item))
        body = ast.fix_missing_locations(at(ast.Lambda(arguments, element), node))
        name = at(ast.Constant(index_name(first.target)), node)
        return hook("collect", node, hook("open", over, over), body, name)

    def visit_Call(self, node: ast.Call) -> ast.expr:
        """Take what ``sum`` and ``list`` are handed item by item for a list."""
        if len(node.args) == 1 and isinstance(node.args[0], ast.GeneratorExp):
            name, items = node.func, node.args[0]
            if isinstance(name, ast.Name) and self._is_taker(name.id):
                whole = at(ast.ListComp(items.elt, items.generators), items)
                node = at(ast.Call(name, [whole], node.keywords), node)
        return super().visit_Call(node)

    def _is_taker(self, name: str) -> bool:
        """Tell whether a name is a builtin that takes all items of what it is given."""
        local = any(name in scope.names for scope in self.scopes)
        return name in _TAKERS and name in self.left_alone and not local

    # statements

    def visit_If(self, node: ast.If) -> Any:
        """Turn a branch that leaves nothing into two closures."""
        frame = self.frame
        if frame is None or leaves([node]):
            return super().visit_If(node)
        test = self.visit(node.test)
        bound = self._shared_names([*node.body, *node.orelse])
        live = frame.live[id(node)].after if id(node) in frame.live else frozenset(bound)
        closures, call = self._branch(node, test, node.body, node.orelse, bound, live)
        return [*closures, at(ast.Expr(call), node)]

    def _convertible(self, node: ast.For | ast.While) -> bool:
        frame = self.frame
        if frame is None or node.orelse or id(node) not in frame.live:
            return False
        if any(frame.elsewhere.get(n) == "global" for n in bound_in(node.body)):
            return False
        # a return inside must be able to leave the function from here
        return not returns([node]) or (frame.at_end and not frame.plain)

    def visit_For(self, node: ast.For) -> Any:
        """Turn the body into a closure over the item."""
        frame = self.frame
        if frame is None or not self._convertible(node):
            return self._kept_loop(node, super().visit_For)
        over = self.visit(node.iter)
        item = PREFIX + "item"
        store = at(
            ast.Assign([node.target], at(ast.Name(item, ast.Load()), node.target)), node.target
        )
        body = [store, *node.body]
        name, live = self._fresh("body"), frame.live[id(node)]
        bound = self._shared_names(body) | ({RESULT} if returns(body) else set())
        after = live.after | ({RESULT} if returns(body) else set())
        closure = self._closure(name, body, live.after | live.inside, node, item)
        call = hook(
            "for",
            node,
            hook("open", over, over),
            at(ast.Name(name, ast.Load()), node),
            texts(bound, node),
            texts(bound & live.inside, node),
            texts(bound & after, node),
            at(ast.Constant(index_name(node.target)), node),
        )
        return [*closure, at(ast.Expr(call), node)]

    def visit_While(self, node: ast.While) -> Any:
        """Turn test and body into closures."""
        frame = self.frame
        if frame is None or not self._convertible(node):
            return self._kept_loop(node, super().visit_While)
        name, test, live = self._fresh("body"), self._fresh("test"), frame.live[id(node)]
        bound = self._shared_names([*node.body, node.test])
        bound |= {RESULT} if returns(node.body) else set()
        after = live.after | ({RESULT} if returns(node.body) else set())
        closures = self._asking(test, node)
        closures += self._closure(name, node.body, live.after | live.inside, node)
        call = hook(
            "while",
            node,
            at(ast.Name(test, ast.Load()), node),
            at(ast.Name(name, ast.Load()), node),
            texts(bound, node),
            texts(bound & live.inside, node),
            texts(bound & after, node),
        )
        return [*closures, at(ast.Expr(call), node)]

    def _asking(self, name: str, node: ast.While) -> list[ast.stmt]:
        """Define a closure that returns the test."""
        names = self._shared_names([node.test])
        ask = at(ast.Return(self.visit(node.test)), node)
        body = [*self._declarations(names, node), ask]
        made = ast.FunctionDef(name=name, args=no_arguments(), body=body, decorator_list=[])
        return [at(made, node)]

    def _kept_loop(self, node: Any, visit: Any) -> Any:
        """Leave a loop a loop of Python; its own ``break`` stays what it is."""
        frame = self.frame
        if frame is None:
            return visit(node)
        frame.plain += 1
        at_end, frame.at_end = frame.at_end, False
        new = visit(node)
        frame.plain -= 1
        frame.at_end = at_end
        return new

    def visit_With(self, node: ast.With) -> Any:
        """Rewrite a block whose end is not followed by what follows in the text."""
        return self._enclosed(node)

    def visit_Try(self, node: ast.Try) -> Any:
        """Rewrite such a block in the same way."""
        return self._enclosed(node)

    def visit_Match(self, node: ast.Match) -> Any:
        """Rewrite such a block in the same way."""
        return self._enclosed(node)

    def _enclosed(self, node: Any) -> Any:
        frame = self.frame
        if frame is None:
            return self.generic_visit(node)
        at_end, frame.at_end = frame.at_end, False
        new = self.generic_visit(node)
        frame.at_end = at_end
        return new

    # leaving

    def visit_Return(self, node: ast.Return) -> Any:
        """Inside a closure, keep the result and return the status."""
        frame = self.frame
        if hasattr(node, "is_status"):
            return node
        if frame is None or not frame.depth:
            return self.generic_visit(node)
        value = self.visit(node.value) if node.value else at(ast.Constant(None), node)
        keep = at(ast.Assign([at(ast.Name(RESULT, ast.Store()), node)], value), node)
        return [keep, raw(ast.Constant(2), node)]

    def visit_Break(self, node: ast.Break) -> Any:
        """Return the status for ``break``."""
        return self._left(node, 1)

    def visit_Continue(self, node: ast.Continue) -> Any:
        """Return the status for the next turn."""
        return self._left(node, 0)

    def _left(self, node: ast.stmt, status: int) -> ast.stmt:
        frame = self.frame
        if frame is None or frame.plain or not frame.depth:
            return node
        return raw(ast.Constant(status), node)

    # expressions

    def visit_IfExp(self, node: ast.IfExp) -> ast.expr:
        """Ask only the side that is taken."""
        if self.frame is None or binds(node):
            return super().visit_IfExp(node)
        sides = [thunk(self.visit(side)) for side in (node.body, node.orelse)]
        return hook("either", node, self.visit(node.test), *sides)

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.expr:
        """Ask the second operand only where it matters."""
        if self.frame is None or binds(node):
            return super().visit_BoolOp(node)
        word = "both" if isinstance(node.op, ast.And) else "any_of"
        values = [self.visit(value) for value in node.values]
        result: ast.expr = values[-1]
        for value in reversed(values[:-1]):
            result = hook(word, node, value, thunk(result))
        return result

    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        """Read ``a < b < c`` as ``a < b and b < c``, with ``b`` computed once."""
        if self.frame is None or len(node.ops) == 1 or binds(node):
            return self.generic_visit(node)  # type: ignore[no-any-return]
        first, *others = [self.visit(value) for value in (node.left, *node.comparators)]
        words: list[ast.expr] = [ast.Constant(type(op).__name__) for op in node.ops]
        spelled = ast.fix_missing_locations(at(ast.Tuple(words, ast.Load()), node))
        return hook("chain", node, first, spelled, *map(thunk, others))

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.expr:
        """Negate traced truth values."""
        if self.frame is None or not isinstance(node.op, ast.Not):
            return super().visit_UnaryOp(node)
        return hook("negated", node, self.visit(node.operand))
