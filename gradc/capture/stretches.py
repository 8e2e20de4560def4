"""Slices whose length is known only when the code runs, as ``values[first[i] : first[i + 1]]``.

Such a stretch is not made: what is summed over it becomes a loop over its elements, and so does
what is written to it.  Functions go element by element, ``x[columns]`` looks each element up, and
two stretches belong together when their lengths are the same number of the graph.
"""

from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

from gradc.capture.conditional import NEXT
from gradc.capture.convert import cast_to, value_of
from gradc.capture.dispatch import apply
from gradc.capture.mutation import read
from gradc.capture.nested import for_loop
from gradc.capture.positions import is_position, tracer_of
from gradc.capture.tracer import Kind, Tracer, describe, is_concrete, wrap
from gradc.capture.turns import CountedLater
from gradc.capture.unsized import Unsized
from gradc.capture.windows import LENGTH, REPAIR, has_unknown_length
from gradc.errors import TraceError
from gradc.ir import INT64
from gradc.spans import Span

__all__ = ["Stretch", "looked_up", "put", "stretch_of"]

_At = Callable[[Any], Any]


class Stretch(Unsized):
    """So many elements, each of them made when a loop asks for it.

    Parameters
    ----------
    count : Tracer
        How many there are.
    dtype : numpy.dtype
    at : function
        From a number in a loop to the element.
    limit : Tracer
        The limit of the slice that is not known, for messages.
    part : (array, subscript function, identity), optional
        The array that it is a view of; writing into the stretch writes there.
    """

    __slots__ = ("at", "count", "dtype", "limit", "part")
    what = "a slice whose length is known only when the code runs"

    def __init__(
        self, count: Tracer, dtype: np.dtype, at: _At, limit: Tracer, part: Any = None
    ) -> None:
        super().__init__()
        self.count, self.dtype, self.at, self.limit, self.part = count, dtype, at, limit, part

    def refuse(self, what: str, span: Span | None = None) -> NoReturn:
        """Raise the error for a use that needs the length."""
        operands = [describe(self.limit)]
        raise TraceError(LENGTH, span=span or self.span, operands=operands, repair=REPAIR)

    def like(self, dtype: np.dtype, at: _At) -> "Stretch":
        """Return as many other elements."""
        made = Stretch(self.count, dtype, at, self.limit)
        made.span = self.span
        return made

    def now(self) -> "Stretch":
        """Return the elements as they are now: later writes into the array do not show."""
        if self.part is None:
            return self.like(self.dtype, self.at)
        array, key, _ = self.part
        kept = wrap(read(array), Kind.ARRAY)
        return self.like(self.dtype, lambda k: kept[key(k)])

    def elementwise(self, ufunc: Any, *inputs: Any) -> "Stretch":
        """Apply a function to each element, as it is now."""
        parts = [self._fitting(x) for x in inputs]
        samples = [np.ones(1, x.dtype) if hasattr(x, "dtype") else x for x in parts]
        with np.errstate(all="ignore"):
            dtype = ufunc(*samples).dtype

        def at(k: Any) -> Any:
            return _apply(ufunc, *[x.at(k) if isinstance(x, Stretch) else x for x in parts])

        return self.like(dtype, at)

    def _fitting(self, x: Any) -> Any:
        """Return an operand as it is now, if it goes with these elements."""
        if isinstance(x, Stretch):
            if _identity(x.count) != _identity(self.count):
                self.refuse("combined with another number of elements")
            return x.now()
        if isinstance(x, Unsized) or (not np.isscalar(x) and not isinstance(x, Tracer)):
            self.refuse("combined with an array")
        if isinstance(x, Tracer) and x.ndim:
            self.refuse("combined with an array")
        return wrap(read(x), x._kind) if isinstance(x, Tracer) else x

    def reduced(self, function: Any, *args: Any) -> Any:
        """Sum the elements, or products of two."""
        if function in (np.dot, np.vdot, np.inner) and len(args) == 2:
            if not all(isinstance(x, Stretch) for x in args):
                self.refuse("multiplied with an array")
            return self.elementwise(np.multiply, *args).reduced(np.sum, self)
        if function not in _REDUCTIONS or len(args) != 1 or self.dtype.kind not in "fi":
            self.refuse(f"handed to {getattr(function, '__name__', 'this function')}")
        if function is np.mean:
            return _apply(np.divide, self.reduced(np.sum, self), self.count)
        ufunc, start = _REDUCTIONS[function]
        return self._folded(ufunc, self.dtype.type(start))

    def _folded(self, ufunc: Any, total: Any) -> Any:
        at = self.at

        def body(k: Any) -> int:
            nonlocal total
            total = _apply(ufunc, total, at(k))
            return NEXT

        names = ("total",)
        for_loop(CountedLater(0, self.count, 1), body, names, names, names, "k")
        return total

    def updated(self, ufunc: Any, other: Any) -> "Stretch":
        """Change the elements, and with them the array that they are a view of."""
        new = self.elementwise(ufunc, self, other)
        if self.part is None:
            self.at, self.dtype = new.at, new.dtype
        else:
            array, key, _ = self.part
            _store(self.count, array, key, new)
        return self


_REDUCTIONS: dict[Any, tuple[Any, int]] = {
    np.sum: (np.add, 0),
    np.prod: (np.multiply, 1),
    np.mean: (np.add, 0),
}


