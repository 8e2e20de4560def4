"""Calls made in C: when the library for them is loaded, and for which plans it serves.

Public::

    STATE.want(owner, upgrade)              # from now on, or as soon as it is built
    STATE.load(owner) -> bool               # now, compiling it if need be
    STATE.reason -> str                     # why not, for ``gradc doctor``
    native_call(kernel, floats, manner) -> Quick | None
    native_bound(kernel, block, returned, kept) -> Callable[[], Any] | None

The library is asked for when a compiled function is called a second time.  One that is on disk is
loaded at once; otherwise a thread builds it while calls go on in Python, and then every function
that waits is told.  Where that is not possible calls stay in Python, and nobody is disturbed.
``GRADC_NATIVE_CALLS=0`` keeps them there.
"""

import atexit
import os
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from weakref import WeakMethod

from gradc.errors import GradcError
from gradc.later import later, log
from gradc.native.ffi import NULL, ffi
from gradc.runtime.quick import Kernel, Manner, Quick, arrangement

if TYPE_CHECKING:
    from gradc.native.call_library import Parts

__all__ = ["STATE", "Owner", "native_bound", "native_call"]

_log = log("gradc.cache")
call_library = later("gradc.native.call_library")
process = later("gradc.native.process")

MAX_SCRATCH = 1 << 16
"""Bytes of scratch memory that a call may keep; what needs more computes longer than it calls."""

MAX_BUFFERS = 1000

_SCALAR = 2
"""Marks a NumPy scalar among the inputs and results of a call, where 1 is a Python float."""

Owner = Callable[["Parts"], None]
"""Told once, before any call is made in C."""


class _State:
    """The library of this process."""

    def __init__(self) -> None:
        self.parts: Parts | None = None
        self.reason = "not asked for yet"
        self._asked = False
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._waiting: list[WeakMethod[Callable[[], None]]] = []

    @property
    def is_loaded(self) -> bool:
        """Tell whether calls can be made in C."""
        return self.parts is not None

    def want(self, owner: Owner, upgrade: Callable[[], None]) -> None:
        """Have calls made in C: ``upgrade``, a bound method, is called later if not now."""
        if not self._asked:
            with self._lock:
                first, self._asked = not self._asked, True
            if first:
                self._begin(owner)
        if self._thread is not None:
            self._waiting.append(WeakMethod(upgrade))
            if self.is_loaded:  # by the thread, a moment ago
                upgrade()

    def load(self, owner: Owner) -> bool:
        """Load the library now, unless the environment forbids; build it if need be."""
        self._asked = True
        if self.parts is None and not self._is_forbidden():
            self._attempt(call_library.built, owner)
        return self.is_loaded

    def _is_forbidden(self) -> bool:
        forbidden = os.environ.get("GRADC_NATIVE_CALLS", "").strip() == "0"
        if forbidden:
            self.reason = "GRADC_NATIVE_CALLS=0"
        return forbidden

    def _begin(self, owner: Owner) -> None:
        """Load what is on disk; else have it built."""
        if self._is_forbidden() or self._attempt(call_library.stored, owner):
            return
        if self.reason == _ABSENT:
            self.reason = "being built"
            self._thread = threading.Thread(
                target=self._build, args=(owner,), name="gradc calls", daemon=True
            )
            atexit.register(self._stop)
            self._thread.start()

    def _build(self, owner: Owner) -> None:
        with suppress(SystemExit):  # the interpreter ends
            self._attempt(call_library.built, owner)
        for reference in self._waiting if self.is_loaded else ():
            _tell(reference)
        self._waiting.clear()
        self._thread = None

    def _attempt(self, find: Callable[[], "Parts | None"], owner: Owner) -> bool:
        """Load the library if it can be had; a failure is noted and kept from the user."""
        obstacle = call_library.obstacle()
        if obstacle is not None:
            self.reason = obstacle
            return False
        try:
            parts = find()
            if parts is None:
                self.reason = _ABSENT
                return False
            owner(parts)
        except Exception as error:
            self.reason = error.headline if isinstance(error, GradcError) else str(error)
            _log.info("calls are not made in C: %s", self.reason)
            return False
        self.parts, self.reason = parts, ""
        return True

    def _stop(self) -> None:
        """End a build that the interpreter's end would break."""
        thread = self._thread
        while thread is not None and thread.is_alive() and thread.ident is not None:
            process.stop(thread.ident)
            thread.join(_PATIENCE)

    def after_fork(self) -> None:
        """In a child no thread builds: it may start one of its own."""
        self._lock = threading.Lock()
        if self._thread is not None:
            self._thread, self._asked = None, False


def _tell(reference: "WeakMethod[Callable[[], None]]") -> None:
    """Call a bound method whose object is still there; what fails stays as it was."""
    upgrade = reference()
    try:
        if upgrade is not None:
            upgrade()
    except Exception as error:
        _log.info("a call is not made in C: %r", error)


_ABSENT = "not built yet"
_PATIENCE = 0.02

STATE = _State()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=STATE.after_fork)


def native_call(kernel: Kernel, floats: Sequence[bool], manner: Manner) -> Quick | None:
    """Return a call made in C, where the library is loaded and the plan is one for it."""
    parts = STATE.parts
    if parts is None or not _serves(kernel, floats):
        return None
    plan = kernel.plan
    scalars = manner.scalars
    inputs = [
        (slot.numpy_dtype, slot.shape, _SCALAR if k in manner.numbers else int(is_float))
        for k, (slot, is_float) in enumerate(zip(plan.inputs, floats, strict=True))
    ]
    outputs = [
        (slot.numpy_dtype, slot.shape, _SCALAR if slot.scalar or k in scalars else 0)
        for k, slot in enumerate(plan.outputs)
    ]
    addresses = _address(kernel.entry), _address(kernel.environment)
    sizes = tuple(inputs), tuple(outputs), plan.arena_bytes
    pins, fits = manner.pins or ((), manner.fits)
    asked = fits, kernel.failed, manner.miss
    trees = arrangement(plan, manner), kernel, manner.forms
    try:
        made: Quick = parts.call(*addresses, *sizes, *asked, *trees, pins, manner.names)
    except ValueError:  # a tree that is very deep
        return None
    return made


def native_bound(
    kernel: Kernel, block: Sequence[Any], returned: Any, kept: object
) -> Callable[[], Any] | None:
    """Return a call of the same buffers each time made in C, where the library is loaded.

    ``block`` holds the pointers that the kernel is given; ``kept`` keeps alive what they point to.
    """
    parts = STATE.parts
    if parts is None:
        return None
    addresses = tuple(_address(one) for one in block)
    entry = _address(kernel.entry)
    made: Callable[[], Any] = parts.bound(entry, addresses, kernel.failed, returned, (kept, kernel))
    return made


def _serves(kernel: Kernel, floats: Sequence[bool]) -> bool:
    """Tell whether a plan is one of small calls, without anything that only Python does."""
    plan = kernel.plan
    slots = (*plan.inputs, *plan.outputs)
    numbers = (slot for slot, is_float in zip(plan.inputs, floats, strict=True) if is_float)
    return (
        plan.arena_bytes <= MAX_SCRATCH
        and len(slots) <= MAX_BUFFERS
        and not plan.donated
        and not any(kernel.results.taker(k) for k in range(len(plan.outputs)))
        and all(slot.dtype == "f8" and not slot.shape for slot in numbers)
    )


def _address(pointer: Any) -> int:
    return int(ffi.cast("uintptr_t", pointer)) if pointer is not NULL else 0
