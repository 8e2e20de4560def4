"""What a function takes from outside: hidden inputs, guards and random draws.

*Known* objects are those reached from the function's globals, closure or static arguments; each has
a reader that finds it again at a later call.  An array among them is a hidden input, read anew at
each call; a number, a string, a plain container or a function is a guard: when it changes, the
recording is not used.  Of an object each attribute that is read is known in turn.  Where code that
is not recorded may look into an object (a special method, a library, C), all that it leads to is
one guard, and an object that keeps its content to itself is refused.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import field
from functools import lru_cache, partial
from operator import is_
from types import FunctionType, MappingProxyType, MethodType, ModuleType
from typing import Any, TypeAlias

import numpy as np

from gradc.capture.context import Trace, fail
from gradc.capture.layout import given, is_given
from gradc.capture.outside import Outside
from gradc.capture.tracer import Tracer, wrap
from gradc.errors import DTypeError, UnsupportedError
from gradc.ir import SUPPORTED_DTYPES, ArrayType
from gradc.options import Options
from gradc.recorded import Guard, Hidden, Kind, guarded, typed
from gradc.records import dataclass
from gradc.routes import Reader, Route, fixed, is_itself, item
from gradc.snapshots import (
    ATOMS,
    CONTAINERS,
    Unwatchable,
    contents,
    identical,
    is_pinned,
    is_plain,
    state,
    watch,
)
from gradc.spans import Span

__all__ = ["Guard", "Hidden", "Recorder", "Role"]

Role: TypeAlias = str

_PLAIN_ATOMS = frozenset((bool, int, float, complex, str, bytes, type(None), type(...)))
"""Types that may change while they stay the same object."""

_LOOSE = (ModuleType,)
"""Types that no guard watches."""


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
    reshaped: list[Tracer] = field(default_factory=list)
    choices: dict[Span | None, str] = field(default_factory=dict)
    outside: Outside = field(default_factory=Outside)
    _arrays: dict[int, tuple[np.ndarray, Tracer, Reader]] = field(default_factory=dict)
    _known: dict[int, tuple[Any, Reader, str]] = field(default_factory=dict)
    _opened: dict[int, Any] = field(default_factory=dict)
    _made: dict[int, Any] = field(default_factory=dict)
    _seen_whole: set[int] = field(default_factory=set)

    # what is known

    def know(self, value: Any, read: Reader, path: str) -> Any:
        """Enter an object that can be found again; return what the function shall see."""
        if isinstance(value, np.ndarray):
            return self.array(value, read, path)
        if isinstance(value, (*_LOOSE, Tracer)):
            return value
        kind: Any = type(value)
        if kind not in _PLAIN_ATOMS:
            self._known.setdefault(id(value), (value, read, path))
            self.outside.enter(value, path)
        if not isinstance(value, np.random.Generator | np.random.RandomState):
            self._guard(value, read, path, watch(value), is_pinned(value))
        if _is_looked_into(kind):
            self.look_into(value)
        return value

    def look_into(self, value: Any, whole: bool = False) -> None:
        """Watch all that an object from outside leads to: code that is not recorded reads it.

        ``whole`` does so for classes as well, which are left alone otherwise.

        Raises
        ------
        UnsupportedError
            When the object keeps what it holds to itself, as an iterator does.
        """
        if isinstance(value, MethodType):
            value = value.__self__
        known = self._known.get(id(value))
        unread = isinstance(value, _UNREAD) and not (whole and isinstance(value, type))
        seen = id(value) in self._seen_whole or unread or _is_ours(type(value))
        if known is None or known[0] is not value or seen:
            return
        self._seen_whole.add(id(value))
        try:
            held = state(value)
        except Unwatchable as error:
            kept = f"{known[2]} is an object of type {type(value).__name__} from outside"
            fail(
                UnsupportedError,
                f"{kept}, and whether it changes between calls cannot be told: {error}",
                repair="read what is needed of it before the call, and use numbers, arrays, lists "
                "or dicts of them inside",
            )
        self._guard(held, known[1], f"{known[2]} (all of it)", held.holds)

    def reader(self, value: Any) -> tuple[Reader, str] | None:
        """Return how to find an object again, if it is known."""
        found = self._known.get(id(value))
        return None if found is None else found[1:]

    def is_from_outside(self, value: Any) -> bool:
        """Tell whether an object was there before the function ran."""
        return id(value) in self._known

    def adopt(self, value: Any, read: Reader, path: str) -> None:
        """Enter an object without guarding it (a static argument, a generator made inside)."""
        self._known[id(value)] = (value, read, path)
        self.outside.enter(value, path)
        kind: Any = type(value)
        if _is_looked_into(kind):
            self.look_into(value)

    def adopt_argument(self, value: Any, read: Reader, path: str) -> None:
        """Enter an argument that is no array; one that equals no other serves for itself only."""
        if is_itself(value) and not isinstance(value, np.random.Generator | np.random.RandomState):
            self.guards[path, id(value)] = Guard(path, read, partial(is_, value), is_called=True)
            read = fixed(value)
        self.adopt(value, read, path)

    def adopt_fixed(self, value: Any) -> None:
        """Enter an object that stays the same one, such as the owner of a bound method."""
        if id(value) not in self._known and id(value) not in self._made:
            self.adopt(value, fixed(value), "self")

    def make(self, value: Any) -> Any:
        """Remember an object that the function makes itself: nothing of it is watched."""
        self._made[id(value)] = value
        return value

    def watch(self, owner: Any, name: str, test: Callable[[Any], bool], make: Any) -> None:
        """Guard what ``make(owner)`` returns, for an owner from outside."""
        known = self._known.get(id(owner))
        if known is not None:
            read = known[1]
            self._guard(owner, lambda leaves: make(read(leaves)), f"{known[2]}.{name}", test)

    def watch_code(self, function: FunctionType) -> None:
        """Guard the code of a function that is recorded: reloading a module may replace it."""
        code, read = function.__code__, Route(function, None)
        self._guard(code, read, f"the code of {function.__name__}", partial(is_, code), True)

    def _guard(
        self,
        value: Any,
        read: Reader,
        path: str,
        test: Callable[[Any], bool],
        pinned: bool = False,
    ) -> None:
        """Add a guard; ``pinned`` says that it holds as long as ``value`` itself is there."""
        guard = guarded(value, read, path, test, pinned=pinned)
        self.guards.setdefault((path, id(value)), guard)

    # containers

    def open(self, value: Any) -> Any:
        """Return what a known container holds, with its arrays as hidden inputs."""
        known = self._known.get(id(value))
        if known is None:
            return value
        if not isinstance(value, CONTAINERS):
            if not isinstance(value, _UNREAD):
                self.look_into(value)
            return value
        if isinstance(value, set | frozenset) or is_plain(value):
            return value
        parts = value if isinstance(value, list | tuple) else contents(value)
        done = self._opened.get(id(value))
        if done is None:
            inside = self._items(value, known[1], known[2])
            self._opened[id(value)] = done = (inside, list(parts), _like(value, inside.values()))
        elif not identical(parts, done[1]):
            now = self._now(value, done[0])
            self._opened[id(value)] = done = (done[0], list(parts), _like(value, now))
        return done[2]

    def _items(self, value: Any, read: Reader, path: str) -> dict[Any, Any]:
        """Make the items of a container known; return them by key, or position, and identity."""
        return {(k, id(v)): self.know(v, item(read, k), f"{path}[{k!r}]") for k, v in _pairs(value)}

    def _now(self, value: Any, known: dict[Any, Any]) -> list[Any]:
        """Return the items of a container that the function itself has changed."""
        found = [(v, known.get((k, id(v)), v)) for k, v in _pairs(value)]
        return [
            self.array(v) if v is seen and isinstance(v, np.ndarray) else seen for v, seen in found
        ]

    # arrays

    def array(self, array: np.ndarray, read: Reader | None = None, path: str = "") -> Tracer:
        """Return the handle of a closed-over array: one for each array object."""
        found = self._arrays.get(id(array))
        if found is None:
            read = read or fixed(array)
            found = self._arrays[id(array)] = (array, self._hide(array, read, path), read)
        elif read is not None and path != found[1]._name:
            first, second = found[2], read
            self._guard(
                array,
                lambda leaves: first(leaves) is second(leaves),
                f"{path} is {found[1]._name}",
                partial(is_, True),
            )
        return found[1]

    def handle_of(self, value: Any) -> Tracer | None:
        """Return the handle of an array from outside, if it has one."""
        found = self._arrays.get(id(value))
        return found[1] if found is not None and found[0] is value else None

    def _hide(self, array: np.ndarray, read: Reader, path: str) -> Tracer:
        if array.dtype not in SUPPORTED_DTYPES:
            fail(
                DTypeError,
                f"the array {path or 'used here'} has dtype {array.dtype}, which is not supported",
                repair="convert it to bool, an integer type, float32 or float64",
            )
        kind = ArrayType(array.dtype, array.shape)
        hidden = Hidden(path or "array", kind, read)
        guard = typed(hidden.path, read, array)
        self.guards.setdefault((guard.path, id(array)), guard)
        handle = self.add_input("hidden", hidden, hidden.path, hidden.type, Kind.ARRAY)
        handle._layout = given(array)
        return handle

    def guard_layouts(self, arrays: Sequence[tuple[Any, Reader]]) -> bool:
        """Guard how arrays lie in memory, if that decided which arrays a write has changed.

        Whether a reshape is a view depends on it; a write into the array or into what the reshape
        gave shows the difference.
        """
        if not any(handle._version for handle in self.reshaped):
            return False
        hidden = ((array, read) for array, _, read in self._arrays.values())
        for array, read in (*arrays, *hidden):
            lies = given(array)
            guard = Guard("layout", read, partial(is_given, lies), is_called=lies is None)
            self.guards.setdefault(("layout", id(array)), guard)
        return True

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


def _pairs(value: Any) -> Iterable[tuple[Any, Any]]:
    """Return the items of a container with their keys or positions."""
    return value.items() if isinstance(value, dict | MappingProxyType) else enumerate(value)


def _like(value: Any, items: Iterable[Any]) -> Any:
    """Return a container like another one, with other items."""
    if isinstance(value, dict | MappingProxyType):
        return dict(zip(value, items, strict=True))
    if hasattr(value, "_fields"):
        return type(value)(*items)
    return tuple(items) if isinstance(value, tuple) else list(items)


@lru_cache(maxsize=1024)
def _is_looked_into(kind: type) -> bool:
    """Tell whether a class lets Python's syntax read its instances by methods of its own."""
    if kind in _PLAIN_ATOMS or kind in CONTAINERS or issubclass(kind, _UNREAD):
        return False
    if _is_ours(kind):
        return False
    base = next((one for one in (*CONTAINERS, *ATOMS) if issubclass(kind, one)), object)
    plain = getattr(kind, "_fields", None) is not None and issubclass(kind, tuple)
    own = [one for one in kind.__mro__ if one not in base.__mro__]
    return not plain and any(name in vars(one) for one in own for name in _SPOKEN)


def _is_ours(kind: type) -> bool:
    """Recognise what stands for traced values."""
    return str(getattr(kind, "__module__", "")).partition(".")[0] == "gradc"


_UNREAD = (type, FunctionType, MethodType, ModuleType, np.generic, np.dtype, np.ufunc, range, slice)

_OPERATORS = (
    "add", "sub", "mul", "matmul", "truediv", "floordiv", "mod", "pow", "and", "or", "xor",
    "lshift", "rshift",
)  # fmt: skip
_SPOKEN = tuple(
    f"__{name}__"
    for name in (
        *("getitem", "contains", "iter", "next", "len", "bool", "float", "int", "index", "complex"),
        *("array", "neg", "pos", "abs", "invert", "round", "divmod"),
        *_OPERATORS,
        *(f"r{name}" for name in _OPERATORS),
    )
)
"""Methods that a subscript, a loop, an operator or a test calls."""
