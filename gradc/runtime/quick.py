"""The shortest way into a compiled kernel: for arguments that need no conversion at all.

Public::

    quick_call(kernel, floats, manner) -> function(args) -> results | miss

The function is written for one plan: every check is a line of its own, with the dtype and the shape
in it.  Numbers and small arrays are copied into and out of memory that the argument block points at
already; larger ones are lent where they are.  That memory is taken from a pool for the length of a
call, so that threads may call at once.

``miss`` says that some argument is not exactly what the plan expects; nothing has run then.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradc.native.ffi import NULL, Entry, ffi
from gradc.runtime.plan import ALIGNMENT, BufferSlot, CallPlan
from gradc.runtime.python_source import run_text
from gradc.runtime.results import Results
from gradc.runtime.workspace import arena

__all__ = ["Kernel", "Manner", "Quick", "quick_call"]

Quick = Callable[[Sequence[Any]], Any]

SMALL = 1024
"""Bytes up to which copying an array costs less than lending it."""


@dataclass(frozen=True, slots=True)
class Kernel:
    """What runs.

    Parameters
    ----------
    entry : Entry
        The compiled code.
    plan : CallPlan
        Without arguments to write back.
    environment : pointer
        ``struct gradc_env`` or NULL.
    failed : callable
        Makes the error of a return code.
    results : Results
        Makes the large ones.
    """

    entry: Entry
    plan: CallPlan
    environment: Any
    failed: Callable[[int], Exception]
    results: Results


@dataclass(frozen=True, slots=True)
class Manner:
    """How the results go back, and what else is asked before.

    Parameters
    ----------
    result : str, optional
        An expression of the results ``r0, r1, ...``; a list of all of them without it.
    scalars : set of int
        Results that go back as NumPy scalars, besides those of the plan.
    miss : object
        What is returned when an argument does not fit.
    fits : callable, optional
        Further conditions on the arguments.
    """

    result: str = ""
    scalars: frozenset[int] = frozenset()
    miss: Any = None
    fits: Callable[[Sequence[Any]], bool] | None = None


def quick_call(kernel: Kernel, floats: Sequence[bool], manner: Manner) -> Quick:
    """Return a call without conversions.

    ``floats`` says for each input whether the caller hands in a Python float.
    """
    plan = kernel.plan
    takers = {k: take for k in range(len(plan.outputs)) if (take := kernel.results.taker(k))}
    text = _text(plan, floats, manner, takers)
    frames = _Frames(kernel)
    names = {
        "entry": kernel.entry,
        "failed": kernel.failed,
        "fits": manner.fits,
        "miss": manner.miss,
        "pop": frames.pool.pop,
        "push": frames.pool.append,
        "fresh": frames.fresh,
        "lend": ffi.from_buffer,
        "void": ffi.typeof("void *"),
        "arena": arena,
        "null": NULL,
        "ndarray": np.ndarray,
        "empty": np.empty,
        "take": takers,
        **{f"dtype_{slot.dtype}": slot.numpy_dtype for slot in (*plan.inputs, *plan.outputs)},
    }
    make: Callable[..., Quick] = run_text(text, f"{plan.symbol}_call", "make")
    return make(**names)


class _Frames:
    """Argument blocks, each with memory for numbers and small arrays that its pointers lead to."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.pool: list[Any] = []

    def fresh(self) -> tuple[Any, ...]:
        """Return a block and views of its memory: ``(block, *views, memory kept alive)``."""
        plan = self.kernel.plan
        slots = (*plan.inputs, *plan.outputs)
        starts, size = _layout(slots)
        memory = np.zeros(size + ALIGNMENT, np.uint8)
        memory = memory[-memory.ctypes.data % ALIGNMENT :]
        block = ffi.new("void *[]", len(slots) + 2)
        views = []
        for k, (slot, start) in enumerate(zip(slots, starts, strict=True)):
            if start >= 0:
                part = memory[start : start + slot.nbytes]
                views.append(part.view(slot.numpy_dtype).reshape(slot.shape))
                block[k] = ffi.from_buffer(memory) + start
        block[len(slots) + 1] = self.kernel.environment
        return (block, *views, memory)


def _is_small(slot: BufferSlot) -> bool:
    return 0 < slot.nbytes <= SMALL


