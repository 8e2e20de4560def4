"""Imports go down the layers only.

The test reads the syntax trees: every import counts, at the top of a file, inside a function, or by
`importlib.import_module` of a constant name.  Imports under ``if TYPE_CHECKING:`` are free.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import networkx as nx
import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "gradc"

TOP = """
__init__ __main__ ahead api arguments artifact assembly checks cli collector control coverage
compilation derivatives dispatch donation explanations fingerprint fitting
jacobians mapping maps pipeline places printing pullbacks repeated rules
scans sweeps transforms view warm
"""

LAYERS = (
    ("errors", "spans", "options", "tracing", "records", "trees", "routes", "later"),
    ("recorded", "snapshots"),
    ("ir",),
    ("ops",),
    ("capture", "passes", "autodiff"),
    ("kernels",),
    ("emit",),
    ("native", "runtime"),
    tuple(TOP.split()),
)
LAYER = {room: number for number, rooms in enumerate(LAYERS) for room in rooms}

# Rooms of one layer that must not see each other.
APART = {"capture", "passes", "autodiff"}

# These see text and plans, never graphs: options and errors, and each other.
GRAPHLESS = {"native", "runtime"}

# Lazy imports on purpose, for start-up time: file below gradc/ -> modules imported in a function.
LAZY: dict[str, set[str]] = {
    "ir/graph.py": {"networkx"},  # the view as a networkx graph, made when it is asked for
    "api.py": {"gradc.dispatch", "gradc.derivatives", "gradc.explanations", "gradc.pipeline"},
    "dispatch.py": {"gradc.compilation"},  # records: a function that the index knows never does
    "warm.py": {"gradc.fingerprint_policy"},  # asked once, before a function is stored
    "rules.py": {"gradc.derivatives", "gradc.jacobians", "gradc.mapping"},  # at the first trace
    "transforms.py": {"gradc.pullbacks"},
    "later.py": {"hashlib"},  # OpenSSL takes as long to load as all of a warm call's modules
    "native/call_library.py": {"sysconfig"},  # where headers lie: only a build asks
    "fitting.py": {"gradc.view.memory"},  # lowers: a call without a budget does not
    "artifact.py": {"gradc.printing"},  # a call that finds its library in the cache
    "printing.py": {"gradc.emit.numpy_source"},
    "pipeline.py": {"gradc.printing", "gradc.places"},  # prints nothing and loads no printer
}


@dataclass(frozen=True)
class Import:
    """One import: the absolute dotted `target`, its line, and whether a function holds it."""

    target: str
    line: int
    inside: bool


def imports_of(tree: ast.Module, module: str, is_package: bool) -> Iterator[Import]:
    """Yield the imports of a module, those for type checkers left out."""
    package = module if is_package else module.rpartition(".")[0]
    stack: list[tuple[ast.AST, bool]] = [(tree, False)]
    while stack:
        node, inside = stack.pop()
        for target in _targets(node, package):
            yield Import(target, node.lineno, inside)
        inside |= isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        stack += [(child, inside) for child in _children(node)]


def _children(node: ast.AST) -> list[ast.AST]:
    if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test).split("."):
        return list(node.orelse)
    return list(ast.iter_child_nodes(node))


def _targets(node: ast.AST, package: str) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        base = package.split(".")[: len(package.split(".")) - node.level + 1]
        start = ".".join(base if node.level else []) + ("." if node.level and node.module else "")
        return [f"{start}{node.module or ''}.{alias.name}" for alias in node.names]
    if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("import_module", "later")):
        return [
            arg.value
            for arg in node.args[:1]
            if isinstance(arg, ast.Constant) and isinstance(arg.value, str)
        ]
    return []


def room_of(target: str) -> str | None:
    """Return the room of a dotted name inside gradc, None for another package's."""
    parts = target.split(".")
    if parts[0] != "gradc":
        return None
    return _room(parts[1]) if len(parts) > 1 else "__init__"


def _room(name: str) -> str:
    """Return the room of a folder or file below gradc/: `ahead_files.py` is part of `ahead`."""
    plain = name.removesuffix(".py")
    return plain.partition("_")[0] or plain


def module_name(path: Path, package: Path) -> str:
    parts = ["gradc", *path.relative_to(package).with_suffix("").parts]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def files(package: Path) -> list[Path]:
    return sorted(path for path in package.rglob("*.py") if "__pycache__" not in path.parts)


def violations(package: Path, lazy: dict[str, set[str]] = LAZY) -> list[str]:
    """Return one line for every import that the layers forbid."""
    found = []
    for path in files(package):
        name = path.relative_to(package).as_posix()
        here = _room(path.relative_to(package).parts[0])
        if here not in LAYER:
            found.append(f"{name}: {here} has no layer; give it one in tests/test_layers.py")
            continue
        module = module_name(path, package)
        for each in imports_of(ast.parse(path.read_text()), module, path.name == "__init__.py"):
            reason = complaint(here, each, lazy.get(name, set()))
            if reason:
                found.append(f"{name}:{each.line}: {each.target}: {reason}")
    return found


