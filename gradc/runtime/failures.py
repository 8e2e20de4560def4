"""Errors that show only when compiled code runs: an index outside its axis, too many turns.

Compiled C returns a code, which the plan of the call translates; generated Python raises NumPy's
own errors, which are put in the same words with the user's line.
"""

import re
from collections.abc import Callable
from types import CodeType

import numpy as np

from gradc.errors import ArgumentError, GradcError, IndexBoundsError, LimitError, SingularError
from gradc.runtime.plan import Check
from gradc.spans import Span

__all__ = ["Place", "check_of", "failure", "translated"]

Place = Callable[[int, int | None], Span | None]
"""Finds the user's expression for a line of generated code and the length of the axis indexed."""

_ERRORS: dict[str, type[GradcError]] = {
    "index": IndexBoundsError,
    "linalg": SingularError,
    "value": ArgumentError,
    "limit": LimitError,
    "error": GradcError,
}
_REPAIRS = {
    "index": "count positions from 0, or from the end with negative numbers",
    "limit": "check that the condition of the loop changes, or raise max_turns",
}
_TURNS = "the loop runs more than "
_OUTSIDE = r"index -?\d+ is out of bounds for (?:axis \d+ with )?size (\d+)"


def failure(check: Check) -> GradcError:
    """Return the error that a return code stands for."""
    return _ERRORS[check.kind](check.text, repair=_REPAIRS.get(check.kind))


def check_of(message: str, span: Span | None, kind: str = "index") -> Check:
    """Return what a failing check says, with the user's line."""
    where = [] if span is None else ["  " + line for line in span.excerpt()]
    return Check("\n".join([message, *where]), "limit" if message.startswith(_TURNS) else kind)


def translated(error: Exception, code: CodeType, place: Place) -> GradcError | None:
    """Return an error of generated Python in the words of compiled C; None when it is another."""
    if isinstance(error, np.linalg.LinAlgError):
        return _about_a_matrix(error, place(_line_in(error, code), None))
    outside = re.search(_OUTSIDE, str(error)) if isinstance(error, IndexError) else None
    if outside is None and not str(error).startswith(_TURNS):
        return None
    line = _line_in(error, code)
    length = None if outside is None else int(outside[1])
    message = str(error)
    if length is not None:
        message = f"an index is out of bounds for an axis of length {length}"
    return failure(check_of(message, place(line, length)))


def _about_a_matrix(error: np.linalg.LinAlgError, span: Span | None) -> GradcError:
    text = str(error).lower().replace("matrix is", "the matrix is")
    return SingularError(text.replace("singular matrix", "the matrix is singular"), span=span)


def _line_in(error: Exception, code: CodeType) -> int:
    """Return the line of generated code at which an exception passed."""
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code is code:
            return trace.tb_lineno
        trace = trace.tb_next
    return 0
