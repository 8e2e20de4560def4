"""Generated Python, made callable.

The one place where gradc executes text: what its own NumPy printer, or the writer of quick calls,
has just written in memory, never anything read from a file.
"""

import linecache
from collections.abc import Callable
from functools import wraps
from types import ModuleType
from typing import Any

import numpy as np

from gradc.runtime.failures import Place, translated

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


def located(function: Callable[..., Any], place: Place) -> Callable[..., Any]:
    """Return the function with errors of its values sent to the user's line.

    These are indices outside of an axis, loops with too many turns and NumPy's complaints about
    matrices.
    """
    code = function.__code__

    @wraps(function)
    def run(*arrays: Any) -> Any:
        try:
            return function(*arrays)
        except (IndexError, RuntimeError, np.linalg.LinAlgError) as error:
            found = translated(error, code, place)
            if found is None:
                raise
            raise found from None

    return run