def complaint(here: str, each: Import, lazy: set[str]) -> str | None:
    """Say what is wrong with an import in room `here`, None if nothing is."""
    if each.inside and each.target not in lazy:
        return "an import inside a function that is no named lazy import"
    there = room_of(each.target)
    if there is None or there == here:
        return None
    if there not in LAYER:
        return _about_the_root(here, each.target)
    if LAYER[there] > LAYER[here]:
        return f"{here} (layer {LAYER[here]}) imports {there} (layer {LAYER[there]})"
    if {here, there} <= APART:
        return f"{here} and {there} stand side by side"
    if here in GRAPHLESS and there not in GRAPHLESS and LAYER[there] > 0:
        return f"{here} sees text and plans, never {there}"
    return None


def _about_the_root(here: str, target: str) -> str | None:
    if LAYER[here] == LAYER["__init__"]:
        return None
    return f"{target} is not a room; only the top layer imports the package itself"


def circles(package: Path) -> list[list[str]]:
    """Return the groups of modules whose top-level imports form a circle."""
    names = {module_name(path, package): path for path in files(package)}
    graph: nx.DiGraph[str] = nx.DiGraph()
    for module, path in names.items():
        is_package = path.name == "__init__.py"
        for each in imports_of(ast.parse(path.read_text()), module, is_package):
            target = each.target if each.target in names else each.target.rpartition(".")[0]
            if target in names and target != module and not each.inside:
                graph.add_edge(module, target)
    return [sorted(group) for group in nx.strongly_connected_components(graph) if len(group) > 1]


def test_imports_go_down():
    assert violations(PACKAGE) == []


def test_no_circles():
    assert circles(PACKAGE) == []


def test_lazy_imports_exist():
    """An entry of the allow-list that nothing uses any more is removed."""
    unused = []
    for name, targets in LAZY.items():
        path = PACKAGE / name
        tree = ast.parse(path.read_text())
        inside = {i.target for i in imports_of(tree, module_name(path, PACKAGE), False) if i.inside}
        unused += [(name, target) for target in targets - inside]
    assert unused == []


def _write(package: Path, sources: dict[str, str]) -> Path:
    for name, text in sources.items():
        path = package / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return package


WRONG = {
    "up": ("ir/graph.py", "from gradc.capture import trace"),
    "up by relative import": ("ir/graph.py", "from ..ops import declare"),
    "up by plain import": ("ops/declare.py", "import gradc.emit.printer"),
    "up from a package": ("kernels/__init__.py", "from ..emit import names"),
    "up in a function": ("ir/graph.py", "def f():\n    from gradc.ops import declare"),
    "down in a function": ("emit/printer.py", "def f():\n    from gradc.ir import graph"),
    "up by importlib": ("ir/x.py", "import importlib\nimportlib.import_module('gradc.api')"),
    "side by side": ("passes/fold.py", "from gradc.autodiff import adjoint"),
    "side by side, relative": ("capture/trace.py", "from ..passes.simplify import simplify"),
    "graphs in native": ("native/compiler.py", "from gradc.ir import Graph"),
    "graphs in runtime": ("runtime/call.py", "from gradc.kernels import nest"),
    "text printers in runtime": ("runtime/call.py", "from gradc.emit.render import render"),
    "the package itself": ("emit/x.py", "import gradc\nfrom gradc import compile"),
    "no layer": ("extra/x.py", "x = 1"),
    "lowest imports ir": ("options.py", "from gradc.ir.types import ArrayType"),
    "else of a type check": (
        "ir/x.py",
        "if TYPE_CHECKING:\n    import gradc.ops\nelse:\n    import gradc.emit",
    ),
}

RIGHT = {
    "down": ("emit/printer.py", "from gradc.ir import Graph\nfrom .names import pick"),
    "same room": ("capture/trace.py", "from gradc.capture import tracer\nfrom . import tracer"),
    "for types": ("ir/op.py", "if TYPE_CHECKING:\n    from gradc.capture import Tracer"),
    "for types, dotted": ("ir/op.py", "if typing.TYPE_CHECKING:\n    from gradc.api import f"),
    "native and runtime": ("native/compiler.py", "from gradc.runtime.plan import CallPlan"),
    "lowest layer": ("errors.py", "from gradc.spans import Span"),
    "top": ("view/page.py", "from gradc.pipeline import run\nfrom gradc import __version__"),
    "others": ("ir/graph.py", "import networkx\nfrom collections import deque"),
}


@pytest.mark.parametrize("case", WRONG)
def test_finds(tmp_path, case):
    name, text = WRONG[case]
    assert violations(_write(tmp_path / "gradc", {name: text}), {}) != []


@pytest.mark.parametrize("case", RIGHT)
def test_allows(tmp_path, case):
    name, text = RIGHT[case]
    assert violations(_write(tmp_path / "gradc", {name: text}), {}) == []


def test_allows_named_lazy_imports(tmp_path):
    package = _write(tmp_path / "gradc", {"ir/graph.py": "def f():\n    import networkx"})
    assert violations(package, {"ir/graph.py": {"networkx"}}) == []
    assert violations(package, {"ir/graph.py": {"jinja2"}}) != []


def test_a_lazy_import_still_goes_down(tmp_path):
    package = _write(tmp_path / "gradc", {"ir/graph.py": "def f():\n    import gradc.api"})
    assert violations(package, {"ir/graph.py": {"gradc.api"}}) != []


def test_finds_circles(tmp_path):
    sources = {"ir/a.py": "from gradc.ir.b import x", "ir/b.py": "from . import a"}
    assert circles(_write(tmp_path / "gradc", sources)) == [["gradc.ir.a", "gradc.ir.b"]]
