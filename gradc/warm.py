"""The short way from a call to compiled code: by the function's fingerprint, without recording it.

The disk cache holds libraries by what they compute: a function must be recorded, derived and
simplified before its library can be looked up.  Beside them stands an index from fingerprints
(``gradc.fingerprint``, which says why this is sound) to libraries, with what a call needs besides:
which leaves are inputs, what was taken for granted, where results go.  So the first call in a new
process costs a fingerprint, a look into the cache, and loading the library.

What cannot be told from the index is made when it is asked for: sources, graphs and reports record
the function then, and a recording that leads to another library than the index did is believed,
said, and the record is dropped.  ``GRADC_WARM_INDEX=0`` turns the index off.
"""

import importlib
import os
from collections.abc import Callable, Sequence
from types import FunctionType
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from gradc.api import Function
from gradc.errors import CompileError
from gradc.fingerprint import Fingerprint, fingerprint
from gradc.later import log
from gradc.native import index, library
from gradc.native.cache import default_cache
from gradc.native.compiler import find_toolchain
from gradc.recorded import Calling, Guard, Hidden, Input, Kind, ResultLeaf, Written, guarded, typed
from gradc.routes import Leaves, Route
from gradc.runtime.call import Caller, caller
from gradc.runtime.plan import BufferSlot, CallPlan, PlanError
from gradc.snapshots import is_pinned, watch
from gradc.spans import definition_span
from gradc.trees import LEAF, TreeDef

if TYPE_CHECKING:
    from gradc.artifact import Artifact
    from gradc.capture.trace import Recording

__all__ = ["Short", "find", "forget", "keep", "short_key"]

_log = log("gradc.cache")

_STATIC = (type(None), bool, int, float, str)
"""Parts of a result that were known while recording: what JSON gives back to the bit."""
_NAMES: dict[Any, str] = {tuple: "tuple", list: "list", dict: "dict"}
_KINDS: dict[str, Any] = {name: kind for kind, name in _NAMES.items()}


class Short:
    """The fingerprint of a call, and the name under which the index has it."""

    __slots__ = ("name", "print")

    def __init__(self, print: Fingerprint, name: str) -> None:
        self.print = print
        self.name = name


def short_key(function: Function, leaves: Leaves, tree: TreeDef) -> Short | None:
    """Return the key of a call in the index; None where it must go the long way."""
    forbidden = os.environ.get("GRADC_WARM_INDEX", "").strip() == "0"
    if forbidden or function.options.backend == "numpy":
        return None
    found = fingerprint(function, leaves, tree)
    if found is None:
        return None
    try:
        cache = default_cache()
        if cache.temporary:
            return None
        toolchain = find_toolchain(cache)
    except CompileError:
        return None
    return Short(found, library.stored_key(f"fingerprint {found.text}", toolchain, cache))


def find(
    short: Short, function: Function, leaves: Leaves, tree: TreeDef
) -> tuple[Calling, Caller, str] | None:
    """Return how to call the function, what calls it, and the name of its library.

    None where the index has no record of it, or one that does not fit, or the library is gone.
    """
    cache = default_cache()
    record = index.read(cache, short.name)
    if record is None:
        return None
    try:
        name = _typed(record["library"], str)
        loaded = library.stored(name, cache) if _is_key(name) else None
        if loaded is None:
            raise PlanError("no library")
        plan = CallPlan.from_json(loaded.meta["plan"])
        calling = _calling(record, plan, short.print, function, leaves, tree)
    except (PlanError, LookupError, TypeError, ValueError, OSError, RecursionError) as error:
        _log.info("index record %s does not serve (%s): recording", short.name[:16], error)
        forget(short.name)
        return None
    options = function.options
    return calling, caller(loaded.entry, plan, options.threads, options.blas), name


def forget(name: str) -> None:
    """Drop a record."""
    index.forget(default_cache(), name)


def _calling(
    record: dict[str, Any],
    plan: CallPlan,
    print: Fingerprint,
    function: Function,
    leaves: Leaves,
    tree: TreeDef,
) -> Calling:
    """Read a record, checking every field against the call and the plan of the library."""
    fn = function.fn
    sources = _typed(record["inputs"], list)
    if len(sources) != len(plan.inputs):
        raise PlanError("another number of inputs")
    inputs = [
        _input(source, slot, print, leaves)
        for source, slot in zip(sources, plan.inputs, strict=True)
    ]
    results = [_result(row, plan) for row in _typed(record["results"], list)]
    rest = iter(results)
    out_tree = _read_tree(record["tree"], lambda: next(rest, None))
    if next(rest, None) is not None:
        raise PlanError("a tree of fewer leaves")
    taken = [print.sites[k] for k in _numbers(record["sites"], len(print.sites))]
    guards = [
        guarded(value, read, path, watch(value), pinned=is_pinned(value))
        for path, read, value in taken
    ]
    hidden = [one.hidden for one in inputs if one.hidden is not None]
    guards += [typed(one.path, one.read, one.read(leaves)) for one in hidden]
    return Calling(
        name=getattr(fn, "__name__", type(fn).__name__),
        inputs=tuple(inputs),
        in_tree=tree,
        out_tree=out_tree,
        results=tuple(results),
        written=tuple([Written(argument, output) for output, argument in plan.write_back]),
        guards=tuple(guards),
        span=definition_span(fn) if isinstance(fn, FunctionType) else None,
        touched=tuple(_numbers(record["touched"], len(inputs))),
    )


