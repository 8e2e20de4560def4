"""Which op a NumPy callable records."""

from collections.abc import Callable
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from gradc.errors import GradcError
from gradc.ops import registry

__all__ = ["traced_ops"]


@lru_cache(maxsize=1)
def _table(count: int) -> MappingProxyType[Callable[..., Any], Any]:
    table: dict[Callable[..., Any], Any] = {}
    for op in registry():
        for function in op.traces:
            if function in table:
                raise GradcError(f"{function} records both {table[function]} and {op}")
            table[function] = op
    return MappingProxyType(table)


def traced_ops() -> MappingProxyType[Callable[..., Any], Any]:
    """Return the ops by the NumPy callable that records exactly them."""
    return _table(sum(1 for _ in registry()))
