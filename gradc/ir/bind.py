"""Give symbols values: in extents, index specs and all other parameters of nodes."""

from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from gradc.ir.dims import Dim, DimExpr, Symbol, substitute

__all__ = ["bind", "bind_params", "symbols_in"]


def bind(value: Any, symbols: Mapping[Symbol, Dim]) -> Any:
    """Replace symbols inside a parameter: a dim, an item of an index spec, a type, or a tuple."""
    if isinstance(value, DimExpr):
        return substitute(value, symbols)
    if isinstance(value, tuple):
        return tuple([bind(item, symbols) for item in value])
    names = _fields(type(value))
    if names:
        return type(value)(*[bind(getattr(value, name), symbols) for name in names])
    return value


def _fields(kind: type) -> tuple[str, ...]:
    """Return the fields of a record; other values have none."""
    found = _known.get(kind)
    if found is None:
        names = tuple(field.name for field in fields(kind)) if is_dataclass(kind) else ()
        found = _known.setdefault(kind, names)
    return found


_known: dict[type, tuple[str, ...]] = {}


def bind_params(params: Mapping[str, Any], symbols: Mapping[Symbol, Dim]) -> dict[str, Any]:
    """Replace symbols in all parameters of a node."""
    return {name: bind(value, symbols) for name, value in params.items()}


def symbols_in(value: Any) -> frozenset[Symbol]:
    """Return the symbols inside a parameter, or inside all parameters of a node."""
    if isinstance(value, DimExpr):
        return value.symbols
    parts: Iterable[Any] = ()
    if isinstance(value, tuple):
        parts = value
    elif isinstance(value, (dict, Mapping)):
        parts = value.values()
    else:
        parts = [getattr(value, name) for name in _fields(type(value))]
    found = [inside for part in parts if (inside := symbols_in(part))]
    return _NONE.union(*found)


_NONE: frozenset[Symbol] = frozenset()
