"""What the transforms do while a function is traced.

Each rule is called with traced arguments.  It records the user's function in a graph of its
own, simplifies it, derives the joint graph, and inlines that in the trace around it.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from gradc.arguments import Argnums, Chosen, choose_arguments
from gradc.autodiff import Cut, Joint, check_differentiable, forward, reverse
from gradc.capture.context import current
from gradc.capture.convert import recorder as running_recorder
from gradc.capture.convert import value_of
from gradc.capture.hooks import call_function
from gradc.capture.trace import Subgraph, inline_call, is_traced_leaf, leaf_type, subtrace
from gradc.capture.tracer import Kind, Tracer, wrap
from gradc.errors import ArgumentError, DerivativeError, DTypeError, warn
from gradc.ir import ArrayType, Graph, Value, is_float, op_named
from gradc.passes import simplify
from gradc.passes.beforehand import parts_beforehand
from gradc.records import dataclass
from gradc.rules import AnyFunction, Gradient
from gradc.spans import Span, definition_span
from gradc.trees import LEAF, flatten, map_tree, unflatten

__all__ = [
    "Argnums",
    "TracedCall",
    "check_loss",
    "checkpointed",
    "directional",
    "gradient",
    "memory_budget",
    "operand_of",
    "record",
    "stop_gradient",
]


@dataclass(frozen=True, slots=True)
class TracedCall:
    """A function recorded inside the current trace and simplified, with the arguments asked for.

    Parameters
    ----------
    fn : callable
        The user's function.
    sub : Subgraph
        As recorded.
    graph : Graph
        Simplified: inputs are the traced leaves of the arguments, then what the function captures.
    operands : list
        What stands for the graph's inputs in the current trace.
    chosen : list of Chosen
        The arguments asked for.
    single : bool
        One argument was asked for, not a sequence of them.
    positions : dict of int to int
        Leaf of the arguments -> input of the graph.
    """

    fn: AnyFunction
    sub: Subgraph
    graph: Graph
    operands: list[Any]
    chosen: list[Chosen]
    single: bool
    positions: dict[int, int]

    @property
    def name(self) -> str:
        """The function's name."""
        return getattr(self.fn, "__name__", "the function")

    @property
    def wrt(self) -> list[int]:
        """Positions, among the graph's inputs, of the leaves asked for."""
        return [self.positions[leaf] for c in self.chosen for leaf in c.leaves]

    @property
    def span(self) -> Span | None:
        """The user's expression that makes the first result, or the function's definition."""
        if self.sub.graph.outputs:
            span = self.sub.graph[self.sub.graph.outputs[0]].origin.span
            if span is not None:
                return span
        return definition_span(self.fn)

    @property
    def types(self) -> list[ArrayType]:
        """The types of the outputs."""
        return [self.graph[id].type for id in self.graph.outputs]

    def tree(self, derivatives: Sequence[Value]) -> Any:
        """Put one derivative for each leaf back into the trees of the arguments."""
        rest = iter(derivatives)
        trees = [
            unflatten(c.tree, [_like(leaf, next(rest)) for leaf in c.values]) for c in self.chosen
        ]
        return trees[0] if self.single else tuple(trees)


def _like(leaf: Any, derivative: Value) -> Tracer:
    """Wrap a derivative as the kind of the argument: an array or a number."""
    is_array = leaf._kind is Kind.ARRAY if isinstance(leaf, Tracer) else hasattr(leaf, "flags")
    return wrap(derivative, Kind.ARRAY if is_array or derivative.ndim else Kind.SCALAR)


def record(
    fn: AnyFunction, argnums: Argnums, args: Sequence[Any], kwargs: dict[str, Any]
) -> TracedCall:
    """Trace a function inside the current trace, and check the arguments asked for."""
    chosen, single = choose_arguments(fn, argnums, args, kwargs)
    for c in chosen:
        for path, leaf in zip(c.paths, c.values, strict=True):
            _check_leaf(path, leaf)
    sub = subtrace(fn, tuple(args), kwargs)
    leaves, _ = flatten((tuple(args), kwargs))
    traced = [i for i, leaf in enumerate(leaves) if is_traced_leaf(leaf)]
    call = TracedCall(
        fn=fn,
        sub=sub,
        graph=_ready(sub.graph),
        operands=[*(leaves[i] for i in traced), *sub.captures],
        chosen=chosen,
        single=single,
        positions={leaf: position for position, leaf in enumerate(traced)},
    )
    check_differentiable(call.graph, call.wrt, [p for c in chosen for p in c.paths])
    return call


def _ready(graph: Graph) -> Graph:
    """Return a recorded graph as derivatives are best taken of it."""
    graph = simplify(graph)
    return graph if memory_budget() is not None else parts_beforehand(graph)


def _check_leaf(path: str, leaf: Any) -> None:
    """Refuse what has no derivative before tracing anything."""
    if not is_traced_leaf(leaf):
        raise DTypeError(
            f"no derivative by {path}: it is {leaf!r}, of type {type(leaf).__name__}",
            repair=f"pass {path} as a float, or leave it out of argnums"
            if isinstance(leaf, int | str | bytes | complex)
            else f"make {type(leaf).__name__} a data class, or take the derivative by its arrays",
        )


def operand_of(leaf: Any, kind: ArrayType, what: str) -> Value:
    """Return a value of the current trace for a leaf that must have a certain shape."""
    found = leaf_type(leaf, what)
    if found.shape != kind.shape:
        raise ArgumentError(
            f"{what} is {found}, but must have the shape of {kind}",
            repair=f"pass an array of shape {kind.shape}",
        )
    return value_of(leaf).cast(kind.dtype)