def _install_methods() -> None:
    def update(ufunc: Any) -> Any:
        return lambda self, other: self.updated(ufunc, other)

    pairs = {"add": np.add, "sub": np.subtract, "mul": np.multiply, "truediv": np.divide}
    for name, ufunc in pairs.items():
        setattr(Stretch, f"__i{name}__", update(ufunc))
    for function in _REDUCTIONS:
        setattr(Stretch, function.__name__, lambda self, f=function: self.reduced(f, self))
    Stretch.dot = lambda self, other: self.reduced(np.dot, self, other)  # type: ignore[attr-defined]


_install_methods()


def _apply(ufunc: Any, *operands: Any) -> Any:
    return apply(Tracer.operate, (ufunc, *operands), {})


def _identity(x: Tracer) -> tuple[Any, int]:
    value = read(x)
    return value.graph, value.id


# subscripts


def stretch_of(x: Tracer, index: Any) -> Stretch | None:
    """Return the elements under a subscript with one slice of a length that is not known."""
    parts = index if type(index) is tuple else (index,)
    found = [k for k, part in enumerate(parts) if has_unknown_length(part)]
    if len(found) != 1 or len(parts) != x.ndim:
        return None
    axis = found[0]
    extent, part = x.shape[axis], parts[axis]
    others = [p for k, p in enumerate(parts) if k != axis]
    if not isinstance(extent, int) or not all(map(_is_place, others)):
        return None
    low, high = _inside(part.start, 0, extent), _inside(part.stop, extent, extent)
    count = apply(np.maximum, (_apply(np.subtract, high, low), 0), {})
    others = [_kept(p) for p in parts]

    def key(k: Any) -> Any:
        return tuple(_apply(np.add, k, low) if n == axis else p for n, p in enumerate(others))

    limit = part.start if isinstance(part.start, Tracer) else part.stop
    places = tuple(_name(p) for k, p in enumerate(others) if k != axis)
    same = (id(x), axis, places, _name(low), _name(high))
    return Stretch(_number(count), x.dtype, lambda k: x[key(k)], limit, (x, key, same))


def looked_up(x: Tracer, index: Any) -> Stretch | None:
    """Return the elements at the places that a stretch in the subscript holds."""
    found = _places(x, index)
    if found is None:
        return None
    places, key = found
    kept = wrap(read(x), Kind.ARRAY)
    return places.like(x.dtype, lambda k: kept[key(k)])


def put(x: Tracer, index: Any, value: Any) -> bool:
    """Write to the elements under such a subscript, if it is one; tell whether it was."""
    if isinstance(value, Stretch) and value.part is not None:
        there = stretch_of(x, index)
        if there is not None and there.part[2] == value.part[2]:
            return True  # the end of ``x[a:b] += v``: the array has been written already
    target = stretch_of(x, index)
    if target is not None:
        _store(target.count, x, target.part[1], target._fitting(value))
        return True
    found = _places(x, index)
    if found is not None:
        places, key = found
        _store(places.count, x, key, places._fitting(value))
        return True
    if isinstance(value, Stretch):
        value.refuse("assigned to another number of elements")
    return False


def _places(x: Tracer, index: Any) -> tuple[Stretch, _At] | None:
    """Return the stretch in a subscript, and the subscript of each element."""
    parts = index if type(index) is tuple else (index,)
    found = [k for k, part in enumerate(parts) if isinstance(part, Stretch)]
    if not found:
        return None
    places, axis = parts[found[0]].now(), found[0]
    others = [p for k, p in enumerate(parts) if k != axis]
    if len(parts) != x.ndim or not all(map(_is_place, others)) or places.dtype.kind not in "iu":
        places.refuse("used in this subscript")
    others = [_kept(p) for p in parts]

    def key(k: Any) -> Any:
        return tuple(places.at(k) if n == axis else p for n, p in enumerate(others))

    return places, key


def _store(count: Tracer, x: Tracer, key: _At, value: Any) -> None:
    """Write one element after the other."""

    def body(k: Any) -> int:
        x[key(k)] = value.at(k) if isinstance(value, Stretch) else value
        return NEXT

    for_loop(CountedLater(0, count, 1), body, (), (), (), "k")


def _is_place(part: Any) -> bool:
    """Tell whether a part of a subscript is one integer."""
    if isinstance(part, Tracer):
        return not part.ndim and part.dtype.kind in "iu"
    return is_position(part) or (isinstance(part, int | np.integer) and not isinstance(part, bool))


def _kept(part: Any) -> Any:
    """Return a part of a subscript as it is now."""
    late = isinstance(part, Tracer) and not is_concrete(part)
    return wrap(read(part), Kind.SCALAR) if late else part


def _name(part: Any) -> Any:
    """Return what tells one place from another."""
    if isinstance(part, Tracer):
        return _identity(part)
    return part.dim if is_position(part) else part


def _number(x: Any) -> Tracer:
    if is_position(x):
        x = tracer_of(x.dim)
    value = cast_to(read(x), INT64) if isinstance(x, Tracer) else value_of(int(x), INT64)
    return wrap(value, Kind.PYTHON)


def _inside(limit: Any, otherwise: int, extent: int) -> Any:
    """Count a limit from the end where it is negative, and keep it inside, as Python does."""
    if limit is None:
        return otherwise
    place = _number(limit)
    place = apply(np.where, (_apply(np.less, place, 0), _apply(np.add, place, extent), place), {})
    return apply(np.minimum, (apply(np.maximum, (place, 0), {}), extent), {})
