"""Lists that a loop makes longer by the same number of elements in each turn.

What a turn appends is written into arrays, one for each leaf of an element::

    for i in range(n):              for i in range(n):
        h = step(h, x[i])               h = step(h, x[i])
        ys.append(h)                    rows[i] = h
                                    ys += the rows of ``rows``

While the body is recorded, the variable holds a list that takes what is appended and knows what
the turns before have appended.  Who asks it for more gets the loop run turn by turn.
"""

from collections.abc import Iterator
from dataclasses import field
from typing import Any, NoReturn

import numpy as np

from gradc.capture.carries import Mismatch, Tree, initial, join, observe
from gradc.capture.cells import Appended
from gradc.capture.context import FirstApart, current, demand
from gradc.capture.dispatch import apply
from gradc.capture.mutation import read
from gradc.capture.positions import as_dim, as_user
from gradc.capture.ranges import not_negative
from gradc.capture.rows import pack, row, unpack, whole_run
from gradc.capture.sharing import arrays_in
from gradc.capture.tracer import Kind, Tracer, wrap
from gradc.capture.twins import root_of
from gradc.ir import Dim, Symbol, substitute
from gradc.records import dataclass
from gradc.trees import unflatten

__all__ = ["Growing", "GrowingList", "Widened", "check_apart", "new_list"]


class Widened(BaseException):
    """No error of the user's: the turn is to be recorded again, for other types or reads."""


class Growing(Appended):
    """What a variable holds while a turn is recorded."""

    def __init__(self, of: "GrowingList") -> None:
        super().__init__()
        self.of = of

    def append(self, item: Any) -> None:
        """Take one more."""
        self.new.append(item)

    def branch(self) -> "Growing":
        """Return one more, to be appended to by itself."""
        other = Growing(self.of)
        other.new.extend(self.new)
        return other

    def __getitem__(self, key: Any) -> Any:
        return self.of.get(key, self.new)

    def length(self) -> Any:
        """Return how long it is at this moment."""
        before = self.of.real.length() if isinstance(self.of.real, Growing) else len(self.of.real)
        return as_user(self.of.turn * self.of.each) + before + len(self.new)

    def __bool__(self) -> bool:
        if not self.new and isinstance(self.of.real, Growing):
            _refuse()
        if not self.new and not self.of.real:
            demand("a list is empty in the first turn alone", FirstApart)
        return True

    __hash__ = None  # type: ignore[assignment]


def _refuse(*_args: Any, **_kwargs: Any) -> NoReturn:
    demand("a list changes from turn to turn, and Python looks into it")


_REFUSED = (
    "__len__", "__iter__", "__reversed__", "__contains__", "__add__", "__radd__", "__iadd__",
    "__mul__", "__rmul__", "__imul__", "__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__",
    "__setitem__", "__delitem__", "extend", "insert", "pop", "remove", "clear", "index", "count",
    "sort", "reverse", "copy",
)  # fmt: skip
for _name in _REFUSED:
    setattr(Growing, _name, _refuse)


_BEFORE = 8
"""At most so many elements of before the loop stand in front of what it appends."""