def _input(source: Any, slot: BufferSlot, print: Fingerprint, leaves: Leaves) -> Input:
    """Return where an input comes from: a leaf of the arguments, or an array from outside."""
    kind = cast(Any, None)  # of a value in a graph, and there is none
    if slot.role == "argument":
        (number,) = _numbers([source], len(leaves))
        value, hidden = leaves[number], None
    elif slot.role == "hidden":
        (place,) = _numbers(source, len(print.sites))
        path, read, value = print.sites[place]
        number, hidden = -1, Hidden(path, kind, read)
    else:
        raise PlanError("an input that is drawn")
    array = np.asarray(value)
    if array.shape != slot.shape or array.dtype.newbyteorder("=") != slot.numpy_dtype:
        raise PlanError("an input of another type")
    return Input(slot.path, kind, slot.role, _kind_of(value), number, hidden)


def _kind_of(value: Any) -> Kind:
    if isinstance(value, np.ndarray):
        return Kind.ARRAY
    return Kind.SCALAR if isinstance(value, np.generic) else Kind.PYTHON


def _result(row: Any, plan: CallPlan) -> ResultLeaf:
    output, kind, static = _typed(row, list)
    if type(output) is not int or type(kind) is not int or type(static) not in _STATIC:
        raise PlanError("a result of another kind")
    if output >= 0 and (output >= len(plan.outputs) or plan.outputs[output].role != "result"):
        raise PlanError("a result that is none")
    return ResultLeaf(max(output, -1), Kind(kind), static)


def _numbers(found: Any, end: int) -> list[int]:
    """Return numbers of things of which there are ``end``."""
    numbers = _typed(found, list)
    if any(type(k) is not int or not 0 <= k < end for k in numbers):
        raise PlanError("a number out of bounds")
    return numbers  # type: ignore[no-any-return]


def _typed(value: Any, kind: type) -> Any:
    if type(value) is not kind:
        raise PlanError("a field of another type")
    return value


def _is_key(name: str) -> bool:
    return len(name) == 64 and not set(name) - set("0123456789abcdef")


def _read_tree(found: Any, leaf: Callable[[], Any]) -> TreeDef:
    """Read a tree, calling ``leaf`` for each."""
    if found is None:
        return None
    if found == LEAF:
        if leaf() is None:
            raise PlanError("a tree of more leaves")
        return LEAF
    name, names, *children = _typed(found, list)
    if name == "dict":
        if any(type(one) is not str for one in _typed(names, list)) or len(names) != len(children):
            raise PlanError("a dict without names")
        names = tuple(names)
    elif names is not None:
        raise PlanError("names of items")
    return (_KINDS[name], names, *[_read_tree(child, leaf) for child in children])


# storing


def keep(
    short: Short,
    function: Function,
    leaves: Leaves,
    tree: TreeDef,
    made: "tuple[Recording, Artifact]",
) -> None:
    """Store what was recorded, if the fingerprint holds all that the recording came from."""
    recording, artifact = made
    if artifact.backend != "c" or not artifact.stored:
        return
    record = _record(short.print, recording, leaves)
    if record is None:
        return
    again = fingerprint(function, leaves, tree)
    policy = importlib.import_module("gradc.fingerprint_policy")
    if again is not None and again.text == short.print.text and policy.is_closed(again):
        index.write(default_cache(), short.name, {**record, "library": artifact.stored})


def _record(print: Fingerprint, recording: "Recording", leaves: Leaves) -> dict[str, Any] | None:
    """Return what a call needs of a recording; None where that is more than the index can say."""
    inputs = [
        one.leaf if one.role == "argument" else _site(print, one.hidden, leaves)
        for one in recording.inputs
    ]
    implied = {f"the type of {one.name}" for one in recording.inputs if one.role == "hidden"}
    watched = [
        guard for guard in recording.guards if guard.path not in implied and not _is_own(guard.read)
    ]
    sites = [_place(print, guard, leaves) for guard in watched]
    tree = _tree(recording.out_tree)
    statics = all(type(one.static) in _STATIC for one in recording.results)
    if None in inputs or None in sites or tree is _ALIEN or not statics:
        return None
    return {
        "inputs": inputs,
        "sites": sites,
        "results": [[one.output, int(one.kind), one.static] for one in recording.results],
        "tree": tree,
        "touched": list(recording.touched),
    }


def _is_own(read: Any) -> bool:
    """Tell whether a variable or a function is gradc's own, whose code is in each key."""
    owner = read.owner if isinstance(read, Route) else None
    home = owner.__module__ if isinstance(owner, FunctionType) else None
    home = owner.get("__name__") if isinstance(owner, dict) else home
    return isinstance(home, str) and home.partition(".")[0] == "gradc"


def _site(print: Fingerprint, hidden: Hidden | None, leaves: Leaves) -> list[int] | None:
    """Return which variable an array from outside is."""
    place = None if hidden is None else _place(print, hidden, leaves)
    return None if place is None else [place]


def _place(print: Fingerprint, what: Guard | Hidden, leaves: Leaves) -> int | None:
    """Return which of the variables that the fingerprint read a recording means."""
    for k, (path, _, value) in enumerate(print.sites):
        if path == what.path and _reads(what, leaves, value):
            return k
    return None


def _reads(what: Guard | Hidden, leaves: Leaves, value: Any) -> bool:
    try:
        return what.read(leaves) is value
    except (LookupError, AttributeError, ValueError):
        return False


_ALIEN = object()


def _tree(tree: Any) -> Any:
    """Write a tree of plain containers; ``_ALIEN`` where there are others."""
    if tree is None or tree == LEAF:
        return tree
    kind, names, *children = tree
    written: Sequence[Any] = [_tree(child) for child in children]
    plain = names is None or all(type(name) is str for name in names)
    if kind not in _NAMES or not plain or any(child is _ALIEN for child in written):
        return _ALIEN
    return [_NAMES[kind], names, *written]
