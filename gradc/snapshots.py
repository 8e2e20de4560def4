"""What an object from outside held when it was recorded, and whether it still holds exactly that.

Public::

    snapshot(value) -> Snapshot         # of a plain container: by value, in its order
    state(value) -> State               # of any object: everything that can be reached from it
    watch(value) -> test                # by which a variable from outside is compared at each call
    is_same(a, b) -> bool               # two numbers, strings or tuples of them, to the bit
    Unwatchable                         # raised where an object keeps what it holds to itself

Equality would not do: ``2 == 2.0 == True`` and ``0.0 == -0.0``, which compute other results, and
dicts and sets that are equal may be walked in another order.
"""

import sys
import types
from collections import deque
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from functools import lru_cache, partial
from operator import is_
from typing import Any
from weakref import ReferenceType

import numpy as np

__all__ = [
    "ATOMS",
    "CONTAINERS",
    "Snapshot",
    "State",
    "Unwatchable",
    "is_pinned",
    "is_plain",
    "is_same",
    "snapshot",
    "state",
    "watch",
]  # fmt: skip

ATOMS = (bool, int, float, complex, str, bytes, type(None), type(...), np.generic, np.dtype)
CONTAINERS = (list, tuple, dict, set, frozenset, deque, types.MappingProxyType)
_FIXED_CONTAINERS = (tuple, frozenset)
_EXACT = frozenset((bool, int, str, bytes, type(None), type(...)))

MAX_OBJECTS = 2_000
"""An object that leads to more than these is no setting of a function."""

MAX_BYTES = 1 << 20
"""Of one array or buffer that is compared by content at each call."""


class Unwatchable(Exception):
    """An object of which nobody can tell whether it changed; the text says which."""


def is_same(a: Any, b: Any) -> bool:
    """Tell whether two values that do not change are the same: type, bits and order."""
    if a is b:
        return True
    kind = type(a)
    if kind is not type(b):
        return False
    if kind in _EXACT:
        return bool(a == b)
    if isinstance(a, _FIXED_CONTAINERS):
        return len(a) == len(b) and all(map(is_same, a, b))
    if isinstance(a, np.void):
        return bool(a.dtype == b.dtype and a.tobytes() == b.tobytes())
    return bool(a == b and repr(a) == repr(b)) or bool(a != a and b != b)


def _identical(a: Any, b: Any) -> bool:
    return len(a) == len(b) and all(map(is_, a, b))


identical: Callable[[Any, Any], bool] = _identical
"""Tells whether two lists or tuples hold the very same objects; replaced by one in C."""


def is_plain(value: Any) -> bool:
    """Tell whether a container holds nothing but numbers, strings and containers of such."""
    pending, seen = [value], set()
    while pending:
        here = pending.pop()
        if isinstance(here, CONTAINERS):
            if id(here) in seen:
                continue
            seen.add(id(here))
            pending += contents(here)
        elif not isinstance(here, ATOMS):
            return False
    return True


def contents(container: Any) -> list[Any]:
    """Return what a container holds in its order: the keys of a mapping before its values."""
    if isinstance(container, dict | types.MappingProxyType):
        return [*container, *container.values()]
    return list(container)


def _is_fixed(value: Any) -> bool:
    """Tell whether a value can never hold anything else."""
    if isinstance(value, np.void):
        return False
    return isinstance(value, ATOMS) or (
        type(value) in _FIXED_CONTAINERS and all(map(_is_fixed, value))
    )


class Snapshot:
    """What a plain container held, with snapshots of the containers in it."""

    __slots__ = ("_inner", "_kind", "_parts")

    def __init__(self, value: Any) -> None:
        self._kind = type(value)
        self._parts = contents(value)
        inner = [None if _is_fixed(part) else snapshot(part) for part in self._parts]
        self._inner = inner if any(one is not None for one in inner) else None

    def holds(self, value: Any) -> bool:
        """Tell whether a container holds the same."""
        if type(value) is not self._kind:
            return False
        parts = value if self._kind is list or self._kind is tuple else contents(value)
        if len(parts) != len(self._parts):
            return False
        if self._inner is None:
            return identical(parts, self._parts) or all(map(is_same, parts, self._parts))
        return all(
            is_same(part, old) if one is None else one.holds(part)
            for part, old, one in zip(parts, self._parts, self._inner, strict=True)
        )


class _Record:
    """A copy of a structured scalar, whose fields can be written."""

    __slots__ = ("_copy",)

    def __init__(self, value: np.void) -> None:
        self._copy = value.copy()

    def holds(self, value: Any) -> bool:
        return is_same(value, self._copy)