@dataclass(slots=True)
class GrowingList:
    """One list that grows.

    Parameters
    ----------
    name : str
        Of the variable that holds it.
    real : list
        It is as it was before the loop.
    count : int
        The turns.
    each : int
        How many elements a turn appends.
    flat : bool
        Whether these are the rows of one array.
    specs : list of Tree
        Their types.
    arrays : list of list of Tracer
        For each of these, one array for each traced leaf.
    offset : int
        How many elements of before the loop the arrays begin with.
    turn : Dim
        The index of the turn being recorded.
    """

    name: str
    real: list[Any]
    count: int
    each: int
    flat: bool
    specs: list[Tree]
    arrays: list[list[Tracer]] = field(default_factory=list)
    offset: int = 0
    turn: Dim = 0
    is_read: bool = False
    last: list[Tree] = field(default_factory=list)

    def allocate(self) -> None:
        """Make the arrays."""
        starts = self._starts() if self.is_read else []
        self.offset = len(starts)
        rows = self.offset + self.count
        self.arrays = [[self._array(leaf, rows) for leaf in spec.traced] for spec in self.specs]
        for k, start in enumerate(starts):
            self._write(k, 0, start)

    def _array(self, leaf: Any, rows: int) -> Tracer:
        array: Tracer = apply(np.zeros, ((rows, *leaf.type.shape), leaf.type.dtype), {})
        array._name = self.name
        return array

    def _starts(self) -> list[Tree]:
        """Return the elements of before, if they have the types of what is appended."""
        if self.each != 1 or isinstance(self.real, Growing) or len(self.real) > _BEFORE:
            return []
        spec, trees = self.specs[0], [observe(pack(item)) for item in self.real]
        try:
            joined = [join(self.name, spec, tree) for tree in trees if tree is not None]
        except Mismatch:
            return []
        fits = all(_agrees(tree, spec) for tree in joined)
        return [tree for tree in trees if tree is not None] if fits else []

    def _write(self, place: Any, slot: int, tree: Tree) -> None:
        arrays = iter(self.arrays[slot])
        for leaf, wanted in zip(tree.leaves, self.specs[slot].leaves, strict=True):
            if wanted.type is not None:
                kind = Kind.ARRAY if wanted.type.shape else Kind.SCALAR
                next(arrays)[place] = wrap(initial(leaf, wanted), kind)

    # inside a turn

    def get(self, key: Any, new: list[Any]) -> Any:
        """Return an element."""
        place = as_dim(key)
        if place is None or isinstance(self.real, Growing):
            _refuse()
        if isinstance(place, int) and place < 0:
            if -place <= len(new):
                return new[place]
            return self._element(self.turn + self.offset + place + len(new))
        if isinstance(place, int) and place < len(self.real):
            return self.real[place]
        return self._element(place - len(self.real) + self.offset)

    def _element(self, place: Dim) -> Any:
        """Return what a turn before has appended, or what was there before the loop."""
        if not self.is_read:
            self.is_read = True
            raise Widened
        facts, spec = current().facts, self.specs[0]
        past = self.turn + self.offset - 1 - place
        inside = not_negative(place, facts) and not_negative(past, facts)
        if self.each != 1 or not inside or len(spec.traced) != len(spec.leaves):
            _refuse()
        element = spec.build([read(array[as_user(place)]) for array in self.arrays[0]])
        for handle in arrays_in(element):
            if handle is not None:
                handle._undecided = True
        return unpack(element)

    def leave(self, new: list[Any]) -> None:
        """Write what the turn has appended."""
        if len(new) != self.each:
            demand("a list changes from turn to turn, not always by the same number of elements")
        trees = [tree for tree in map(observe, self._pieces(new)) if tree is not None]
        specs = [join(self.name, a, b) for a, b in zip(self.specs, trees, strict=True)]
        agree = all(map(_agrees, specs, self.specs))
        self.specs = specs
        if not agree:
            raise Widened
        for slot, tree in enumerate(trees):
            self._write(as_user(self.turn + self.offset), slot, tree)
        self.last = trees

    def _pieces(self, new: list[Any]) -> list[Any]:
        if not self.flat:
            return [pack(item) for item in new]
        packed = pack(new)
        if isinstance(packed, list):
            demand("a list changes from turn to turn, not always by rows of an array")
        return [packed]

    # after the loop

    def finish(self, symbol: Symbol) -> None:
        """Append to the real list what all turns have appended."""
        for k in range(self.count):
            for slot in range(len(self.specs)):
                element = unpack(self._at(k, slot, symbol))
                for item in element if self.flat else [element]:
                    self.real.append(item)

    def _at(self, k: int, slot: int, symbol: Symbol) -> Any:
        spec, arrays = self.specs[slot], iter(self.arrays[slot])
        leaves: list[Any] = []
        for leaf, seen in zip(spec.leaves, self.last[slot].leaves, strict=True):
            array = None if leaf.type is None else next(arrays)
            if seen.dim is not None:
                leaves.append(as_user(substitute(seen.dim, {symbol: k})))
            elif array is None:
                leaves.append(leaf.value)
            else:
                leaves.append(row(array, self.offset + k, leaf.kind))
        return unflatten(spec.tree, leaves)


def new_list(name: str, real: list[Any], count: int, added: list[Any]) -> GrowingList:
    """Return a list of which it is known what the first turn appends."""
    flat = whole_run(added) is not None
    pieces = [pack(added)] if flat else [pack(item) for item in added]
    specs = [tree for tree in map(observe, pieces) if tree is not None]
    return GrowingList(name, real, count, len(added), flat, specs)


def _agrees(a: Tree, b: Tree) -> bool:
    return a.tree == b.tree and all(
        x.type == y.type and x.kind == y.kind for x, y in zip(a.leaves, b.leaves, strict=True)
    )


def check_apart(new: list[Any]) -> Iterator[Tracer]:
    """Yield the arrays that a turn appends; refuse what shares memory with others."""
    roots: set[int] = set()
    for item in new:
        for handle in arrays_in(pack(item)):
            if handle is None:
                continue
            root = root_of(handle)
            doubted = handle._undecided or root._undecided or id(root) in roots
            if doubted or not current().owns(root):
                demand("what is appended to a list shares memory with another array")
            roots.add(id(root))
            yield handle
