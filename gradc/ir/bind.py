"""Give symbols values: in extents, index specs and all other parameters of nodes."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from gradc.ir.dims import Dim, DimExpr, Symbol, substitute

__all__ = ["bind", "bind_params", "symbols_in"]


def bind(value: Any, symbols: Mapping[Symbol, Dim]) -> Any:
    """Replace symbols inside a parameter: a dim, an item of an index spec, a type, or a tuple."""
    if isinstance(value, DimExpr):
        return substitute(value, symbols)
    if isinstance(value, tuple):
        return tuple(bind(item, symbols) for item in value)
    if is_dataclass(value) and not isinstance(value, type | Symbol):
        names = [field.name for field in fields(value)]
        return type(value)(*[bind(getattr(value, name), symbols) for name in names])
    return value


def bind_params(params: Mapping[str, Any], symbols: Mapping[Symbol, Dim]) -> dict[str, Any]:
    """Replace symbols in all parameters of a node."""
    return {name: bind(value, symbols) for name, value in params.items()}


def symbols_in(value: Any) -> frozenset[Symbol]:
    """Return the symbols inside a parameter, or inside all parameters of a node."""
    if isinstance(value, DimExpr):
        return value.symbols
    if isinstance(value, Mapping):
        value = tuple(value.values())
    if is_dataclass(value) and not isinstance(value, type | Symbol):
        value = tuple(getattr(value, field.name) for field in fields(value))
    if isinstance(value, tuple):
        return frozenset(symbol for item in value for symbol in symbols_in(item))
    return frozenset()