def snapshot(value: Any) -> Any:
    """Return what ``holds(other)`` compares with: for a plain container, or a structured scalar."""
    return _Record(value) if isinstance(value, np.void) else Snapshot(value)


def watch(value: Any) -> Callable[[Any], bool]:
    """Return the test by which a variable is compared at each call: no array, no module.

    Numbers and plain containers go by value, others by the keys or the number of their items;
    functions and all other objects by identity.
    """
    if isinstance(value, ATOMS):
        return snapshot(value).holds if isinstance(value, np.void) else partial(is_same, value)
    if isinstance(value, CONTAINERS):
        if is_plain(value):
            return snapshot(value).holds  # type: ignore[no-any-return]
        return partial(_is_laid_out, type(value), _places(value))
    if isinstance(value, types.FunctionType):
        code = value.__code__
        return lambda now: now is value and now.__code__ is code
    if isinstance(value, types.MethodType):
        return partial(_is_method, value)
    return partial(is_, value)


def is_pinned(value: Any) -> bool:
    """Tell whether such a test holds as long as the variable holds the very same object."""
    if not isinstance(value, (*CONTAINERS, np.void)):
        return True
    return _is_fixed(value) or (isinstance(value, tuple) and not is_plain(value))


def _places(container: Any) -> Any:
    """Return what says where the items of a container are: its keys in their order, or a number."""
    if isinstance(container, dict | types.MappingProxyType):
        return tuple(container)
    return len(container)


def _is_laid_out(kind: type, places: Any, now: Any) -> bool:
    return type(now) is kind and is_same(_places(now), places)


def _is_method(method: types.MethodType, now: Any) -> bool:
    return (
        type(now) is types.MethodType
        and now.__func__ is method.__func__
        and now.__self__ is method.__self__
    )


class State:
    """Everything that can be reached from an object, each object with what it held.

    Objects are compared by identity, and what they hold one by one, so circles do no harm.
    """

    __slots__ = ("_held", "_root")

    def __init__(self, value: Any) -> None:
        self._root = value
        self._held: list[tuple[Any, list[Any]]] = []
        pending, seen = [value], set()
        while pending:
            here = pending.pop()
            still = _is_fixed(here) and not type(here).__flags__ & _HEAP  # a number of no class
            if id(here) in seen or still or isinstance(here, _steady()):
                continue
            seen.add(id(here))
            if len(seen) > MAX_OBJECTS:
                raise Unwatchable(f"{type(value).__name__} leads to too many objects")
            parts = _parts(here)
            self._held.append((here, parts))
            pending += parts

    def holds(self, value: Any) -> bool:
        """Tell whether it is the same object, and nothing in it has changed."""
        if value is not self._root:
            return False
        for one, parts in self._held:
            try:
                now = _parts(one)
            except (Unwatchable, ValueError, AttributeError):
                return False
            if len(now) != len(parts) or not all(map(_is_unchanged, now, parts)):
                return False
        return True


def _is_unchanged(now: Any, before: Any) -> bool:
    return now is before or (_is_fixed(before) and is_same(now, before))


def state(value: Any) -> State:
    """Return what ``holds(value)`` compares with, now.

    Raises
    ------
    Unwatchable
        When something that is reached cannot be looked into.
    """
    return State(value)


@lru_cache(maxsize=1)
def _steady() -> tuple[type, ...]:
    """Return the types of objects that do not change, or that have guards of their own."""
    return (
        types.ModuleType, types.BuiltinFunctionType, types.WrapperDescriptorType,
        types.MethodDescriptorType, types.GetSetDescriptorType, types.MemberDescriptorType,
        types.CodeType, np.ufunc, type(np.sum),
    np.random.Generator, np.random.RandomState, range, slice,
    )  # fmt: skip


_STEADY_MODULES = frozenset(("datetime", "_decimal", "decimal", "fractions", "re", "pathlib"))


def _parts(value: Any) -> list[Any]:
    """Return what an object holds: the same list of objects as long as nothing in it changes."""
    parts: list[Any] = []
    known = False
    for kind, read in _READERS:
        if isinstance(value, kind):
            parts, known = list(read(value)), True
            break
    if isinstance(value, type) or getattr(type(value), "__module__", "") in _STEADY_MODULES:
        return parts
    if not known and _keeps_to_itself(type(value)):
        parts += _buffer(value)
    elif type(value).__flags__ & _HEAP:
        parts += _attributes(value)
    return parts


