"""Index specifications as subscript text."""

from collections.abc import Sequence

from gradc.ir import Array, At, Dim, IndexSpec, NewAxis, Shape, Slice

__all__ = ["is_basic", "subscript"]


def is_basic(spec: IndexSpec) -> bool:
    """Tell whether the index holds no arrays: it makes a view and names no element twice."""
    return not any(isinstance(item, Array) for item in spec)


def subscript(spec: IndexSpec, shape: Shape, arrays: Sequence[str]) -> str:
    """Return what stands between the brackets of ``x[...]``.

    Parameters
    ----------
    spec : tuple of index items
        One item for each axis of `x` that is named, and for each new axis.
    shape : tuple of Dim
        The shape of `x`.
    arrays : sequence of str
        Text of the index arrays, by slot.
    """
    texts, axis = [], 0
    for item in spec:
        if isinstance(item, NewAxis):
            texts.append("None")
            continue
        texts.append(_item(item, shape[axis], arrays))
        axis += 1
    while len(texts) > 1 and texts[-1] == ":":
        texts.pop()
    return ", ".join(texts) or "..."


def _item(item: Slice | At | Array, extent: Dim, arrays: Sequence[str]) -> str:
    if isinstance(item, At):
        return str(item.position)
    return arrays[item.slot] if isinstance(item, Array) else _slice(item, extent)


def _slice(item: Slice, extent: Dim) -> str:
    if item.length == 0:
        return "0:0"
    last = item.start + (item.length - 1) * item.step
    if item.step < 0:
        return f"{item.start}:{'' if last == 0 else last - 1}:{item.step}"
    first = "" if item.start == 0 else str(item.start)
    stop = "" if _reaches(last + item.step, extent) else str(last + 1)
    return f"{first}:{stop}" + (f":{item.step}" if item.step != 1 else "")


def _reaches(following: Dim, extent: Dim) -> bool:
    """Tell whether the next element would lie outside the axis."""
    if isinstance(following, int) and isinstance(extent, int):
        return following >= extent
    return following == extent
