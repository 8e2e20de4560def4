"""What a compiled function needs memory for: temporaries, tapes of loops, results.

A tape is an array with one row for each turn of a loop, in which the forward loop leaves what its
reverse reads.  It starts as a ``blank`` array that the loop carries; that is how it is told from
the user's own arrays, in a program after all passes.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from gradc.ir import Dim, Graph, Kind, Node, Program, substitute
from gradc.ir.dims import Symbol
from gradc.kernels.lower import lower
from gradc.options import Options
from gradc.view.text import bytes_text, place, plain, table

__all__ = ["Memory", "Tape", "memory_of", "memory_report"]


@dataclass(frozen=True, slots=True)
class Tape:
    """One tape of one loop.

    Parameters
    ----------
    loop : str
        The user's place of the loop, ``model.py:12``; empty where it is not known.
    depth : int
        How many loops or branches are around the loop.
    name : str
        The user's name of the value that is kept, with ``_tape`` behind it.
    type : str
        Type and shape: rows, then the extents of a value.
    nbytes : int
        Size of all its rows.
    """

    loop: str
    depth: int
    name: str
    type: str
    nbytes: int


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes that one call of a compiled function takes, known before it runs.

    Parameters
    ----------
    arena : int
        All temporaries of the C form at once, tapes included, packed by lifetimes; arrays that lie
        in a result's own memory are not in it.
    results : int
        The arrays that a call returns.
    tapes : tuple of Tape
        The tapes of all loops, those inside other loops included (once: their memory is used again
        in every turn of the loop around).
    """

    arena: int
    results: int
    tapes: tuple[Tape, ...]

    @property
    def tape(self) -> int:
        """Bytes of all tapes: what forward loops keep, turn by turn, for their reverse."""
        return sum(tape.nbytes for tape in self.tapes)

    @property
    def peak(self) -> int:
        """Arena and results: all that a call takes beside its arguments."""
        return self.arena + self.results


def memory_of(program: Program, options: Options) -> Memory:
    """Lower a program and count; nothing is compiled and nothing is run."""
    arena = lower(program, options).plan.arena_bytes
    results = sum(_bytes(port.type.nbytes, {}) for port in program.outputs)
    return Memory(arena, results, tuple(_tapes(program.graph, {}, 0)))


def memory_report(memory: Memory) -> list[str]:
    """Return the lines that ``inspect`` shows."""
    rows = [
        ("arena", bytes_text(memory.arena), "temporaries and tapes"),
        ("results", bytes_text(memory.results), ""),
        ("peak", bytes_text(memory.peak), "beside the arguments"),
        ("tapes", bytes_text(memory.tape), f"{len(memory.tapes)} of loops"),
    ]
    lines = ["memory of a call", *table(rows, right=(1,), margin="  ")]
    if memory.tapes:
        lines += table(map(_row, memory.tapes), right=(2,), margin="    ")
    return lines


def _row(tape: Tape) -> tuple[str, str, str, str]:
    return plain(tape.name), tape.type, bytes_text(tape.nbytes), plain(tape.loop)


def _tapes(graph: Graph, most: dict[Symbol, Dim], depth: int) -> Iterator[Tape]:
    live = graph.live()
    for node in graph.nodes:
        if not live[node.id] or not node.regions:
            continue
        yield from _tapes_of(graph, node, most, depth)
        inside = dict(most)
        if node.op.name == "loop":
            inside[node.params["index"]] = substitute(node.params["count"] - 1, most)
        for region in node.regions:
            yield from _tapes(region, inside, depth + 1)


def _tapes_of(graph: Graph, node: Node, most: dict[Symbol, Dim], depth: int) -> Iterator[Tape]:
    """Yield the carries of a loop that begin as blank memory."""
    if node.op.name == "cond":
        return
    body, carries = node.regions[-1], node.params["carries"]
    for operand, inner in zip(node.operands[-carries:], body.inputs[-carries:], strict=True):
        if _is_blank(graph, operand):
            kind = graph[operand].type
            size = _bytes(kind.nbytes, most)
            name = body.names.get(inner, "tape")
            yield Tape(place(node.origin.span), depth, name, str(kind), size)


def _is_blank(graph: Graph, id: int) -> bool:
    """Tell whether an array is blank but for a first row."""
    node = graph[id]
    if node.op.name == "index_put":
        node = graph[node.operands[0]]
    if node.op.name == "broadcast_to":
        node = graph[node.operands[0]]
    return node.op.kind is Kind.CONSTANT and node.op.name == "blank"


def _bytes(size: Dim, most: dict[Symbol, Dim]) -> int:
    """Return a size at most; what depends on sizes that are not known counts as nothing."""
    found = substitute(size, most)
    return max(found, 0) if isinstance(found, int) else 0