def _layout(slots: Sequence[BufferSlot]) -> tuple[list[int], int]:
    """Return where each small array lies, -1 for the others, and the bytes of all."""
    starts, size = [], 0
    for slot in slots:
        starts.append(size if _is_small(slot) else -1)
        size += -(-slot.nbytes // ALIGNMENT) * ALIGNMENT if _is_small(slot) else 0
    return starts, size


# the text


def _text(plan: CallPlan, floats: Sequence[bool], manner: Manner, takers: Collection[int]) -> str:
    """Return the source of a function that makes the call."""
    count = len(plan.inputs)
    slots = (*plan.inputs, *plan.outputs)
    names = [f"m{k}" for k, slot in enumerate(slots) if _is_small(slot)]
    body = [f"if len(args) != {count}:", "    return miss"]
    if manner.fits is not None:
        body += ["if not fits(args):", "    return miss"]
    if count:
        body.append(f"{''.join(f'a{k}, ' for k in range(count))}= args")
    for k, (slot, is_float) in enumerate(zip(plan.inputs, floats, strict=True)):
        body += [f"if {_refusal(f'a{k}', slot, is_float)}:", "    return miss"]
    body += ["try:", "    frame = pop()", "except IndexError:", "    frame = fresh()"]
    body.append(f"{', '.join(['block', *names, '_'])} = frame")
    for k, slot in enumerate(plan.inputs):
        body.append(_enter(k, slot))
    for k, slot in enumerate(plan.outputs):
        if not _is_small(slot):
            new = f"take{k}()" if k in takers else _new(slot)
            body += [f"r{k} = {new}", f"block[{count + k}] = lend(void, r{k})"]
    if plan.arena_bytes:
        body.append(f"block[{len(slots)}] = arena({plan.arena_bytes})")
    body += ["code = entry(block, null)", "if code:", "    push(frame)", "    raise failed(code)"]
    for k, slot in enumerate(plan.outputs):
        body += _leave(k, count + k, slot, slot.scalar or k in manner.scalars)
    everything = ", ".join(f"r{k}" for k in range(len(plan.outputs)))
    body += ["push(frame)", f"return {manner.result or f'[{everything}]'}"]
    return _made(plan, body, takers)


def _made(plan: CallPlan, body: list[str], takers: Collection[int]) -> str:
    dtypes = sorted({f"dtype_{slot.dtype}" for slot in (*plan.inputs, *plan.outputs)})
    given = ["entry", "failed", "fits", "miss", "pop", "push", "fresh", "lend", "void", "arena"]
    head = f"def make({', '.join([*given, 'null', 'ndarray', 'empty', 'take', *dtypes])}):"
    taken = (f"    take{k} = take[{k}]" for k in takers)
    lines = [
        head,
        *taken,
        "    def call(args):",
        *(f"        {line}" for line in body),
        "    return call",
    ]
    return "\n".join(lines) + "\n"


def _refusal(name: str, slot: BufferSlot, is_float: bool) -> str:
    """Return the condition under which an argument does not fit."""
    if is_float:
        return f"type({name}) is not float"
    shape = f"{name}.shape != {slot.shape}"
    if not slot.shape:
        shape = f"{name}.ndim"
    elif len(slot.shape) == 1:
        shape = f"{name}.ndim != 1 or {name}.size != {slot.shape[0]}"
    kind = f"type({name}) is not ndarray or {name}.dtype is not dtype_{slot.dtype}"
    return f"{kind} or {shape} or not {name}.flags.carray"


def _enter(k: int, slot: BufferSlot) -> str:
    if not _is_small(slot):
        return f"block[{k}] = lend(void, a{k})"
    return f"m{k}[{'...' if slot.shape else '()'}] = a{k}"


def _new(slot: BufferSlot) -> str:
    size = slot.shape[0] if len(slot.shape) == 1 else slot.shape
    return f"empty({size})" if slot.dtype == "f8" else f"empty({size}, dtype_{slot.dtype})"


def _leave(k: int, place: int, slot: BufferSlot, scalar: bool) -> list[str]:
    """Return the lines that take one result out of the frame."""
    if not _is_small(slot):
        return []
    if scalar:
        return [f"r{k} = m{place}[()]"]
    if not slot.shape:
        return [f"r{k} = {_new(slot)}", f"r{k}[()] = m{place}"]
    return [f"r{k} = m{place}.copy()"]
