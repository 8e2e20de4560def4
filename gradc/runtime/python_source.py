"""Generated Python, made callable.

The one place where gradc executes text: what its own NumPy printer, or the writer of quick calls,
has just written in memory, never anything read from a file.
"""

import linecache
from collections.abc import Callable
from functools import wraps
from types import ModuleType, TracebackType
from typing import Any, Protocol

import numpy as np

from gradc.errors import LimitError, SingularError
from gradc.spans import Span

__all__ = ["load_function", "located", "run_text"]

_count = 0


def load_function(text: str, name: str) -> Callable[..., Any]:
    """Execute a generated module and return its function ``name``."""
    return run_text(text, name, name)


def run_text(text: str, title: str, name: str) -> Callable[..., Any]:
    """Execute a generated module called ``title`` and return its function ``name``.

    The text is registered with ``linecache``, so tracebacks and debuggers show it.
    """
    global _count
    _count += 1
    filename = f"<gradc {title} {_count}>"
    linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
    module = ModuleType(f"gradc_generated_{_count}")
    exec(compile(text, filename, "exec"), module.__dict__)
    function: Callable[..., Any] = module.__dict__[name]
    return function


class Entry(Protocol):
    """A stretch of generated lines."""

    @property
    def span(self) -> Span | None:
        """The user's expression that they stand for."""


class Mapped(Protocol):
    """Generated text that knows where its lines come from."""

    def at(self, line: int) -> Entry | None:
        """Return the stretch that holds a line."""


def located(function: Callable[..., Any], source: Mapped) -> Callable[..., Any]:
    """Return the function with what it may refuse while it runs sent to the user's line."""

    @wraps(function)
    def run(*arrays: Any) -> Any:
        try:
            return function(*arrays)
        except (np.linalg.LinAlgError, RuntimeError) as error:
            entry = source.at(_line(error.__traceback__, function.__code__.co_filename))
            raise _explained(error, entry.span if entry else None) from None

    return run


def _explained(error: Exception, span: Span | None) -> Exception:
    """Return the error of gradc that says the same at the user's line."""
    text = str(error)
    if isinstance(error, np.linalg.LinAlgError):
        text = text.lower().replace("matrix is", "the matrix is")
        return SingularError(text.replace("singular matrix", "the matrix is singular"), span=span)
    return LimitError(text, span=span) if text.startswith("the loop runs more than") else error


def _line(trace: TracebackType | None, filename: str) -> int:
    """Return the line of a file at which an exception passed."""
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == filename:
            return trace.tb_lineno
        trace = trace.tb_next
    return 0
