"""Python's ``any``, ``all``, ``sorted``, ``list.sort``, ``min`` and ``max`` by a key, traced.

``any`` and ``all`` look at every item whose truth only running tells.  Sorting stacks the items to
one array: they are numbers or arrays of one dtype and shape, and NaN among them goes last.
"""

from collections.abc import Callable, Iterable
from functools import reduce
from typing import Any

import numpy as np

from gradc.capture.branches import truth
from gradc.capture.context import fail
from gradc.capture.convert import has_traced
from gradc.capture.dispatch import apply
from gradc.capture.positions import is_position
from gradc.capture.tracer import Kind, Tracer, describe, is_concrete, wrap
from gradc.errors import TraceError, UnsupportedError
from gradc.ir import op_named

__all__ = ["all_of_items", "any_of_items", "best", "sort_list", "sorted_items"]


def any_of_items(items: Iterable[Any], /) -> Any:
    """``any(items)``."""
    return _decided(items, True, "logical_or")


def all_of_items(items: Iterable[Any], /) -> Any:
    """``all(items)``."""
    return _decided(items, False, "logical_and")


def _decided(items: Iterable[Any], settles: bool, op: str) -> Any:
    """Look for an item whose truth settles the question; combine those that only running tells."""
    if isinstance(items, Tracer) and items.ndim == 1 and not is_concrete(items):
        items = [apply(np.any if settles else np.all, (items,), {})]
    traced = []
    for item in items:
        if is_position(item) or (isinstance(item, Tracer) and not is_concrete(item)):
            traced.append(truth(item))
        elif bool(item) is settles:
            return settles
    if not traced:
        return not settles
    return wrap(reduce(op_named(op), traced), Kind.PYTHON)


def sorted_items(
    items: Iterable[Any],
    /,
    *,
    key: Callable[[Any], Any] | None = None,
    reverse: Any = False,
) -> list[Any]:
    """``sorted(items)``."""
    if isinstance(items, Tracer) and items.ndim == 1 and key is None:
        return list(items[_positions(items, bool(reverse))])
    found = list(items)
    keys = found if key is None else [key(item) for item in found]
    if not has_traced(keys):
        order = sorted(range(len(keys)), key=keys.__getitem__, reverse=reverse)
        return [found[k] for k in order]
    positions = _positions(_keys(keys, "sorted()"), bool(reverse))
    return list(_stacked(found, "sorted()")[positions])


def _positions(keys: Any, reverse: bool) -> Any:
    """Return the places in order; items that are equal stay as they were, from either end."""
    if not reverse:
        return apply(np.argsort, (keys,), {"kind": "stable"})
    found = apply(np.argsort, (keys[::-1],), {"kind": "stable"})
    return len(keys) - 1 - found[::-1]


def sort_list(box: list[Any], **options: Any) -> None:
    """``box.sort()``."""
    box[:] = sorted_items(box, **options)


def best(name: str, items: list[Any], key: Callable[[Any], Any]) -> Any:
    """``min(items, key=key)`` or ``max``: the first of the best."""
    keys = [key(item) for item in items]
    if not has_traced(keys):
        return items[keys.index(min(keys) if name == "min" else max(keys))]
    position = np.argmin if name == "min" else np.argmax
    return _stacked(items, f"{name}()")[apply(position, (_keys(keys, f"{name}()"),), {})]


def _keys(keys: list[Any], what: str) -> Any:
    """Return numbers to sort by as one array."""
    for one in keys:
        if np.ndim(one):
            fail(
                TraceError,
                f"{what} of arrays asks for the truth of an array",
                operands=[describe(one)] if isinstance(one, Tracer) else [],
                repair="sort by a number of each, with key=, or use np.sort or np.lexsort",
            )
    return _stacked(keys, what)


def _stacked(items: list[Any], what: str) -> Any:
    """Return items as rows of one array."""
    numbers = all(isinstance(x, _NUMBERS) for x in items)
    kinds = {np.result_type(getattr(x, "dtype", type(x))) for x in items} if numbers else ()
    if len(kinds) != 1 or len(set(map(np.shape, items))) != 1:
        fail(
            UnsupportedError,
            f"{what} of traced values needs numbers or arrays of one type and shape",
            operands=[describe(x) for x in items if isinstance(x, Tracer)][:3],
            repair="put each part into an array, and index them with np.argsort of the keys",
        )
    return apply(np.stack, (items,), {})


_NUMBERS = (Tracer, np.ndarray, np.generic, float, int)
