"""Python's garbage collector, told to look less often while a program is compiled.

Compiling makes many small objects that all live until it ends, so the collector walks them again
and again for nothing: half of the time for a function of ten thousand operations.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

__all__ = ["rare_collections"]

_THRESHOLD = 100_000
"""New objects between two collections of the youngest generation."""

_lock = Lock()
_before: list[tuple[int, int, int]] = []
"""What the user had set, once for every compilation under way."""


@contextmanager
def rare_collections() -> Iterator[None]:
    """Collect seldom inside the block; the user's settings return with the end of the last one."""
    with _lock:
        _before.append(_before[0] if _before else gc.get_threshold())
        youngest, *older = _before[0]
        if youngest:
            gc.set_threshold(max(youngest, _THRESHOLD), *older)
    try:
        yield
    finally:
        with _lock:
            settings = _before.pop()
            if not _before:
                gc.set_threshold(*settings)
