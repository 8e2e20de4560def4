"""The text that ``inspect`` prints: what a compiled function consists of, and on what it runs."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from gradc.ir import ArrayType, Dim, Graph, Kind, Node, Port, Program, residuals
from gradc.view.formula import Formulas, label_nodes
from gradc.view.memory import Memory, memory_report
from gradc.view.text import bytes_text, count_text, place, plain, table

__all__ = ["report", "residual_report"]

_OPS = 12
_STORED = 40


def report(
    program: Program,
    facts: Mapping[str, str] | None = None,
    stages: Mapping[str, Graph] | None = None,
    memory: Memory | None = None,
) -> str:
    """Return the report on one program.

    Parameters
    ----------
    program : Program
        What was compiled.
    facts : mapping of str to str, optional
        Backend, compiler, flags, math mode, BLAS, cache key: printed as they come.
    stages : mapping of str to Graph, optional
        Graphs before and after each stage, for the table of node counts.
    memory : Memory, optional
        What a call takes.
    """
    parts = [
        [f"{plain(program.name)}: {count_text(len(program.nodes), 'node')}"],
        _ports("inputs", program.inputs),
        _ports("outputs", program.outputs),
        _stages(stages or {}),
        _sections(program.nodes),
        _ops(program.nodes),
        residual_report(program).splitlines(),
        [] if memory is None else memory_report(memory),
        _facts(facts or {}),
    ]
    return "\n\n".join("\n".join(part) for part in parts if part) + "\n"


def _ports(title: str, ports: Iterable[Port]) -> list[str]:
    rows = [
        (port.name, str(port.type), bytes_text(port.type.nbytes), port.role, _path(port))
        for port in ports
    ]
    return [title, *table(rows, right=(2,), margin="  ")] if rows else []


def _path(port: Port) -> str:
    return port.path if port.path != port.name else ""


def _stages(stages: Mapping[str, Graph]) -> list[str]:
    rows = [(name, f"{sum(graph.live()):,}") for name, graph in stages.items()]
    return ["nodes after each stage", *table(rows, right=(1,), margin="  ")] if rows else []


def _sections(nodes: Sequence[Node]) -> list[str]:
    """Count nodes, elements and bytes of the primal, tangent and adjoint sections."""
    rows = []
    for title in ("primal", "tangent", "adjoint"):
        own = [node for node in nodes if _section(node) == title]
        if own:
            size = sum(_known_bytes(node.type) for node in own)
            rows.append((title, count_text(len(own), "node"), bytes_text(size)))
    return ["sections", *table(rows, right=(1, 2), margin="  ")]


def _section(node: Node) -> str:
    if node.origin.adjoint_of is not None:
        return "adjoint"
    return "primal" if node.origin.tangent_of is None else "tangent"


def _known_bytes(type: ArrayType) -> int:  # noqa: A002, RUF100
    size = type.nbytes
    return size if isinstance(size, int) else 0


def _ops(nodes: Iterable[Node]) -> list[str]:
    counts = Counter(node.op.name for node in nodes)
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    rows = [(name, f"{count:,}") for name, count in ordered[:_OPS]]
    rest = sum(count for _, count in ordered[_OPS:])
    if rest:
        rows.append((count_text(len(ordered) - _OPS, "other op"), f"{rest:,}"))
    return ["ops", *table(rows, right=(1,), margin="  ")]


def residual_report(program: Program) -> str:
    """Say which primal values the backward part reads, their shapes and bytes.

    A broadcast or a reshape is not stored, but what it is made from.
    """
    stored = _stored(program)
    if not stored:
        return "residuals: none\n"
    graph = program.graph
    total: Dim = 0
    for node in stored:
        total = total + node.type.nbytes
    formulas = Formulas(graph, label_nodes(graph))
    rows = [_residual(formulas, node) for node in stored[:_STORED]]
    lines = table(rows, right=(2,), margin="  ")
    if len(stored) > _STORED:
        lines.append(f"  and {count_text(len(stored) - _STORED, 'more value')}")
    head = f"residuals, kept for the adjoint part: {count_text(len(stored), 'value')}"
    return "\n".join([f"{head}, {bytes_text(total)}", *lines]) + "\n"


def _stored(program: Program) -> list[Node]:
    graph, found = program.graph, set()
    for node in residuals(program):
        while node.op.name in ("broadcast_to", "reshape"):
            node = graph[node.operands[0]]
        if node.op.kind not in (Kind.INPUT, Kind.CONSTANT):
            found.add(node.id)
    return [graph[id] for id in sorted(found)]


def _residual(formulas: Formulas, node: Node) -> tuple[str, str, str, str]:
    name, size = formulas.name(node.id), bytes_text(node.type.nbytes)
    return name, str(node.type), size, place(node.origin.span)


def _facts(facts: Mapping[str, str]) -> list[str]:
    return ["built with", *table(list(facts.items()), margin="  ")] if facts else []
