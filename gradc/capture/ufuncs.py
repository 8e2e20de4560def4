"""Elementwise operations: NumPy's promotion and broadcasting, made explicit nodes."""

from collections.abc import Sequence
from functools import lru_cache, partial
from typing import Any, NoReturn

import numpy as np

from gradc.capture.context import current, fail
from gradc.capture.convert import as_handle, cast_to, has_traced, operand, own, unwrap, value_of
from gradc.capture.dispatch import TABLE, label, on_missing
from gradc.capture.layout import like_operands
from gradc.capture.mutation import layout_of, settle, write, write_concrete
from gradc.capture.positions import Position
from gradc.capture.tracer import Kind, Tracer, describe, is_concrete, shape_text, wrap
from gradc.errors import ArgumentError, DTypeError, ShapeError
from gradc.ir import REGISTRY, Op, Shape, Value, broadcast_shapes, newest, op_named
from gradc.ir import Kind as OpKind

__all__ = ["call_ufunc", "elementwise", "is_declared", "loop_dtypes", "store", "store_exactly"]


def call_ufunc(
    ufunc: Any,
    *inputs: Any,
    out: Any = None,
    where: Any = True,
    dtype: Any = None,
    casting: str = "same_kind",
    order: str = "K",
    subok: bool = True,
) -> Any:
    """Record ``ufunc(*inputs, out=..., where=..., dtype=...)``."""
    if casting != "same_kind" or order != "K" or subok is not True:
        raise TypeError("argument casting, order or subok is supported at its default only")
    if out is None and len(inputs) == getattr(ufunc, "nin", len(inputs)) + 1:
        *inputs, out = inputs  # type: ignore[assignment]
    if isinstance(out, tuple):
        (out,) = out
    if out is None and where is True:
        return elementwise(ufunc, inputs, dtype)
    if out is None:
        raise TypeError("argument where= leaves elements undefined unless out= is given as well")
    return store(out, elementwise(ufunc, inputs, dtype), where)


def store(out: Any, new: Any, where: Any = True) -> Any:
    """Write a result into ``out`` with NumPy's rule for casting, and return ``out``."""
    if not isinstance(out, Tracer):
        _refuse_out(out)
    kind = new.dtype if isinstance(new, Tracer | np.generic) else np.asarray(new).dtype
    if not np.can_cast(kind, out.dtype, "same_kind"):
        raise TypeError(f"cannot cast the result from {kind} to {out.dtype} of the output")
    settle(out)
    if is_concrete(out) and not has_traced((new, where)):
        _store_known(out, unwrap(new), unwrap(where))
        return out
    value = cast_to(value_of(new), out.dtype)
    if len(value.shape) > out.ndim or broadcast_shapes(value.shape, out.shape) != out.shape:
        raise ValueError(f"the output has shape {out.shape}, the result {value.shape}")
    value = value.broadcast_to(out.shape)
    if where is not True:
        mask = value_of(where, np.dtype(bool)).broadcast_to(out.shape)
        value = op_named("select")(mask, value, value_of(out))
    write(out, value)
    return out


def store_exactly(out: Any, new: Any) -> Any:
    """Write the result of a reduction into ``out``, which must have its very shape."""
    if isinstance(out, Tracer) and out.shape != np.shape(new):
        raise ValueError(f"the output has shape {out.shape}, the result {np.shape(new)}")
    return store(out, new)


def _store_known(out: Tracer, new: Any, where: Any) -> None:
    shape = out._type.extents
    if where is True:
        write_concrete(out, ..., new)
        return
    mask = np.broadcast_to(where, shape)
    write_concrete(out, mask, np.broadcast_to(new, shape)[mask])


def _refuse_out(out: Any) -> None:
    fail(
        ArgumentError,
        f"a traced result is written into a {type(out).__name__} that gradc does not follow",
        repair="make the output inside the function, for instance with np.zeros, or pass it in",
    )


@lru_cache(maxsize=4096)
def _loop(ufunc: Any, kinds: tuple[Any, ...], dtype: np.dtype | None) -> tuple[np.dtype, ...]:
    """Return the dtypes of NumPy's inner loop: operands, then result."""
    if not isinstance(ufunc, np.ufunc):
        common = np.result_type(*[k(0) if isinstance(k, type) else k for k in kinds])
        return (common,) * (len(kinds) + 1)
    if all(kind is int for kind in kinds):
        kinds = (np.dtype(np.int64),) * len(kinds)
    more: dict[str, Any] = {}
    if dtype is not None:
        more["signature"] = (None,) * ufunc.nin + (dtype,)
    return ufunc.resolve_dtypes((*kinds, None), **more)


def loop_dtypes(ufunc: Any, operands: Sequence[Any]) -> tuple[np.dtype, ...]:
    """Return the dtypes that NumPy computes in: of the operands, then of the result."""
    return _loop(ufunc, tuple(map(_kind_of, operands)), None)


_WEAK: dict[str, Any] = {"f": float, "i": int}


def _kind_of(x: Any) -> Any:
    """Return what promotion looks at: a dtype, or int or float for a weak Python number."""
    if isinstance(x, Tracer):
        weak = _WEAK.get(x.dtype.kind) if x._kind is Kind.PYTHON else None
        return weak or x.dtype
    if isinstance(x, np.generic):
        return x.dtype
    return np.dtype(bool) if isinstance(x, bool) else type(x)


@lru_cache(maxsize=1024)
def _op_of(ufunc: Any, registered: Op) -> Op | None:
    ops = [op for op in REGISTRY.values() if ufunc in op.traces]
    return next((op for op in ops if op.kind is OpKind.ELEMENTWISE), None)


