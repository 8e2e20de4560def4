"""``gradc inspect``: the user's function, its graphs, the generated code and figures about them."""

import argparse
import inspect
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from gradc.api import Function, compile
from gradc.artifact import Artifact
from gradc.cli_target import Target, derived, find_target
from gradc.errors import ArgumentError, GradcError
from gradc.ir import Port, residuals
from gradc.ir.text import dump
from gradc.rules import Gradient
from gradc.view.page import page

__all__ = ["run"]


class _Case(NamedTuple):
    """What is inspected, and how."""

    function: Function
    target: Target
    options: argparse.Namespace

    def artifact(self, backend: str = "numpy") -> Artifact:
        """Compile; texts are the same for each backend, so no compiler need run for them."""
        changed = compile(self.function, backend=backend, math=self.options.math)
        return changed.artifact(*self.target.args, **self.target.kwargs)  # type: ignore[no-any-return]


def run(options: argparse.Namespace) -> int:
    """Print one stage, or write the page."""
    target = find_target(options, options.seed)
    case = _Case(compile(derived(target, options)), target, options)
    if options.html is not None:
        return _write_page(case, Path(options.html))
    if options.json:
        print(json.dumps(_record(case), indent=2))
    else:
        print(_STAGES[options.stage](case).rstrip("\n"))
    return 0


def _record(case: _Case) -> dict[str, Any]:
    if case.options.stage == "report":
        return _figures(case.artifact(case.options.backend))
    text = _STAGES[case.options.stage](case)
    return {"name": case.function.__name__, "stage": case.options.stage, "text": text}


# stages


def _report(case: _Case) -> str:
    return case.artifact(case.options.backend).report()


def _source(case: _Case) -> str:
    return _source_lines(case)[0]


def _source_lines(case: _Case) -> tuple[str, int]:
    """Return the user's text and the number of its first line."""
    plain = _plain(case.target.function)
    try:
        lines, first = inspect.getsourcelines(plain)
    except (OSError, TypeError):
        name = getattr(plain, "__name__", "this function")
        raise GradcError(f"there is no source of {name}") from None
    return inspect.cleandoc("\n" + "".join(lines)) + "\n", first


def _plain(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function that the user wrote, inside all transforms."""
    while isinstance(function, Function):
        function = function.fn if function.derived is None else function.derived.fn
    return function


def _graph(case: _Case) -> str:
    """Print the graph of the function itself, before any derivative."""
    plain = compile(_plain(case.target.function))
    return dump(case._replace(function=plain).artifact().program.graph)


def _adjoint(case: _Case) -> str:
    graph = case.artifact().program.graph
    if all(node.origin.adjoint_of is None for node in graph.nodes):
        raise ArgumentError(
            f"{case.function.__name__} has no adjoint part", repair="leave --primal out"
        )
    return dump(graph)


def _explain(case: _Case) -> str:
    return str(case.function.explain(*case.target.args, **case.target.kwargs))


_STAGES: dict[str, Callable[[_Case], str]] = {
    "report": _report,
    "source": _source,
    "graph": _graph,
    "adjoint": _adjoint,
    "numpy": lambda case: case.artifact().source("numpy"),
    "c": lambda case: case.artifact().source("c"),
    "dot": lambda case: case.artifact().dot(),
    "svg": lambda case: case.artifact().svg(),
    "explain": _explain,
}


# figures


def _figures(artifact: Artifact) -> dict[str, Any]:
    program = artifact.program
    nodes = program.nodes
    sections = Counter(
        "adjoint" if node.origin.adjoint_of is not None else "primal" for node in nodes
    )
    return {
        "name": program.name,
        "nodes": len(nodes),
        "inputs": [_port(port) for port in program.inputs],
        "outputs": [_port(port) for port in program.outputs],
        "sections": dict(sorted(sections.items())),
        "ops": dict(Counter(node.op.name for node in nodes).most_common()),
        "residuals": [{"type": str(n.type), "bytes": n.type.nbytes} for n in residuals(program)],
        "built_with": artifact.facts,
    }


def _port(port: Port) -> dict[str, Any]:
    kind = port.type
    return {
        "name": port.name,
        "path": port.path or port.name,
        "role": port.role,
        "dtype": kind.dtype.str[1:],
        "shape": list(kind.extents),
        "bytes": kind.nbytes,
    }


# the page


def _write_page(case: _Case, path: Path) -> int:
    artifact = case.artifact(case.options.backend)
    try:
        python, first = _source_lines(case)
    except GradcError:
        python, first = "", 1
    text = page(
        artifact.program,
        sources={"NumPy": artifact.generated("numpy"), "C": artifact.generated("c")},
        report=artifact.report(),
        explanation=_explain(case) if isinstance(case.function.derived, Gradient) else "",
        python=python,
        first_line=first,
    )
    try:
        path.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise GradcError(f"cannot write {path}: {error.strerror or error}") from error
    print(path)
    return 0
