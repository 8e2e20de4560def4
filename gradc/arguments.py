"""Which arguments a derivative is taken by: ``argnums`` as positions or names."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from gradc.errors import ArgumentError
from gradc.records import dataclass
from gradc.trees import TreeDef, flatten, leaf_paths

__all__ = ["Argnums", "Chosen", "choose_arguments"]

Argnums: TypeAlias = "int | str | Sequence[int | str]"


@dataclass(frozen=True, slots=True)
class Chosen:
    """One argument asked for.

    Parameters
    ----------
    name : str
        The parameter's name.
    tree : TreeDef
        Its structure.
    leaves : tuple of int
        Positions of its leaves among all leaves of ``(args, kwargs)``.
    paths : tuple of str
        How messages name the leaves.
    values : tuple
        The leaves themselves.
    """

    name: str
    tree: TreeDef
    leaves: tuple[int, ...]
    paths: tuple[str, ...]
    values: tuple[Any, ...]


def choose_arguments(
    fn: Callable[..., Any],
    argnums: Argnums,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    what: str = "argnums",
) -> tuple[list[Chosen], bool]:
    """Return the arguments asked for, and whether a single one was asked for.

    ``what`` says in messages where they were asked for.

    Raises
    ------
    ArgumentError
        When ``argnums`` names no argument of this call.
    """
    single = isinstance(argnums, int | str)
    names = _names(fn, len(args))
    try:
        wanted = [argnums] if isinstance(argnums, int | str) else list(argnums)
    except TypeError:
        raise _unknown(fn, names, f"it takes positions and names, not {argnums!r}", what) from None
    if not wanted:
        raise _unknown(fn, names, "it asks for no argument at all", what)
    return [_one(fn, names, which, args, kwargs, what) for which in wanted], single


def _names(fn: Callable[..., Any], count: int) -> list[str]:
    """Return parameter names for the positional arguments of a call."""
    try:
        parameters = list(inspect.signature(fn).parameters.values())
    except (TypeError, ValueError):
        parameters = []
    names: list[str] = []
    for parameter in parameters:
        if parameter.kind is parameter.VAR_POSITIONAL:
            names += [f"{parameter.name}[{i}]" for i in range(count - len(names))]
        elif parameter.kind is not parameter.VAR_KEYWORD:
            names.append(parameter.name)
    return names + [f"argument {i}" for i in range(len(names), count)]


def _one(
    fn: Callable[..., Any],
    names: list[str],
    which: Any,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    what: str,
) -> Chosen:
    starts = _starts(args, kwargs)
    if isinstance(which, str):
        if which in kwargs:
            return _chosen(which, kwargs[which], starts[which])
        if which in names and which not in names[: len(args)]:
            raise _unknown(
                fn, names, f"{which} is not given in this call; pass it, as {which}=...", what
            )
        if which not in names:
            raise _unknown(fn, names, f"no argument named {which!r}", what)
        which = names.index(which)
    if isinstance(which, bool) or not isinstance(which, int):
        raise _unknown(fn, names, f"it takes positions and names, not {which!r}", what)
    position = which + len(args) if which < 0 else which
    if not 0 <= position < len(args):
        raise _unknown(fn, names, f"there is no argument number {which}", what)
    return _chosen(names[position], args[position], starts[position])


def _starts(args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[Any, int]:
    """Return where the leaves of each argument begin."""
    starts: dict[Any, int] = {}
    count = 0
    for key, value in (*enumerate(args), *kwargs.items()):
        starts[key] = count
        count += len(flatten(value)[0])
    return starts


def _chosen(name: str, value: Any, start: int) -> Chosen:
    leaves, tree = flatten(value)
    positions = tuple(range(start, start + len(leaves)))
    return Chosen(name, tree, positions, tuple(leaf_paths(tree, name)), tuple(leaves))


def _unknown(fn: Callable[..., Any], names: list[str], headline: str, what: str) -> ArgumentError:
    label = getattr(fn, "__name__", "the function")
    taken = ", ".join(f"{i}: {name}" for i, name in enumerate(names)) or "nothing"
    return ArgumentError(f"{what} of {label}: {headline}", repair=f"{label} takes {taken}")
