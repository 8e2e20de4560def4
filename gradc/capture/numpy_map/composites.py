"""Ufuncs that are written with other ones, and the ``outer`` method of all binary ufuncs."""

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from gradc.capture.context import fail
from gradc.capture.convert import as_handle, has_traced, operand, own, result, unwrap, value_of
from gradc.capture.dispatch import TABLE, label
from gradc.capture.folding import call, handles
from gradc.capture.tracer import Tracer, describe, wrap
from gradc.capture.ufuncs import is_declared, loop_dtypes, store
from gradc.errors import DTypeError

_Function = TypeVar("_Function", bound=Callable[..., Any])


def _composite(ufunc: Any) -> Callable[[_Function], _Function]:
    """Enter a composition that serves a ufunc, with ``out=`` and ``where=``."""

    def enter(compose: _Function) -> _Function:
        if ufunc in TABLE or is_declared(ufunc):
            return compose  # an op of its own was declared

        def handler(*inputs: Any, out: Any = None, where: Any = True) -> Any:
            if out is None and len(inputs) == ufunc.nin + 1:
                *inputs, out = inputs  # type: ignore[assignment]
            if out is None and where is not True:
                raise TypeError("argument where= needs out=")
            if not has_traced(inputs):
                done = own(ufunc(*unwrap(list(inputs))))
            else:
                _check_loop(ufunc, inputs)
                done = compose(*map(_floating, inputs))
            return done if out is None else store(out, done, where)

        handles(ufunc, views=True)(handler)
        return compose

    return enter


def _check_loop(ufunc: Any, inputs: tuple[Any, ...]) -> None:
    """Refuse what NumPy computes as integers or in half precision, which the composition is not."""
    loop = loop_dtypes(ufunc, [operand(x) for x in inputs])
    if loop[-1].kind != "f" or loop[-1].itemsize < 4:
        fail(
            DTypeError,
            f"{label(ufunc)} of these operands is computed in {loop[-1]}, which is not supported",
            operands=[describe(x) for x in inputs if isinstance(x, Tracer)],
            repair="convert an operand with .astype(np.float64)",
        )


def _floating(x: Any) -> Any:
    """Give integers the dtype that NumPy computes such functions in."""
    x = operand(x)
    if isinstance(x, Tracer | np.generic) and x.dtype.kind in "biu":
        return result(value_of(x, np.dtype(np.float64)))
    return x


@handles(np.positive)
def positive(x: Any) -> Any:
    """Copy."""
    handle = operand(x)
    loop_dtypes(np.positive, [handle])
    return wrap(value_of(handle), handle._kind)


for _ufunc, _factor in (
    (np.deg2rad, np.pi / 180.0),
    (np.radians, np.pi / 180.0),
    (np.rad2deg, 180.0 / np.pi),
    (np.degrees, 180.0 / np.pi),
):
    _composite(_ufunc)(lambda x, f=_factor: call(np.multiply, x, f))


@_composite(np.fabs)
def fabs(x: Any) -> Any:
    """Absolute value as a float."""
    return call(np.absolute, x)


@_composite(np.reciprocal)
def reciprocal(x: Any) -> Any:
    """One over x."""
    return call(np.divide, 1.0, x)


@_composite(np.float_power)
def float_power(x: Any, y: Any) -> Any:
    """Power in double precision."""
    return call(np.power, _double(x), _double(y))


def _double(x: Any) -> Any:
    return result(value_of(x, np.dtype(np.float64)))


@_composite(np.logaddexp2)
def logaddexp2(x: Any, y: Any) -> Any:
    """Logarithm of a sum of powers of 2."""
    two = float(np.log(2.0))
    return call(np.divide, call(np.logaddexp, x * two, y * two), two)


@handles(np.sinc)
def sinc(x: Any) -> Any:
    """``sin(pi x) / (pi x)``, 1 at 0."""
    a = as_handle(_floating(x))
    zero = call(np.equal, a, 0)
    y = call(np.multiply, np.pi, call(np.where, zero, 1.0, a))
    done = call(np.where, zero, 1.0, call(np.divide, call(np.sin, y), y))
    done = done.astype(a.dtype)
    return done if a.ndim else result(value_of(done))


@handles(np.fix)
def fix(x: Any, out: Any = None) -> Any:
    """Round towards zero."""
    done = call(np.trunc, _floating(x))
    return done if out is None else store(out, done)


@handles(np.signbit)
def signbit(x: Any) -> Any:
    """Tell where the sign bit is set."""
    return call(np.less, call(np.copysign, 1.0, _floating(x)), 0)


def _shift(ufunc: Any, compose: Any) -> None:
    """Enter a shift by a known number of bits, which is a product or quotient with a power of 2."""

    def handler(x: Any, by: Any) -> Any:
        bits = np.asarray(unwrap(by)) if not has_traced(by) else None
        width = as_handle(x).itemsize * 8
        if bits is None or bits.ndim or not 0 <= int(bits) < width - 1:
            raise TypeError(f"argument x2 must be a known number of bits below {width - 1}")
        if (
            np.result_type(as_handle(x).dtype, by if isinstance(by, int) else bits.dtype).kind
            not in "iu"
        ):
            raise TypeError("shifts take integers")
        power = 2 ** int(bits)
        return call(compose, x, power if isinstance(by, int) else bits.dtype.type(power))

    handles(ufunc)(handler)


_shift(np.left_shift, np.multiply)
_shift(np.right_shift, np.floor_divide)


@handles(np.conjugate)
def conjugate(x: Any) -> Any:
    """Return the value itself: complex numbers are not traced."""
    return call(np.positive, x)


@handles(np.real, views=True)
def real(val: Any) -> Any:
    """Return the value itself: complex numbers are not traced."""
    return operand(val)


def _outer(ufunc: np.ufunc) -> Any:
    def handler(a: Any, b: Any, /, **kwargs: Any) -> Any:
        x, y = as_handle(a), as_handle(b)
        wide = call(np.reshape, x, (*x.shape, *[1] * y.ndim))
        return call(ufunc, wide, y, **kwargs)

    return handler


def enter_outer_methods() -> None:
    """Enter ``ufunc.outer`` for every binary ufunc in the table."""
    for function in list(TABLE):
        if isinstance(function, np.ufunc) and function.nin == 2 and function is not np.matmul:
            handles((function, "outer"))(_outer(function))
