"""Record a function so that a call stays within a budget of memory."""

import importlib
from collections.abc import Callable, Mapping
from typing import Any

from gradc.capture.trace import Recording, trace
from gradc.errors import LimitError, UnsupportedError
from gradc.options import Options
from gradc.pipeline import make_program

__all__ = ["fitted"]

_TRIES = 6


def fitted(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any], options: Options
) -> Recording:
    """Record ``function(*args, **kwargs)``, with ``options.memory`` honoured.

    Only the finished program says what temporaries take beside the tapes, so it is made again with
    less for the tapes until all of it fits.

    Raises
    ------
    LimitError
        No schedule fits; the message says how much the smallest takes.
    """
    budget = options.memory_bytes
    if budget is None:
        return trace(function, args, kwargs, options=options)
    allowed = budget
    for left in reversed(range(_TRIES)):
        recording = trace(function, args, kwargs, options=options.but(memory=allowed))
        peak = _peak(recording, options)
        if peak <= budget:
            return recording
        if not allowed:
            break
        allowed = max(allowed - (peak - budget), 0) if left > 1 else 0
    inner = getattr(function, "fn", function)
    name = getattr(inner, "__name__", recording.name)
    raise LimitError(
        f"{name} takes {peak:,} bytes at least, but memory={options.memory!r} allows {budget:,}",
        span=recording.span,
        repair=f"allow memory={peak}, or let it keep less with smaller arrays or gradc.checkpoint",
    )


def _peak(recording: Recording, options: Options) -> int:
    """Return the bytes that a call takes; what has no C form counts tapes and results alone."""
    program = make_program(recording, recording.name, options)
    view = importlib.import_module("gradc.view.memory")  # lowers: a call without a budget does not
    try:
        return int(view.memory_of(program, options).peak)
    except UnsupportedError:
        return int(view.tape_and_results(program))
