"""From anything NumPy takes for an array to handles and graph values, and back."""

from collections.abc import Iterable
from math import prod
from typing import Any

import numpy as np

from gradc.capture.constants import constant
from gradc.capture.context import current, fail
from gradc.capture.mutation import read
from gradc.capture.positions import is_position, tracer_of
from gradc.capture.recorder import Recorder
from gradc.capture.rows import columns_of, joined_rows
from gradc.capture.tracer import Kind, Tracer, is_concrete, make_concrete, wrap
from gradc.errors import DTypeError, UnsupportedError
from gradc.ir import Shape, Value, broadcast_shapes, op_named

__all__ = [
    "array_of",
    "as_handle",
    "cast_to",
    "fresh",
    "has_traced",
    "is_number",
    "operand",
    "own",
    "result",
    "unwrap",
    "value_of",
]

_NUMBERS = (int, float, np.generic)


def is_number(x: Any) -> bool:
    """Tell whether it is a Python or NumPy number."""
    return isinstance(x, _NUMBERS)


def recorder() -> Recorder:
    """Return the recorder of the running trace."""
    return current().recorder  # type: ignore[no-any-return]


def operand(x: Any) -> Any:
    """Return a handle, a Python number or a NumPy scalar for anything array-like."""
    if isinstance(x, Tracer) or is_number(x):
        return x
    if isinstance(x, np.ndarray):
        return recorder().array(x)
    if isinstance(x, list | tuple):
        return array_of(x)
    if isinstance(x, range):
        return make_concrete(np.asarray(x))
    if is_position(x):
        return tracer_of(x.dim)
    fail(
        UnsupportedError,
        f"a traced value meets an object of type {type(x).__name__}",
        repair="operands are arrays, numbers, and lists or tuples of them",
    )


def as_handle(x: Any) -> Tracer:
    """Return a handle for anything array-like; numbers become 0-d arrays."""
    x = operand(x)
    return x if isinstance(x, Tracer) else make_concrete(np.array(x))


def value_of(x: Any, dtype: np.dtype | None = None) -> Value:
    """Return the current value of a handle, or a number as a constant, cast to a dtype."""
    x = operand(x)
    if isinstance(x, Tracer):
        value = read(x)
    else:
        value = _number(x, dtype if isinstance(x, int | float) else None)
    return value if dtype is None else cast_to(value, dtype)


def _number(x: Any, dtype: np.dtype | None) -> Value:
    trace = current()
    key = (type(x), repr(x), dtype)
    found = trace.constants.get(key)
    if found is None:
        found = trace.constants[key] = constant(np.asarray(x, dtype))
    return found


def cast_to(value: Value, dtype: np.dtype) -> Value:
    """Cast where needed, to a supported dtype."""
    if value.dtype == dtype:
        return value
    if dtype.kind not in "biuf" or dtype.itemsize > 8 or dtype == np.float16:
        fail(
            DTypeError,
            f"dtype {dtype} is not supported",
            repair="use bool, an integer type, float32 or float64; cast small integers first",
        )
    return value.cast(dtype)


def array_of(x: Any) -> Tracer:
    """``np.array`` of nested lists that may hold traced values; always a fresh array."""
    if isinstance(x, Tracer):
        return fresh(value_of(x)) if not is_concrete(x) else make_concrete(unwrap(x).copy())
    if not isinstance(x, list | tuple):
        return make_concrete(np.array(x)) if is_number(x) else fresh(value_of(x))
    if not has_traced(x):
        return make_concrete(np.array(unwrap(x)))
    return _stacked(x)


def _stacked(x: Any) -> Tracer:
    columns = columns_of(x)
    if columns:  # of the rows of some arrays each
        kind = np.result_type(*[column.dtype for column in columns])
        wide = [value_of(column, kind) for column in columns]
        parts = [v.reshape((v.shape[0], 1, *v.shape[1:])) for v in wide]
        return fresh(op_named("concatenate")(*parts, axis=1))
    leaves, shape = _grid(x)
    dtype = np.result_type(*[_weak(leaf) for leaf in leaves])
    inner = leaves[0].shape if isinstance(leaves[0], Tracer) else np.shape(leaves[0])
    if any((x.shape if isinstance(x, Tracer) else np.shape(x)) != inner for x in leaves):
        raise ValueError("setting an array element with a sequence of unequal shapes")
    parts = [value_of(part, dtype) for part in joined_rows(leaves)]
    rows = [v.reshape((prod(v.shape[: v.ndim - len(inner)]), *inner)) for v in parts]
    joined = rows[0] if len(rows) == 1 else op_named("concatenate")(*rows, axis=0)
    return fresh(joined.reshape((*shape, *inner)))


def _weak(x: Any) -> Any:
    """NumPy promotes the Python numbers in a list as arrays of their default dtype."""
    return x.dtype if isinstance(x, Tracer | np.generic) else np.asarray(x).dtype


def _grid(x: Any) -> tuple[list[Any], tuple[int, ...]]:
    """Flatten nested lists of equal lengths: leaves and the shape of the nest."""
    level: list[Any] = [x]
    shape: list[int] = []
    while any(isinstance(item, list | tuple) for item in level):
        lengths = {len(item) if isinstance(item, list | tuple) else -1 for item in level}
        if len(lengths) != 1:
            raise ValueError("setting an array element with a sequence of unequal shapes")
        shape.append(lengths.pop())
        level = [child for item in level for child in item]
    return [operand(leaf) for leaf in level], tuple(shape)


# results


def fresh(value: Value) -> Tracer:
    """Return a new array with that value."""
    return wrap(value, Kind.ARRAY)


def result(value: Value) -> Tracer:
    """Return a scalar for a 0-d value, a new array otherwise, as NumPy's functions do."""
    return wrap(value, Kind.ARRAY if value.shape else Kind.SCALAR)


def broadcast(values: Iterable[Value]) -> list[Value]:
    """Broadcast values against each other."""
    values = list(values)
    shape: Shape = broadcast_shapes(*(v.shape for v in values))
    return [v.broadcast_to(shape) for v in values]


# what is known while recording


def has_traced(x: Any) -> bool:
    """Tell whether a nest of containers holds anything not known while recording."""
    if isinstance(x, Tracer):
        return not is_concrete(x)
    if isinstance(x, np.ndarray) or is_position(x):
        return True  # a closed-over array is read anew at each call
    if isinstance(x, list | tuple):
        return any(map(has_traced, x))
    if isinstance(x, dict):
        return any(map(has_traced, x.values()))
    return isinstance(x, slice) and has_traced((x.start, x.stop, x.step))


def unwrap(x: Any) -> Any:
    """Replace concrete handles by their arrays."""
    if isinstance(x, Tracer):
        return x._concrete("this value", "keep it an array")
    if type(x) in (list, tuple):
        return type(x)(unwrap(item) for item in x)
    if isinstance(x, dict):
        return {key: unwrap(item) for key, item in x.items()}
    if isinstance(x, slice):
        return slice(unwrap(x.start), unwrap(x.stop), unwrap(x.step))
    return x


def own(x: Any) -> Any:
    """Wrap the arrays in a NumPy result as concrete handles with memory of their own."""
    if isinstance(x, np.ndarray):
        return make_concrete(x if x.base is None and x.flags.writeable else x.copy())
    if isinstance(x, tuple) and hasattr(x, "_fields"):
        return type(x)(*map(own, x))
    if type(x) in (list, tuple):
        return type(x)(map(own, x))
    return x
