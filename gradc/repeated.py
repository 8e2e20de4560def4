"""Calls that are made again: what a call without conversions asks of arguments and gives back.

Loaded when a compiled function is called a second time.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from gradc.api import MISS
from gradc.assembly import Assemble
from gradc.recorded import Calling, Kind
from gradc.routes import Leaves, Route, is_itself
from gradc.runtime.quick import Form, Manner, Quick
from gradc.trees import LEAF, unflatten

__all__ = ["forms", "quick_way"]


def quick_way(
    recording: Calling,
    forms: tuple[Any, ...],
    assemble: Assemble,
    make: Callable[[list[bool], Manner], Quick | None],
) -> Callable[[tuple[Any, ...]], Any] | None:
    """Return a call for positional arguments: arrays, numbers and trees of them.

    It returns ``MISS`` when the arguments are of other types than these.
    """
    count = len(recording.inputs)
    flat = forms == tuple((Form.INPUT, k) for k in range(count))
    kinds = [one.kind for one in recording.inputs]
    floats = [kind is Kind.PYTHON for kind in kinds]
    manner = Manner(
        fits=recording.fits if recording.guards else None,
        pins=_pins(recording),
        forms=None if flat else forms,
        numbers=frozenset(k for k in range(count) if kinds[k] is Kind.SCALAR),
        names=_names_of(recording),
    )
    result = _arrangement(recording)
    if result is not None:
        scalars = _scalars_of(recording)
        return make(floats, replace(manner, result=result, scalars=scalars, miss=MISS))
    run = make(floats, manner)
    return None if run is None else _assembled(run, assemble)


def _pins(recording: Calling) -> tuple[tuple[Any, ...], Callable[[Leaves], bool] | None]:
    """Return the pins of the guards one after the other, and what asks the guards without one."""
    pins = [guard.pin for guard in recording.guards if guard.pin is not None]
    flat = tuple(part for pin in pins for part in pin.parts)
    left = [guard.holds for guard in recording.guards if not guard.is_asked]
    if len(left) <= 1:
        return flat, left[0] if left else None
    return flat, lambda leaves: all(holds(leaves) for holds in left)


def _assembled(
    run: Callable[[Any], Any], assemble: Callable[[Any], Any]
) -> Callable[[tuple[Any, ...]], Any]:
    def call(args: tuple[Any, ...]) -> Any:
        results = run(args)
        return MISS if results is None else assemble(results)

    return call


def _arrangement(recording: Calling) -> tuple[Any, ...] | None:
    """Return the result, in a tuple of one, with the numbers of outputs as leaves.

    None where it holds anything but tuples, lists, dicts with plain keys and arrays or scalars.
    """
    leaves = list(recording.results)
    if any(leaf.output < 0 or leaf.kind is Kind.PYTHON for leaf in leaves):
        return None
    outputs = [leaf.output for leaf in leaves]
    if len(set(outputs)) < len(outputs) or not _is_plain(recording.out_tree):
        return None
    return (unflatten(recording.out_tree, outputs),)


def forms(recording: Calling, leaves: Sequence[Any]) -> tuple[Any, ...] | None:
    """Return what each argument must be, in the words of ``runtime.quick.Form``.

    ``leaves`` are those of one call; arguments with names (``names_of``) are the last ones.  None
    where a leaf is neither an input nor a plain value nor an object known by its identity, or a
    container neither tuple, list nor dict; nor where guards ask for leaves that are no inputs; nor
    where something is drawn, or found by other ways than routes.
    """
    numbers = {one.leaf: k for k, one in enumerate(recording.inputs) if one.role == "argument"}
    tree: Any = recording.in_tree
    places = _places(recording)
    count = len(numbers) + len(places)
    if count < len(recording.inputs) or not isinstance(tree, tuple):
        return None
    forms = [
        (Form.INPUT, numbers[k]) if k in numbers else (Form.FIXED, leaf)
        for k, leaf in enumerate(leaves)
    ]
    fixed = [value for kind, value in forms if kind is Form.FIXED]
    plain = all(type(value) in _FIXED or is_itself(value) for value in fixed)
    if not plain or not _is_plain(tree):
        return None
    asked = all(guard.is_asked for guard in recording.guards)
    if not asked and [*numbers.items()] != [(k, k) for k in range(len(leaves))]:
        return None
    left = iter(forms)
    arguments = [*tree[2][2:], *tree[3][2:]]
    return (*(_form(child, left) for child in arguments), *places)


def _names_of(recording: Calling) -> tuple[str, ...]:
    """Return the names of the last arguments, where ``forms`` are found."""
    tree: Any = recording.in_tree
    names: tuple[str, ...] = tree[3][1]
    return names


def _places(recording: Calling) -> list[tuple[Any, ...]]:
    """Return the forms of the arrays that are found by routes."""
    return [
        (Form.PLACE, k, *one.hidden.read.parts)
        for k, one in enumerate(recording.inputs)
        if one.hidden is not None and isinstance(one.hidden.read, Route)
    ]


_FIXED = (int, bool, str)
_CONTAINERS = {tuple: Form.TUPLE, list: Form.LIST, dict: Form.DICT}


def _form(tree: Any, forms: Iterator[tuple[Any, ...]]) -> tuple[Any, ...]:
    if tree == LEAF:
        return next(forms)
    if tree is None:
        return (Form.FIXED, None)
    kind, names = tree[:2]
    named = (names,) if kind is dict else ()
    return (_CONTAINERS[kind], *named, *[_form(child, forms) for child in tree[2:]])


def _scalars_of(recording: Calling) -> frozenset[int]:
    """Return the outputs that go back as NumPy scalars."""
    return frozenset(leaf.output for leaf in recording.results if leaf.kind is Kind.SCALAR)


def _is_plain(tree: Any) -> bool:
    if tree == LEAF or tree is None:
        return True
    kind, names = tree[:2]
    if kind is dict and not all(type(name) is str for name in names):
        return False
    return kind in (tuple, list, dict) and all(map(_is_plain, tree[2:]))
