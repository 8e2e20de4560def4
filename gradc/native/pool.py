"""Threads for compiled code: how many, and the pool that lends them.

Public::

    chosen(threads) -> int            # an option's value, ``GRADC_THREADS``, or all processors
    lend(environment, threads) -> what is to be kept  # put the pool into a ``gradc_env``
    prepare() -> None                             # have it built meanwhile, by another thread

The pool is a small C library of its own (``templates/c/pool``), built once per cache like any
kernel, one for all kernels of the process.  Its threads start at the first call that has work for
them and end with the interpreter; a forked child starts its own.
"""

import atexit
import os
import threading
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from gradc.errors import ArgumentError, GradcError
from gradc.later import log
from gradc.native.ffi import NULL, ffi
from gradc.native.library import Loaded, Unit, library
from gradc.native.processors import processors

__all__ = ["chosen", "lend", "prepare"]

_log = log("gradc.threads")

_KEY = "pool of threads"
_LENDS, _ENDS = 0, 1
_PACKAGE = Path(__file__).resolve().parents[1]
_TEMPLATES = (_PACKAGE / "_templates", _PACKAGE.parent / "templates")


def chosen(threads: int | None) -> int:
    """Return the number of threads a call may use, its own among them.

    Raises
    ------
    ArgumentError
        When ``GRADC_THREADS`` is asked and holds no number.
    """
    if threads is not None:
        return threads
    text = os.environ.get("GRADC_THREADS", "").strip()
    if not text:
        return processors()
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentError(
            f"GRADC_THREADS={text!r} is not a number of threads",
            repair="set it to 1 or more, or unset it",
        )
    return int(text)


def lend(environment: Any, threads: int) -> object:
    """Let a kernel use the pool: set two members of a ``struct gradc_env``.

    Returns what must be kept as long as the kernel may run, a call that another thread makes while
    the interpreter ends included; None, and leaves the members alone, where there is no pool.
    """
    pool = _pool() if threads > 1 else None
    if pool is None:
        return None
    lease = ffi.new("int64_t *", threads)
    pool.entry(ffi.new("void *[]", [environment]), ffi.new("int64_t[]", [_LENDS]))
    environment.pool = lease
    return (pool, lease) if environment.parallel_for != NULL else None


_early: list[Loaded] = []


def prepare() -> None:
    """Have the pool built or loaded while something else is compiled."""
    if not _early:
        threading.Thread(target=_prepare, name="gradc pool").start()


def _prepare() -> None:
    """Load the library; that there is none is told by who needs it."""
    with suppress(GradcError):
        _early.append(library(_KEY, _unit))


@cache
def _pool() -> Loaded | None:
    """Build or find the library; its threads end before it is unloaded."""
    try:
        loaded = library(_KEY, _unit)
    except GradcError as error:
        _log.info("no threads: %s", error.headline)
        return None
    atexit.register(loaded.entry, NULL, ffi.new("int64_t[]", [_ENDS]))
    return loaded


def _unit() -> Unit:
    """Return the C text, with the header it includes."""
    folder = next(root / "c" for root in _TEMPLATES if root.is_dir())
    text = (folder / "pool" / "gradc_pool.c").read_text(encoding="utf-8")
    header = (folder / "support" / "gradc_env.h").read_text(encoding="utf-8")
    text = text.replace('#include "gradc_env.h"\n', header)
    return Unit(text, "gradc_pool_call", {}, optimise=1)
