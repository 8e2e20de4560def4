"""The compiler on one page: from a recorded function to something that can be called.

Both ways start at the same program::

    recording -> simplify -> Program -> NumPy source -> callable
                                     -> loops -> C -> library -> callable
"""

import importlib
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import PurePath
from typing import Any

from gradc.artifact import Artifact
from gradc.capture.trace import Recording
from gradc.emit.c_names import C
from gradc.emit.names import PYTHON
from gradc.errors import CompileError, CompilerNotFound, warn
from gradc.ir import Array, Graph, Node, Port, Program
from gradc.ir.digest import digest
from gradc.native import blas, objects
from gradc.native.cache import default_cache
from gradc.native.compiler import Toolchain, find_toolchain
from gradc.native.library import Unit, library, stored_key
from gradc.native.objects import Apart
from gradc.native.pool import chosen, prepare
from gradc.options import Options
from gradc.passes import Step, simplify
from gradc.runtime.call import caller
from gradc.runtime.plan import CallPlan
from gradc.runtime.python_source import load_function, located

__all__ = ["backend_of", "compile_recording", "make_program", "plain_name"]


def compile_recording(recording: Recording, name: str, options: Options) -> Artifact:
    """Compile what a trace recorded, under the name of the generated function."""
    log: list[Step] = []
    program = make_program(recording, name, options, log)
    written = tuple((one.output, one.input) for one in recording.written)
    toolchain = _toolchain(options)
    if toolchain is not None:
        try:
            artifact = _native(program, written, options, toolchain, log)
            artifact.facts.update(_loops(recording))
            return artifact
        except CompileError as error:
            if options.backend == "c":
                raise
            _warn_once(f"the C compiler failed, so the NumPy backend is used: {error.headline}")
    artifact = _interpreted(program, written, options, log)
    artifact.facts.update(_loops(recording))
    return artifact


def _loops(recording: Recording) -> dict[str, str]:
    """Say for each loop of the user's code what became of it."""
    return {
        f"loop at {PurePath(span.filename).name}:{span.line}": choice
        for span, choice in recording.choices
        if span is not None
    }


def make_program(
    recording: Recording, name: str, options: Options, log: list[Step] | None = None
) -> Program:
    """Simplify a recorded graph and name its inputs and outputs."""
    graph = simplify(recording.graph, final=True, fast_math=options.fast_math, log=log)
    graph.name = name = function_name(name)
    inputs = [Port(plain_name(one.name), one.type, one.role, one.name) for one in recording.inputs]
    written = {one.output for one in recording.written}
    outputs = [
        Port(_result_name(graph, id), graph[id].type, "written" if k in written else "result")
        for k, id in enumerate(graph.outputs)
    ]
    ports = tuple(_unique(inputs)), tuple(_unique(outputs))
    return Program(name, graph, *ports, recording.donated)


def function_name(name: str) -> str:
    """Return a name that both languages take for an exported function."""
    plain = re.sub(r"[^A-Za-z0-9_]+", "_", name)[:48].strip("_") or "function"
    plain = plain if plain[0].isalpha() else f"f_{plain}"
    return f"{plain}_" if PYTHON.safe(plain) != plain or C.safe(plain) != plain else plain


def plain_name(path: str) -> str:
    """Make an identifier of a path: ``params['w1']`` becomes ``params_w1``."""
    return re.sub(r"\W+_*", "_", path).strip("_") or "x"


def _result_name(graph: Graph, id: int) -> str:
    return plain_name(graph.names.get(id, "result")) + ("_out" if id in graph.inputs else "")


def _unique(ports: list[Port]) -> Iterator[Port]:
    """Give names that occur twice a number."""
    seen: Counter[str] = Counter()
    for port in ports:
        seen[port.name] += 1
        count = seen[port.name]
        yield port if count == 1 else replace(port, name=f"{port.name}_{count}")


