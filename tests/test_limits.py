"""Small files, small functions, everything public documented, nothing left to do."""

import ast
import re
import statistics
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "gradc"

FILE_LINES = 500
FUNCTION_LINES = 50
FILE_MEDIAN = 150
FUNCTION_MEDIAN = 8
FUNCTION_P90 = 25

# Written by cffi, not by hand.
GENERATED = {"gradc/native/_entry_ffi.py"}

# Spelled apart so that this file does not hold them.
UNFINISHED = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X|HA" + r"CK)\b")

Function = ast.FunctionDef | ast.AsyncFunctionDef


def sources(root: Path, *folders: str) -> dict[str, str]:
    """Return the hand-written Python files below some folders, by their path from `root`."""
    found = {}
    for folder in folders:
        for path in sorted((root / folder).rglob("*.py")):
            name = path.relative_to(root).as_posix()
            if name not in GENERATED and "golden" not in path.parts:
                found[name] = path.read_text(encoding="utf-8")
    return found


def functions(tree: ast.AST) -> Iterator[Function]:
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def length(node: Function) -> int:
    """Count the lines of a function from `def` to its end, its docstring included."""
    return (node.end_lineno or node.lineno) - node.lineno + 1


def too_long(files: dict[str, str]) -> list[str]:
    """Name the files and functions above the limits."""
    found = [
        f"{name}: {len(text.splitlines())} lines"
        for name, text in files.items()
        if len(text.splitlines()) > FILE_LINES
    ]
    for name, text in files.items():
        found += [
            f"{name}:{node.lineno}: {node.name} has {length(node)} lines"
            for node in functions(ast.parse(text))
            if length(node) > FUNCTION_LINES
        ]
    return found


def too_big_usually(files: dict[str, str]) -> list[str]:
    """Name the medians and percentiles above the limits; packages' bare `__init__` do not count."""
    lines = [len(text.splitlines()) for text in files.values() if text.strip()]
    sizes = sorted(length(node) for text in files.values() for node in functions(ast.parse(text)))
    figures = {
        f"median lines of a file, at most {FILE_MEDIAN}": (statistics.median(lines), FILE_MEDIAN),
        f"median lines of a function, at most {FUNCTION_MEDIAN}": (
            statistics.median(sizes),
            FUNCTION_MEDIAN,
        ),
        f"lines of nine functions in ten, at most {FUNCTION_P90}": (
            sizes[int(0.9 * (len(sizes) - 1))],
            FUNCTION_P90,
        ),
    }
    return [f"{what}: {value}" for what, (value, limit) in figures.items() if value > limit]


def undocumented(files: dict[str, str]) -> list[str]:
    """Name the public modules, classes, functions and methods that have no docstring."""
    found = []
    for name, text in files.items():
        tree = ast.parse(text)
        if text.strip() and ast.get_docstring(tree) is None:
            found.append(f"{name}: the module")
        found += [f"{name}:{node.lineno}: {node.name}" for node in _bare(tree)]
    return found


def _bare(tree: ast.Module | ast.ClassDef) -> Iterator[Function | ast.ClassDef]:
    """Yield the public definitions of a body, methods too, that say nothing about themselves."""
    for node in tree.body:
        if not isinstance(node, Function | ast.ClassDef) or node.name.startswith("_"):
            continue
        if ast.get_docstring(node) is None and not _says_it_elsewhere(node):
            yield node
        if isinstance(node, ast.ClassDef):
            yield from _bare(node)


def _says_it_elsewhere(node: Function | ast.ClassDef) -> bool:
    """Overloads and setters share the docstring of the function they belong to."""
    marks = [ast.unparse(mark) for mark in node.decorator_list]
    return any(mark.endswith(("overload", "override", ".setter", ".deleter")) for mark in marks)


def unfinished(files: dict[str, str]) -> list[str]:
    return [
        f"{name}:{number}: {line.strip()}"
        for name, text in files.items()
        for number, line in enumerate(text.splitlines(), 1)
        if UNFINISHED.search(line)
    ]


def test_nothing_is_too_long():
    assert too_long(sources(ROOT, "gradc", "tests", "examples")) == []


def test_most_is_small():
    assert too_big_usually(sources(ROOT, "gradc")) == []


def test_everything_public_is_documented():
    assert undocumented(sources(ROOT, "gradc")) == []


def test_nothing_is_left_to_do():
    texts = sources(ROOT, "gradc", "tests", "examples")
    for folder in ("templates", "build"):
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in {".j2", ".h", ".md"}:
                texts[path.relative_to(ROOT).as_posix()] = path.read_text(encoding="utf-8")
    texts["README.md"] = (ROOT / "README.md").read_text(encoding="utf-8")
    assert unfinished(texts) == []


def _function(lines: int, docstring: int = 0) -> str:
    notes = ['    """Say.', *["    more"] * (docstring - 2), '    """'] if docstring else []
    return "\n".join(["def f():", *notes, *["    x = 1"] * (lines - 1 - docstring)]) + "\n"


def test_counts_lines():
    assert length(ast.parse(_function(30, docstring=10)).body[0]) == 30


@pytest.mark.parametrize(
    "text", ["x = 1\n" * 501, _function(51), _function(51, docstring=20)], ids=["file", "f", "doc"]
)
def test_finds_what_is_too_long(text):
    assert too_long({"a.py": text}) != []


def test_allows_what_is_just_short_enough():
    assert too_long({"a.py": "x = 1\n" * 500, "b.py": _function(50)}) == []


@pytest.mark.parametrize(
    ("files", "word"),
    [
        ({"a.py": "x = 1\n" * 151 + "def f(): pass\n"}, "of a file"),
        ({"a.py": _function(9) * 3}, "of a function"),
        ({"a.py": _function(3) * 8 + _function(26) * 3}, "nine functions in ten"),
    ],
)
def test_finds_what_is_usually_too_big(files, word):
    found = too_big_usually(files)
    assert len(found) == 1
    assert word in found[0]


@pytest.mark.parametrize(
    "text",
    [
        "x = 1",
        '"""M."""\ndef f(): pass',
        '"""M."""\nclass A: pass',
        '"""M."""\nclass A:\n    """A."""\n    def f(self): pass',
    ],
    ids=["module", "function", "class", "method"],
)
def test_finds_what_is_undocumented(text):
    assert len(undocumented({"a.py": text})) == 1


@pytest.mark.parametrize(
    "text",
    [
        "",
        '"""M."""\ndef _f(): pass',
        '"""M."""\nclass _A:\n    def f(self): pass',
        '"""M."""\n@overload\ndef f(): ...',
        '"""M."""\ndef f():\n    """F."""\n    def inner(): pass',
    ],
    ids=["empty", "private", "in private", "overload", "inner"],
)
def test_allows_what_needs_no_docstring(text):
    assert undocumented({"a.py": text}) == []


def test_finds_what_is_unfinished():
    word = "TO" + "DO"
    assert unfinished({"a.py": f"x = 1  # {word}: more"}) == [f"a.py:1: x = 1  # {word}: more"]
    assert unfinished({"a.py": f"{word}S = {word}_list"}) == []
