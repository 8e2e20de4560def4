"""Scratch memory for compiled code: one block per thread, kept between calls.

Public::

    arena(nbytes) -> pointer       # this thread's block, at least so large, aligned to 64 bytes
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
    """Uninitialised memory; ``pointer`` stays valid for as long as the block is referenced."""

    __slots__ = ("_view", "nbytes", "pointer")

    def __init__(self, nbytes: int) -> None:
        self.nbytes = nbytes
        memory = np.empty(nbytes + ALIGNMENT, np.uint8)
        start = -memory.ctypes.data % ALIGNMENT
        self._view = ffi.from_buffer(memory[start : start + nbytes])
        self.pointer: Any = ffi.cast("void *", self._view)


class _Local(threading.local):
    """Each thread sees its own block."""

    nbytes = 0
    block: Block | None = None
    pointer: Any = NULL


_local = _Local()


def arena(nbytes: int) -> Any:
    """Return a pointer to at least ``nbytes`` of this thread's scratch memory.

    What another call left in it is undefined; it is shared by all calls that this thread makes one
    after the other.
    """
    if _local.nbytes < nbytes:
        _grow(nbytes)
    return _local.pointer


def _grow(nbytes: int) -> None:
    release()
    block = Block(nbytes)
    _local.block, _local.pointer, _local.nbytes = block, block.pointer, nbytes


def own_arena(nbytes: int) -> Block | None:
    """Return a block of the caller's own, or nothing when none is needed."""
    return Block(nbytes) if nbytes else None


def release() -> None:
    """Give this thread's block back to the system."""
    _local.nbytes, _local.block, _local.pointer = 0, None, NULL
