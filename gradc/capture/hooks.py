"""What rewritten code calls: calls, loads, names and decisions of the user's function.

One ``Hooks`` object serves one function under one recording.  After the recording the hooks of a
function that escaped do nothing but what Python would have done.
"""

import dataclasses
import operator
import os
from collections.abc import Callable
from functools import lru_cache, partial, reduce
from pathlib import Path
from types import FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from gradc.capture import math_calls  # noqa: F401  enters its functions
from gradc.capture.branches import any_of, both, branch, chain, either, negated
from gradc.capture.builtin_calls import BUILTINS
from gradc.capture.builtin_order import sort_list
from gradc.capture.context import Trace, current, fail, maybe_current
from gradc.capture.convert import has_traced
from gradc.capture.dispatch import TABLE, apply
from gradc.capture.folding import opaque
from gradc.capture.growing import Growing
from gradc.capture.held import is_library
from gradc.capture.loops import finish
from gradc.capture.nested import collect, for_loop
from gradc.capture.numpy_map.edits import JOINERS
from gradc.capture.positions import as_user
from gradc.capture.random_draws import draw, is_generator, make_generator, refuse_state
from gradc.capture.recorder import Recorder
from gradc.capture.rewrite import bind, is_rewritten, rewritten_code
from gradc.capture.sourceless import without_source
from gradc.capture.special_methods import binary, own_builtin, read_property, unary
from gradc.capture.tracer import Tracer, describe, is_concrete
from gradc.capture.ufuncs import is_declared
from gradc.capture.unrecorded import run, seen
from gradc.capture.unsized import Unsized
from gradc.capture.whiles import while_loop
from gradc.errors import TraceError
from gradc.routes import Leaves, Reader, attribute, content, fixed, item, variable

__all__ = ["as_written", "call_function", "runnable"]

_PACKAGE = str(Path(__file__).resolve().parent.parent)
_DISPATCHER = type(np.sum)
_REPAIRS = {
    "if": "write np.where(condition, a, b), which records both sides",
    "while": "loop a fixed number of times, and use np.where for what happens after the end",
    "and": "combine conditions with & (each side in parentheses)",
    "or": "combine conditions with | (each side in parentheses)",
    "not": "negate a condition with ~ or np.logical_not",
    "assert": "check the arguments before the call",
}
_WORDS = {"if": "an if", "while": "a while loop", "assert": "an assert"}


def _recorder() -> Recorder | None:
    trace: Trace | None = maybe_current()
    return None if trace is None else trace.recorder


class Hooks:
    """The hooks of one function: they know its globals and its closure cells."""

    def __init__(self, function: FunctionType) -> None:
        self.variables = function.__globals__
        names = function.__code__.co_freevars
        self.cells = dict(zip(names, function.__closure__ or (), strict=True))
        self.memo: dict[str, tuple[Any, Any]] = {}

    def table(self) -> dict[str, Callable[..., Any]]:
        """Return the hooks by the names that the rewritten code uses."""
        return {
            "call": call_function,
            "load": self.load,
            "attribute": _attribute,
            "open": _open,
            "name": _name,
            "names": _names,
            "test": _test,
            "seen": seen,
            "for": for_loop,
            "collect": collect,
            "while": while_loop,
            "branch": branch,
            "either": either,
            "chain": chain,
            "both": both,
            "any_of": any_of,
            "negated": negated,
            "finish": finish,
            "decorator": _decorator,
            "binary": _binary,
            "unary": _unary,
        }

    def load(self, value: Any, name: str) -> Any:
        """Report the read of a global or closed-over variable."""
        found = self.memo.get(name)
        if found is not None and found[0] is value:
            return found[1]
        recorder = _recorder()
        if recorder is None or isinstance(value, Tracer):
            return value
        cell = self.cells.get(name)
        read = content(cell) if cell is not None else variable(self.variables, name)
        seen = recorder.know(value, read, name)
        self.memo[name] = (value, seen)
        return seen


