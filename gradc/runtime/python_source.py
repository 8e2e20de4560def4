"""Generated Python, made callable.

The one place where gradc executes text: what its own NumPy printer has just written in memory,
never anything read from a file.
"""

import linecache
from collections.abc import Callable
from types import ModuleType
from typing import Any

__all__ = ["load_function"]

_count = 0


def load_function(text: str, name: str) -> Callable[..., Any]:
    """Execute a generated module and return its function ``name``.

    The text is registered with ``linecache``, so tracebacks and debuggers show it.
    """
    global _count
    _count += 1
    filename = f"<gradc {name} {_count}>"
    linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
    module = ModuleType(f"gradc_generated_{_count}")
    exec(compile(text, filename, "exec"), module.__dict__)
    function: Callable[..., Any] = module.__dict__[name]
    return function
