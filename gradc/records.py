"""Data classes whose methods are written when they are first called.

Public: ``dataclass``, a drop-in for the one in the standard library.

That one writes up to eight functions for every class and compiles each from text, which is nearly
half of the time that importing this package takes, though a process makes records of one class in
three and compares or prints still fewer.  Here the class stands at once, and the first call of any
of those methods has the standard library write them all.
"""

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

__all__ = ["dataclass"]

_ORDER = ("__lt__", "__le__", "__gt__", "__ge__")


def _record(
    cls: type[Any] | None = None,
    /,
    *,
    eq: bool = True,
    order: bool = False,
    frozen: bool = False,
    slots: bool = False,
    weakref_slot: bool = False,
) -> Any:
    """Make a data class, as :func:`dataclasses.dataclass` does; at most these options."""
    methods = {"eq": eq, "order": order, "frozen": frozen}
    layout = {"slots": slots, "weakref_slot": weakref_slot}
    if cls is None:
        return lambda cls: _made(cls, methods, layout)
    return _made(cls, methods, layout)


def _made(cls: type[Any], methods: dict[str, bool], layout: dict[str, bool]) -> type[Any]:
    """Let the standard library see to fields and slots, and promise the methods."""
    own = set(cls.__dict__)
    made = dataclasses.dataclass(init=False, repr=False, eq=False, **layout)(cls)
    _promise(made, ["__init__"], {"repr": False, "eq": False, "frozen": methods["frozen"]})
    if "__repr__" not in own:
        _promise(made, ["__repr__"], {"init": False, "eq": False})
    _promise(made, [name for name in _compared(methods) if name not in own], methods)
    if methods["eq"] and not methods["frozen"] and "__hash__" not in own:
        made.__hash__ = None  # type: ignore[assignment]
    if methods["frozen"]:
        _freeze(made)
    return made


def _compared(methods: dict[str, bool]) -> tuple[str, ...]:
    """Return the methods by which records are compared, which a class may have of its own."""
    equal = ("__eq__",) if methods["eq"] else ()
    hashed = ("__hash__",) if methods["eq"] and methods["frozen"] else ()
    return (*equal, *hashed, *(_ORDER if methods["order"] else ()))


def _promise(cls: type[Any], names: list[str], options: dict[str, bool]) -> None:
    """Enter methods of which the first to be called has all of them written, and is one of them."""

    def promised(name: str) -> Callable[..., Any]:
        def method(self: Any, *args: Any, **kwargs: Any) -> Any:
            _write(cls, names, options)
            return cls.__dict__[name](self, *args, **kwargs)

        return method

    for name in names:
        setattr(cls, name, promised(name))


def _write(cls: type[Any], names: list[str], options: dict[str, bool]) -> None:
    """Take the methods of a class of the same fields, which the standard library makes."""
    fields = cls.__dict__["__dataclass_fields__"].values()
    body = {
        "__module__": cls.__module__,
        "__annotations__": {field.name: field.type for field in fields},
        **{field.name: field for field in fields},
    }
    if hasattr(cls, "__post_init__"):
        body["__post_init__"] = cls.__post_init__
    twin: Any = dataclasses.dataclass(**options)(type(cls.__name__, (), body))
    for name in names:
        method = twin.__dict__[name]
        method.__qualname__ = f"{cls.__qualname__}.{name}"
        setattr(cls, name, method)


def _freeze(cls: type[Any]) -> None:
    """Refuse assignments; copies and pickles put their values in below that."""
    cls.__setattr__ = _refuse_to_set  # type: ignore[assignment]
    cls.__delattr__ = _refuse_to_delete  # type: ignore[assignment]
    if "__slots__" in cls.__dict__:
        cls.__getstate__ = _state  # type: ignore[assignment]
        cls.__setstate__ = _restore


def _refuse_to_set(self: object, name: str, value: object) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_to_delete(self: object, name: str) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")


def _state(self: Any) -> list[Any]:
    return [getattr(self, field.name) for field in dataclasses.fields(self)]


def _restore(self: Any, state: list[Any]) -> None:
    for field, value in zip(dataclasses.fields(self), state, strict=True):
        object.__setattr__(self, field.name, value)


if TYPE_CHECKING:
    from dataclasses import dataclass
else:
    dataclass = _record