def _attribute(owner: Any, name: str) -> Any:
    if type(owner) not in _UNWATCHED and (found := _property(owner, name)) is not None:
        return found[0]
    value = getattr(owner, name)
    if isinstance(owner, Tracer) and name in _EXTENTS and maybe_current() is not None:
        return tuple(map(as_user, value)) if name == "shape" else as_user(value)
    kind = type(value)
    if kind in _UNWATCHED or isinstance(owner, Tracer):
        return value
    recorder = _recorder()
    if recorder is None:
        return value
    if isinstance(owner, ModuleType):
        return _module_attribute(recorder, owner, name, value)
    if name == "__dict__":
        recorder.look_into(owner)
        return value
    written = kind is MethodType and isinstance(value.__func__, FunctionType)
    if not written and getattr(value, "__self__", None) is owner:
        return value  # a method of C: made anew at each read
    known = recorder.reader(owner)
    if known is not None:
        return recorder.know(value, attribute(known[0], name), f"{known[1]}.{name}")
    if isinstance(owner, type):
        read = attribute(fixed(owner), name)
        return recorder.know(value, read, f"{owner.__name__}.{name}")
    return recorder.array(value, None, name) if kind is np.ndarray else value


def _property(owner: Any, name: str) -> tuple[Any] | None:
    return None if maybe_current() is None else read_property(owner, name, call_function)


_EXTENTS = frozenset(("shape", "size", "nbytes"))
_UNWATCHED = frozenset((ModuleType, Tracer))


def _module_attribute(recorder: Recorder, module: ModuleType, name: str, value: Any) -> Any:
    changing = isinstance(value, list | dict | set) or value is os.environ
    if is_library(module.__name__) and not changing:
        return value
    variables = vars(module)
    if name not in variables:
        return value
    return recorder.know(value, variable(variables, name), f"{module.__name__}.{name}")


def _open(value: Any) -> Any:
    """Return a container with its closed-over arrays as traced values; wrap plain arrays."""
    kind = type(value)
    if kind is Tracer or kind is range:
        return value
    if id(value) in JOINERS:
        return JOINERS[id(value)]
    recorder = _recorder()
    if recorder is None:
        return value
    if isinstance(value, np.ndarray):
        return recorder.array(value)
    return recorder.open(value)


def _name(value: Any, name: str) -> Any:
    if type(value) is np.ndarray:
        value = _open(value)
    if type(value) is Tracer:
        trace = maybe_current()
        if value._name is None:
            value._name = name
        if trace is not None and trace is value._trace:
            trace.graph.rename(value._id, name)
    return value


def _binary(kind: str, a: Any, b: Any) -> Any:
    return binary(kind, a, b, call_function)


def _unary(kind: str, a: Any) -> Any:
    return unary(kind, a, call_function)


def _decorator(function: Any) -> Any:
    """Call a decorator as other functions are called."""
    return partial(call_function, function)


def _names(value: Any, spec: Any) -> Any:
    value = _open(value)
    if type(value) is Tracer and spec is not None:
        value = tuple(value)
    if type(value) in (tuple, list):
        value = _adopted(value)
    if isinstance(value, tuple | list) and isinstance(spec, tuple) and len(value) == len(spec):
        for item, name in zip(value, spec, strict=True):
            if isinstance(name, str):
                _name(item, name)
            elif isinstance(name, tuple) and isinstance(item, tuple | list):
                _names(item, name)
    return value


def _test(value: Any, word: str) -> Any:
    if isinstance(value, Tracer) and not is_concrete(value):
        construct = _WORDS.get(word, f"{word!r}")
        fail(
            TraceError,
            f"{construct} depends on a traced value, which is not known while the function is "
            "recorded",
            operands=[describe(value)],
            repair=_REPAIRS[word],
        )
    return value


# calls


def call_function(function: Any, *args: Any, **kwargs: Any) -> Any:
    """Call a function the way recorded code does: NumPy by the table, the user's own rewritten."""
    kind = type(function)
    trace = maybe_current()
    if trace is None:
        return function(*args, **kwargs)
    if kind is np.ufunc or kind is _DISPATCHER:
        return _call_numpy(function, args, kwargs)
    if kind is FunctionType:
        return _call_python(function, args, kwargs)
    if kind is MethodType:
        return _call_method(function, args, kwargs)
    try:
        builtin = BUILTINS.get(function)
        known = function in TABLE or is_declared(function)
        known = known or getattr(function, "__module__", "") == "numpy"
    except TypeError:  # an object that can be called and has no hash
        builtin, known = None, False
    if builtin is not None:
        return builtin(*_opened(args), **_callbacks(kwargs))
    if known:
        return _call_numpy(function, args, kwargs)
    return _call_other(function, args, kwargs)


