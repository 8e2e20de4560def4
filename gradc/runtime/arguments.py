"""Making one argument fit its slot, or saying exactly why it does not.

Public::

    Stats                                   # how many arguments had to be copied
    conform(slot, value, stats) -> array    # C order, aligned, native, exact dtype and shape
    writable(slot, value) -> array          # the array that a result is copied back into

The rule: what loses nothing is converted silently and counted (layout, alignment, byte order);
Python numbers become 0-d arrays when they fit; everything else is an ``ArgumentError``.
"""

import threading
from typing import Any, TypeGuard

import numpy as np

from gradc.errors import ArgumentError
from gradc.runtime.plan import BufferSlot

__all__ = ["Array", "Stats", "check_in_place", "conform", "exact", "refusal", "writable"]

Array = np.ndarray[Any, np.dtype[Any]]

_PLAIN = (np.ndarray, np.memmap)


class Stats:
    """How many arguments were copied to be usable, and how many bytes that were."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.copies = 0
        self.copied_bytes = 0

    def count(self, array: Array) -> None:
        """Note one copy."""
        with self._lock:
            self.copies += 1
            self.copied_bytes += array.nbytes

    def __repr__(self) -> str:
        """Show both counts."""
        return f"Stats(copies={self.copies}, copied_bytes={self.copied_bytes})"


def conform(slot: BufferSlot, value: object, stats: Stats) -> Array:
    """Return ``value`` as the array that the slot wants, copied only if it must be.

    Raises
    ------
    ArgumentError
        When it is not an array or number of the planned dtype and shape.
    """
    wanted = slot.numpy_dtype
    if _is_ready(value, wanted, slot.shape):
        return value
    array = as_array(slot, value)
    if array.dtype != wanted and not _same_but_order(array.dtype, slot):
        raise refusal(slot, value, _dtype_repair(slot, array.dtype))
    if array.shape != slot.shape:
        raise refusal(slot, value, f"pass {slot.label} with shape {slot.shape}")
    if exact(array, slot):
        return array
    copied = np.array(array, dtype=slot.numpy_dtype, order="C", copy=True, subok=False)
    stats.count(copied)
    return copied


def _is_ready(value: object, dtype: np.dtype[Any], shape: tuple[int, ...]) -> TypeGuard[Array]:
    """Recognise in a fraction of a microsecond what nearly every argument is."""
    return (
        type(value) is np.ndarray
        and value.dtype is dtype
        and value.shape == shape
        and value.flags.carray
    )


def exact(array: Array, slot: BufferSlot) -> bool:
    """Tell whether C code can read the array where it is."""
    flags = array.flags
    return bool(flags.c_contiguous and flags.aligned and array.dtype == slot.numpy_dtype)


def check_in_place(slot: BufferSlot, array: Array) -> None:
    """Refuse an array of the right type that C code cannot read where it is.

    Raises
    ------
    ArgumentError
        Naming what is wrong with its memory.
    """
    same = array.shape == slot.shape and array.dtype.newbyteorder("=") == slot.numpy_dtype
    if not same or exact(array, slot):
        return
    reason = "its elements do not lie one after the other"
    if not array.dtype.isnative:
        reason = "its bytes are swapped"
    elif not array.flags.aligned:
        reason = "its elements are not aligned"
    raise ArgumentError(
        f"argument {slot.label} cannot be bound where it is: {reason}",
        repair=f"pass np.require({slot.label}, np.{slot.numpy_dtype.name}, 'CA')",
    )


def as_array(slot: BufferSlot, value: object) -> Array:
    """Return ``value`` as a plain array of whatever dtype, without copying an array."""
    if type(value) in _PLAIN:
        return np.asarray(value)
    if isinstance(value, np.ndarray):
        raise refusal(slot, value, f"pass np.asarray({slot.label})")
    if isinstance(value, np.generic):
        return np.asarray(value)
    if isinstance(value, bool | int | float):
        return _number(slot, value)
    if hasattr(value, "__dlpack__"):
        return _from_dlpack(slot, value)
    raise refusal(slot, value, f"pass np.asarray({slot.label}, dtype=np.{slot.numpy_dtype.name})")


_NUMBERS: dict[str, tuple[type, ...]] = {
    "b": (bool,),
    "i": (int,),
    "u": (int,),
    "f": (int, float),
}


def _number(slot: BufferSlot, value: float) -> Array:
    """Turn a Python number into a 0-d array: NumPy's rule that it takes the array's dtype."""
    dtype = slot.numpy_dtype
    if type(value) not in _NUMBERS[dtype.kind]:
        raise refusal(slot, value, f"pass a value of dtype {dtype.name}")
    try:
        if dtype != np.float32:
            return np.array(value, dtype=dtype)
        with np.errstate(over="ignore"):
            return np.array(value, dtype=dtype)
    except OverflowError as error:
        raise refusal(slot, value, f"{dtype.name} cannot hold it") from error


def _from_dlpack(slot: BufferSlot, value: Any) -> Array:
    try:
        return np.from_dlpack(value)
    except Exception as error:
        raise refusal(slot, value, f"it cannot be read through DLPack: {error}") from error


def _same_but_order(dtype: np.dtype[Any], slot: BufferSlot) -> bool:
    return not dtype.isnative and dtype.kind in "iuf" and dtype.newbyteorder("=") == slot.dtype


def _dtype_repair(slot: BufferSlot, dtype: np.dtype[Any]) -> str:
    if dtype.kind in "biuf":
        return f"pass {slot.label}.astype(np.{slot.numpy_dtype.name})"
    return f"gradc does not compile for dtype {dtype}"


def refusal(slot: BufferSlot, value: object, repair: str) -> ArgumentError:
    """Say which argument is wrong, what was wanted and what came."""
    return ArgumentError(
        f"argument {slot.label} must be {slot.describe()}, got {_describe(value)}", repair=repair
    )


def _describe(value: object) -> str:
    if isinstance(value, np.ndarray | np.generic):
        kind = "" if type(value) in _PLAIN else f"{type(value).__name__} "
        return f"{kind}{_dtype_text(value.dtype)}[{', '.join(map(str, value.shape))}]"
    if value is None:
        return "None"
    if isinstance(value, bool | int | float):
        return f"the Python {type(value).__name__} {_short(value)}"
    return f"a {type(value).__name__}"


def _short(value: float) -> str:
    """Show a number; a huge one by its size, since printing it may be refused."""
    if isinstance(value, int) and value.bit_length() > 128:
        return f"of {value.bit_length()} bits"
    return repr(value)


def _dtype_text(dtype: np.dtype[Any]) -> str:
    return dtype.str.lstrip("<=|") if dtype.isbuiltin and dtype.kind in "biufc" else str(dtype)


def writable(slot: BufferSlot, value: object) -> Array:
    """Return the array behind an argument that the function overwrites.

    Raises
    ------
    ArgumentError
        When it cannot be written to.
    """
    array = as_array(slot, value)
    if not isinstance(value, np.ndarray) and not hasattr(value, "__dlpack__"):
        raise refusal(slot, value, f"the function writes to {slot.label}: pass an array")
    if not array.flags.writeable:
        raise ArgumentError(
            f"the function writes to {slot.label}, which is read-only",
            repair=f"pass {slot.label}.copy(), or copy it inside before it is written to",
        )
    return array
