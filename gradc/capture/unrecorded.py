"""Functions that run as they are while the user's function is recorded: of C, of libraries.

Public::

    run(function, args, kwargs, own) -> result      # ``own`` makes a user's function a recorded one
    seen(function) -> function                      # refuses ``eval`` and the like
    BUILTINS                                        # gets the builtins that look into objects

What such a function reads is not seen.  So whatever it is given from outside is watched as a whole,
and one whose result is another at each call, such as a clock, is refused.
"""

import builtins
import os
from collections.abc import Callable
from types import FunctionType
from typing import Any

from gradc.capture.builtin_calls import BUILTINS
from gradc.capture.context import current, fail, maybe_current
from gradc.errors import UnsupportedError

__all__ = ["run", "seen"]


def run(
    function: Any, args: Any, kwargs: Any, own: Callable[[FunctionType], Callable[..., Any]]
) -> Any:
    """Run a function that is not recorded, and watch what it may have read."""
    given = [own(one) if type(one) is FunctionType else one for one in args]
    named = {k: own(one) if type(one) is FunctionType else one for k, one in kwargs.items()}
    result = function(*given, **named)
    owner = getattr(function, "__self__", None)
    if result is None or maybe_current() is None or type(owner).__module__ in _HARMLESS:
        return result
    _refuse_changing(function)
    recorder = current().recorder
    for one in (owner, function, *args, *kwargs.values()):
        recorder.look_into(one)
    return result


def seen(function: Any) -> Any:
    """Refuse builtins that read variables by names which only running tells."""
    if function in (builtins.globals, builtins.eval, builtins.exec) and maybe_current() is not None:
        fail(
            UnsupportedError,
            f"{function.__name__} reads variables that the recording does not see",
            repair="name the variable or the function itself",
        )
    return function


def _refuse_changing(function: Any) -> None:
    """Refuse what returns something else at each call."""
    owner, name = getattr(function, "__self__", None), getattr(function, "__name__", "")
    module = getattr(function, "__module__", None) or getattr(type(owner), "__module__", "")
    if isinstance(owner, type) and owner.__module__ == "datetime":
        module, changing = f"datetime.{owner.__name__}", name in ("now", "today", "utcnow")
    else:
        changing = module in _CHANGING or (module, name) in _CHANGING
    if changing:
        fail(
            UnsupportedError,
            f"{module}.{name} returns something else at each call, and a recorded function would "
            "keep the first",
            repair="call it outside and pass the result"
            + (", or draw from np.random.default_rng" if module == "random" else ""),
        )


_HARMLESS = frozenset(("threading", "_thread", "logging"))
"""Modules of objects that are waited for or told something, but not computed with."""

_CHANGING: frozenset[Any] = frozenset(
    ("time", "random", "secrets", ("uuid", "uuid1"), ("uuid", "uuid4"), ("builtins", "input"),
     ("posix", "urandom"), ("nt", "urandom")),
)  # fmt: skip


def _watched(make: Callable[..., Any]) -> Callable[..., Any]:
    """Watch the object of which a builtin reads all attributes."""

    def call(owner: Any) -> Any:
        current().recorder.look_into(owner)
        return make(owner)

    return call


def _hasattr(owner: Any, name: str) -> bool:
    """Find out, and guard what was found."""
    found = hasattr(owner, name)
    if maybe_current() is not None:
        current().recorder.watch(
            owner, f"{name}?", lambda now: now is found, lambda now: hasattr(now, name)
        )
    return found


def _variable(name: str, *default: Any) -> Any:
    """Read a variable of the process by way of an object that is watched."""
    recorder = current().recorder
    recorder.adopt_fixed(os.environ)
    recorder.look_into(os.environ)
    return os.environ.get(name, *default)


BUILTINS[vars] = _watched(vars)
BUILTINS[dir] = _watched(dir)
BUILTINS[hasattr] = _hasattr
BUILTINS[os.getenv] = _variable
