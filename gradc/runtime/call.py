"""Calling a compiled function with NumPy arrays.

Public::

    caller(function, plan, threads=None, routines=True) -> Caller     # function: an Entry of
                                            # native.library, or Python
    Caller(values) -> list of results       # fresh arrays; never aliases of an argument
      .call(values)                         # the same, a little quicker: for the innermost caller
      .plan .stats
      .bind(*values) -> Bound               # for hot loops: the same arrays again and again
    Bound() -> tuple of results             # the same result arrays each time, overwritten
                                            # (bind(..., arrange=f): f of them instead)

A call checks every argument, lends the kernel this thread's scratch memory and releases the
interpreter lock while it runs, so threads may call the same function at once.  A ``Bound`` owns one
set of results and scratch memory: one thread at a time.  It is made in C once calls are (see
``native_calls``): the kernel's time and some 50 ns.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from gradc.errors import ArgumentError, GradcError
from gradc.later import later
from gradc.native.ffi import NULL, Entry, ffi
from gradc.runtime.arguments import (
    Array,
    Stats,
    as_array,
    check_in_place,
    conform,
    writable,
)
from gradc.runtime.donated import check_donated, given
from gradc.runtime.plan import BufferSlot, CallPlan, Check
from gradc.runtime.results import Results
from gradc.runtime.workspace import arena, own_arena

if TYPE_CHECKING:
    from gradc.runtime.quick import Kernel, Manner, Quick

__all__ = ["Bound", "Caller", "caller"]

blas, pool = later("gradc.native.blas"), later("gradc.native.pool")
failures, quick = later("gradc.runtime.failures"), later("gradc.runtime.quick")
native_calls = later("gradc.runtime.native_calls")

Bound = Callable[[], Any]
Arrange = Callable[[Sequence[Array]], Any]

_VOID = ffi.typeof("void *")
_from_buffer = ffi.from_buffer


class Caller:
    """The checks around a call, whatever it is that runs.

    Parameters
    ----------
    plan : CallPlan
        What goes in and what comes out.
    """

    def __init__(self, plan: CallPlan) -> None:
        self.plan = plan
        self.stats = Stats()
        self.call: Callable[[Sequence[Any]], list[Any]] = self._checked_call

    def __call__(self, values: Sequence[Any]) -> list[Any]:
        """Run with ``values`` in the order of the plan's inputs; return its results in order.

        ``caller.call`` is the same function without the detour through this method.

        Raises
        ------
        ArgumentError
            When an argument does not fit.
        GradcError
            When a check inside the compiled code failed, such as an index out of bounds.
        """
        return self.call(values)

    def _checked_call(self, values: Sequence[Any]) -> list[Any]:
        """Take every argument apart, convert what may be converted, run and write back."""
        self._check_count(values)
        arrays = [
            conform(slot, value, self.stats)
            for slot, value in zip(self.plan.inputs, values, strict=True)
        ]
        check_donated(self.plan, values)
        targets = self._targets(values)
        results = self._run(arrays)
        _write_back(targets, results)
        return [
            array[()] if slot.scalar else array
            for slot, array in zip(self.plan.outputs, results, strict=True)
            if slot.role != "written"
        ]

    def quick(self, floats: Sequence[bool], manner: "Manner") -> "Quick | None":
        """Return a call without conversions where the backend has one.

        ``floats`` says for each input whether the caller hands in a Python float.
        """
        return None

    def native(self, floats: Sequence[bool], manner: "Manner") -> "Quick | None":
        """Return the same made in C, where that is to be had and worth it."""
        return None

    def _run(self, arrays: Sequence[Array]) -> list[Any]:
        raise NotImplementedError

    def bind(self, *values: Any, arrange: Arrange = tuple) -> Bound:
        """Return a function of no arguments that reads these arrays and overwrites its results.

        The arrays are used where they are, so they must need no conversion; numbers are fixed now.
        ``arrange`` makes what is returned, once and for all, of the result arrays.
        """
        arrays = self._bindable(values)
        targets = self._targets(values)
        check_donated(self.plan, values)
        outputs = Results(self.plan.outputs).fresh(given(self.plan, arrays))
        if not targets and not any(slot.role == "written" for slot in self.plan.outputs):
            return self._bound(arrays, outputs, arrange(outputs))
        run = self._bound(arrays, outputs, None)
        returned = arrange(
            [
                array
                for slot, array in zip(self.plan.outputs, outputs, strict=True)
                if slot.role != "written"
            ]
        )

        def run_and_write() -> Any:
            run()
            _write_back(targets, outputs)
            return returned

        return run_and_write

    def _bound(self, arrays: list[Array], outputs: list[Array], returned: Any) -> Bound:
        raise NotImplementedError

    def _bindable(self, values: Sequence[Any]) -> list[Array]:
        self._check_count(values)
        found = []
        for slot, value in zip(self.plan.inputs, values, strict=True):
            array = as_array(slot, value)
            check_in_place(slot, array)
            found.append(conform(slot, value, self.stats))
        return found

    def _targets(self, values: Sequence[Any]) -> list[tuple[int, Array]]:
        """Find the arrays to write back into, before anything has run."""
        return [
            (output, writable(self.plan.inputs[number], values[number]))
            for output, number in self.plan.write_back
        ]

    def _check_count(self, values: Sequence[Any]) -> None:
        wanted = len(self.plan.inputs)
        if len(values) != wanted:
            names = ", ".join(slot.label for slot in self.plan.inputs)
            raise ArgumentError(
                f"{self.plan.symbol} takes {wanted} arrays, got {len(values)}",
                repair=f"pass {names or 'nothing'}",
            )


def _write_back(targets: list[tuple[int, Array]], outputs: Sequence[Array]) -> None:
    for output, target in targets:
        np.copyto(target, outputs[output])


class _NativeCaller(Caller):
    """Calls a compiled kernel through its generic entry."""

    def __init__(self, entry: Entry, plan: CallPlan, threads: int | None, routines: bool) -> None:
        super().__init__(plan)
        self._entry = entry
        self._environment = NULL
        self._lent: object = None
        if plan.environment or plan.parallel:
            lent = pool.chosen(threads) if plan.parallel else 1
            found = blas.environment(lent, plan.environment and routines)
            self._environment, self._lent = found.pointer, found
            if found.has_blas:
                self.plan = replace(plan, arena_bytes=plan.lent_arena_bytes)
        self._results = Results(plan.outputs)
        self.call = self._first_call

    def _first_call(self, values: Sequence[Any]) -> list[Any]:
        """Run with all checks; many processes call a function once."""
        self.call = self._second_call
        return self._checked_call(values)

    def _second_call(self, values: Sequence[Any]) -> list[Any]:
        """Run with all checks; write the shorter way for the calls that follow."""
        self.call = self._checked_call
        floats = [False] * len(self.plan.inputs)
        exact = self.native(floats, quick.Manner()) or self.quick(floats, quick.Manner())
        if exact is not None:
            self.call = _exact_first(exact, self._checked_call)
        return self._checked_call(values)

    def quick(self, floats: Sequence[bool], manner: "Manner") -> "Quick | None":
        """Return a call without conversions, unless arguments are trees or are written back."""
        kernel = self._kernel() if manner.is_flat else None
        return None if kernel is None else quick.quick_call(kernel, floats, manner)

    def native(self, floats: Sequence[bool], manner: "Manner") -> "Quick | None":
        """Return the same made in C, where that is to be had and worth it."""
        kernel = self._kernel()
        return None if kernel is None else native_calls.native_call(kernel, floats, manner)

    def _kernel(self) -> "Kernel | None":
        """Return what runs; None where arguments are written back."""
        plan = self.plan
        if plan.write_back or any(slot.role == "written" for slot in plan.outputs):
            return None
        return self._own_kernel()

    def _own_kernel(self) -> "Kernel":
        made: Kernel = quick.Kernel(
            self._entry, self.plan, self._environment, self._failed, self._results
        )
        return made

    def _failed(self, code: int) -> GradcError:
        return _error(self.plan, code)

    def _run(self, arrays: Sequence[Array]) -> list[Any]:
        results = self._results.fresh(given(self.plan, arrays))
        block = [_from_buffer(_VOID, array) for array in (*arrays, *results)]
        block += (arena(self.plan.arena_bytes), self._environment)
        code = self._entry(block, NULL)
        if code:
            raise _error(self.plan, code)
        return results

    def _bound(self, arrays: list[Array], outputs: list[Array], returned: Any) -> Bound:
        scratch = own_arena(self.plan.arena_bytes)
        views = [_from_buffer(_VOID, array) for array in (*arrays, *outputs)]
        tail = [scratch.pointer if scratch else NULL, self._environment]
        kept = (views, scratch, outputs, self._lent)
        in_c: Bound | None = native_calls.native_bound(
            self._own_kernel(), [*views, *tail], returned, kept
        )
        if in_c is not None:
            return in_c
        block = ffi.new("void *[]", [*views, *tail])
        entry, plan, null = self._entry, self.plan, NULL

        def run(*, _kept: object = kept) -> Any:
            code = entry(block, null)
            if code:
                raise _error(plan, code)
            return returned

        return run


def _exact_first(
    exact: "Quick", checked: Callable[[Sequence[Any]], list[Any]]
) -> Callable[[Sequence[Any]], list[Any]]:
    """Try the call without conversions before the one with all checks."""

    def call(values: Sequence[Any]) -> list[Any]:
        results = exact(values)
        return checked(values) if results is None else results

    return call


class _PythonCaller(Caller):
    """Calls a Python function, such as the NumPy backend's, under the same checks."""

    def __init__(self, function: Callable[..., Any], plan: CallPlan) -> None:
        super().__init__(plan)
        self._function = function

    def _run(self, arrays: Sequence[Array]) -> list[Any]:
        with np.errstate(all="ignore"):
            found = self._function(*arrays)
        results = list(found) if isinstance(found, tuple | list) else [found]
        wanted = self.plan.outputs
        if len(results) != len(wanted):
            raise GradcError(
                f"{self.plan.symbol} returned {len(results)} values, not {len(wanted)}"
            )
        taken = {id(array) for array in arrays}
        made = [
            self._fresh(slot, result, taken) for slot, result in zip(wanted, results, strict=True)
        ]
        for output, array in given(self.plan, arrays).items():
            np.copyto(array, made[output])
            made[output] = array
        return made

    def _fresh(self, slot: BufferSlot, result: object, taken: set[int]) -> Array:
        """Return a result that shares memory with nothing else: no argument, no constant."""
        array = np.asarray(result)
        if array.shape != slot.shape or array.dtype != slot.numpy_dtype:
            raise GradcError(
                f"{self.plan.symbol} returned {array.dtype.str}{array.shape} for {slot.name}, "
                f"which is {slot.describe()}"
            )
        flags = array.flags
        if id(array) in taken or not (flags.owndata and flags.carray and array.dtype.isnative):
            array = np.array(array, dtype=slot.numpy_dtype, order="C", copy=True)
        taken.add(id(array))
        return array

    def _bound(self, arrays: list[Array], outputs: list[Array], returned: Any) -> Bound:
        def run() -> Any:
            for target, result in zip(outputs, self._run(arrays), strict=True):
                np.copyto(target, result)
            return returned

        return run


def caller(
    function: Entry | Callable[..., Any],
    plan: CallPlan,
    threads: int | None = None,
    routines: bool = True,
) -> Caller:
    """Return what calls ``function`` by ``plan``: a compiled entry, or a Python function.

    ``threads`` says how many a kernel may use that has loops for several, and ``routines`` whether
    it may call NumPy's matrix routines.

    A Python function takes the input arrays one by one and returns its result or a tuple of them.
    Constants that it holds must be read-only arrays, or results might alias them.
    """
    if isinstance(function, ffi.CData):
        return _NativeCaller(function, plan, threads, routines)
    return _PythonCaller(function, plan)


def _error(plan: CallPlan, code: int) -> GradcError:
    check = plan.checks.get(code) or Check(f"{plan.symbol} failed with code {code}", "error")
    error: GradcError = failures.failure(check)
    return error
