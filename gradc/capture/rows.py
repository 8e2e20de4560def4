"""Lists whose elements are the rows of an array, one after the other.

A loop that appends writes rows; the list then holds handles that are made now and read when
somebody asks.  Whoever makes an array of such a list gets the array, not its rows joined again.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from gradc.capture.context import current
from gradc.capture.mutation import Pick, make_view, read
from gradc.capture.tracer import Kind, Tracer, View, is_concrete, static, wrap
from gradc.ir import ArrayType, At, Slice

__all__ = [
    "Run",
    "columns_of",
    "element",
    "joined_rows",
    "pack",
    "row",
    "runs",
    "unpack",
    "whole_run",
]


class Run(NamedTuple):
    """Rows of an array that stand one after the other.

    Parameters
    ----------
    base : Tracer
    start, stop : int
    kind : Kind
        What the rows are.
    """

    base: Tracer
    start: int
    stop: int
    kind: Kind

    @property
    def is_whole(self) -> bool:
        """Whether these are all rows of the array."""
        return self.start == 0 and self.stop == self.base._type.shape[0]

    def array(self) -> Tracer:
        """Return the part of the array, or the array itself."""
        if self.is_whole:
            return self.base
        rest = tuple(Slice(0, n) for n in self.base._type.shape[1:])
        spec = (Slice(self.start, self.stop - self.start), *rest)
        return make_view(self.base, Pick(spec, (slice(self.start, self.stop),)))


def row(base: Tracer, place: int, kind: Kind) -> Tracer:
    """Return a handle on one row, which is read when somebody asks for it.

    Parameters
    ----------
    base : Tracer
        An array, which nobody writes into where ``kind`` is not that of arrays.
    place : int
    kind : Kind
    """
    shape = base._type.shape[1:]
    handle = object.__new__(Tracer)
    handle._trace, handle._home, handle._id = None, current(), -1
    handle._type, handle._kind = ArrayType(base._type.dtype, shape), kind
    handle._value, handle._version = None, 0
    handle._layout, handle._name, handle._undecided = None, None, False
    step = Pick((At(place), *(Slice(0, n) for n in shape)), (place,))
    handle._view = View(base, step, kind is Kind.ARRAY)
    handle._view.seen = -1
    return handle


def _place_of(x: Any) -> tuple[Tracer, int] | None:
    """Return of which array it is a row, and which one."""
    if not isinstance(x, Tracer) or x._view is None or is_concrete(x):
        return None
    step, base = x._view.step, x._view.base
    if not isinstance(step, Pick) or step.arrays or len(step.spec) != base.ndim:
        return None
    first, *rest = step.spec
    if not isinstance(first, At) or not isinstance(first.position, int):
        return None
    whole = [Slice(0, n) for n in base._type.shape[1:]]
    return (base, first.position) if rest == whole else None


def runs(items: Sequence[Any]) -> Iterator[Any]:
    """Yield the items, with rows that stand one after the other as a ``Run`` (of two at least)."""
    k = 0
    while k < len(items):
        stop = _end_of_run(items, k)
        if stop - k < 2:
            yield items[k]
            k += 1
            continue
        base, start = _place_of(items[k]) or (items[k], 0)
        yield Run(base, start, start + stop - k, items[k]._kind)
        k = stop


def _end_of_run(items: Sequence[Any], k: int) -> int:
    found = _place_of(items[k])
    if found is None:
        return k
    base, start = found
    stop = k + 1
    while stop < len(items):
        other = _place_of(items[stop])
        if other is None or other[0] is not base or other[1] != start + stop - k:
            break
        if items[stop]._kind is not items[k]._kind:
            break
        stop += 1
    return stop


def joined_rows(items: Sequence[Any]) -> list[Any]:
    """Return items and arrays of which the leading axes, made one, hold the items."""
    parts: list[Any] = list(items)
    while True:
        found = [part.array() if isinstance(part, Run) else part for part in runs(parts)]
        if len(found) == len(parts):
            return found
        parts = found


def columns_of(items: Any) -> list[Tracer]:
    """Return the columns of a list of pairs, say, where each is the rows of an array."""
    if type(items) is not list or len(items) < 2 or type(items[0]) not in (list, tuple):
        return []
    width = len(items[0])
    if width < 2 or any(type(i) not in (list, tuple) or len(i) != width for i in items):
        return []
    found = [whole_run([item[k] for item in items]) for k in range(width)]
    arrays = [run.array() for run in found if run is not None]
    shapes = {array._type.shape for array in arrays}
    return arrays if len(arrays) == width and len(shapes) == 1 else []


def whole_run(items: Any) -> Run | None:
    """Return what rows a list holds, where it holds nothing else."""
    if type(items) is not list or len(items) < 2 or _place_of(items[0]) is None:
        return None
    found = list(runs(items))
    return found[0] if len(found) == 1 and isinstance(found[0], Run) else None


def element(run: Run, turn: Any) -> Any:
    """Return one of the rows; ``turn`` is a position or a traced number."""
    found = run.array()[turn]
    return found if found._kind is run.kind else wrap(read(found), run.kind)


class Packed(NamedTuple):
    """A list of the rows of an array, as one leaf."""

    array: Any
    kind: Any


def pack(x: Any) -> Any:
    """Return a value with its lists of rows as one array each."""
    run = whole_run(x)
    if run is not None:
        inner = run.array()
        return Packed(inner if run.kind is Kind.ARRAY else wrap(read(inner), Kind.ARRAY), run.kind)
    if type(x) in (list, tuple):
        return type(x)(map(pack, x))
    return x


def unpack(x: Any) -> Any:
    """Return a value with lists of rows again."""
    if isinstance(x, Packed):
        return [row(x.array, k, x.kind) for k in range(static(x.array._type.shape[0]))]
    if type(x) in (list, tuple):
        return type(x)(map(unpack, x))
    return x
