"""Lists, dicts and dataclasses among the arguments: their caller sees what the function does.

    def step(params, gradient):
        for name in params:
            params[name] = params[name] - 0.1 * gradient[name]   # the caller's dict is another one

Arrays that are written in place are written back.  A container is made anew for the recording, so
one that holds other values in the end is refused, unless it is returned: then the caller has it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import is_dataclass
from typing import Any

from gradc.errors import UnsupportedError
from gradc.spans import Span

__all__ = ["Given"]


class Given:
    """What the containers among some arguments hold before the function runs.

    Parameters
    ----------
    arguments : sequence of (str, object)
        Arguments by name.
    """

    def __init__(self, arguments: Sequence[tuple[str, Any]]) -> None:
        found = [pair for name, value in arguments for pair in _boxes(name, value)]
        self.before = [(name, box, list(_content(box, name))) for name, box in found]

    def check(self, function: str, result: Any, span: Span | None) -> None:
        """Refuse a function that changed one of them and does not return it.

        Raises
        ------
        UnsupportedError
        """
        returned = {id(box) for _, box in _boxes("", result)}
        for name, box, before in self.before:
            if id(box) in returned:
                continue
            changed = _difference(name, before, list(_content(box, name)))
            if changed:
                raise UnsupportedError(
                    f"{function} gives {changed} a new value, which its caller would not see",
                    span=span,
                    repair=f"return {name} as well and use what is returned, or write into its "
                    "arrays: [...] = instead of =",
                )


def _boxes(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Yield the mutable containers of a tree, each with its path."""
    if isinstance(value, list | dict) or _is_record(value):
        yield name, value
    if isinstance(value, list | tuple | dict) or _is_record(value):
        for path, item in _content(value, name):
            yield from _boxes(path, item)


def _is_record(value: Any) -> bool:
    return is_dataclass(value) and not isinstance(value, type)


def _content(box: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Yield what a container holds, by path."""
    if isinstance(box, list | tuple):
        fields = getattr(box, "_fields", None)
        for k, item in enumerate(box):
            yield (f"{name}.{fields[k]}" if fields else f"{name}[{k}]"), item
    elif isinstance(box, Mapping):
        for key, item in box.items():
            yield f"{name}[{key!r}]", item
    else:
        for field in type(box).__dataclass_fields__:
            if hasattr(box, field):
                yield f"{name}.{field}", getattr(box, field)


def _difference(
    name: str, before: list[tuple[str, Any]], after: list[tuple[str, Any]]
) -> str | None:
    """Name what is not what it was."""
    for (old_path, old), (new_path, new) in zip(before, after, strict=False):
        if old_path != new_path or old is not new:
            return new_path
    return None if len(before) == len(after) else name
