"""The shortest way into a compiled kernel: for arguments that need no conversion at all.

Public::

    quick_call(entry, plan, environment, floats) -> function(values) -> results | None

``None`` says that some argument is not exactly what the plan expects; nothing has run then.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gradc.native.ffi import NULL, Entry, ffi
from gradc.runtime.plan import CallPlan
from gradc.runtime.workspace import arena

__all__ = ["Quick", "quick_call"]

Quick = Callable[[Sequence[Any]], list[Any] | None]


def quick_call(
    entry: Entry,
    plan: CallPlan,
    environment: Any,
    floats: Sequence[bool],
    failed: Callable[[int], Exception],
) -> Quick:
    """Return a call without conversions, written as one flat loop over local names.

    Parameters
    ----------
    entry : Entry
        The kernel.
    plan : CallPlan
        Without arguments to write back.
    environment : pointer
        ``struct gradc_env`` or NULL.
    floats : sequence of bool
        For each input: does the caller hand in a Python float?
    failed : callable
        Makes the error of a return code.
    """
    inputs = tuple(
        (float if is_float else np.ndarray, slot.numpy_dtype, slot.shape)
        for slot, is_float in zip(plan.inputs, floats, strict=True)
    )
    outputs = tuple((slot.shape, slot.numpy_dtype) for slot in plan.outputs)
    scalars = tuple(number for number, slot in enumerate(plan.outputs) if slot.scalar)
    return _flat_call(entry, inputs, outputs, scalars, (plan.arena_bytes, environment), failed)


def _flat_call(
    entry: Entry,
    inputs: tuple[tuple[Any, np.dtype, tuple[int, ...]], ...],
    outputs: tuple[tuple[tuple[int, ...], np.dtype], ...],
    scalars: tuple[int, ...],
    rest: tuple[int, Any],
    failed: Callable[[int], Exception],
) -> Quick:
    """Return the loop; `rest` are the bytes of the arena and the environment."""
    count, (arena_bytes, environment), no_arena = len(inputs), rest, (NULL, rest[1])
    from_buffer, ndarray, empty, void = ffi.from_buffer, np.ndarray, np.empty, ffi.typeof("void *")
    new, number_pointer = ffi.new, ffi.typeof("double *")

    def call(values: Sequence[Any]) -> list[Any] | None:
        if len(values) != count:
            return None
        block: list[Any] = []
        for value, (kind, dtype, shape) in zip(values, inputs, strict=False):
            if type(value) is not kind:
                return None
            if kind is ndarray:
                if value.dtype is not dtype or value.shape != shape or not value.flags.carray:
                    return None
                block.append(from_buffer(void, value))
            else:
                block.append(new(number_pointer, value))
        results: list[Any] = []
        for shape, dtype in outputs:
            array = empty(shape, dtype)
            results.append(array)
            block.append(from_buffer(void, array))
        block += (arena(arena_bytes), environment) if arena_bytes else no_arena
        code = entry(block, NULL)
        if code:
            raise failed(code)
        for number in scalars:
            results[number] = results[number][()]
        return results

    return call
