"""Scratch memory for compiled code: one block per thread, kept between calls.

Public::

    arena(nbytes) -> memory        # this thread's block, at least so large, aligned to 64 bytes
    own_arena(nbytes) -> Block     # a block that belongs to the caller; ``.pointer`` is aligned
    release()                      # give this thread's block back
"""

import threading
from typing import Any

import numpy as np

from gradc.native.ffi import NULL, ffi
from gradc.runtime.plan import ALIGNMENT

__all__ = ["Block", "arena", "own_arena", "release"]


class Block:
    """Uninitialised memory; ``pointer`` stays valid for as long as the block is referenced.

    ``view`` is the same place and keeps the memory by itself.
    """

    __slots__ = ("nbytes", "pointer", "view")

    def __init__(self, nbytes: int) -> None:
        self.nbytes = nbytes
        memory = np.empty(nbytes + ALIGNMENT, np.uint8)
        start = -memory.ctypes.data % ALIGNMENT
        self.view: Any = ffi.from_buffer(memory[start : start + nbytes])
        self.pointer: Any = ffi.cast("void *", self.view)


class _Local(threading.local):
    """Each thread sees its own block."""

    nbytes = 0
    memory: Any = NULL


_local = _Local()


def arena(nbytes: int) -> Any:
    """Return at least ``nbytes`` of this thread's scratch memory, to be held while it is used.

    What another call left in it is undefined; it is shared by all calls that this thread makes one
    after the other.  When the interpreter ends it takes what belongs to a thread, though that
    thread may still compute.
    """
    if _local.nbytes < nbytes:
        _grow(nbytes)
    return _local.memory


def _grow(nbytes: int) -> None:
    release()
    _local.memory, _local.nbytes = Block(nbytes).view, nbytes


def own_arena(nbytes: int) -> Block | None:
    """Return a block of the caller's own, or nothing when none is needed."""
    return Block(nbytes) if nbytes else None


def release() -> None:
    """Give this thread's block back to the system."""
    _local.nbytes, _local.memory = 0, NULL
