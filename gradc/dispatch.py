"""From a call to compiled code: which artifact serves these arguments, and how results go back."""

import importlib
import sys
from collections.abc import Callable, Sequence
from threading import RLock
from typing import TYPE_CHECKING, Any

import numpy as np

from gradc import errors, snapshots, warm
from gradc.api import Function
from gradc.assembly import assembler, is_fixed
from gradc.errors import ArgumentError, GradcError
from gradc.later import later
from gradc.recorded import Calling, Input
from gradc.runtime.call import Caller
from gradc.runtime.donated import shares
from gradc.spans import caller_span
from gradc.tracing import OPEN, is_tracing
from gradc.trees import TreeDef, flatten

if TYPE_CHECKING:
    from gradc.artifact import Artifact
    from gradc.native.call_library import Parts

__all__ = ["Dispatch", "Specialised", "made_in_c"]

native_calls, repeated = later("gradc.runtime.native_calls"), later("gradc.repeated")

_Leaves = Sequence[Any]


class Specialised:
    """One compiled version of a function: how it is called, and what calls it.

    ``artifact`` is None as long as nobody has asked for it, where the library was found without
    recording the function; ``short`` is then where the index had it, and ``stored`` which one.
    """

    __slots__ = (
        "artifact", "assemble", "caller", "forms", "quick", "recording", "short", "stored", "take",
        "used",
    )  # fmt: skip

    def __init__(
        self,
        recording: Calling,
        caller: Caller,
        artifact: "Artifact | None" = None,
        *,
        short: str = "",
        stored: str = "",
    ) -> None:
        self.recording = recording
        self.caller = caller
        self.artifact = artifact
        self.short, self.stored = short, stored
        self.assemble = assembler(recording)
        leaves = [one.leaf for one in recording.inputs]
        self.quick: Callable[[tuple[Any, ...]], Any] | None = None
        self.forms: tuple[Any, ...] | None = None
        self.used = 0
        self.take = leaves if all(one.role == "argument" for one in recording.inputs) else None

    def __call__(self, leaves: _Leaves) -> Any:
        """Run for the flat leaves of a call."""
        if self.recording.written or self.recording.touched:
            refuse_overlap(self.recording, leaves)
        if self.take is None:
            inputs = self.recording.gather(leaves)
        else:
            inputs = [leaves[i] for i in self.take]
        return self.assemble(self.caller.call(inputs))

    def use(self, dispatch: "Dispatch", leaves: _Leaves) -> Callable[[tuple[Any, ...]], Any] | None:
        """Return the call without conversions; it is made when a version is used again."""
        self.used += 1
        if self.used == 2:
            native_calls.STATE.want(made_in_c, dispatch.upgrade)
            self.forms = repeated.forms(self.recording, leaves)
            caller = self.caller
            loaded = native_calls.STATE.is_loaded
            self.quick = self._quick(caller.native) or self._quick(caller.quick)
            if native_calls.STATE.is_loaded != loaded:  # by another thread, meanwhile
                self.upgrade()
        return self.quick

    def upgrade(self) -> None:
        """Have a call that was made in Python made in C, if it can be."""
        if self.used >= 2:
            self.quick = self._quick(self.caller.native) or self.quick

    def _quick(self, make: Callable[..., Any]) -> Callable[[tuple[Any, ...]], Any] | None:
        """Return a call for positional arguments: arrays, numbers and trees of them."""
        recording = self.recording
        if self.forms is None or recording.touched:
            return None
        return repeated.quick_way(recording, self.forms, self.assemble, make)  # type: ignore[no-any-return]


def refuse_overlap(recording: Calling, leaves: _Leaves) -> None:
    """Refuse arrays that share memory with one that the function overwrites.

    Which of the two the function would see changed depends on the overlap, not on the types that it
    was compiled for.
    """
    inputs = recording.inputs
    arrays = {k: _array_of(one, leaves) for k, one in enumerate(inputs) if one.role != "random"}
    for k in (*(written.input for written in recording.written), *recording.touched):
        target, memory = inputs[k], arrays.get(k)
        for other, array in arrays.items():
            if other != k and memory is not None and shares(memory, array):
                given = target.role == "argument"
                raise ArgumentError(
                    f"{recording.name} overwrites {target.name}, "
                    f"which shares memory with {inputs[other].name}",
                    span=recording.span,
                    repair=f"{'pass' if given else 'write into'} {target.name}.copy()",
                )


def _array_of(one: Input, leaves: _Leaves) -> np.ndarray | None:
    """Return the array that an input is in this call; None where it is a number."""
    value = leaves[one.leaf] if one.hidden is None else one.hidden.read(leaves)
    return value if isinstance(value, np.ndarray) else None


