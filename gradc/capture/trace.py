"""Record a function: run it on tracers and collect the graph and all that belongs to it.

``trace`` serves the outermost function, ``subtrace`` a function under a transform (``grad`` inside
a recorded function) and ``inline_call`` puts a graph to use in the running trace.
"""

import inspect
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import FunctionType, MethodType
from typing import Any

import numpy as np

from gradc.capture import layout
from gradc.capture.context import Trace, current, enter, fail, maybe_current
from gradc.capture.convert import recorder as running_recorder
from gradc.capture.convert import value_of
from gradc.capture.given import Given
from gradc.capture.hooks import call_function, static_reader
from gradc.capture.mutation import layout_of, read
from gradc.capture.outside import traced_in
from gradc.capture.random_draws import draw_all
from gradc.capture.recorder import Recorder
from gradc.capture.rewrite import is_rewritten
from gradc.capture.tracer import Tracer, describe, is_concrete, wrap
from gradc.capture.unsized import Unsized
from gradc.errors import ArgumentError, GradcError, TraceError, UnsupportedError
from gradc.ir import SUPPORTED_DTYPES, ArrayType, Graph, Value
from gradc.ir.rebuild import inline
from gradc.options import Options
from gradc.recorded import Calling, Input, Kind, ResultLeaf, Written
from gradc.records import dataclass
from gradc.routes import Leaves
from gradc.spans import Span, definition_span
from gradc.trees import TreeDef, flatten, leaf_paths, unflatten

__all__ = [
    "Input",
    "Recording",
    "ResultLeaf",
    "Subgraph",
    "Written",
    "check_arguments",
    "inline_call",
    "is_traced_leaf",
    "is_tracing",
    "leaf_type",
    "leaf_values",
    "subtrace",
    "trace",
]


@dataclass(frozen=True, slots=True)
class Recording(Calling):
    """A recorded function.

    Parameters
    ----------
    graph : Graph
        Inputs in the order of ``inputs``; outputs are first those of ``results``, then ``written``.
    choices : tuple
        Loops, each with what became of it: kept, or unrolled and why.
    donated : tuple of (int, int)
        Output and input numbers: the result may lie in the argument's memory.
    strides : tuple of (int, tuple of int)
        How arguments lay in memory, by their leaves, where that decided what a write changes.
    """

    graph: Graph
    choices: tuple[tuple[Span | None, str], ...] = ()
    donated: tuple[tuple[int, int], ...] = ()
    strides: tuple[tuple[int, tuple[int, ...]], ...] = ()

    def gather(self, leaves: Leaves) -> list[Any]:
        """Return the value of every input for one call; random inputs are drawn here."""
        draws = [one.draw for one in self.inputs if one.draw is not None]
        drawn = iter(draw_all(draws, leaves) if draws else ())
        return [
            leaves[one.leaf]
            if one.role == "argument"
            else next(drawn)
            if one.hidden is None
            else one.hidden.read(leaves)
            for one in self.inputs
        ]


# leaves


def is_traced_leaf(leaf: Any) -> bool:
    """Tell whether a leaf is an input: an array, a NumPy scalar or a Python float."""
    return isinstance(leaf, np.ndarray | np.generic | Tracer) or type(leaf) is float


def _is_other(leaf: Any) -> bool:
    """Recognise masked arrays and matrices; ``np.ma`` is loaded by whoever makes such an array."""
    if type(leaf) is np.ndarray or not isinstance(leaf, np.ndarray):
        return False
    masked = "numpy.ma" in sys.modules and isinstance(leaf, np.ma.MaskedArray)
    return masked or isinstance(leaf, np.matrix)


def leaf_type(leaf: Any, name: str = "argument") -> ArrayType:
    """Return the type of a traced leaf, in native byte order; refuse other kinds of arrays."""
    if isinstance(leaf, Tracer):
        return leaf._type
    array = leaf if isinstance(leaf, np.ndarray) else np.asarray(leaf)
    dtype = array.dtype.newbyteorder("=")
    if dtype not in SUPPORTED_DTYPES or _is_other(leaf):
        what = f"dtype {dtype}" if dtype not in SUPPORTED_DTYPES else type(leaf).__name__
        raise ArgumentError(
            f"{name} has {what}, which is not supported",
            repair="pass plain arrays of bool, an integer type, float32 or float64",
        )
    return ArrayType(dtype, array.shape)


