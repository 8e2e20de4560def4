"""Functions without source: typed at a prompt, made by ``exec``, shipped as byte code only.

Public::

    without_source(function, recorder, call) -> function

They cannot be rewritten, so they run as they are, with loops turn by turn.  What they read from
outside is then put in their way: a copy of the function gets variables of its own, in which arrays
are traced values and the user's functions are called as recorded ones.  Objects are watched as a
whole.  What would go unseen, such as a draw, is refused.
"""

import dis
import os
from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from types import CellType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any, NoReturn

import numpy as np

from gradc.capture.context import fail
from gradc.capture.recorder import Recorder
from gradc.capture.tracer import Tracer
from gradc.errors import UnsupportedError
from gradc.routes import Reader, attribute, content, fixed, item, variable
from gradc.snapshots import is_plain

__all__ = ["without_source"]

_HIDING = frozenset(("globals", "eval", "exec", "input", "open"))
_DRAWING = frozenset(("random", "secrets", "time", "datetime", "uuid"))


def without_source(
    function: FunctionType, recorder: Recorder, call: Callable[..., Any]
) -> FunctionType:
    """Return the function with what it reads from outside watched; ``call`` records a call.

    Raises
    ------
    UnsupportedError
        When it writes variables from outside, draws random numbers, or reads by other ways.
    """
    code, variables = function.__code__, function.__globals__
    names = {
        step.argval
        for one in _codes(code)
        for step in dis.get_instructions(one)
        if step.opname in ("LOAD_GLOBAL", "LOAD_NAME")
    }
    _check(function, names)
    seen = {
        name: _watched(variables[name], variable(variables, name), name, recorder, call)
        for name in sorted(names & variables.keys())
    }
    closure = tuple(
        _cell(cell, name, recorder, call)
        for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True)
    )
    places = attribute(fixed(function), "__defaults__")
    defaults = tuple(
        _watched(value, item(places, k), f"default {k}", recorder, call)
        for k, value in enumerate(function.__defaults__ or ())
    )
    copy = FunctionType(code, {**variables, **seen}, function.__name__, defaults, closure)
    places = attribute(fixed(function), "__kwdefaults__")
    copy.__kwdefaults__ = {
        name: _watched(value, item(places, name), name, recorder, call)
        for name, value in (function.__kwdefaults__ or {}).items()
    }
    copy.__qualname__, copy.__module__ = function.__qualname__, function.__module__
    return copy


def _codes(code: CodeType) -> Iterator[CodeType]:
    """Yield a code object and those of the functions in it."""
    yield code
    for one in code.co_consts:
        if isinstance(one, CodeType):
            yield from _codes(one)


def _check(function: FunctionType, names: set[str]) -> None:
    """Refuse what would go unseen."""
    code, variables = function.__code__, function.__globals__
    for one in _codes(code):
        for step in dis.get_instructions(one):
            outside = step.opname == "STORE_DEREF" and step.argval in code.co_freevars
            if outside or step.opname in ("STORE_GLOBAL", "DELETE_GLOBAL"):
                _refuse(function, f"writes the variable {step.argval} from outside")
    read = {name for one in _codes(code) for name in one.co_names}
    for name in sorted(names):
        value = variables.get(name)
        if name in _HIDING and name not in variables:
            _refuse(function, f"calls {name}, which reads what nobody sees")
        if isinstance(value, ModuleType) and _draws(value, read - names):
            _refuse(function, f"uses {value.__name__}, which may give something else each time")


def _draws(module: ModuleType, names: set[str]) -> bool:
    if module is np:
        return "random" in names
    if module is os:
        return not names.isdisjoint(("environ", "getenv", "urandom"))
    return module.__name__.partition(".")[0] in _DRAWING or module is np.random


def _refuse(function: FunctionType, what: str) -> NoReturn:
    fail(
        UnsupportedError,
        f"{function.__name__} {what}, and its source is not at hand",
        repair="write the function in a file, or in a cell of a notebook",
    )


def _cell(cell: CellType, name: str, recorder: Recorder, call: Callable[..., Any]) -> CellType:
    try:
        value = cell.cell_contents
    except ValueError:
        return cell
    return CellType(_watched(value, content(cell), name, recorder, call))


def _watched(
    value: Any, read: Reader, path: str, recorder: Recorder, call: Callable[..., Any]
) -> Any:
    """Return what the function shall see of a variable."""
    if isinstance(value, np.random.Generator | np.random.RandomState):
        fail(
            UnsupportedError,
            f"{path} draws random numbers in a function whose source is not at hand",
            repair="write the function in a file, or in a cell of a notebook",
        )
    seen = recorder.know(value, read, path)
    if isinstance(value, _CALLED):
        return _recorded(value, read, path, recorder, call)
    if isinstance(seen, Tracer):
        return seen
    named = isinstance(value, tuple) and hasattr(value, "_fields")
    if type(value) not in (list, tuple, dict) and not named:
        recorder.look_into(value, whole=True)
        return value
    if is_plain(value):
        return value
    keys = value if isinstance(value, dict) else range(len(value))
    items = [_watched(value[k], item(read, k), f"{path}[{k!r}]", recorder, call) for k in keys]
    if type(value) is dict:
        return dict(zip(keys, items, strict=True))
    return type(value)(*items) if named else type(value)(items)


_CALLED = (FunctionType, MethodType, partial, type(lru_cache(len)))


def _recorded(
    function: Any, read: Reader, path: str, recorder: Recorder, call: Callable[..., Any]
) -> Callable[..., Any]:
    """Return a function that records a call of one from outside; it has the same attributes."""

    def called(*args: Any, **kwargs: Any) -> Any:
        return call(function, *args, **kwargs)

    for name, value in getattr(function, "__dict__", {}).items():
        if name != "__wrapped__":
            found = _watched(value, attribute(read, name), f"{path}.{name}", recorder, call)
            setattr(called, name, found)
    return called
