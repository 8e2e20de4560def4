"""What objects from outside a loop hold besides arrays: content that a recorded turn may change.

A turn that is recorded is one run of Python.  What it does to a deque, a counter or the attributes
of a class has to be seen, and put back, so that the loop can be run turn by turn instead.
"""

import sys
from array import array
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache, partial
from types import BuiltinMethodType, FunctionType, MemberDescriptorType, MethodType
from typing import Any, TypeAlias

__all__ = ["Held", "held_by", "is_library", "is_spent_by_reading", "led_to"]

Held: TypeAlias = tuple[Callable[[], Any], Callable[[Any], None], Any]
"""``take()`` returns the content now, ``put(content)`` sets it; the content as it was."""


@lru_cache(maxsize=1024)
def is_library(module: str) -> bool:
    """Tell whether a module belongs to Python, NumPy or gradc, whose objects are no state."""
    top = module.partition(".")[0]
    return top in sys.stdlib_module_names or top in ("numpy", "gradc", "scipy")


def is_spent_by_reading(value: Any) -> bool:
    """Tell whether a value is an iterator, whose place cannot be looked up nor set back."""
    kind = type(value)
    step = getattr(kind, "__next__", None)
    return step is not None and (is_library(kind.__module__) or not isinstance(step, FunctionType))


def held_by(value: Any) -> list[Held]:
    """Return what a value holds beside lists, dicts, sets and the attributes of instances."""
    kind = type(value)
    if kind is FunctionType or kind is dict:
        return []
    found = [_container(value, kind)] if kind not in (list, dict, set) else []
    if isinstance(value, type):
        found.append(None if is_library(value.__module__) else _attributes(value))
    elif not is_library(kind.__module__):
        found.append(_slots(value, kind))
    return [one for one in found if one is not None]


def led_to(value: Any) -> Iterator[Any]:
    """Yield what code that uses a value may reach through it, but for plain containers."""
    for kinds, steps in _STEPS:
        if isinstance(value, kinds):
            yield from steps(value)
            break
    if not is_library(type(value).__module__):
        yield type(value)


def _from_function(value: FunctionType) -> Iterator[Any]:
    if not is_library(value.__module__ or ""):
        yield from value.__defaults__ or ()
        yield from (value.__kwdefaults__ or {}).values()
        if value.__dict__:
            yield value.__dict__


def _from_class(value: type) -> Iterator[Any]:
    if not is_library(value.__module__):
        yield from vars(value).values()
        yield from value.__bases__


_STEPS: tuple[tuple[Any, Callable[[Any], Iterable[Any]]], ...] = (
    (FunctionType, _from_function),
    (type, _from_class),
    (MethodType, lambda method: (method.__self__, method.__func__)),
    (BuiltinMethodType, lambda method: (method.__self__,)),
    (partial, lambda made: (made.func, made.args, made.keywords)),
    (property, lambda found: (found.fget, found.fset)),
    ((staticmethod, classmethod), lambda found: (found.__func__,)),
    (dict, lambda box: tuple(dict.values(box))),
    ((tuple, list, set, deque), tuple),
)
"""What is behind values of some types."""


def _container(value: Any, kind: type) -> Held | None:
    """Return the items of a container that is not plain."""
    if isinstance(value, deque):
        return _held(partial(list, value), partial(_refill, deque, value))
    if isinstance(value, bytearray | array):
        return _held(partial(bytes, value), partial(_put_bytes, value))
    if issubclass(kind, list):
        return _held(partial(list.copy, value), partial(_refill, list, value))
    if issubclass(kind, set):
        return _held(partial(set.copy, value), partial(_put_set, value))
    if issubclass(kind, dict):
        base = OrderedDict if issubclass(kind, OrderedDict) else dict
        return _held(lambda: dict(base.items(value)), partial(_put_dict, base, value))
    return None


def _held(take: Callable[[], Any], put: Callable[[Any], None]) -> Held:
    return take, put, take()


def _refill(base: Any, box: Any, content: list[Any]) -> None:
    base.clear(box)
    base.extend(box, content)


def _put_bytes(box: Any, content: bytes) -> None:
    del box[:]
    box.frombytes(content) if isinstance(box, array) else box.extend(content)


def _put_set(box: Any, content: set[Any]) -> None:
    set.clear(box)
    set.update(box, content)


def _put_dict(base: Any, box: Any, content: dict[Any, Any]) -> None:
    base.clear(box)
    for key, value in content.items():
        base.__setitem__(box, key, value)


def _attributes(kind: type) -> Held:
    """Return the attributes of a class."""
    return _held(lambda: dict(vars(kind)), partial(_put_attributes, kind))


def _put_attributes(kind: type, content: dict[str, Any]) -> None:
    for name in [name for name in vars(kind) if name not in content]:
        delattr(kind, name)
    for name, value in content.items():
        if vars(kind).get(name) is not value:
            setattr(kind, name, value)


def _slots(value: Any, kind: type) -> Held | None:
    """Return the attributes of an object that stand in slots."""
    slots = _slots_of(kind)
    if not slots:
        return None
    return _held(partial(_read_slots, value, slots), partial(_put_slots, value, slots))


@lru_cache(maxsize=1024)
def _slots_of(kind: type) -> dict[str, Any]:
    return {
        name: slot
        for base in reversed(kind.__mro__)
        for name, slot in vars(base).items()
        if isinstance(slot, MemberDescriptorType) and not is_library(base.__module__)
    }


def _read_slots(value: Any, slots: dict[str, Any]) -> dict[str, Any]:
    found = {}
    for name, slot in slots.items():
        try:
            found[name] = slot.__get__(value)
        except AttributeError:
            continue
    return found


def _put_slots(value: Any, slots: dict[str, Any], content: dict[str, Any]) -> None:
    for name, slot in slots.items():
        if name in content:
            slot.__set__(value, content[name])
        elif name in _read_slots(value, slots):
            slot.__delete__(value)
