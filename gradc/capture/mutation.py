"""Reading and writing handles with NumPy's meaning of views and aliases.

A view keeps its base and a step between them.  Reading re-derives it when the root has been written
since; writing makes a new value of the base, and so on up to the root, whose write count tells all
other views that they are out of date.  The graph itself stays pure.
"""

from typing import Any, NoReturn

import numpy as np

from gradc.capture import layout
from gradc.capture.constants import constant
from gradc.capture.context import GONE, Trace, current, fail
from gradc.capture.layout import UNKNOWN, Layout
from gradc.capture.tracer import Kind, Tracer, View, describe, make_concrete, wrap
from gradc.errors import TraceError, UnsupportedError
from gradc.ir import Array, IndexSpec, Shape, Slice, Value, op_named
from gradc.records import dataclass

__all__ = [
    "Broadcast",
    "Diagonal",
    "Permute",
    "Pick",
    "Reshape",
    "carry",
    "layout_of",
    "leave_undecided",
    "make_view",
    "read",
    "settle",
    "write",
    "write_concrete",
]


# the steps from a base to its view


@dataclass(frozen=True, slots=True)
class Pick:
    """Basic indexing; ``key`` is the same index for a concrete array.

    ``arrays`` holds traced positions (0-d), as in the row ``x[i]``.
    """

    spec: IndexSpec
    key: Any
    arrays: tuple[Tracer, ...] = ()

    def get(self, base: Value) -> Value:
        """Read the part."""
        return op_named("index")(base, *map(read, self.arrays), spec=self.spec)

    def put(self, base: Value, value: Value) -> Value:
        """Return the base with the part replaced."""
        return op_named("index_put")(base, value, *map(read, self.arrays), spec=self.spec)

    def concrete(self, base: np.ndarray) -> np.ndarray:
        """Apply the step to an array."""
        return base[self.key]  # type: ignore[no-any-return]

    def layout(self, base: Layout, shape: Shape) -> Layout:
        """Return the layout of the view."""
        return layout.indexed(base, shape, self.spec)


@dataclass(frozen=True, slots=True)
class Permute:
    """Transposition."""

    axes: tuple[int, ...]

    def get(self, base: Value) -> Value:
        """Permute."""
        return base.transpose(self.axes)

    def put(self, base: Value, value: Value) -> Value:
        """Permute back."""
        return value.transpose(tuple(int(a) for a in np.argsort(self.axes)))

    def concrete(self, base: np.ndarray) -> np.ndarray:
        """Apply the step to an array."""
        return base.transpose(self.axes)

    def layout(self, base: Layout, shape: Shape) -> Layout:
        """Return the layout of the view."""
        return layout.transposed(base, shape, self.axes)


@dataclass(frozen=True, slots=True)
class Reshape:
    """Another shape over the same memory; ``result`` is the layout that comes out."""

    shape: Shape
    result: Layout

    def get(self, base: Value) -> Value:
        """Reshape."""
        return base.reshape(self.shape)

    def put(self, base: Value, value: Value) -> Value:
        """Reshape back."""
        return value.reshape(base.shape)

    def concrete(self, base: np.ndarray) -> np.ndarray:
        """Apply the step to an array."""
        return base.reshape(self.shape)  # type: ignore[arg-type]

    def layout(self, base: Layout, shape: Shape) -> Layout:
        """Return the layout of the view."""
        return self.result


@dataclass(frozen=True, slots=True)
class Diagonal:
    """The diagonal of the first two axes; such a view cannot be written."""

    offset: int

    def get(self, base: Value) -> Value:
        """Pick the diagonal."""
        rows, columns = base.type.extents[:2]
        below, above = -min(self.offset, 0), max(self.offset, 0)
        steps = np.arange(max(0, min(rows - below, columns - above)))
        whole = tuple(Slice(0, n) for n in base.shape[2:])
        places = (constant(steps + below), constant(steps + above))
        return op_named("index")(base, *places, spec=(Array(0), Array(1), *whole))

    def concrete(self, base: np.ndarray) -> np.ndarray:
        """Apply the step to an array."""
        return np.moveaxis(np.diagonal(base, self.offset), -1, 0)

    def layout(self, base: Layout, shape: Shape) -> Layout:
        """Return the layout of the view: not followed further."""
        return UNKNOWN


@dataclass(frozen=True, slots=True)
class Broadcast:
    """Repetition without copying; such a view cannot be written."""

    shape: Shape

    def get(self, base: Value) -> Value:
        """Repeat."""
        return base.broadcast_to(self.shape)

    def concrete(self, base: np.ndarray) -> np.ndarray:
        """Apply the step to an array."""
        return np.broadcast_to(base, self.shape)  # type: ignore[arg-type]

    def layout(self, base: Layout, shape: Shape) -> Layout:
        """Return the layout of the view: strides of 0 are never contiguous."""
        return UNKNOWN


def make_view(base: Tracer, step: Any, writable: bool = True) -> Tracer:
    """Return a view of ``base`` through one step."""
    view = View(base, step, writable)
    if view.root._value is not None:
        assert base._value is not None
        tracer = make_concrete(step.concrete(base._value))
    else:
        tracer = wrap(step.get(read(base)), Kind.ARRAY)
    tracer._view = view
    tracer._undecided = base._undecided
    return tracer