def backend_of(options: Options) -> str:
    """Return the backend that these options lead to on this machine."""
    return "numpy" if _toolchain(options) is None else "c"


def _toolchain(options: Options) -> Toolchain | None:
    """Return the C compiler to use; None for the NumPy backend."""
    if options.backend == "numpy":
        return None
    try:
        return find_toolchain()
    except CompilerNotFound as error:
        if options.backend == "c":
            raise
        _warn_once(f"{error.headline}, so the NumPy backend is used")
        return None


_warned: set[str] = set()


def _warn_once(message: str) -> None:
    if message not in _warned:
        _warned.add(message)
        warn(message)


def _native(
    program: Program,
    written: tuple[tuple[int, int], ...],
    options: Options,
    toolchain: Toolchain,
    log: list[Step],
) -> Artifact:
    """Find the library in the cache, or print C and compile it."""

    def early(aparts: Sequence[Apart]) -> None:
        objects.prepare(aparts, toolchain, default_cache())

    def make_unit() -> Unit:
        unit: Unit = _printing().native_unit(program, written, options, early)
        if unit.meta["plan"]["parallel"] and chosen(options.threads) > 1:
            prepare()
        return unit

    key = _key(program, written, options)
    loaded = library(key, make_unit, toolchain)
    plan = CallPlan.from_json(loaded.meta["plan"])
    call = caller(loaded.entry, plan, options.threads, options.blas)
    facts = {
        "backend": "c",
        "compiler": toolchain.describe(),
        "math": options.math,
        "blas": _products(plan, options),
        "threads": str(chosen(options.threads)) if plan.parallel else "not needed",
        "arena": f"{call.plan.arena_bytes} bytes",
    }
    stored = stored_key(key, toolchain, default_cache())
    return Artifact(program, options, "c", call, facts, log, stored)


def _products(plan: CallPlan, options: Options) -> str:
    """Say where large products of matrices are done."""
    return blas.environment(routines=options.blas).route if plan.environment else "not needed"


def _key(program: Program, written: tuple[tuple[int, int], ...], options: Options) -> str:
    """Return what decides about the library: the graph, the calling order and the options.

    The user's lines count only where the library's messages quote them, and threads and matrix
    routines not at all: they are lent at the call.
    """
    ports = (program.name, program.inputs, program.outputs, written, program.donated)
    quoted = [
        node.origin.span.excerpt()
        for node in _with_inner(program.nodes)
        if node.origin.span is not None and _is_checked(node)
    ]
    shaping = options.but(threads=None, blas=True, donate=())
    return f"{digest(program.graph)} {ports} {quoted} {shaping}"


def _with_inner(nodes: Sequence[Node]) -> Iterator[Node]:
    """Yield nodes, and those of the loop bodies and branches in them."""
    pending = list(reversed(nodes))
    while pending:
        node = pending.pop()
        yield node
        for region in node.regions:
            pending.extend(region.nodes)


def _is_checked(node: Node) -> bool:
    """Tell whether a kernel may stop at this node, and names its line then."""
    indexed = any(isinstance(item, Array) for item in node.params.get("spec", ()))
    refuses = node.op.routine is not None and bool(node.op.routine.refuses)
    return indexed or refuses or node.op.name == "while_loop"


def _interpreted(
    program: Program, written: tuple[tuple[int, int], ...], options: Options, log: list[Step]
) -> Artifact:
    """Print NumPy source and load it."""
    printing = _printing()
    source = printing.numpy_source(program)
    place = _places().place_in(program, source)
    function = located(load_function(source.text, program.name), place)
    plan = printing.call_plan(program, written)
    return Artifact(program, options, "numpy", caller(function, plan), {"backend": "numpy"}, log)


def _places() -> Any:
    return importlib.import_module("gradc.places")


def _printing() -> Any:
    """Load printers and templates, which a call that finds its library cached never needs."""
    return importlib.import_module("gradc.printing")
