"""Which graph is being recorded now: a stack of traces, one per thread.

A nested trace (the function under ``grad``, the body of a loop) records into a graph of its own.  A
value of an outer trace met there becomes an input of the inner graph, a *capture*, and is an
operand when the inner graph is put to use.  The handles of outer traces that it turns to values of
its own are put back when it ends.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import TYPE_CHECKING, Any, NoReturn

from gradc.errors import GradcError, LimitError, TraceError
from gradc.ir import Graph, Origin, Value
from gradc.ir.node import fresh_again
from gradc.spans import Span, caller_span
from gradc.tracing import OPEN, STATE

if TYPE_CHECKING:
    from gradc.capture.ranges import Fact

__all__ = [
    "GONE",
    "REPLACED",
    "FirstApart",
    "Trace",
    "Unroll",
    "current",
    "demand",
    "enter",
    "fail",
    "maybe_current",
]

REPLACED = "an array that a loop writes in place and binds anew is used under another name"
"""The headline of the error of whoever reads an array that a loop has replaced."""


_SERIALS = count()


class Trace:
    """One graph being recorded.

    Parameters
    ----------
    name : str
        The user's function name.
    parent : Trace, optional
        The trace around this one.
    recorder : object
        What the outermost trace keeps for all: hidden inputs, guards, draws.
    max_nodes : int
        The limit on recorded operations.
    region : bool
        The body of a loop or a branch: it may write into arrays of the function around it.
    facts : tuple of Fact
        What is known about the indices of the loops around.
    many : bool
        The function of one element under ``vmap``: it writes into nothing from outside.

    Attributes
    ----------
    again : int
        The number of the checkpointed call that is being recorded; 0 outside of one.
    """

    __slots__ = (
        "again",
        "captures",
        "constants",
        "demanded",
        "facts",
        "graph",
        "many",
        "max_nodes",
        "mutated",
        "open",
        "parent",
        "recorder",
        "region",
        "saved",
        "serial",
    )

    def __init__(
        self,
        name: str,
        parent: "Trace | None",
        recorder: Any,
        max_nodes: int = 1_000_000,
        region: bool = False,
        facts: "tuple[Fact, ...]" = (),
        many: bool = False,
    ) -> None:
        self.graph = Graph(name)
        self.parent = parent
        self.recorder = recorder
        self.max_nodes = max_nodes
        self.open = True
        self.again = 0
        self.captures: dict[int, Value] = {}
        self.constants: dict[Any, Value] = {}
        self.region = region
        self.facts = facts
        self.many = many
        self.demanded: Any = None
        self.serial = next(_SERIALS)
        self.saved: dict[int, tuple[Any, tuple[Any, ...]]] = {}
        self.mutated: dict[int, Any] = {}

    @property
    def root(self) -> "Trace":
        """The outermost trace."""
        trace = self
        while trace.parent is not None:
            trace = trace.parent
        return trace

    def owns(self, handle: Any) -> bool:
        """Tell whether a handle was made in this trace or in one inside it."""
        home = handle._home
        while home is not None and home is not self:
            home = home.parent
        return home is self

    def save(self, handle: Any) -> None:
        """Remember the state of a handle from outside before it is turned to a value of this."""
        if id(handle) not in self.saved and not self.owns(handle):
            self.saved[id(handle)] = (handle, handle.state())

    def restore(self) -> None:
        """Put handles from outside back to what they were."""
        for handle, state in self.saved.values():
            handle.put_back(state, id(handle) in self.mutated)
        self.saved = {}

    @contextmanager
    def checkpointed(self) -> Iterator[None]:
        """Mark what is recorded inside the block to be computed again by a backward part."""
        before = self.again
        self.again = before or fresh_again()
        try:
            yield
        finally:
            self.again = before
            self.graph.origin = Origin()

    def mark(self) -> None:
        """Give nodes added from now on the user's current line, and count them."""
        graph = self.graph
        if len(graph.nodes) > self.max_nodes:
            fail(
                LimitError,
                f"the function records more than {self.max_nodes} operations",
                repair="a Python loop unrolls here: use array operations, or raise max_nodes",
            )
        graph.origin = Origin(caller_span(), again=self.again)

    def value_of(self, trace: "Trace", node: int) -> Value:
        """Return the value of a node of this trace or of an outer one."""
        if trace is self:
            return Value(self.graph, node)
        found = self.captures.get(node) if trace is self.parent else None
        if found is None:
            found = self._capture(trace, node)
        return found

    def _capture(self, trace: "Trace", node: int) -> Value:
        if trace is GONE:
            fail(
                TraceError,
                REPLACED,
                repair="read it by a name that the loop binds, which is the same array after the "
                "loop; or, for its content before the loop, take a copy there",
            )
        if self.parent is None or not trace.open:
            fail(
                TraceError,
                "a traced value is used outside the function that made it",
                repair="return the value instead of keeping it in a variable that outlives it",
            )
        outer = self.parent.value_of(trace, node)
        found = self.captures.get(outer.id)
        if found is None:
            name = outer.graph.names.get(outer.id, f"captured_{len(self.captures)}")
            found = self.captures[outer.id] = self.graph.input(name, outer.type)
        return found


GONE = Trace("replaced", None, None)
"""Where an array belongs that a loop has replaced: it is not read any more, nor a view of it."""

GONE.open = False


def maybe_current() -> Trace | None:
    """Return the innermost open trace of this thread, if any."""
    trace: Trace | None = STATE.trace
    return trace


def current() -> Trace:
    """Return the innermost open trace; an error names the misuse when there is none."""
    trace: Trace | None = STATE.trace
    if trace is None:
        fail(
            TraceError,
            "a traced value is used after its function was recorded",
            repair="return the value instead of keeping it in a variable that outlives it",
        )
    return trace


@contextmanager
def enter(trace: Trace) -> Iterator[Trace]:
    """Record into ``trace`` inside the block."""
    before, STATE.trace = STATE.trace, trace
    OPEN.append(trace)
    try:
        yield trace
    finally:
        STATE.trace = before
        OPEN.remove(trace)
        trace.open = False
        trace.restore()


class Unroll(BaseException):
    """Raised inside the body of a loop that cannot stay a loop; no error of the user's."""

    def __init__(self, reason: str, span: Span | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.span = span


class FirstApart(Unroll):
    """The first turn stands in the way: the loop may stay one when that is run by itself."""


def demand(reason: str, kind: type[Unroll] = Unroll) -> NoReturn:
    """Give the innermost loop up; its trace remembers that in case other code swallows the signal.

    Loops around it may stay: run turn by turn, it asks again where it is theirs that is needed.
    """
    signal = kind(reason, caller_span())
    trace = maybe_current()
    if trace is not None and trace.region and trace.demanded is None:
        trace.demanded = signal
    raise signal


def fail(kind: type[GradcError], headline: str, **details: Any) -> NoReturn:
    """Raise an error that points at the user's line."""
    raise kind(headline, span=caller_span(), **details)
