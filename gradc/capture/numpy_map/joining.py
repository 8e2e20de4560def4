"""Joining and splitting."""

from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from gradc.capture.convert import as_handle, fresh, value_of
from gradc.capture.folding import call, handles
from gradc.capture.mutation import read
from gradc.capture.rows import Run, whole_run
from gradc.capture.tracer import Tracer, static
from gradc.capture.ufuncs import store
from gradc.ir import op_named


def as_copy(run: Run) -> Tracer:
    """Return rows as an array of their own."""
    return fresh(read(run.array()))


def _flat(x: Tracer) -> Tracer:
    """Make one axis of the first two."""
    rows, columns, *rest = x.shape
    return call(np.reshape, x, (rows * columns, *rest))  # type: ignore[no-any-return]


def _parts(arrays: Any) -> list[Tracer]:
    if isinstance(arrays, Tracer):
        return [as_handle(part) for part in arrays]
    return [as_handle(array) for array in arrays]


@handles(np.concatenate)
def concatenate(
    arrays: Any, /, axis: Any = 0, out: Any = None, *, dtype: Any = None, casting: str = "same_kind"
) -> Any:
    """Join along an existing axis."""
    run = whole_run(arrays)
    if run is not None and axis == 0 and run.base.ndim > 1:
        arrays = [_flat(as_copy(run))]
    parts = _parts(arrays)
    if casting != "same_kind":
        raise TypeError(f"argument casting={casting!r} is not supported")
    if axis is None:
        parts, axis = [call(np.ravel, part) for part in parts], 0
    kind = np.result_type(*[part.dtype for part in parts]) if dtype is None else np.dtype(dtype)
    if not all(np.can_cast(part.dtype, kind, "same_kind") for part in parts):
        raise TypeError(f"these arrays cannot be cast to {kind}")
    if any(part.ndim != parts[0].ndim for part in parts) or not parts[0].ndim:
        raise ValueError("all the input arrays must have the same number of dimensions, at least 1")
    axis = normalize_axis_index(axis, parts[0].ndim)
    values = [value_of(part, kind) for part in parts]
    joined = values[0] if len(values) == 1 else op_named("concatenate")(*values, axis=axis)
    return fresh(joined) if out is None else store(out, fresh(joined))


@handles(np.stack)
def stack(
    arrays: Any, axis: int = 0, out: Any = None, *, dtype: Any = None, casting: str = "same_kind"
) -> Any:
    """Join along a new axis."""
    run = whole_run(arrays)
    if run is not None:
        wide = call(np.moveaxis, as_copy(run), 0, axis)
        return call(np.concatenate, [wide], axis=0, out=out, dtype=dtype, casting=casting)
    parts = _parts(arrays)
    if not parts:
        raise ValueError("need at least one array to stack")
    if any(part.shape != parts[0].shape for part in parts):
        raise ValueError("all input arrays must have the same shape")
    wide = [call(np.expand_dims, part, axis) for part in parts]
    return call(np.concatenate, wide, axis=axis, out=out, dtype=dtype, casting=casting)


@handles(np.vstack)
def vstack(tup: Any, *, dtype: Any = None, casting: str = "same_kind") -> Any:
    """Stack rows."""
    run = whole_run(tup)
    if run is not None and run.base.ndim == 2:
        return call(np.concatenate, [as_copy(run)], dtype=dtype, casting=casting)
    rows = [call(np.atleast_2d, part) for part in _parts(tup)]
    return call(np.concatenate, rows, axis=0, dtype=dtype, casting=casting)


@handles(np.hstack)
def hstack(tup: Any, *, dtype: Any = None, casting: str = "same_kind") -> Any:
    """Stack columns."""
    run = whole_run(tup)
    if run is not None and run.base.ndim <= 2:
        return call(np.concatenate, [call(np.ravel, as_copy(run))], dtype=dtype, casting=casting)
    parts = [call(np.atleast_1d, part) for part in _parts(tup)]
    axis = 0 if parts and parts[0].ndim == 1 else 1
    return call(np.concatenate, parts, axis=axis, dtype=dtype, casting=casting)


@handles(np.dstack)
def dstack(tup: Any) -> Any:
    """Stack along the third axis."""
    return call(np.concatenate, [call(np.atleast_3d, part) for part in _parts(tup)], axis=2)


@handles(np.column_stack)
def column_stack(tup: Any) -> Any:
    """Stack one-dimensional arrays as columns."""
    run = whole_run(tup)
    if run is not None and run.base.ndim == 2:
        return call(np.transpose, as_copy(run)).copy()
    columns = [
        part if part.ndim > 1 else call(np.reshape, part, (part.size, 1)) for part in _parts(tup)
    ]
    return call(np.concatenate, columns, axis=1)


@handles(np.append)
def append(arr: Any, values: Any, axis: Any = None) -> Any:
    """Join two arrays."""
    if axis is None:
        return call(np.concatenate, [call(np.ravel, arr), call(np.ravel, values)])
    return call(np.concatenate, [arr, values], axis=axis)


def _cuts(indices_or_sections: Any, extent: int, even: bool) -> list[int]:
    if isinstance(indices_or_sections, list | tuple | Tracer | np.ndarray):
        return [int(i) for i in indices_or_sections]
    sections = int(indices_or_sections)
    if even and extent % sections:
        raise ValueError("array split does not result in an equal division")
    each, extras = divmod(extent, sections)
    sizes = extras * [each + 1] + (sections - extras) * [each]
    return np.cumsum(sizes)[:-1].tolist()  # type: ignore[no-any-return]


def _split(ary: Any, indices_or_sections: Any, axis: int, even: bool) -> list[Any]:
    x = as_handle(ary)
    axis = normalize_axis_index(axis, x.ndim)
    cuts = _cuts(indices_or_sections, static(x.shape[axis]), even)
    before = (slice(None),) * axis
    limits = zip([0, *cuts], [*cuts, None], strict=True)
    return [x[(*before, slice(start, stop))] for start, stop in limits]


@handles(np.split, views=True)
def split(ary: Any, indices_or_sections: Any, axis: int = 0) -> list[Any]:
    """Cut into parts of equal size, or at positions (views)."""
    return _split(ary, indices_or_sections, axis, even=True)


@handles(np.array_split, views=True)
def array_split(ary: Any, indices_or_sections: Any, axis: int = 0) -> list[Any]:
    """Cut into parts of nearly equal size (views)."""
    return _split(ary, indices_or_sections, axis, even=False)


@handles(np.hsplit, views=True)
def hsplit(ary: Any, indices_or_sections: Any) -> list[Any]:
    """Cut along the second axis, or the only one."""
    return _split(ary, indices_or_sections, 1 if as_handle(ary).ndim > 1 else 0, even=True)


@handles(np.vsplit, views=True)
def vsplit(ary: Any, indices_or_sections: Any) -> list[Any]:
    """Cut along the first axis."""
    return _split(ary, indices_or_sections, 0, even=True)
