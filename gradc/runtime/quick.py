"""The shortest way into a compiled kernel: for arguments that need no conversion at all.

Public::

    quick_call(kernel, floats, manner) -> function(args) -> results | miss
    arrangement(plan, manner) -> the results' tree of numbers

The function is written for one plan: every check is a line of its own, with the dtype and the shape
in it.  Numbers and small arrays are copied into and out of memory that the argument block points at
already; larger ones are lent where they are.  That memory is taken from a pool for the length of a
call, so that threads may call at once.

``miss`` says that some argument is not exactly what the plan expects; nothing has run then.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

import numpy as np

from gradc.later import later
from gradc.native.ffi import NULL, Entry, ffi
from gradc.records import dataclass
from gradc.runtime.plan import ALIGNMENT, BufferSlot, CallPlan
from gradc.runtime.results import Results
from gradc.runtime.workspace import arena

__all__ = ["Kernel", "Manner", "Quick", "arrangement", "quick_call"]

python_source = later("gradc.runtime.python_source")

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
    result : tuple, optional
        One tree of tuples, lists, dicts and None, with the numbers of results as leaves; a list of
        all of them without it.
    scalars : set of int
        Results that go back as NumPy scalars, besides those of the plan.
    miss : object
        What is returned when an argument does not fit.
    fits : callable, optional
        Further conditions on the inputs.
    names : tuple of str
        Those of the last arguments.
    pins : tuple, optional
        ``(pins, fits)``: objects that must be where they were, and the conditions besides these.
        Where one is not, ``fits`` alone may still hold.
    forms : tuple, optional
        A ``Form`` for each argument; without them each argument is one input.
    numbers : set of int
        Inputs that come as NumPy scalars.
    """

    result: tuple[Any, ...] = ()
    scalars: frozenset[int] = frozenset()
    miss: Any = None
    fits: Callable[[Sequence[Any]], bool] | None = None
    forms: tuple[Any, ...] | None = None
    numbers: frozenset[int] = frozenset()
    names: tuple[str, ...] = ()
    pins: tuple[tuple[Any, ...], Callable[[Sequence[Any]], bool] | None] | None = None

    @property
    def is_flat(self) -> bool:
        """Tell whether each argument is an array or a Python float, and has no name."""
        return self.forms is None and not self.numbers and not self.names


class Form:
    """What an argument is: a tuple of one of these and what belongs to it.

    ``(INPUT, number)``, ``(FIXED, value)``, ``(TUPLE, form, ...)``, ``(LIST, form, ...)`` or
    ``(DICT, names, form, ...)``, of exactly these types and names in this order.  Behind those of
    the arguments stand the inputs from outside, ``(PLACE, number, owner, name, steps)``: the way
    to an array, as ``routes`` says it.
    """

    INPUT, FIXED, TUPLE, LIST, DICT, PLACE = range(6)


def quick_call(kernel: Kernel, floats: Sequence[bool], manner: Manner) -> Quick:
    """Return a call without conversions.

    ``floats`` says for each input whether the caller hands in a Python float.
    """
    plan = kernel.plan
    takers = {k: take for k in range(len(plan.outputs)) if (take := kernel.results.taker(k))}
    text = _text(plan, floats, manner, takers)
    frames = _Frames(kernel, manner.scalars)
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
        "near": np.may_share_memory,
        "take": takers,
        **{f"dtype_{slot.dtype}": slot.numpy_dtype for slot in (*plan.inputs, *plan.outputs)},
    }
    make: Callable[..., Quick] = python_source.run_text(text, f"{plan.symbol}_call", "make")
    return make(**names)


def arrangement(plan: CallPlan, manner: Manner) -> Any:
    """Return the tree in which the results go back, with their numbers as leaves."""
    return manner.result[0] if manner.result else [*range(len(plan.outputs))]


class _Frames:
    """Argument blocks, each with memory for numbers and small arrays that its pointers lead to."""

    def __init__(self, kernel: Kernel, scalars: Collection[int]) -> None:
        self.kernel = kernel
        self.scalars = scalars
        self.pool: list[Any] = []

    def scalar(self, output: int) -> bool:
        """Tell whether a result goes back as a NumPy scalar."""
        return self.kernel.plan.outputs[output].scalar or output in self.scalars

    def fresh(self) -> tuple[Any, ...]:
        """Return a block and what its memory is reached by: ``(block, *ways, memory kept alive)``.

        A way is a view; for a result that is an array, what copies it.
        """
        plan = self.kernel.plan
        slots = (*plan.inputs, *plan.outputs)
        count = len(plan.inputs)
        starts, size = _layout(_copied(plan))
        memory = np.zeros(size + ALIGNMENT, np.uint8)
        memory = memory[-memory.ctypes.data % ALIGNMENT :]
        block = ffi.new("void *[]", len(slots) + 2)
        ways: list[Any] = []
        for k, (slot, start) in enumerate(zip(slots, starts, strict=True)):
            if start >= 0:
                part = memory[start : start + slot.nbytes]
                view = part.view(slot.numpy_dtype).reshape(slot.shape)
                ways.append(view.copy if k >= count and not self.scalar(k - count) else view)
                block[k] = ffi.from_buffer(memory) + start
        block[len(slots) + 1] = self.kernel.environment
        return (block, *ways, memory)


def _copied(plan: CallPlan) -> list[int]:
    """Return the bytes of each buffer that is copied, 0 where it is lent or has no elements.

    What is donated is no copy.
    """
    count = len(plan.inputs)
    lent = {place for k, argument in plan.donated for place in (count + k, argument)}
    sizes = (slot.nbytes for slot in (*plan.inputs, *plan.outputs))
    return [0 if k in lent or size > SMALL else size for k, size in enumerate(sizes)]


