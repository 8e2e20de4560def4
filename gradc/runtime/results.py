"""Memory for large results, used again once nobody holds the result that lay in it.

Public::

    Results(slots) -> Results
      .fresh() -> list of arrays
      .taker(k) -> callable or None       # what makes result k, where its memory is used again
    LARGE, LIMIT                          # bytes

The C library gives large blocks back to the system when they are freed, and the system clears
each page of a new block when it is first touched: for a gradient of 150 MB that takes longer than
computing it.  An optimiser drops each gradient before it asks for the next one, or as soon as it
has that; so the memory of the last one serves again, or that of the one before, and there are two
of each.  A result that is still held, or a view of it, is left alone.
"""

import sys
import threading
import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from gradc.runtime.plan import BufferSlot

__all__ = ["LARGE", "LIMIT", "Results"]

LARGE = 1 << 18
"""Bytes from which memory is used again: below, the C library keeps most of what was freed."""

LIMIT = 1 << 30
"""Bytes that are kept for later calls, in all of a process."""


class _Memory:
    """The memory of one result of one plan."""

    __slots__ = ("__weakref__", "dtype", "nbytes", "owners", "shape")

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype[Any], nbytes: int) -> None:
        self.shape, self.dtype, self.nbytes = shape, dtype, nbytes
        self.owners: tuple[np.ndarray, ...] = ()

    def take(self) -> np.ndarray:
        """Return an array in memory that nothing else refers to.

        Two threads that ask at once both hold the owner when they count, so both make a new one.
        """
        for owner in self.owners:
            if sys.getrefcount(owner) <= _ALONE:
                return owner.view()
        return self._new()

    def _new(self) -> np.ndarray:
        owner = np.empty(self.shape, self.dtype)
        self.owners = (owner, *(self.owners[:1] if 2 * self.nbytes <= LIMIT else ()))
        _keep(self)
        return owner.view()

    def references(self) -> list[int]:
        """Count as :meth:`take` does."""
        found = []
        for owner in self.owners:
            found.append(sys.getrefcount(owner))  # noqa: PERF401 (a comprehension counts otherwise)
        return found


def _references_alone() -> int:
    """Return what is counted for an owner without a result in it, by this interpreter."""
    memory = _Memory((1,), np.dtype(float), 8)
    memory.owners = (np.empty(1),)
    return memory.references()[0]


_ALONE = _references_alone()

_COUNTS = bool(getattr(sys, "_is_gil_enabled", lambda: True)())
"""Whether a count of references tells the truth: not where threads run without a common lock."""

_kept: list["weakref.ref[_Memory]"] = []
_lock = threading.Lock()


def _keep(memory: _Memory) -> None:
    """Note what is kept, the newest last; forget the oldest when it is too much."""
    with _lock:
        others = [one for ref in _kept if (one := ref()) is not None and one is not memory]
        total = sum(one.nbytes * len(one.owners) for one in (memory, *others))
        while total > LIMIT and others:
            oldest = others.pop(0)
            total -= oldest.nbytes * len(oldest.owners)
            oldest.owners = ()
        _kept[:] = [weakref.ref(one) for one in (*others, memory)]


_NOTHING: Mapping[int, np.ndarray] = {}


class Results:
    """The results of one plan, made anew for each call.

    Parameters
    ----------
    slots : sequence of BufferSlot
        What each result is.
    """

    def __init__(self, slots: Sequence[BufferSlot]) -> None:
        self._slots = slots
        self._memories = [
            _Memory(slot.shape, slot.numpy_dtype, slot.nbytes)
            if _COUNTS and LARGE <= slot.nbytes <= LIMIT
            else None
            for slot in slots
        ]

    def taker(self, k: int) -> Callable[[], np.ndarray] | None:
        """Return what makes result ``k``; None where a new array does as well."""
        memory = self._memories[k]
        return None if memory is None else memory.take

    def fresh(self, given: Mapping[int, np.ndarray] = _NOTHING) -> list[np.ndarray]:
        """Return an array for each result: C-contiguous, with anything in it.

        ``given`` are those that are there already.
        """
        return [given[k] if k in given else self._new(k) for k in range(len(self._slots))]

    def _new(self, k: int) -> np.ndarray:
        slot, memory = self._slots[k], self._memories[k]
        return np.empty(slot.shape, slot.numpy_dtype) if memory is None else memory.take()
