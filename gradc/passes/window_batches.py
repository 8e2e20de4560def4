"""Windows that move with the turns of a loop: a copy of all of them, and sums into all of them.

    x[:, i : i + 3]  for all i      ->      x[:, 0:n], x[:, 1 : n + 1], x[:, 2 : n + 2] side by side
    y[i : i + 3] += v[i]  for all i ->      y[0:n] += v[:, 0]; y[1 : n + 1] += v[:, 1]; ...

The copy is as much larger as a window is long, so windows are short and their copies bounded.
Tiles, which share no element, are axes of their own and copied by nobody, where that is asked for::

    x[:, 8 * i : 8 * i + 8] for all i   ->      x[:, 0 : 8 * n] as n tiles of 8
"""

from collections.abc import Callable
from typing import TypeAlias

from gradc.ir import At, Dim, IndexItem, IndexSpec, Slice, Value, op_named
from gradc.ir.dims import product

__all__ = ["add_to_windows", "all_tiles", "all_windows", "is_tile", "write_tiles", "written"]

_RunOf: TypeAlias = Callable[[Dim, int], Slice]
LONGEST = 8
"""Elements of a window along the axis in which it moves."""
MOST = 1 << 18
"""Elements of a copy of all windows."""


def all_windows(x: Value, spec: IndexSpec, place: int, count: int, run_of: _RunOf) -> Value | None:
    """Return ``x[spec]`` of all turns, turns first; None where the windows are too long or many."""
    length = _overlapping(spec[place], run_of)
    if length is None:
        return None
    axis = _axis(spec, place)
    parts: list[Value] = []
    for k in range(length):
        found = op_named("index")(x, spec=_of_all_turns(spec, place, k, count, run_of))
        size = product(found.shape)
        if not isinstance(size, int) or size * length > MOST:
            return None
        moved = found.transpose([axis, *(d for d in range(found.ndim) if d != axis)])
        shape = moved.shape
        parts.append(moved.reshape((*shape[: axis + 1], 1, *shape[axis + 1 :])))
    return parts[0] if len(parts) == 1 else op_named("concatenate")(*parts, axis=axis + 1)


def add_to_windows(
    start: Value, values: Value, spec: IndexSpec, place: int, count: int, run_of: _RunOf
) -> Value | None:
    """Return ``start`` with the values of all turns, turns first, added to their windows."""
    length = _overlapping(spec[place], run_of)
    if length is None:
        return None
    axis = _axis(spec, place)
    whole = [Slice(0, extent) for extent in values.shape]
    for k in range(length):
        items = (*whole[: axis + 1], At(k), *whole[axis + 2 :])
        part = op_named("index")(values, spec=items)
        order = [*range(1, axis + 1), 0, *range(axis + 1, part.ndim)]
        wide = _of_all_turns(spec, place, k, count, run_of)
        start = op_named("index_add")(start, part.transpose(order), spec=wide)
    return start


def _overlapping(window: IndexItem, run_of: _RunOf) -> int | None:
    """Return the length of a window; None where it is long, or one of tiles.

    Tiles of turns side by side neither share elements nor touch.
    """
    assert isinstance(window, Slice)
    length = window.length
    if not isinstance(length, int) or not 1 <= length <= LONGEST:
        return None
    moved = abs(run_of(window.start, 1).step)
    return length if moved < length * abs(window.step) or length == 1 else None


def _of_all_turns(
    spec: IndexSpec, place: int, k: int, count: int, run_of: _RunOf
) -> tuple[IndexItem, ...]:
    """Return the spec of element ``k`` of the windows of all turns."""
    window = spec[place]
    assert isinstance(window, Slice)
    run = run_of(window.start + k * window.step, count)
    return (*spec[:place], run, *spec[place + 1 :])


def _axis(spec: IndexSpec, place: int) -> int:
    """Return which axis of the result an item of a spec makes."""
    return sum(1 for item in spec[:place] if not isinstance(item, At))


def is_tile(window: IndexItem, run_of: _RunOf) -> bool:
    """Tell whether the windows of all turns lie side by side."""
    return isinstance(window, Slice) and _tiles(window, 1, run_of) is not None


def _tiles(window: Slice, count: int, run_of: _RunOf) -> Slice | None:
    """Return all windows as one slice, if they are tiles from the first to the last."""
    run = run_of(window.start, count)
    if window.step != 1 or window.length != run.step or run.step < 1:
        return None
    return Slice(run.start, count * run.step)


def all_tiles(x: Value, spec: IndexSpec, place: int, count: int, run_of: _RunOf) -> Value | None:
    """Return ``x[spec]`` of all turns, turns first; None where the windows are no tiles."""
    window = spec[place]
    assert isinstance(window, Slice)
    tiles = _tiles(window, count, run_of)
    if tiles is None:
        return None
    axis = _axis(spec, place)
    found = op_named("index")(x, spec=(*spec[:place], tiles, *spec[place + 1 :]))
    shape = found.shape
    split = found.reshape((*shape[:axis], count, window.length, *shape[axis + 1 :]))
    return split.transpose([axis, *(d for d in range(split.ndim) if d != axis)])


def write_tiles(
    name: str, start: Value, values: Value, spec: IndexSpec, place: int, run_of: _RunOf
) -> Value | None:
    """Return ``start`` with the values of all turns, turns first, put or added to their tiles."""
    window = spec[place]
    count = values.shape[0]
    assert isinstance(window, Slice) and isinstance(count, int)
    tiles = _tiles(window, count, run_of)
    if tiles is None:
        return None
    axis = _axis(spec, place)
    joined = values.transpose([*range(1, axis + 1), 0, *range(axis + 1, values.ndim)])
    shape = (*joined.shape[:axis], tiles.length, *joined.shape[axis + 2 :])
    wide = (*spec[:place], tiles, *spec[place + 1 :])
    return written(name, start, joined.reshape(shape), wide)


def written(name: str, start: Value, value: Value, spec: IndexSpec) -> Value:
    """Return an array with a value put or added to a part of it, or to all of it."""
    covered = len(spec) == start.ndim and all(
        isinstance(one, Slice) and one.start == 0 and one.length == extent and one.step == 1
        for one, extent in zip(spec, start.shape, strict=True)
    )
    if covered:
        return value if name == "index_put" else start + value
    return op_named(name)(start, value, spec=spec)
