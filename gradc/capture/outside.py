"""What is left in objects from outside when a function has been recorded.

    def forward(self, x):
        self.hidden = np.tanh(self.w @ x)        # it would outlive the call as what stands for it
        return np.sum(self.hidden)

Recording runs the function once, and compiled code does not run it again: a traced value that is
left in an attribute, a list, a dict or a variable from outside would stay there.  Such a function
is refused, and what was there before is put back.
"""

import dis
from collections import deque
from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from types import CellType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any, TypeAlias

import numpy as np

from gradc.capture.held import held_by, is_library
from gradc.capture.tracer import Kind, Tracer
from gradc.errors import TraceError
from gradc.spans import Span

__all__ = ["Outside", "traced_in"]

_Content: TypeAlias = dict[Any, Any]
_Kept: TypeAlias = tuple[str, Any, Callable[[], _Content], Callable[[_Content], None], _Content]

_NOTHING = object()
_DEEP = 1_000
"""Objects at most that are looked into, to find a traced value in what was left."""


class Outside:
    """The content of objects from outside, as it was when the recording met them first."""

    def __init__(self) -> None:
        self._kept: dict[Any, _Kept] = {}

    def enter(self, value: Any, path: str) -> None:
        """Remember what an object holds."""
        if isinstance(value, (np.ndarray, FunctionType, MethodType, ModuleType, str, int, float)):
            return
        if id(value) not in self._kept:
            for place, (take, put) in enumerate(_contents(value)):
                key = (id(value), place) if place else id(value)
                self._kept[key] = (path, value, take, put, take())

    def enter_function(self, function: FunctionType, known: bool) -> None:
        """Remember variables that a function may bind: global ones, those of functions around."""
        for name in _global_stores(function.__code__):
            self._enter_variable(function.__globals__, name)
        if known:
            names = function.__code__.co_freevars
            for name, cell in zip(names, function.__closure__ or (), strict=True):
                self._enter_cell(cell, name)

    def _enter_variable(self, variables: dict[str, Any], name: str) -> None:
        def take() -> _Content:
            return {name: variables[name]} if name in variables else {}

        def put(content: _Content) -> None:
            if name in content:
                variables[name] = content[name]
            else:
                variables.pop(name, None)

        self._kept.setdefault((id(variables), name), ("", variables, take, put, take()))

    def _enter_cell(self, cell: CellType, name: str) -> None:
        def take() -> _Content:
            try:
                return {name: cell.cell_contents}
            except ValueError:
                return {}

        def put(content: _Content) -> None:
            if name in content:
                cell.cell_contents = content[name]

        self._kept.setdefault(id(cell), ("", cell, take, put, take()))

    def settle(
        self, handle_of: Callable[[Any], Tracer | None], span: Span | None
    ) -> TraceError | None:
        """Put back what was there instead of traced values; return the error for the first.

        ``handle_of`` gives the traced value that stands for an array from outside: that is no
        other one.  Arrays that do not depend on arguments stay, as what they are.  ``span`` is
        where the function begins.
        """
        error = None
        for path, value, take, put, before in self._kept.values():
            now = take()
            changed = {k: v for k, v in now.items() if v is not before.get(k, _NOTHING)}
            traced = {k: left for k, v in changed.items() if (left := traced_in(v)) is not None}
            plain = {k: before[k] for k, t in traced.items() if t is handle_of(before.get(k))}
            plain |= {k: _number(v) for k, v in changed.items() if _is_number(v)}
            if traced.keys() == plain.keys():
                put(now | plain) if plain else None
                continue
            put(before)
            key = next(key for key in traced if key not in plain)
            error = error or _refuse(_place(path, value, key), traced[key], span)
        return error


def _is_number(item: Any) -> bool:
    """Tell whether an item is an array of the recording whose content is known."""
    return isinstance(item, Tracer) and item._value is not None


def _number(item: Tracer) -> Any:
    """Return a known array as NumPy would have left it."""
    assert item._value is not None
    array = item._value.copy()
    return array if item._kind is Kind.ARRAY else array[()]


def _place(path: str, value: Any, key: Any) -> str:
    """Name where an item is."""
    if not path:
        return str(key)
    return f"{path}[{key!r}]" if isinstance(value, list | dict) else f"{path}.{key}"


def _refuse(place: str, left: Tracer, span: Span | None) -> TraceError:
    assert left._trace is not None
    graph = left._trace.graph
    return TraceError(
        f"{place} outlives the call and is given a value of {graph.name}, which compiled code "
        "would not put there again",
        span=graph[left._id].origin.span or span,
        repair="return it as well (with has_aux=True where a gradient is taken) and store it "
        f"outside, or let {place} hold at the end what it held before",
    )


def _contents(value: Any) -> Iterator[tuple[Callable[[], _Content], Callable[[Any], None]]]:
    """Yield how the items of an object are read and put back: by position, by key, by name."""
    if isinstance(value, list):
        yield lambda: dict(enumerate(value)), lambda content: _put_list(value, content)
    elif isinstance(value, dict):
        yield lambda: dict(dict.items(value)), lambda content: _put_dict(value, content)
    attributes = getattr(value, "__dict__", None)
    if type(attributes) is dict and not is_library(type(value).__module__):
        yield lambda: dict(attributes), lambda content: _put_dict(attributes, content)
    if not isinstance(value, list | dict):
        for take, put, _ in held_by(value):
            yield partial(_by_key, take), _put_by(put, take)


def _by_key(take: Callable[[], Any]) -> _Content:
    content = take()
    if isinstance(content, dict):
        return content
    return dict(enumerate(content)) if isinstance(content, list | set) else {}


def _put_by(put: Callable[[Any], None], take: Callable[[], Any]) -> Callable[[Any], None]:
    def restore(content: _Content) -> None:
        put(content if isinstance(take(), dict) else list(content.values()))

    return restore


def _put_list(box: list[Any], content: _Content) -> None:
    box[:] = content.values()


def _put_dict(box: dict[Any, Any], content: _Content) -> None:
    dict.clear(box)
    dict.update(box, content)


@lru_cache(maxsize=1024)
def _global_stores(code: CodeType) -> tuple[str, ...]:
    """Return the global variables that code binds, with the functions inside it."""
    inside = [c for c in code.co_consts if isinstance(c, CodeType)]
    names = {name for one in inside for name in _global_stores(one)}
    if _STORE in code.co_code[::2]:
        steps = dis.get_instructions(code)
        names |= {step.argval for step in steps if step.opname == "STORE_GLOBAL"}
    return tuple(sorted(names))


_STORE = dis.opmap["STORE_GLOBAL"]


def traced_in(value: Any) -> Tracer | None:
    """Find a traced value in an object, or in what it leads to."""
    pending, seen = [value], set[int]()
    while pending and len(seen) < _DEEP:
        here = pending.pop()
        if isinstance(here, Tracer):
            return here
        if id(here) in seen:
            continue
        seen.add(id(here))
        if isinstance(here, dict):
            pending += here.values()
        elif isinstance(here, list | tuple | set | frozenset | deque):
            pending += here
        elif isinstance(here, FunctionType):
            pending += _captured(here)
        elif not isinstance(here, type | ModuleType):
            pending += (getattr(here, "__dict__", None) or {}).values()
    return None


def _captured(function: FunctionType) -> Iterator[Any]:
    """Yield what a function holds of the functions around it, but for the hooks."""
    names = function.__code__.co_freevars
    for name, cell in zip(names, function.__closure__ or (), strict=True):
        try:
            if not name.startswith("_gradc_"):
                yield cell.cell_contents
        except ValueError:
            continue