def gradient(rule: Gradient, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """Record value and gradient of a scalar function in the current trace."""
    call = record(rule.fn, rule.argnums, args, kwargs)
    check_loss(rule, call)
    joint = reverse(call.graph, call.wrt, budget=memory_budget())
    _report_cuts(call, joint)
    results = inline_call(simplify(joint.graph), call.operands)
    value = call.sub.assemble(results[: joint.values])
    derivative = call.tree(results[joint.values :])
    if rule.with_value:
        return value, derivative
    return (derivative, value[1]) if rule.has_aux else derivative


def check_loss(rule: Gradient, call: TracedCall) -> None:
    """Raise unless the first result is one floating-point number."""
    tree = call.sub.out_tree
    if rule.has_aux:
        is_pair = isinstance(tree, tuple) and tree[0] is tuple and len(tree) == 4
        if not is_pair:
            raise ArgumentError(
                f"with has_aux, {call.name} must return (loss, aux)",
                span=call.span,
                repair="return two things, or leave has_aux out",
            )
        tree = tree[2]  # type: ignore[index]
    if tree != LEAF:
        kind = type(None) if tree is None else tree[0]  # type: ignore[index]
        raise DerivativeError(
            f"grad needs a scalar result, but {call.name} returns a {kind.__name__}",
            span=call.span,
            repair="return one number; use has_aux=True to pass something else through",
        )
    _check_leaf_of(call)


def _check_leaf_of(call: TracedCall) -> None:
    leaf = call.sub.results[0]
    if leaf.output < 0:
        raise DerivativeError(
            f"the result of {call.name} does not depend on its arguments: it is {leaf.static!r}",
            span=call.span,
            repair="return a value computed from the arguments",
        )
    kind = call.types[leaf.output]
    if kind.shape != ():
        raise DerivativeError(
            f"grad needs a scalar result, but {call.name} returns {kind}",
            span=call.span,
            repair="reduce it with np.sum or np.mean, or use gradc.jacobian or gradc.vjp",
        )
    if not is_float(kind.dtype):
        raise DerivativeError(
            f"grad needs a floating-point result, but {call.name} returns {kind}",
            span=call.span,
            repair="integers and truth values have no derivative: return a smooth expression",
        )


def _report_cuts(call: TracedCall, joint: Joint) -> None:
    """Refuse an argument that the loss does not depend on; warn where a leaf is unused."""
    rest = iter(joint.cuts)
    for chosen in call.chosen:
        cuts = [(path, next(rest)) for path in chosen.paths]
        absent = [path for path, cut in cuts if cut is not None and cut[0] is Cut.ABSENT]
        if absent and len(absent) == len(cuts):
            raise DerivativeError(
                f"the result of {call.name} does not depend on {chosen.name}",
                span=call.span,
                repair=f"use {chosen.name} in the function, or leave it out of argnums",
            )
        for path in absent:
            warn(f"the result of {call.name} does not depend on {path}: its gradient is zero")
        for path, cut in cuts:
            if cut is not None and cut[0] is Cut.STOPPED:
                where = f" ({cut[1]})" if cut[1] else ""
                warn(
                    f"{path} reaches the result of {call.name} only through stop_gradient{where}: "
                    "its gradient is zero"
                )


def directional(
    fn: AnyFunction, primals: tuple[Any, ...], tangents: tuple[Any, ...]
) -> tuple[Any, Any]:
    """Record value and tangent of the value in the current trace."""
    call = record(fn, tuple(range(len(primals))), primals, {})
    dots = _tangent_values(call, tangents)
    joint = forward(call.graph, call.wrt)
    results = inline_call(simplify(joint.graph), [*call.operands, *dots])
    value = call.sub.assemble(results[: joint.values])
    return value, _like_value(value, results[joint.values :])


def _tangent_values(call: TracedCall, tangents: Sequence[Any]) -> list[Value]:
    """Return the tangents as values of the current trace, checked against the primals."""
    given = [leaf for tangent in tangents for leaf in flatten(tangent)[0]]
    paths = [path for c in call.chosen for path in c.paths]
    if len(given) != len(paths):
        raise ArgumentError(
            f"{len(paths)} arguments, but {len(given)} tangents",
            repair="pass tangents in the structure of the arguments",
        )
    inputs = call.graph.inputs
    return [
        operand_of(leaf, call.graph[inputs[position]].type, f"the tangent of {path}")
        for position, path, leaf in zip(call.wrt, paths, given, strict=True)
    ]


def _like_value(value: Any, dots: Sequence[Value]) -> Any:
    """Put tangents into the tree of the value; results that are not floating-point get None."""
    leaves, tree = flatten(value)
    rest = iter(dots)
    return unflatten(tree, [_tangent(leaf, rest) for leaf in leaves])


def _tangent(leaf: Any, dots: Iterator[Value]) -> Any:
    """Return the next tangent for a traced result, zeros for an array that nothing moves."""
    if _moves(leaf):
        return wrap(next(dots), leaf._kind)
    fixed = isinstance(leaf, np.ndarray) and is_float(leaf.dtype)
    return np.zeros_like(leaf) if fixed else None


def _moves(leaf: Any) -> bool:
    return isinstance(leaf, Tracer) and is_float(leaf.dtype)


def checkpointed(fn: AnyFunction, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Record a function in the current trace, marked."""
    with current().checkpointed():
        return call_function(fn, *args, **kwargs)


def memory_budget() -> int | None:
    """Return the bytes that the tapes of the running trace may take."""
    return running_recorder().options.memory_bytes


def stop_gradient(x: Any) -> Any:
    """Return a tree whose traced leaves are constants for differentiation."""
    return map_tree(_stopped, x)


def _stopped(leaf: Any) -> Any:
    if not isinstance(leaf, Tracer):
        return leaf
    return wrap(op_named("stop_gradient")(value_of(leaf)), leaf._kind)