_HEAP = 1 << 9
"""Py_TPFLAGS_HEAPTYPE: a class that was made while the program runs."""


def _keeps_to_itself(kind: type) -> bool:
    """Tell whether instances hold more than attributes: what C code keeps, which nobody sees.

    The size of an instance is then larger than that of its attributes; Python refuses to pickle
    such objects by the same rule (``object.__reduce_ex__``).
    """
    if not kind.__flags__ & _HEAP:
        return kind is not object
    word = np.dtype(np.intp).itemsize
    slots = sum(isinstance(one, types.MemberDescriptorType) for one in _members(kind))
    holders = sum(bool(getattr(kind, name)) for name in ("__dictoffset__", "__weakrefoffset__"))
    return kind.__basicsize__ > object.__basicsize__ + word * (slots + holders)


def _members(kind: type) -> Iterator[Any]:
    for base in kind.__mro__:
        yield from vars(base).values()


def _buffer(value: Any) -> list[Any]:
    """Read an object as bytes, such as an ``array.array`` or a number of ctypes."""
    try:
        view = memoryview(value)
    except TypeError:
        name = type(value).__name__
        raise Unwatchable(f"what an object of type {name} holds cannot be seen") from None
    _check_size(view.nbytes)
    if "P" in view.format or "O" in view.format or "&" in view.format:
        raise Unwatchable(f"an object of type {type(value).__name__} holds addresses")
    return [view.format, view.shape, view.tobytes()]


def _check_size(nbytes: int) -> None:
    if nbytes > MAX_BYTES:
        raise Unwatchable(f"{nbytes} bytes would have to be compared at each call")


def _array(value: np.ndarray) -> list[Any]:
    if value.dtype.hasobject:
        return [value.shape, *value.ravel().tolist()]
    _check_size(value.nbytes)
    return [value.dtype.str, value.shape, value.strides, value.tobytes()]


def _attributes(value: Any) -> Iterator[Any]:
    """Yield what an instance holds, and its class, which may hold more."""
    yield type(value)
    for name, held in getattr(value, "__dict__", {}).items():
        yield name
        yield held
    for base in type(value).__mro__:
        for name, member in vars(base).items():
            if isinstance(member, types.MemberDescriptorType):
                yield name
                yield getattr(value, name, None)


def _class(kind: type) -> Iterator[Any]:
    """Yield what a class defines; those that were not made by a running program never change."""
    for base in kind.__mro__:
        top = str(getattr(base, "__module__", "")).partition(".")[0]
        if base.__flags__ & _HEAP and top not in _LIBRARIES and top not in sys.stdlib_module_names:
            for name, member in vars(base).items():
                if name != "_abc_impl" and (name[:2] != "__" or type(member) in _FUNCTIONS):
                    yield name
                    yield member


_LIBRARIES = frozenset(("numpy", "gradc"))
_FUNCTIONS = frozenset((types.FunctionType, staticmethod, classmethod))


def _function(function: types.FunctionType) -> list[Any]:
    """Return what a function computes with, but for the objects and modules that it names."""
    variables, code = function.__globals__, function.__code__
    named = [variables.get(name) for name in code.co_names]
    return [
        code,
        *(function.__defaults__ or ()),
        *(function.__kwdefaults__ or {}).values(),
        *(function.__closure__ or ()),
        *(one for one in named if isinstance(one, _READ_BY_NAME)),
    ]


_READ_BY_NAME = (*ATOMS, *CONTAINERS, np.ndarray, types.FunctionType, type)


def _cell(cell: types.CellType) -> list[Any]:
    try:
        return [cell.cell_contents]
    except ValueError:
        return []


_READERS: tuple[tuple[Any, Callable[[Any], Any]], ...] = (
    (CONTAINERS, contents),
    ((int, float, complex, str, bytes), lambda value: []),
    (np.ndarray, _array),
    (np.void, lambda value: [value.dtype.str, value.tobytes()]),
    (types.FunctionType, _function),
    (types.MethodType, lambda method: [method.__func__, method.__self__]),
    (types.CellType, _cell),
    (partial, lambda one: [one.func, one.args, one.keywords]),
    (staticmethod | classmethod, lambda one: [one.__func__]),
    (property, lambda one: [one.fget]),
    (ContextVar, lambda variable: [variable.get(None)]),
    (types.SimpleNamespace, lambda space: contents(vars(space))),
    (ReferenceType, lambda reference: [reference()]),
    (type, _class),
)