def elementwise(ufunc: Any, inputs: Any, dtype: Any = None, weak: bool = False) -> Any:
    """Record an elementwise op; ``weak`` results of Python floats stay Python floats."""
    operands = [operand(x) for x in inputs]
    if not has_traced(operands):
        return own(ufunc(*unwrap(operands), **({} if dtype is None else {"dtype": dtype})))
    op = _op_of(ufunc, newest())
    if op is None:
        return TABLE[ufunc](*operands)
    trace = current()
    loop = _loop(ufunc, tuple(map(_kind_of, operands)), None if dtype is None else np.dtype(dtype))
    values = [value_of(x, d) for x, d in zip(operands, loop, strict=False)]
    _check_mixed(ufunc, values)
    values, shape = _broadcast(ufunc, operands, values)
    ids = tuple([v.id for v in values])
    done = wrap(Value(trace.graph, trace.graph.add(op, ids)), _result_kind(operands, shape, weak))
    if len(shape) > 1:
        done._layout = _result_layout(operands, shape)
    return done


def _result_kind(operands: list[Any], shape: Shape, weak: bool) -> Kind:
    if shape:
        return Kind.ARRAY
    if weak and all(x._kind is Kind.PYTHON for x in operands if isinstance(x, Tracer)):
        return Kind.SCALAR if any(isinstance(x, np.generic) for x in operands) else Kind.PYTHON
    return Kind.SCALAR


def _check_mixed(ufunc: Any, values: list[Value]) -> None:
    if len({v.dtype for v in values}) > 1 and len(values) > 1:
        names = " and ".join(str(v.dtype) for v in values)
        fail(
            DTypeError,
            f"{label(ufunc)} of {names} has no common type",
            repair="cast one operand with .astype first",
        )


def _broadcast(ufunc: Any, operands: Any, values: list[Value]) -> tuple[list[Value], Shape]:
    shape = values[0].shape
    for other in values:
        if other.shape != shape:
            break
    else:
        return values, shape
    try:
        shape = broadcast_shapes(*(v.shape for v in values))
    except ValueError:
        fail(
            ShapeError,
            f"{label(ufunc)} cannot broadcast "
            + " against ".join(shape_text(v.shape) for v in values),
            operands=[describe(x) for x in operands if isinstance(x, Tracer)],
            repair="bring the operands to matching shapes, for instance with x[:, None] or reshape",
        )
    return [v.broadcast_to(shape) for v in values], shape


def _result_layout(operands: list[Any], shape: Shape) -> Any:
    full = [x for x in operands if isinstance(x, Tracer) and x.shape == shape]
    if all(x._view is None and x._layout is None for x in full):
        return None
    return like_operands([layout_of(x) for x in full], shape)


# operators


def _operator(ufunc: np.ufunc, *inputs: Any) -> Any:
    for x in inputs:
        if not isinstance(x, _OPERANDS):
            return _foreign(ufunc, x)
    if ufunc is np.power:
        return _power(*inputs)
    if ufunc is np.positive:
        return as_handle(inputs[0]) if _is_scalar(inputs[0]) else elementwise(ufunc, inputs)
    if ufunc is np.matmul:
        return TABLE[ufunc](*inputs)
    return elementwise(ufunc, inputs, weak=True)


TABLE[Tracer.operate] = _operator
_OPERANDS = (Tracer, Position, int, float, np.generic, np.ndarray, list, tuple, range)


def _foreign(ufunc: np.ufunc, x: Any) -> Any:
    """Leave other classes to their own operators; text and None have none that would help."""
    if isinstance(x, str | bytes | dict | type(None)) and ufunc not in (np.equal, np.not_equal):
        _refuse_operand(ufunc, x, "not a number or an array", "pass a number or an array")
    if isinstance(x, complex):
        repair = "work with real and imaginary part as two arrays"
        _refuse_operand(ufunc, x, "and complex numbers are not supported", repair)
    if hasattr(type(x), "__array__") and not hasattr(type(x), "__array_priority__"):
        _refuse_operand(ufunc, x, "not a NumPy array", "turn it into one with np.asarray")
    return NotImplemented


def _refuse_operand(ufunc: np.ufunc, x: Any, why: str, repair: str) -> NoReturn:
    fail(DTypeError, f"np.{ufunc.__name__}: an operand is {x!r}, {why}", repair=repair)


def _is_scalar(x: Any) -> bool:
    return not isinstance(x, Tracer) or x._kind is not Kind.ARRAY


def _power(base: Any, exponent: Any) -> Any:
    """``x ** 2`` and ``x ** 0.5`` are square and square root, as in NumPy's own operator."""
    if isinstance(base, Tracer) and type(exponent) in (int, float):
        is_float = base.dtype.kind == "f"
        if exponent == 2 and (is_float or type(exponent) is int):
            return elementwise(np.square, (base,), weak=True)
        if exponent == 0.5 and is_float:
            return elementwise(np.sqrt, (base,), weak=True)
        if exponent < 0 and not is_float and type(exponent) is int:
            raise ValueError("Integers to negative integer powers are not allowed.")
    return elementwise(np.power, (base, exponent), weak=True)


def is_declared(function: Any) -> bool:
    """Tell whether an elementwise op records a callable, also one declared after the table."""
    return _op_of(function, newest()) is not None


def _declared(function: Any) -> Any:
    try:
        return partial(call_ufunc, function) if is_declared(function) else None
    except TypeError:
        return None  # not hashable, hence no op


on_missing(_declared, first=True)


def enter_declared_ops() -> None:
    """Enter every callable that an elementwise op declares into the table."""
    for op in REGISTRY.values():
        for function in op.traces if op.kind is OpKind.ELEMENTWISE else ():
            TABLE.setdefault(function, partial(call_ufunc, function))