def _layout(sizes: Sequence[int]) -> tuple[list[int], int]:
    """Return where each copy lies, -1 where there is none, and the bytes of all."""
    starts, total = [], 0
    for size in sizes:
        starts.append(total if size else -1)
        total += -(-size // ALIGNMENT) * ALIGNMENT
    return starts, total


# the text


def _text(plan: CallPlan, floats: Sequence[bool], manner: Manner, takers: Collection[int]) -> str:
    """Return the source of a function that makes the call."""
    count = len(plan.inputs)
    copied = _copied(plan)
    names = [f"m{k}" for k, size in enumerate(copied) if size]
    body = [f"if len(args) != {count}:", "    return miss"]
    if manner.fits is not None:
        body += ["if not fits(args):", "    return miss"]
    if count:
        body.append(f"{''.join(f'a{k}, ' for k in range(count))}= args")
    for k, (slot, is_float) in enumerate(zip(plan.inputs, floats, strict=True)):
        copied_number = not slot.shape and copied[k] > 0
        refused = _refusal(f"a{k}", slot, is_float, lent=not copied_number)
        body += [f"if {refused}:", "    return miss"]
    body += _meetings(plan, floats)
    body += ["try:", "    frame = pop()", "except IndexError:", "    frame = fresh()"]
    body.append(f"{', '.join(['block', *names, '_'])} = frame")
    for k, slot in enumerate(plan.inputs):
        body.append(_enter(k, slot) if copied[k] else f"block[{k}] = lend(void, a{k})")
    body += _lent(plan, copied, takers)
    if plan.arena_bytes:
        body.append(f"block[{len(copied)}] = scratch = arena({plan.arena_bytes})")
    body += ["code = entry(block, null)", "if code:", "    push(frame)", "    raise failed(code)"]
    for k, slot in enumerate(plan.outputs):
        if copied[count + k]:
            scalar = slot.scalar or k in manner.scalars
            body.append(f"r{k} = m{count + k}{'[()]' if scalar else '()'}")
    body += ["push(frame)", f"return {_expression(arrangement(plan, manner))}"]
    return _made(plan, body, takers)


def _expression(tree: Any) -> str:
    """Write a tree with the results ``r0, r1, ...`` as leaves."""
    if isinstance(tree, int):
        return f"r{tree}"
    if isinstance(tree, dict):
        pairs = (f"{name!r}: {_expression(inner)}" for name, inner in tree.items())
        return f"{{{', '.join(pairs)}}}"
    if isinstance(tree, list):
        return f"[{', '.join(map(_expression, tree))}]"
    if isinstance(tree, tuple):
        return f"({''.join(f'{_expression(inner)}, ' for inner in tree)})"
    return "None"


def _lent(plan: CallPlan, copied: Sequence[int], takers: Collection[int]) -> Iterator[str]:
    """Yield the lines that lend memory for results: new, or that of a donated argument."""
    count, donated = len(plan.inputs), dict(plan.donated)
    for k, slot in enumerate(plan.outputs):
        if k in donated:
            yield f"r{k} = a{donated[k]}"
        elif not copied[count + k]:
            yield f"r{k} = take{k}()" if k in takers else f"r{k} = {_new(slot)}"
            yield f"block[{count + k}] = lend(void, r{k})"


def _made(plan: CallPlan, body: list[str], takers: Collection[int]) -> str:
    dtypes = sorted({f"dtype_{slot.dtype}" for slot in (*plan.inputs, *plan.outputs)})
    given = ["entry", "failed", "fits", "miss", "pop", "push", "fresh", "lend", "void", "arena"]
    given += ["null", "ndarray", "empty", "near", "take"]
    head = f"def make({', '.join([*given, *dtypes])}):"
    taken = (f"    take{k} = take[{k}]" for k in takers)
    lines = [
        head,
        *taken,
        "    def call(args):",
        *(f"        {line}" for line in body),
        "    return call",
    ]
    return "\n".join(lines) + "\n"


def _meetings(plan: CallPlan, floats: Sequence[bool]) -> list[str]:
    """Return the lines that refuse a donated array which lies near another one."""
    arrays = [k for k, is_float in enumerate(floats) if not is_float]
    pairs = [(a, b) for _, a in plan.donated for b in arrays if a != b]
    tests = [f"near(a{a}, a{b})" for a, b in pairs]
    return [f"if {' or '.join(tests)}:", "    return miss"] if tests else []


def _refusal(name: str, slot: BufferSlot, is_float: bool, lent: bool) -> str:
    """Return the condition under which an argument does not fit.

    A single number that is copied may lie in memory as it likes.
    """
    if is_float:
        return f"type({name}) is not float"
    shape = f"{name}.shape != {slot.shape}"
    if not slot.shape:
        shape = f"{name}.ndim"
    elif len(slot.shape) == 1:
        shape = f"{name}.ndim != 1 or {name}.size != {slot.shape[0]}"
    kind = f"type({name}) is not ndarray or {name}.dtype is not dtype_{slot.dtype}"
    return f"{kind} or {shape} or not {name}.flags.carray" if lent else f"{kind} or {shape}"


def _enter(k: int, slot: BufferSlot) -> str:
    return f"m{k}[{'...' if slot.shape else '()'}] = a{k}"


def _new(slot: BufferSlot) -> str:
    size = slot.shape[0] if len(slot.shape) == 1 else slot.shape
    return f"empty({size})" if slot.dtype == "f8" else f"empty({size}, dtype_{slot.dtype})"