class Dispatch:
    """All compiled versions of one function.

    Versions are found by the structure of the arguments, the types of the traced leaves and the
    values of the others; among those, by the guards on what the function closes over.
    """

    def __init__(self, function: Function) -> None:
        self.function = function
        self._versions: dict[Any, list[Specialised]] = {}
        self._lock = RLock()

    def __call__(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call the function; inside another one's trace, record it there."""
        if is_tracing():
            return _compilation().call_function(self.function.fn, *args, **kwargs)
        leaves, tree = flatten((args, kwargs))
        version = self._version(leaves, tree, args, kwargs)
        self.function.quick = version.use(self, leaves)
        if self.function.quick is not version.quick:  # another thread made it in C meanwhile
            self.function.quick = version.quick
        return version(leaves)

    def upgrade(self) -> None:
        """Have all calls that were made in Python made in C; another thread says when."""
        for versions in [*self._versions.values()]:
            for version in versions:
                before = version.quick
                version.upgrade()
                if self.function.quick is before:
                    self.function.quick = version.quick

    def specialised(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Specialised:
        """Return the version for these arguments, compiling it when it is new."""
        leaves, tree = flatten((args, kwargs))
        return self._version(leaves, tree, args, kwargs)

    def artifact(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> "Artifact":
        """Return the artifact for these arguments, recording the function if that was left out."""
        version = self.specialised(args, kwargs)
        with self._lock:
            return version.artifact or self._completed(version, args, kwargs)

    def _completed(
        self, version: Specialised, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> "Artifact":
        """Record what was found without; where that leads elsewhere, believe the recording."""
        recording, artifact = _compilation().compiled(self.function, args, kwargs)
        if artifact.stored == version.stored:
            artifact.caller = version.caller
            version.artifact = artifact
            return artifact  # type: ignore[no-any-return]
        warm.forget(version.short)
        errors.warn(
            f"{self.function.__name__} was recorded as another function than the one that the "
            "cache had for it: results of this process before now may be those of the other; "
            "set GRADC_WARM_INDEX=0 and report this"
        )
        if self.function.quick is version.quick:
            self.function.quick = None
        version.__init__(recording, artifact.caller, artifact)  # type: ignore[misc]
        return artifact  # type: ignore[no-any-return]

    def _version(
        self, leaves: list[Any], tree: TreeDef, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Specialised:
        try:
            return self._find(leaves, tree, args, kwargs)
        except GradcError as error:
            error.span = error.span or caller_span()
            raise

    def _find(
        self, leaves: list[Any], tree: TreeDef, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Specialised:
        try:
            key = (tree, *[_leaf_key(leaf) for leaf in leaves])
        except ArgumentError:
            _compilation().check_arguments(self.function.fn, args, kwargs)
            raise
        try:
            known = self._versions.get(key)
        except (TypeError, ValueError):
            raise _unhashable(leaves) from None
        for version in known or ():
            if version.recording.fits(leaves):
                return version
        with self._lock:
            for version in self._versions.get(key, ()):
                if version.recording.fits(leaves):
                    return version
            made = self._made(leaves, tree, args, kwargs)
            self._versions.setdefault(key, []).append(made)
            return made

    def _made(
        self, leaves: list[Any], tree: TreeDef, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Specialised:
        """Find a version by the function's fingerprint; else record the function."""
        short = warm.short_key(self.function, leaves, tree)
        found = None if short is None else warm.find(short, self.function, leaves, tree)
        if short is not None and found is not None:
            calling, caller, stored = found
            return Specialised(calling, caller, short=short.name, stored=stored)
        told = errors.warnings_told()
        recording, artifact = _compilation().compiled(self.function, args, kwargs)
        if short is not None and told == errors.warnings_told():
            warm.keep(short, self.function, leaves, tree, (recording, artifact))
        return Specialised(recording, artifact.caller, artifact)

    def bind(self, args: tuple[Any, ...]) -> Callable[[], Any]:
        """Return a function of no arguments over these very arrays."""
        version = self.specialised(args, {})
        native_calls.STATE.load(made_in_c)
        leaves, _ = flatten((args, {}))
        recording = version.recording
        if any(one.role == "random" for one in recording.inputs):
            raise ArgumentError(
                "a function that draws random numbers cannot be bound",
                repair="draw outside and pass the array, or call it without bind",
            )
        values, bind = recording.gather(leaves), version.caller.bind
        assemble = assembler(recording, scalars=False)
        if is_fixed(recording.out_tree):
            return bind(*values, arrange=assemble)
        run = bind(*values)
        return lambda: assemble(run())


def made_in_c(parts: "Parts") -> None:
    """Have calls of functions go the short way in C, and long lists compared there."""
    parts.install(Function, OPEN)
    snapshots.identical = parts.identical


def _leaf_key(leaf: Any) -> Any:
    """Return what decides about compilation: the type of a traced leaf, the value of another."""
    kind = type(leaf)
    if kind is np.ndarray:
        return (leaf.dtype, leaf.shape)
    if kind is float or kind in _SCALARS:
        return kind
    if kind in _PLAIN:
        return (kind, repr(leaf))
    if _draws(kind):
        return kind
    long = _compilation()
    if long.is_traced_leaf(leaf):
        return (kind, long.leaf_type(leaf))
    return (kind, leaf)


_PLAIN = frozenset((int, bool, str, bytes, type(None), complex))
_SCALARS = frozenset([np.dtype(code).type for code in "?bhilBHILfd"])


def _draws(kind: type) -> bool:
    """Recognise generators of random numbers, which are arguments that draw at each call.

    NumPy loads that part of it when it is asked for: whoever passes one has done so.
    """
    random = sys.modules.get("numpy.random")
    return random is not None and kind in (random.Generator, random.RandomState)


def _compilation() -> Any:
    """Load what records and compiles, which a function that the index knows never needs."""
    return importlib.import_module("gradc.compilation")


def _unhashable(leaves: list[Any]) -> ArgumentError:
    for leaf in leaves:
        try:
            hash(_leaf_key(leaf))
        except (TypeError, ValueError):
            return ArgumentError(
                f"an argument of type {type(leaf).__name__} can be neither traced nor fixed",
                repair="pass arrays, numbers, or trees of them",
            )
    return ArgumentError("the structure of the arguments cannot be hashed")