def _calling(builtin: Any) -> Callable[..., Any]:
    """``map``, ``filter`` and ``reduce``: the function that they call is the user's as well."""

    def call(function: Any, *rest: Any) -> Any:
        if function is None:
            return builtin(None, *rest)
        return builtin(partial(call_function, function), *rest)

    return call


def _getattr(owner: Any, name: str, *default: Any) -> Any:
    if BUILTINS[hasattr](owner, name):
        return _attribute(owner, name)
    return getattr(owner, name, *default)


def _with_other_fields(record: Any, /, **changes: Any) -> Any:
    """Make a data class anew, each field that stays read like an attribute."""
    kept = [f.name for f in dataclasses.fields(record) if f.init and f.name not in changes]
    fields = {name: _attribute(record, name) for name in kept}
    return call_function(type(record), **fields, **changes)


def _callbacks(kwargs: Any) -> Any:
    """Have a user's function recorded that a builtin calls, such as the key of ``sorted``."""
    return {k: runnable(v) if type(v) is FunctionType else v for k, v in kwargs.items()}


BUILTINS.update({builtin: _calling(builtin) for builtin in (map, filter, reduce)})
BUILTINS[getattr] = _getattr
BUILTINS[dataclasses.replace] = _with_other_fields
BUILTINS[abs] = own_builtin(abs, "__abs__", lambda method: call_function(method))
BUILTINS[len] = own_builtin(len, "__len__", lambda method: call_function(method))


def _opened(args: Any) -> list[Any]:
    return [_open(arg) for arg in args]


def _call_numpy(function: Any, args: Any, kwargs: Any) -> Any:
    args = _opened(args)
    if kwargs:
        kwargs = {name: _open(value) for name, value in kwargs.items()}
    if any(isinstance(arg, Unsized) for arg in args):
        return function(*args, **kwargs)
    if function in TABLE:
        return apply(function, args, kwargs)
    if has_traced(args) or has_traced(kwargs):
        return apply(function, args, kwargs)
    return opaque(function, args, kwargs)


def _call_python(function: FunctionType, args: Any, kwargs: Any) -> Any:
    if function in TABLE or is_declared(function) or f"{function.__module__}.".startswith("numpy."):
        return _call_numpy(function, args, kwargs)
    if function in BUILTINS:
        return BUILTINS[function](*args, **kwargs)
    if not _is_users(function):
        return run(function, args, kwargs, runnable)
    return runnable(function)(*_adopted(args), **kwargs)


def _adopted(values: Any) -> Any:
    """Replace ordinary arrays by handles: their content is read anew at each call."""
    recorder = _recorder()
    if recorder is None or not any(type(value) is np.ndarray for value in values):
        return values
    return type(values)(recorder.array(v) if type(v) is np.ndarray else v for v in values)


def _result(value: Any) -> Any:
    """Adopt the arrays in the result of a function that is not rewritten."""
    if type(value) is np.ndarray:
        return _open(value)
    return _adopted(value) if type(value) in (tuple, list) else value


def runnable(function: FunctionType) -> Callable[..., Any]:
    """Return the rewritten twin of a function for this recording, or the function itself."""
    recorder = _recorder()
    if recorder is None or is_rewritten(function) or not _is_users(function):
        return function
    twin = recorder.twins.get(function)
    if twin is None:
        twin = recorder.twins[function] = _twin(function, recorder)
    return twin


_WRITTEN: set[Any] = set()


def as_written(function: Callable[..., Any]) -> Callable[..., Any]:
    """Record a function of gradc as if it were the user's own."""
    _WRITTEN.add(function.__code__)
    return function


def _is_users(function: FunctionType) -> bool:
    if function.__code__ in _WRITTEN:
        return True
    filename = function.__code__.co_filename
    return not filename.startswith(_PACKAGE) and not is_library(function.__module__ or "")


