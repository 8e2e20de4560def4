"""What both backends receive and may not change: a graph, and what goes in and comes out."""

from gradc.ir.graph import Graph
from gradc.ir.node import Node
from gradc.ir.op import Kind
from gradc.ir.types import ArrayType
from gradc.records import dataclass

__all__ = ["Port", "Program", "residuals"]


@dataclass(frozen=True, slots=True)
class Port:
    """One input or output.

    Parameters
    ----------
    name : str
        A Python identifier made from the user's name, unique in the program.
    type : ArrayType
        dtype and shape.
    role : str
        Inputs: ``"argument"``, ``"hidden"`` (an array the function closes over), ``"random"`` (a
        draw made by the caller's generator).  Outputs: ``"result"``, ``"written"`` (the new content
        of an argument that the function overwrites).
    path : str
        How messages name it, such as ``params['w1']``.
    """

    name: str
    type: ArrayType
    role: str = "argument"
    path: str = ""


@dataclass(frozen=True, slots=True)
class Program:
    """A simplified graph with named inputs and outputs.

    Nodes whose origin has ``adjoint_of`` are the backward section, the others the primal section.
    ``donated`` are pairs (output, input): the output may lie in the input's memory.
    """

    name: str
    graph: Graph
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    donated: tuple[tuple[int, int], ...] = ()

    @property
    def nodes(self) -> list[Node]:
        """The live nodes, in topological order."""
        live = self.graph.live()
        return [node for node in self.graph.nodes if live[node.id]]


def residuals(program: Program) -> list[Node]:
    """Return the primal values that the backward section reads, in topological order.

    Inputs and constants are not counted: they need not be stored.
    """
    graph = program.graph
    needed = {
        operand
        for node in program.nodes
        if node.origin.adjoint_of is not None
        for operand in node.operands
    }
    free = (Kind.INPUT, Kind.CONSTANT)
    return [
        graph[id]
        for id in sorted(needed)
        if graph[id].origin.adjoint_of is None and graph[id].op.kind not in free
    ]
