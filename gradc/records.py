"""Data classes whose methods are written when they are first called.

Public: ``dataclass``, a drop-in for the one in the standard library.

That one writes up to eight functions for every class and compiles each from text, which is nearly
half of the time that importing this package takes, though a process makes records of one class in
three and compares or prints still fewer.  Here the class stands at once; the first few objects
are filled field by field, the next one has the constructor written, and the first comparison what
compares, by the standard library.
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
    made.__init__ = _first_constructor(made, methods["frozen"])
    if "__repr__" not in own:
        _promise(made, ["__repr__"], lambda: _written(made, {"eq": False}))
    compared = [name for name in _compared(methods) if name not in own]
    alike = {"eq": methods["eq"], "order": methods["order"], "unsafe_hash": methods["frozen"]}
    _promise(made, compared, lambda: _written(made, {"repr": False, **alike}))
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


def _promise(cls: type[Any], names: list[str], write: Callable[[], dict[str, Any]]) -> None:
    """Enter methods of which the first to be called has all of them written, and is one of them."""

    def promised(name: str) -> Callable[..., Any]:
        def method(self: Any, *args: Any, **kwargs: Any) -> Any:
            _keep(cls, names, write())
            return cls.__dict__[name](self, *args, **kwargs)

        return method

    for name in names:
        setattr(cls, name, promised(name))


def _keep(cls: type[Any], names: list[str], methods: dict[str, Any]) -> None:
    for name in names:
        method = methods[name]
        method.__qualname__ = f"{cls.__qualname__}.{name}"
        setattr(cls, name, method)


_FEW = 8
"""Objects that are filled field by field; it takes as long as writing the constructor for ten."""


def _first_constructor(cls: type[Any], frozen: bool) -> Callable[..., None]:
    """Return what makes the first objects, and has the constructor written for those after them."""
    left = _FEW

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        nonlocal left
        left -= 1
        if left < 0 or not _is_filled(cls, self, args, kwargs):
            _keep(cls, ["__init__"], {"__init__": _constructor(cls, frozen)})
            cls.__dict__["__init__"](self, *args, **kwargs)

    __init__.__qualname__ = f"{cls.__qualname__}.__init__"
    return __init__


def _is_filled(cls: type[Any], made: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Put values into a new object; False, and nothing done, where the arguments do not fit."""
    fields = dataclasses.fields(cls)
    names = [one.name for one in fields if one.init]
    values = dict(zip(names, args, strict=False))
    if len(args) > len(names) or any(name in values or name not in names for name in kwargs):
        return False
    values.update(kwargs)
    for one in fields:
        if one.name not in values:
            if one.default is not dataclasses.MISSING:
                values[one.name] = one.default
            elif one.default_factory is not dataclasses.MISSING:
                values[one.name] = one.default_factory()
            elif one.init:
                return False
    for name, value in values.items():
        object.__setattr__(made, name, value)
    if hasattr(cls, "__post_init__"):
        made.__post_init__()
    return True


def _constructor(cls: type[Any], frozen: bool) -> Callable[..., None]:
    """Write ``__init__`` alone, which most records need and need nothing else."""
    scope: dict[str, Any] = {"_put": object.__setattr__, "_made": object()}
    heads, lines = ["self"], list[str]()
    for one in dataclasses.fields(cls):
        head, value = _parameter(one, scope)
        if one.init:
            heads.append(head)
        if value:
            put = f"_put(self, {one.name!r}, {value})" if frozen else f"self.{one.name} = {value}"
            lines.append(put)
    if hasattr(cls, "__post_init__"):
        lines.append("self.__post_init__()")
    body = "".join(f"\n    {line}" for line in lines or ["pass"])
    exec(f"def __init__({', '.join(heads)}):{body}\n", scope)
    method: Callable[..., None] = scope["__init__"]
    method.__module__ = cls.__module__
    return method


def _parameter(one: "dataclasses.Field[Any]", scope: dict[str, Any]) -> tuple[str, str]:
    """Return how a field stands among the parameters, and its value, if there is one to put in."""
    name = one.name
    if one.default is not dataclasses.MISSING:
        scope[f"_default_{name}"] = one.default
        return f"{name}=_default_{name}", name if one.init else f"_default_{name}"
    if one.default_factory is not dataclasses.MISSING:
        scope[f"_make_{name}"] = one.default_factory
        made = f"_make_{name}()"
        return f"{name}=_made", f"{made} if {name} is _made else {name}" if one.init else made
    return name, name if one.init else ""


def _written(cls: type[Any], options: dict[str, bool]) -> dict[str, Any]:
    """Return the methods of a class of the same fields, which the standard library makes."""
    fields = cls.__dict__["__dataclass_fields__"].values()
    body = {
        "__module__": cls.__module__,
        "__annotations__": {field.name: field.type for field in fields},
        **{field.name: field for field in fields},
    }
    twin: Any = dataclasses.dataclass(init=False, **options)(type(cls.__name__, (), body))
    return dict(vars(twin))


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