def _twin(function: FunctionType, recorder: Recorder) -> Callable[..., Any]:
    recorder.watch_code(function)
    recorder.outside.enter_function(function, recorder.is_from_outside(function))
    code = rewritten_code(function, recorder.options.regions)
    if code is None:
        return without_source(function, recorder, call_function)
    defaults = function.__defaults__
    if defaults:
        read = attribute(fixed(function), "__defaults__")
        defaults = tuple(
            recorder.know(value, item(read, i), f"default {i}") for i, value in enumerate(defaults)
        )
    keywords = function.__kwdefaults__
    if keywords:
        read = attribute(fixed(function), "__kwdefaults__")
        keywords = {
            name: recorder.know(value, item(read, name), name) for name, value in keywords.items()
        }
    return bind(function, code, Hooks(function).table(), defaults, keywords)


_RECORDS = frozenset(("_replace", "_asdict", "_make"))
"""Methods of named tuples: they hand on what the tuple holds."""


def _call_method(method: MethodType, args: Any, kwargs: Any) -> Any:
    function = method.__func__
    if is_generator(method.__self__):
        return draw(method.__self__, method.__name__, _opened(args), kwargs)
    if type(method.__self__) in (Tracer, Growing) or not isinstance(function, FunctionType):
        return method(*args, **kwargs)
    if function.__name__ in _RECORDS and hasattr(method.__self__, "_fields"):
        return getattr(_open(method.__self__), function.__name__)(*args, **kwargs)
    recorder = current().recorder
    recorder.adopt_fixed(method.__self__)
    if not _is_users(function):
        return run(method, args, kwargs, runnable)
    return runnable(function)(method.__self__, *_adopted(args), **kwargs)


def _call_other(function: Any, args: Any, kwargs: Any) -> Any:
    owner = getattr(function, "__self__", None)
    if is_generator(owner):
        return draw(owner, function.__name__, _opened(args), kwargs)
    if function is np.random.default_rng:
        return make_generator(args, kwargs)
    refuse_state(function)
    if isinstance(function, partial):
        first, named = (_open(_attribute(function, name)) for name in ("args", "keywords"))
        target = _attribute(function, "func")
        return call_function(target, *first, *args, **{**named, **kwargs})
    if type(function) is _CACHED:  # what it would find there, it finds in the recording
        return call_function(function.__wrapped__, *args, **kwargs)
    if isinstance(function, type):
        return _construct(function, args, kwargs)
    if isinstance(owner, dict | list | tuple) and function.__name__ in _READING:
        return getattr(_open(owner), function.__name__)(*args, **kwargs)
    call: Any = vars(type(function)).get("__call__") or type(function).__call__
    if isinstance(call, FunctionType) and _is_users(call):
        current().recorder.adopt_fixed(function)
        return runnable(call)(function, *args, **kwargs)
    if isinstance(owner, list) and function.__name__ == "sort":
        return sort_list(owner, **_callbacks(kwargs))
    if isinstance(owner, list) or type(function).__module__.startswith("gradc"):
        return function(*args, **kwargs)
    return _result(run(function, _opened(args), {k: _open(v) for k, v in kwargs.items()}, runnable))


_CACHED = type(lru_cache(len))
_READING = frozenset(("get", "items", "values", "keys", "copy", "index", "count"))


def _construct(kind: type, args: Any, kwargs: Any) -> Any:
    """Make an object of a user's class, with its ``__init__`` rewritten."""
    init = kind.__init__  # type: ignore[misc]
    make: Any = kind.__new__
    plain = type(kind) is type and make is object.__new__
    if not plain or not isinstance(init, FunctionType) or not _is_users(init):
        return current().recorder.make(kind(*_opened(args), **kwargs))
    made: Any = current().recorder.make(object.__new__(kind))
    runnable(init)(made, *args, **kwargs)
    return made


def static_reader(position: int) -> Reader:
    """Read a static argument of the call by the position of its leaf."""

    def read(leaves: Leaves) -> Any:
        return operator.getitem(leaves, position)

    return read
