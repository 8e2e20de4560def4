"""Names in generated code: the user's own where they are safe, short and numbered elsewhere.

    plain name                       h         kept
    keyword, builtin, library name   log       log_
    leading underscores              _h        h
    not plain ASCII                  π         v1
    too long                         cut to 55 characters
    taken                            h         h_1

Names depend only on what was asked before, so the same program gives the same text.
"""

import builtins
import keyword
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from gradc.ir.graph import Graph
from gradc.ir.op import Kind, Op
from gradc.records import dataclass

__all__ = ["LONGEST", "PYTHON", "Language", "Namer", "plain_path", "stem_of", "value_name"]

LONGEST = 63
"""The number of characters a C compiler must tell apart."""
_ROOM = 8
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_]*", re.ASCII)
_PATH = re.compile(r"\w+((\[(\d+|'\w+'|\"\w+\")\]|\.\w+)_*)+\w*", re.ASCII)
_STEMS = {
    "contract": "product",
    "index": "part",
    "index_put": "updated",
    "index_add": "scattered",
    "broadcast_to": "spread",
    "constant": "table",
    "cast": "t",
}


@dataclass(frozen=True, slots=True)
class Language:
    """What a language forbids as the name of a local variable.

    Parameters
    ----------
    reserved : frozenset of str
        Words that get a ``_`` at the end.
    prefixes : tuple of str
        Beginnings, in lower case, that belong to gradc itself: such a name is replaced.
    """

    name: str
    reserved: frozenset[str]
    prefixes: tuple[str, ...] = ("gradc",)

    def safe(self, wanted: str) -> str:
        """Return ``wanted`` made safe, or an empty text where nothing of it can stay."""
        bare = wanted.lstrip("_")
        if not _PLAIN.fullmatch(bare) or bare.lower().startswith(self.prefixes):
            return ""
        short = bare[: LONGEST - _ROOM]
        return short + "_" if short in self.reserved else short


PYTHON = Language(
    "python",
    frozenset({*keyword.kwlist, *keyword.softkwlist, *dir(builtins), "np", "numpy"}),
)


class Namer:
    """Hands out names that are unique among those now visible.

    >>> namer = Namer(PYTHON, taken=("arena",))
    >>> [namer.user(wanted) for wanted in ("h", "h", "lambda", "arena", "π")]
    ['h', 'h_1', 'lambda_', 'arena_1', 'v1']
    >>> namer.fresh("t"), namer.fresh("t")
    ('t_1', 't_2')
    """

    __slots__ = ("_counts", "_given", "_journal", "_language", "_taken")

    def __init__(self, language: Language, taken: Iterable[str] = ()) -> None:
        self._language = language
        self._taken = set(taken)
        self._given = set(self._taken)
        self._counts: dict[str, int] = {}
        self._journal: list[tuple[str, str, int]] = []

    def user(self, wanted: str) -> str:
        """Return a name for a value that the user called ``wanted``."""
        safe = self._language.safe(wanted)
        if not safe:
            return self._numbered("v")
        if safe in self._taken:
            return self.fresh(safe)
        self._take(safe, safe, self._counts.get(safe, 0))
        return safe

    def fresh(self, stem: str) -> str:
        """Return ``stem_1``, ``stem_2`` and so on; the stem must be a plain name."""
        return self._numbered(stem + "_")

    def value(self, wanted: str, stem: str) -> str:
        """Return a name for a value: the user's where there is one, else one from the stem."""
        return self.user(wanted) if wanted else self.fresh(stem)

    def lasting(self, wanted: str, stem: str) -> str:
        """Return a name for what stands above the function: no scope has it, before or after.

        A local variable of the same name would hide it in the whole function.
        """
        mark, visible = self.mark(), set(self._taken)
        self._taken |= self._given
        name = self.value(wanted, stem)
        self.release(mark)
        self._taken = visible | {name}
        return name

    @contextmanager
    def scope(self) -> Iterator[None]:
        """Forget at the end the names given inside."""
        mark = self.mark()
        try:
            yield
        finally:
            self.release(mark)

    def mark(self) -> int:
        """Begin a scope; for printers that keep their own stack."""
        return len(self._journal)

    def release(self, mark: int) -> None:
        """End the scope that began at ``mark``."""
        while len(self._journal) > mark:
            name, stem, count = self._journal.pop()
            self._taken.discard(name)
            self._counts[stem] = count

    def _numbered(self, stem: str) -> str:
        before = number = self._counts.get(stem, 0)
        name = ""
        while not name or name in self._taken or name in self._language.reserved:
            number += 1
            name = f"{stem}{number}"
        self._take(name, stem, before)
        self._counts[stem] = number
        return name

    def _take(self, name: str, stem: str, count: int) -> None:
        self._taken.add(name)
        self._given.add(name)
        self._journal.append((name, stem, count))


def stem_of(op: Op) -> str:
    """Return what unnamed values of an op are called: ``t`` for elementwise ops, ``sum``, ``max``.

    >>> from gradc.ops.arithmetic import add
    >>> stem_of(add)
    't'
    """
    if op.kind is Kind.ELEMENTWISE:
        return "t"
    stem = _STEMS.get(op.name, op.name.removeprefix("reduce_"))
    return stem if _PLAIN.fullmatch(stem) and len(stem) <= LONGEST - _ROOM else "t"


def value_name(graph: Graph, node: int) -> tuple[str, str]:
    """Return the user's name of a node (or an empty text) and the stem for lack of one.

    A path such as ``params['w1']`` becomes ``params_w1``.
    """
    if node < 0:
        return "", "t"
    return plain_path(graph.names.get(node, "")), stem_of(graph[node].op)


def plain_path(name: str) -> str:
    """Turn a path of subscripts and attributes into one name; leave all else as it is.

    >>> plain_path("params['w1']_bar"), plain_path("net.layers[0]"), plain_path("a b")
    ('params_w1_bar', 'net_layers_0', 'a b')
    """
    return re.sub(r"\W+_*", "_", name).strip("_") if _PATH.fullmatch(name) else name