def check_arguments(function: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
    """Refuse what cannot be traced by the name of its argument."""
    paths = _argument_paths(function, args, kwargs)
    for leaf, path in zip(flatten((args, kwargs))[0], paths, strict=True):
        if is_traced_leaf(leaf):
            leaf_type(leaf, path)


def _leaf_kind(leaf: Any) -> Kind:
    if isinstance(leaf, Tracer):
        return leaf._kind
    if isinstance(leaf, np.ndarray):
        return Kind.ARRAY
    return Kind.SCALAR if isinstance(leaf, np.generic) else Kind.PYTHON


def is_tracing() -> bool:
    """Tell whether a function is being recorded in this thread."""
    return maybe_current() is not None


def leaf_values(leaves: Iterable[Any]) -> list[Value]:
    """Return the graph values of tracers and numbers in the running trace."""
    return [value_of(leaf) for leaf in leaves]


# names of arguments


def _argument_paths(function: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> list[str]:
    paths: list[str] = []
    for name, value in _named(function, args, kwargs):
        paths += leaf_paths(flatten(value)[1], name)
    return paths


def _named(
    function: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> list[tuple[str, Any]]:
    names = _positional_names(function, len(args))
    return [*zip(names, args, strict=True), *kwargs.items()]


def _positional_names(function: Any, count: int) -> list[str]:
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        parameters = []
    names: list[str] = []
    for parameter in parameters:
        if parameter.kind is parameter.VAR_POSITIONAL:
            names += [f"{parameter.name}[{i}]" for i in range(count - len(names))]
            break
        names.append(parameter.name)
    names += [f"argument_{i}" for i in range(len(names), count)]
    return names[:count]


# recording


def trace(
    function: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any] | None = None,
    *,
    max_nodes: int | None = None,
    options: Options | None = None,
) -> Recording:
    """Record ``function(*args, **kwargs)``.

    Arrays, NumPy scalars and Python floats among the leaves become inputs; other leaves are
    constants of the recording.  The arrays themselves are neither read nor changed.
    """
    kwargs = dict(kwargs or {})
    _refuse_generators(function)
    name = getattr(function, "__name__", type(function).__name__)
    options = options or Options()
    max_nodes = options.max_nodes if max_nodes is None else max_nodes
    recorder = Recorder(options=options)
    leaves, in_tree = flatten((args, kwargs))
    with enter(Trace(name, None, recorder, max_nodes)) as running:
        recorder.trace = running
        given = _inputs(recorder, leaves, _argument_paths(function, args, kwargs))
        traced_args, traced_kwargs = unflatten(in_tree, given)
        held = Given(_named(function, traced_args, traced_kwargs))
        result = _run_alone(recorder, function, traced_args, traced_kwargs)
        held.check(name, result, _definition(function))
        results, out_tree, outputs = _results(function, result)
        written = _written(recorder, outputs)
        running.graph.outputs = [value.id for value in outputs]
        arrays = [(i, x) for i, x in enumerate(leaves) if isinstance(x, np.ndarray) and x.ndim > 1]
        decided = recorder.guard_layouts([(leaf, static_reader(i)) for i, leaf in arrays])
    return Recording(
        name=name,
        graph=running.graph,
        inputs=tuple(_inputs_of(running.graph, recorder, given)),
        in_tree=in_tree,
        out_tree=out_tree,
        results=results,
        written=written,
        guards=tuple(recorder.guards.values()),
        span=_definition(function),
        choices=tuple(recorder.choices.items()),
        touched=recorder.touched_inputs(),
        strides=tuple((i, leaf.strides) for i, leaf in arrays if decided),
    )


def _run_alone(recorder: Recorder, function: Any, args: Any, kwargs: Any) -> Any:
    """Call the function, and leave nothing of the recording in objects from outside."""
    try:
        result = _run(function, args, kwargs)
    finally:
        left = recorder.outside.settle(recorder.handle_of, _definition(function))
    if left is not None:
        raise left
    return result


def _run(function: Any, args: Any, kwargs: Any) -> Any:
    """Call the function; an error of gradc that NumPy covered up with its own comes first."""
    written = function.__func__ if isinstance(function, MethodType) else function
    if isinstance(written, FunctionType) and not is_rewritten(written):
        running_recorder().outside.enter_function(written, known=True)
    try:
        return call_function(function, *args, **kwargs)
    except (TypeError, ValueError) as error:
        cause: BaseException | None = error
        while cause is not None and not isinstance(cause, GradcError):
            cause = cause.__cause__ or cause.__context__
        if cause is None or isinstance(error, GradcError):
            raise
        raise cause from None


def _refuse_generators(function: Any) -> None:
    if inspect.isgeneratorfunction(function) or inspect.iscoroutinefunction(function):
        raise UnsupportedError(
            f"{function.__name__} is a generator or a coroutine and has no single result",
            span=_definition(function),
            repair="return an array or a tuple of arrays",
        )


def _definition(function: Any) -> Span | None:
    if isinstance(function, MethodType):
        function = function.__func__
    return definition_span(function) if isinstance(function, FunctionType) else None


def _inputs(recorder: Recorder, leaves: Sequence[Any], paths: Sequence[str]) -> list[Any]:
    given: list[Any] = []
    for i, (leaf, path) in enumerate(zip(leaves, paths, strict=True)):
        if is_traced_leaf(leaf):
            kind = leaf_type(leaf, path)
            given.append(recorder.add_input("argument", i, path, kind, _leaf_kind(leaf)))
            given[-1]._layout = layout.given(leaf) if isinstance(leaf, np.ndarray) else None
            continue
        if isinstance(leaf, complex):
            leaf_type(leaf, path)
        if not isinstance(leaf, int | str | bytes):
            recorder.adopt_argument(leaf, static_reader(i), path)
        given.append(leaf)
    return given


def _inputs_of(graph: Graph, recorder: Recorder, given: Sequence[Any]) -> Iterator[Input]:
    for id, (role, what) in zip(graph.inputs, recorder.inputs, strict=True):
        node = graph[id]
        name, kind = node.params["name"], Kind.ARRAY
        if role == "argument":
            yield Input(name, node.type, role, given[what]._kind, leaf=what)
        elif role == "hidden":
            yield Input(name, node.type, role, kind, hidden=what)
        else:
            yield Input(name, node.type, role, kind, draw=what)


def _results(function: Any, result: Any) -> tuple[tuple[ResultLeaf, ...], TreeDef, list[Value]]:
    leaves, tree = flatten(result)
    found: list[ResultLeaf] = []
    outputs: list[Value] = []
    for leaf in leaves:
        if isinstance(leaf, Unsized):
            leaf.refuse("returned", leaf.span)
        if isinstance(leaf, np.ndarray):
            leaf = running_recorder().array(leaf)
        if isinstance(leaf, Tracer) and not is_concrete(leaf):
            found.append(ResultLeaf(len(outputs), leaf._kind))
            outputs.append(read(leaf))
        else:
            _refuse_hidden(function, leaf)
            known = (
                leaf._value.copy() if isinstance(leaf, Tracer) and leaf._value is not None else leaf
            )
            found.append(ResultLeaf(-1, Kind.ARRAY, known))
    return tuple(found), tree, outputs


def _refuse_hidden(function: Any, leaf: Any) -> None:
    """Refuse an object in a result that holds traced values: no other call would fill it."""
    left = None if isinstance(leaf, Tracer) else traced_in(leaf)
    if left is not None and not is_concrete(left):
        raise TraceError(
            f"{getattr(function, '__name__', 'the function')} returns a traced value inside an "
            f"object of type {type(leaf).__name__}",
            span=_definition(function),
            operands=[describe(left)],
            repair="return arrays in tuples, lists, dicts, named tuples or dataclasses, and make "
            "the object of them outside",
        )


def _written(recorder: Recorder, outputs: list[Value]) -> tuple[Written, ...]:
    written: list[Written] = []
    for position, handle in enumerate(recorder.handles):
        if handle._version and _is_new(recorder, position):
            written.append(Written(position, len(outputs)))
            outputs.append(read(handle))
    return tuple(written)


def _is_new(recorder: Recorder, position: int) -> bool:
    """Tell whether an input that was written holds anything but itself in the end."""
    graph = current().graph
    return read(recorder.handles[position]).id != graph.inputs[position]


# functions under a transform


@dataclass(frozen=True, slots=True)
class Subgraph:
    """A function recorded inside another one.

    Parameters
    ----------
    graph : Graph
        Its inputs are first one for each leaf handed to ``subtrace``, then one for each capture.
    captures : tuple of Value
        Values of the trace around it, in the order of the inputs that stand for them.
    out_tree : TreeDef
        The tree of the result.
    results : tuple of ResultLeaf
        The leaves of the result.
    """

    graph: Graph
    captures: tuple[Value, ...]
    out_tree: TreeDef
    results: tuple[ResultLeaf, ...]

    def assemble(self, values: Sequence[Value]) -> Any:
        """Wrap values of the running trace, one for each output, as the function's result."""
        leaves = [
            leaf.static if leaf.output < 0 else wrap(values[leaf.output], leaf.kind)
            for leaf in self.results
        ]
        return unflatten(self.out_tree, leaves)


def subtrace(
    function: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any] | None = None,
    *,
    many: bool = False,
    trial: bool = False,
) -> Subgraph:
    """Record a function on fresh inputs of the types of the given leaves, inside a running trace.

    Every tracer, array, NumPy scalar and Python float among the leaves of ``(args, kwargs)``
    becomes an input, in order.  Nothing is added to the graph around it, except what captures need.
    ``many`` refuses writes into anything from outside; a ``trial`` may make them, and they are
    taken back.
    """
    kwargs = dict(kwargs or {})
    _refuse_generators(function)
    outer = current()
    name = getattr(function, "__name__", type(function).__name__)
    leaves, tree = flatten((args, kwargs))
    paths = _argument_paths(function, args, kwargs)
    facts = outer.facts
    trace = Trace(name, outer, outer.recorder, outer.max_nodes, trial, facts, many)
    with enter(trace) as inner:
        given = [
            _inner_input(inner, leaf, path) if is_traced_leaf(leaf) else leaf
            for leaf, path in zip(leaves, paths, strict=True)
        ]
        inner_args, inner_kwargs = unflatten(tree, given)
        result = _run(function, inner_args, inner_kwargs)
        results, out_tree, outputs = _results(function, result)
        inner.graph.outputs = [value.id for value in outputs]
    outer.recorder.touch(leaves, given)
    captures = tuple(Value(outer.graph, id) for id in inner.captures)
    return Subgraph(inner.graph, captures, out_tree, results)


def _inner_input(inner: Trace, leaf: Any, path: str) -> Tracer:
    tracer = wrap(inner.graph.input(path, leaf_type(leaf, path)), _leaf_kind(leaf), inner)
    tracer._name = path
    if isinstance(leaf, Tracer) and leaf.ndim > 1:
        tracer._layout = layout_of(leaf)
    return tracer


def inline_call(graph: Graph, operands: Sequence[Any]) -> list[Value]:
    """Copy a graph into the running trace, its inputs replaced by operands; return its outputs.

    Operands are tracers, numbers or values of the running trace's graph.
    """
    trace = current()
    trace.mark()
    values = [x if isinstance(x, Value) else value_of(x) for x in operands]
    for value in values:
        if value.graph is not trace.graph:
            fail(TraceError, "an operand belongs to another trace", repair="pass tracers")
    return inline(graph, trace.graph, values)
