"""Slices that start at an integer known only when the code runs, and whose length is known.

``x[k : k + 3]`` is a view like any other: three elements wherever ``k`` says.  Start and stop are
compared as linear expressions; what differs by more than a number has no known length and is
refused.  A window that does not lie inside the axis, which Python would cut short, is an index out
of bounds when the code runs.
"""

from typing import Any, NamedTuple, NoReturn

import numpy as np

from gradc.capture.context import fail
from gradc.capture.convert import cast_to, value_of
from gradc.capture.dispatch import apply
from gradc.capture.layout import Layout, indexed
from gradc.capture.mutation import make_view, read, write
from gradc.capture.positions import Position, is_position, tracer_of
from gradc.capture.tracer import Kind, Tracer, describe, is_concrete, wrap
from gradc.errors import IndexBoundsError, TraceError
from gradc.ir import INT64, Array, Dim, IndexSpec, Shape, Slice, Value, op_named
from gradc.records import dataclass

__all__ = ["LENGTH", "REPAIR", "has_unknown_length", "windowed"]

LENGTH = "the length of the slice is known only when the code runs"
REPAIR = (
    "slice x[k : k + 3] with a length that is known, select with a mask "
    "(np.where(np.arange(n) < k, x, 0)), or pass the limit as a Python int"
)
"""What to say of a slice that is put to a use that needs its length."""

_DEPTH = 200
_STEP = "give the step as a Python int"


class Window(NamedTuple):
    """``start : start + length`` with a start known only when the code runs."""

    start: Tracer
    length: int


@dataclass(frozen=True, slots=True)
class Through:
    """The step from an array to a window of it along one axis."""

    spec: IndexSpec
    places: Tracer

    def get(self, base: Value) -> Value:
        """Read the part."""
        return op_named("index")(base, read(self.places), spec=self.spec)

    def put(self, base: Value, value: Value) -> Value:
        """Return the base with the part replaced."""
        return op_named("index_put")(base, value, read(self.places), spec=self.spec)

    def layout(self, base: Layout, shape: Shape) -> Layout:
        """Return the layout of the view: that of a slice of this length."""
        part = Slice(0, self.places.size)
        plain = [part if isinstance(item, Array) else item for item in self.spec]
        return indexed(base, shape, tuple(plain))


def windowed(x: Tracer, index: Any) -> tuple[Tracer, Any]:
    """Take the windows out of a subscript: a view through them, and what is left to index."""
    parts = list(index) if type(index) is tuple else [index]
    for k, part in enumerate(parts):
        window = window_of(part)
        if window is not None:
            x = _view(x, window, _axis_of(parts, k, x.ndim))
            parts[k] = slice(None)
    return x, tuple(parts)


def _axis_of(parts: list[Any], k: int, rank: int) -> int:
    """Return the axis that a part of a subscript stands for."""
    if any(part is ... for part in parts[:k]):
        return rank - sum(map(_axes, parts[k:]))
    return sum(map(_axes, parts[:k]))


def _axes(part: Any) -> int:
    if part is None or part is ...:
        return 0
    is_mask = getattr(getattr(part, "dtype", None), "kind", "") == "b"
    return part.ndim if is_mask else 1


def _view(x: Tracer, window: Window, axis: int) -> Tracer:
    if axis >= x.ndim:
        fail(IndexBoundsError, f"too many indices: the array has {x.ndim} dimensions")
    if is_concrete(x):
        write(x, read(x))
    whole = [Slice(0, n) for n in x._type.shape]
    spec: IndexSpec = (*whole[:axis], Array(0), *whole[axis + 1 :])
    return make_view(x, Through(spec, positions_of(window, x._type.shape[axis])))


def is_late(x: Any) -> bool:
    """Tell whether a limit of a slice is known only when the code runs."""
    return isinstance(x, Tracer) and not is_concrete(x)


