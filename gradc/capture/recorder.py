"""What a function takes from outside: hidden inputs, guards and random draws.

*Known* objects are those reached from the function's globals, closure or static arguments; each has
a reader that finds it again at a later call.  An array among them is a hidden input, read anew at
each call; a number, a string or a function is a guard: when it changes, the recording is not used.
"""

from collections.abc import Callable, Sequence
from dataclasses import field
from operator import is_
from types import (
    BuiltinFunctionType,
    BuiltinMethodType,
    FunctionType,
    MethodType,
    ModuleType,
    WrapperDescriptorType,
)
from typing import Any, TypeAlias

import numpy as np

from gradc.capture.context import Trace, fail
from gradc.capture.tracer import Kind, Tracer, wrap
from gradc.errors import DTypeError
from gradc.ir import SUPPORTED_DTYPES, ArrayType
from gradc.options import Options
from gradc.records import dataclass
from gradc.spans import Span

__all__ = ["Guard", "Hidden", "Leaves", "Reader", "Recorder", "Role", "same_value"]

Leaves: TypeAlias = Sequence[Any]
Reader: TypeAlias = Callable[[Leaves], Any]
"""Finds a value again; takes the flat leaves of the call's arguments."""
Role: TypeAlias = str

_ATOMS = (bool, int, float, complex, str, bytes, type(None), type(...), np.generic, np.dtype)
_CONTAINERS = (list, tuple, dict, set, frozenset)
_LOOSE = (ModuleType, np.ufunc, BuiltinFunctionType, BuiltinMethodType, WrapperDescriptorType)
"""Types that no guard watches."""


@dataclass(frozen=True, slots=True)
class Hidden:
    """An array that the function closes over; ``read(leaves)`` returns the current one."""

    path: str
    type: ArrayType
    read: Reader


@dataclass(frozen=True, slots=True)
class Guard:
    """Something the recording took for granted."""

    path: str
    read: Reader
    expected: Any
    identity: bool

    def holds(self, leaves: Leaves) -> bool:
        """Tell whether it is still so."""
        try:
            value = self.read(leaves)
        except (KeyError, IndexError, AttributeError, ValueError):
            return False
        return value is self.expected if self.identity else same_value(value, self.expected)


def same_value(value: Any, expected: Any) -> bool:
    """Compare numbers by type and bits, containers by content."""
    if value is expected and not isinstance(value, _CONTAINERS):
        return True
    if type(value) is not type(expected):
        return False
    if isinstance(value, _CONTAINERS):
        return bool(value == expected)
    return (bool(value == expected) and repr(value) == repr(expected)) or _both_nan(value, expected)


def _both_nan(value: Any, expected: Any) -> bool:
    return bool(value != value and expected != expected)