def layout_of(tracer: Tracer) -> Layout:
    """Return the layout NumPy would give the array."""
    chain = []
    while tracer._view is not None and tracer._layout is None:
        chain.append(tracer)
        tracer = tracer._view.base
    result, shape = tracer._layout, tracer._type.shape
    for tracer in reversed(chain):
        assert tracer._view is not None
        result = tracer._view.step.layout(result, shape)
        shape = tracer._type.shape
        tracer._layout = result
    return result


# reading


def read(tracer: Tracer) -> Value:
    """Return the current value of a handle in the current trace."""
    view = tracer._view
    if view is not None and _is_stale(view):
        _refresh(tracer)
    if tracer._value is not None:
        return constant(tracer._value)
    assert tracer._trace is not None
    trace = current()
    if tracer._trace is trace:
        return Value(trace.graph, tracer._id)
    return trace.value_of(tracer._trace, tracer._id)


def _is_stale(view: View) -> bool:
    """Tell whether the array that a view looks at has changed, or must not be looked at."""
    return view.seen != view.root._version or view.root._trace is GONE


def _refresh(tracer: Tracer) -> None:
    """Derive a view again, and the views it hangs on that are out of date."""
    chain: list[Tracer] = []
    while tracer._view is not None and _is_stale(tracer._view):
        chain.append(tracer)
        tracer = tracer._view.base
    for stale in reversed(chain):
        view = stale._view
        assert view is not None
        if view.root._value is None:
            _turn(stale, view.step.get(read(view.base)))
        elif stale._value is None:
            assert view.base._value is not None
            stale._value = view.step.concrete(view.base._value)
        view.seen = view.root._version


def _turn(tracer: Tracer, value: Value) -> None:
    trace = current()
    if trace.parent is not None:
        trace.save(tracer)
    tracer._value = None
    tracer._id = value.id
    tracer._trace = trace


def carry(root: Tracer, value: Value) -> None:
    """Turn a handle from outside to what it holds when a turn of a loop begins."""
    _turn(root, value)
    root._version += 1
    current().mutated[id(root)] = root


# writing


def write(tracer: Tracer, value: Value) -> None:
    """Give a handle a new value of its own type, with the effect on all its aliases."""
    _check_writable(tracer)
    trace = current()
    handle = tracer
    while handle._view is not None:
        view = handle._view
        base = read(view.base)
        _turn(handle, value)
        value = view.step.put(base, value)
        handle = view.base
    _check_owner(handle, trace)
    if trace.region and not trace.owns(handle):
        trace.mutated[id(handle)] = handle
    _turn(handle, value)
    handle._version += 1
    _freshen(tracer)
    if handle._name is not None:
        trace.graph.rename(value.id, handle._name)


def _freshen(tracer: Tracer) -> None:
    """Mark the views that were just written as up to date."""
    while tracer._view is not None:
        tracer._view.seen = tracer._view.root._version
        tracer = tracer._view.base


def write_concrete(tracer: Tracer, key: Any, value: Any) -> None:
    """Write a constant into a concrete handle, in place: its views share the memory."""
    _check_writable(tracer)
    assert tracer._value is not None
    root = tracer if tracer._view is None else tracer._view.root
    _check_many(root)
    tracer._value[key] = value
    root._version += 1


def _check_many(root: Tracer) -> None:
    """Refuse writes from under ``vmap``, which Python would make once for each element."""
    trace: Trace | None = current()
    while trace is not None and not trace.owns(root):
        if trace.many:
            _refuse_outside(root)
        trace = trace.parent


def leave_undecided(root: Tracer) -> None:
    """Note that another array may or may not share the memory of this one."""
    trace = current()
    if trace.parent is not None:
        trace.save(root)
    root._undecided = True


def settle(tracer: Tracer) -> None:
    """Before a write inside a loop or a branch: make a known array from outside a traced one."""
    trace = current()
    root = tracer if tracer._view is None else tracer._view.root
    if trace.region and root._value is not None and not trace.owns(root):
        write(root, read(root))


def _check_writable(tracer: Tracer) -> None:
    if tracer._kind is not Kind.ARRAY:
        raise TypeError("a NumPy scalar does not support assignment")
    if tracer._view is not None and not tracer._view.writable:
        raise ValueError("assignment destination is read-only")
    if tracer._undecided or (tracer._view is not None and tracer._view.root._undecided):
        fail(
            UnsupportedError,
            "it is not known while recording whether this write changes another array as well",
            operands=[describe(tracer)],
            repair="take a copy first, for instance with .copy(), and write into that",
        )


def _check_owner(root: Tracer, trace: Trace) -> None:
    """Refuse writes of a function under a transform into arrays of the function around it."""
    here: Trace | None = trace
    while here is not None and here.region and root._trace is not here:
        here = here.parent
    known = root._trace is None and (here is None or here.parent is None or here.owns(root))
    if root._trace is not here and not known:
        _refuse_outside(root)


def _refuse_outside(root: Tracer) -> NoReturn:
    fail(
        TraceError,
        "a function under a transform writes into an array of the function around it",
        operands=[describe(root)],
        repair="copy the array inside, or return the new value",
    )
