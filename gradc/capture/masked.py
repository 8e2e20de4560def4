"""Elements under a mask whose values are traced: ``x[mask]`` without knowing how many there are.

``x[mask]`` stands for the whole of ``x`` with the promise to look only where the mask is True, so
that ``x[mask] += 1`` and ``x[mask] = np.sin(y[mask])`` become selections.
"""

from typing import Any, NoReturn

import numpy as np

from gradc.capture.context import fail
from gradc.capture.convert import as_handle, cast_to, value_of
from gradc.capture.dispatch import apply
from gradc.capture.mutation import read, write
from gradc.capture.tracer import Kind, Tracer, describe, static, wrap
from gradc.capture.unsized import Unsized
from gradc.errors import ShapeError, UnsupportedError
from gradc.ir import INT64, Array, At, Shape, Slice, Value, op_named
from gradc.spans import Span, caller_span

__all__ = ["Masked", "masked_assign", "masked_read"]

_REPAIR = (
    "use np.where(mask, a, b), or reductions with where=mask: how many elements there are is not "
    "known while the function is recorded"
)


class Masked(Unsized):
    """The elements of ``full`` where ``mask`` is True; the mask spans all but ``rest`` axes.

    After ``lead`` full slices, as in ``x[:, mask]``, the axes of the mask stand first in ``full``,
    and nothing but a number can be combined with the elements.
    """

    __slots__ = ("full", "lead", "mask", "rest")
    what = "elements under a traced mask"

    def __init__(self, full: Tracer, mask: Value, rest: int = 0, lead: int = 0) -> None:
        super().__init__()
        self.full = full
        self.mask = mask
        self.rest = rest
        self.lead = lead

    def refuse(self, what: str, span: Span | None = None) -> NoReturn:
        """Raise the error for a use that needs the number of elements."""
        raise UnsupportedError(
            f"elements under a traced mask cannot be {what}",
            span=span or caller_span(),
            operands=[describe(self.full)],
            repair=_REPAIR,
        )

    def reduced(self, function: Any, *args: Any) -> Any:
        """Reduce the elements to one number."""
        if function is np.dot:
            self.refuse("multiplied as matrices")
        if function in _REDUCTIONS and len(args) == 1:
            return apply(function, (self.full,), {"where": wrap(self.mask, Kind.ARRAY)})
        self.refuse(f"handed to {getattr(function, '__name__', 'this function')}")

    def elementwise(self, ufunc: Any, *inputs: Any) -> "Masked":
        """Apply a function to each element."""
        whole = [self._whole(x) for x in inputs]
        return Masked(apply(Tracer.operate, (ufunc, *whole), {}), self.mask, self.rest, self.lead)

    def is_like(self, mask: Value, lead: int) -> bool:
        """Tell whether elements under a mask stand where these stand."""
        return self.mask == mask and self.lead == lead

    def _whole(self, x: Any) -> Any:
        if isinstance(x, Masked):
            if not self.is_like(x.mask, x.lead):
                self.refuse("combined with elements under another mask")
            return x.full
        if isinstance(x, list | tuple) or getattr(x, "ndim", 0) > self.rest:
            self.refuse("combined with an array")
        return x


_REDUCTIONS = (np.sum, np.prod, np.mean, np.var, np.std, np.any, np.all)
"""What is the same of the elements under a mask and of all elements with ``where=mask``."""


def _install_reductions() -> None:
    for function in _REDUCTIONS:
        setattr(Masked, function.__name__, lambda self, f=function: self.reduced(f, self))


_install_reductions()


def masked_read(x: Tracer, mask: Tracer, lead: int = 0) -> Masked:
    """``x[mask]``, or ``x[:, mask]`` after so many full slices."""
    x = _mask_first(x, mask, lead)
    whole = _whole_mask(x, mask)
    return Masked(wrap(read(x), Kind.ARRAY), whole, 0 if lead else x.ndim - mask.ndim, lead)


def masked_assign(x: Tracer, mask: Tracer, value: Any, lead: int = 0) -> None:
    """``x[mask] = value``, or ``x[:, mask] = value``."""
    x = _mask_first(x, mask, lead)
    whole = _whole_mask(x, mask)
    if isinstance(value, Masked):
        if not value.is_like(whole, lead):
            value.refuse("assigned under another mask")
        new = value_of(value.full)
    else:
        new = value_of(as_handle(value))
        if lead and any(n != 1 for n in new.shape):
            Masked(x, whole).refuse("assigned an array behind a full slice")
        new = _spread(new, x.shape, mask.ndim, read(mask))
    new = cast_to(new, x.dtype).broadcast_to(x.shape)
    write(x, op_named("select")(whole, new, read(x)))


def _mask_first(x: Tracer, mask: Tracer, lead: int) -> Tracer:
    """Return a view of an array whose first axes are those of the mask."""
    if not lead:
        return x
    axes = list(range(x.ndim))
    behind = lead + mask.ndim
    order = (*axes[lead:behind], *axes[:lead], *axes[behind:])
    view: Tracer = x.transpose(order)
    return view


def _whole_mask(x: Tracer, mask: Tracer) -> Value:
    if mask.shape != x.shape[: mask.ndim]:
        raise IndexError(f"boolean index of shape {mask.shape} does not match array {x.shape}")
    value = read(mask)
    trailing = x.ndim - mask.ndim
    return value.reshape((*value.shape, *[1] * trailing)).broadcast_to(x.shape)


def _spread(value: Value, shape: Shape, rank: int, mask: Value) -> Value:
    """Lay out what is assigned: one value for all, or one row for each True element in order."""
    trailing = shape[rank:]
    extra = len(value.shape) - len(trailing)
    if extra > 0 and all(n == 1 for n in value.shape[:extra]):
        value = value.reshape(value.shape[extra:])
        extra = 0
    if any(a not in (1, b) for a, b in zip(value.shape[::-1], trailing[::-1], strict=False)):
        fail(ShapeError, f"could not broadcast {value.shape} into rows of shape {trailing}")
    return _dealt(value, shape, rank, mask) if extra == 1 else value


def _dealt(rows: Value, shape: Shape, rank: int, mask: Value) -> Value:
    """Give the k-th True element the k-th row: its number is a running sum of the mask.

    NumPy refuses another number of rows than of True elements, so then all positions are outside.
    """
    count = rows.shape[0]
    op, flat = op_named, mask.reshape((mask.size,))
    number = op("cumsum")(flat.cast(INT64), axis=0, reverse=False)
    total = op("index")(number, spec=(At(mask.size - 1),)).broadcast_to(number.shape)
    place = op("maximum")(op("subtract")(number, 1), number.full_like(0))
    outside = number.full_like(static(count))
    place = op("select")(op("equal")(total, outside), place, outside)
    spec = (Array(0), *[Slice(0, n) for n in rows.shape[1:]])
    dealt = op_named("index")(rows, place, spec=spec)
    wide = dealt.broadcast_to((mask.size, *shape[rank:]))
    return wide.reshape((*shape[:rank], *shape[rank:]))