@dataclass(slots=True)
class Recorder:
    """Collects what the outermost trace and all traces inside it take from outside."""

    trace: Trace | None = None
    guards: dict[tuple[str, int], Guard] = field(default_factory=dict)
    inputs: list[tuple[Role, Any]] = field(default_factory=list)
    handles: list[Tracer] = field(default_factory=list)
    touched: list[Tracer] = field(default_factory=list)
    twins: dict[Any, Any] = field(default_factory=dict)
    doubts: dict[int, tuple[Tracer, list[Tracer]]] = field(default_factory=dict)
    sites: dict[Any, list[Tracer]] = field(default_factory=dict)
    elements: dict[Any, list[tuple[Any, Any]]] = field(default_factory=dict)
    options: Options = field(default_factory=Options)
    choices: dict[Span | None, str] = field(default_factory=dict)
    _arrays: dict[int, tuple[np.ndarray, Tracer]] = field(default_factory=dict)
    _known: dict[int, tuple[Any, Reader, str]] = field(default_factory=dict)
    _opened: dict[int, Any] = field(default_factory=dict)
    _made: dict[int, Any] = field(default_factory=dict)

    # what is known

    def know(self, value: Any, read: Reader, path: str) -> Any:
        """Enter an object that can be found again; return what the function shall see."""
        if isinstance(value, np.ndarray):
            return self.array(value, read, path)
        if isinstance(value, _ATOMS):
            self._guard(value, read, path, identity=value is None or isinstance(value, bool))
        elif isinstance(value, _CONTAINERS):
            self._known.setdefault(id(value), (value, read, path))
            self._watch(value, read, path)
        elif isinstance(value, FunctionType | type):
            self._guard(value, read, path, identity=True)
        elif isinstance(value, MethodType):
            self._guard(value, read, path, identity=False)
        elif isinstance(value, np.random.Generator | np.random.RandomState):
            self._known.setdefault(id(value), (value, read, path))
        elif not isinstance(value, (*_LOOSE, Tracer)):
            self._known.setdefault(id(value), (value, read, path))
            self._guard(value, read, path, identity=True)
        return value

    def reader(self, value: Any) -> tuple[Reader, str] | None:
        """Return how to find an object again, if it is known."""
        found = self._known.get(id(value))
        return None if found is None else found[1:]

    def adopt(self, value: Any, read: Reader, path: str) -> None:
        """Enter an object without guarding it (a static argument, a generator made inside)."""
        self._known[id(value)] = (value, read, path)

    def adopt_fixed(self, value: Any) -> None:
        """Enter an object that stays the same one, such as the owner of a bound method."""
        if id(value) not in self._known and id(value) not in self._made:
            self.adopt(value, lambda leaves: value, "self")

    def make(self, value: Any) -> Any:
        """Remember an object that the function makes itself: nothing of it is watched."""
        self._made[id(value)] = value
        return value

    def _guard(self, value: Any, read: Reader, path: str, identity: bool) -> None:
        self.guards.setdefault((path, id(value)), Guard(path, read, value, identity))

    # containers

    def _watch(self, value: Any, read: Reader, path: str) -> None:
        """Guard a plain container by value; one that holds arrays or objects by its keys."""
        if _is_plain(value):
            self.guards.setdefault((path, id(value)), Guard(path, read, _snapshot(value), False))
            return
        keys = tuple(value) if isinstance(value, dict) else len(value)
        self.guards.setdefault((path, id(value)), Guard(path, _keys_reader(read), keys, False))

    def open(self, value: Any) -> Any:
        """Return what a known container holds, with its arrays as hidden inputs."""
        known = self._known.get(id(value))
        if known is None or not isinstance(value, list | tuple | dict) or _is_plain(value):
            return value
        done = self._opened.get(id(value))
        if done is None:
            done = self._opened[id(value)] = self._open(value, known[1], known[2])
        return done

    def _open(self, value: Any, read: Reader, path: str) -> Any:
        if isinstance(value, dict):
            return {
                k: self.know(v, _item_reader(read, k), f"{path}[{k!r}]") for k, v in value.items()
            }
        items = [self.know(v, _item_reader(read, i), f"{path}[{i}]") for i, v in enumerate(value)]
        if hasattr(value, "_fields"):
            return type(value)(*items)
        return items if isinstance(value, list) else tuple(items)

    # arrays

    def array(self, array: np.ndarray, read: Reader | None = None, path: str = "") -> Tracer:
        """Return the handle of a closed-over array: one for each array object."""
        found = self._arrays.get(id(array))
        if found is None:
            handle = self._hide(array, read or (lambda leaves: array), path)
            found = self._arrays[id(array)] = (array, handle)
        return found[1]

    def _hide(self, array: np.ndarray, read: Reader, path: str) -> Tracer:
        if array.dtype not in SUPPORTED_DTYPES:
            fail(
                DTypeError,
                f"the array {path or 'used here'} has dtype {array.dtype}, which is not supported",
                repair="convert it to bool, an integer type, float32 or float64",
            )
        hidden = Hidden(path or "array", ArrayType(array.dtype, array.shape), read)
        return self.add_input("hidden", hidden, hidden.path, hidden.type, Kind.ARRAY)

    def forget_draws(self, since: int) -> None:
        """Take back the draws recorded from an input on: their loop is recorded anew."""
        assert self.trace is not None
        graph = self.trace.graph
        kept = [k for k, (role, _) in enumerate(self.inputs) if k < since or role != "random"]
        if len(kept) < len(self.inputs):
            self.inputs = [self.inputs[k] for k in kept]
            self.handles = [self.handles[k] for k in kept]
            graph.inputs = [graph.inputs[k] for k in kept]

    def add_input(
        self,
        role: Role,
        what: Any,
        name: str,
        type: ArrayType,
        kind: Kind,
    ) -> Tracer:
        """Add an input to the outermost graph."""
        assert self.trace is not None
        value = self.trace.graph.input(name, type)
        self.inputs.append((role, what))
        tracer = wrap(value, kind, self.trace)
        tracer._name = name
        self.handles.append(tracer)
        return tracer

    def touch(self, outside: Sequence[Any], inside: Sequence[Any]) -> None:
        """Note arrays of which a function under a transform overwrites its own copies."""
        known = [id(handle) for handle in self.touched]
        for array, copy in zip(outside, inside, strict=True):
            if not isinstance(array, Tracer) or not isinstance(copy, Tracer):
                continue
            if copy._version or id(copy) in known:
                self.touched.append(array if array._view is None else array._view.root)

    def touched_inputs(self) -> tuple[int, ...]:
        """Return the inputs among the arrays that were noted."""
        known = {id(handle) for handle in self.touched}
        return tuple(k for k, handle in enumerate(self.handles) if id(handle) in known)


def _item_reader(read: Reader, key: Any) -> Reader:
    return lambda leaves: read(leaves)[key]


def _keys_reader(read: Reader) -> Reader:
    def keys(leaves: Leaves) -> Any:
        value = read(leaves)
        return tuple(value) if isinstance(value, dict) else len(value)

    return keys


def _is_plain(value: Any) -> bool:
    """Tell whether a container holds nothing but numbers, strings and containers of such."""
    pending = [value]
    while pending:
        here = pending.pop()
        if isinstance(here, dict):
            pending += [*here, *here.values()]
        elif isinstance(here, _CONTAINERS):
            pending += here
        elif not isinstance(here, _ATOMS):
            return False
    return True


def _snapshot(value: Any) -> Any:
    """Copy the containers, so that later writes into them are noticed."""
    if isinstance(value, dict):
        return {key: _snapshot(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_snapshot(item) for item in value]
    if type(value) is tuple:
        copied = tuple(_snapshot(item) for item in value)
        # the very same tuple compares by identity, which is quick
        return value if all(map(is_, copied, value)) else copied
    return value