def window_of(part: Any) -> Window | None:
    """Return the window that a part of a subscript is, None when its limits are known."""
    if not isinstance(part, slice):
        return None
    limits = (part.start, part.stop, part.step)
    late = [x for x in limits if is_late(x)]
    if not late:
        return None
    for x in late:
        if x.ndim or x.dtype.kind not in "iu":
            _refuse(f"a slice takes integers, not {x._type}", x, "convert it with int(...)")
    if is_late(part.step):
        _refuse("the step of the slice is known only when the code runs", part.step, _STEP)
    if part.start is None or part.stop is None or part.step not in (None, 1):
        _refuse(LENGTH, late[0])
    length = _distance(_as_value(part.start), _as_value(part.stop))
    if length is None:
        _refuse(LENGTH, late[0])
    return Window(wrap(_as_value(part.start), Kind.PYTHON), max(length, 0))


def has_unknown_length(part: Any) -> bool:
    """Tell whether it is a slice with a limit of data, which is not a window; its step is 1."""
    if not isinstance(part, slice) or is_late(part.step) or part.step not in (None, 1):
        return False
    limits = [x for x in (part.start, part.stop) if x is not None]
    late = [x for x in limits if is_late(x)]
    if not late or any(x.ndim or x.dtype.kind not in "iu" for x in late):
        return False
    return len(limits) == 1 or _distance(*map(_as_value, limits)) is None


def _refuse(headline: str, x: Tracer, repair: str | None = None) -> NoReturn:
    fail(
        TraceError,
        headline,
        operands=[describe(x)],
        repair=repair or REPAIR,
    )


def _as_value(x: Any) -> Value:
    if is_position(x):
        x = tracer_of(x.dim)
    return cast_to(read(x), INT64) if isinstance(x, Tracer) else value_of(int(x), INT64)


def positions_of(window: Window, extent: Dim) -> Tracer:
    """Return the positions of the elements; none of them is valid when the window sticks out.

    A start below zero would count from the end, and there is no telling how many elements Python
    would find: it is moved beyond the end, where the check of the index finds it.
    """
    end = Position(extent) if not isinstance(extent, int) else extent
    inside = apply(np.greater_equal, (window.start, 0), {})
    start = apply(np.where, (inside, window.start, end), {})
    places = apply(np.add, (start, np.arange(window.length)), {})
    return wrap(cast_to(read(places), INT64), Kind.SCALAR)


# linear expressions


def _distance(start: Value, stop: Value) -> int | None:
    """Return ``stop - start`` when it is the same number in every run."""
    first, last = _linear(start, _DEPTH), _linear(stop, _DEPTH)
    if first is None or last is None:
        return None
    gap = _combined(last, first, -1)
    number = gap.pop(None, 0)
    return None if any(gap.values()) else number


_Form = dict[int | None, int]
"""Node -> its factor; ``None`` -> the constant."""


def _combined(a: _Form, b: _Form, factor: int) -> _Form:
    return {key: a.get(key, 0) + factor * b.get(key, 0) for key in a.keys() | b.keys()}


def _linear(value: Value, depth: int) -> _Form | None:
    if depth == 0:
        return None
    node = value.graph.nodes[value.id]
    operands = [Value(value.graph, id) for id in node.operands]
    if node.op.name == "constant":
        number = node.params["value"].array
        return {None: int(number)} if number.dtype.kind in "iu" and not number.shape else None
    if node.op.name in ("add", "subtract"):
        parts = [_linear(x, depth - 1) for x in operands]
        if parts[0] is None or parts[1] is None:
            return None
        return _combined(parts[0], parts[1], 1 if node.op.name == "add" else -1)
    if node.op.name == "multiply":
        return _scaled(operands, depth)
    if node.op.name == "cast" and operands[0].dtype.kind == "i" and operands[0].dtype.itemsize > 2:
        return _linear(operands[0], depth - 1)
    return {value.id: 1}


def _scaled(operands: list[Value], depth: int) -> _Form | None:
    parts = [_linear(x, depth - 1) for x in operands]
    for part, other in (parts, parts[::-1]):
        if part is not None and other is not None and not part.keys() - {None}:
            return {key: part.get(None, 0) * factor for key, factor in other.items()}
    return None
