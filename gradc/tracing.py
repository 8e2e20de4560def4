"""Is a function being recorded in this thread?  Asked at every call, so it must cost nothing."""

import threading
from typing import Any

__all__ = ["OPEN", "STATE", "is_tracing"]


class _State(threading.local):
    """The innermost trace of each thread."""

    trace: Any = None


STATE = _State()

OPEN: list[Any] = []
"""The traces that are open in all threads; where there is none, no thread need be asked."""


def is_tracing() -> bool:
    """Tell whether a function is being recorded in this thread."""
    return STATE.trace is not None
