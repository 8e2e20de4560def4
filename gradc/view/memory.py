"""What a compiled function needs memory for: temporaries, tapes of loops, results.

A tape is an array with one row for each turn of a loop, in which the forward loop leaves what its
reverse reads.  It starts as a ``blank`` array that the loop carries; that is how it is told from
the user's own arrays, in a program after all passes.
"""

from collections.abc import Iterator

from gradc.autodiff.regions_bytes import blank_carries, known_bytes
from gradc.ir import Dim, Graph, Node, Program, Symbol, substitute
from gradc.kernels.lower import lower
from gradc.options import Options
from gradc.passes.for_c import for_c
from gradc.records import dataclass
from gradc.view.text import bytes_text, place, plain, table

__all__ = ["Memory", "Tape", "memory_of", "memory_report", "tape_and_results"]


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
    why : {"every turn", "every segment", "again"}
        What its rows hold: values of each turn; the carries at the start of each segment, from
        which the segment runs again; values of a part that the backward part runs again.
    """

    loop: str
    depth: int
    name: str
    type: str
    nbytes: int
    why: str = "every turn"


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes that one call of a compiled function takes, known before it runs.

    Parameters
    ----------
    arena : int
        All temporaries of the C form at once, tapes included, packed by lifetimes; arrays that lie
        in a result's own memory are not in it.
    results : int
        The arrays that a call returns, but for those in the memory of donated arguments.
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
    """Lower a program as it is for C and count; nothing is compiled and nothing is run."""
    program = for_c(program, sparing=options.memory is not None)
    arena = lower(program, options).plan.arena_bytes
    results = _results(program)
    return Memory(arena, results, tuple(_tapes(program.graph, {}, 0)))


def tape_and_results(program: Program) -> int:
    """Return what is known of a program without lowering it."""
    results = _results(program)
    return results + sum(tape.nbytes for tape in _tapes(program.graph, {}, 0))


def _results(program: Program) -> int:
    """Count the bytes of results that have no donated argument's memory."""
    donated = dict(program.donated)
    own = (port for k, port in enumerate(program.outputs) if k not in donated)
    return sum(known_bytes(port.type.nbytes, {}) for port in own)


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


def _row(tape: Tape) -> tuple[str, str, str, str, str]:
    return plain(tape.name), tape.type, bytes_text(tape.nbytes), tape.why, plain(tape.loop)


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
    carries = node.params.get("carries", 0)
    inputs = node.regions[-1].inputs[-carries:]
    for item, operand in blank_carries(graph, node):
        kind = graph[operand].type
        name = node.regions[-1].names.get(inputs[item], "tape")
        size = known_bytes(kind.nbytes, most)
        yield Tape(place(node.origin.span), depth, name, str(kind), size, _why(node))


def _why(node: Node) -> str:
    """Tell what the rows of a loop hold; marks of segments are below 0 (``autodiff.again``)."""
    if any(inner.regions and inner.origin.again < 0 for inner in node.regions[-1].nodes):
        return "every segment"
    return "again" if node.origin.again else "every turn"
