"""Templates frame: no operator, no arithmetic, no logic, no value without a typed filter.

Also the templates' machinery: where they are looked for, what each filter takes, that a missing
name is an error; and that the C support headers are plain portable text.
"""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import jinja2
import jinja2.meta
import pytest
from jinja2 import nodes

from gradc.emit import filters, render
from gradc.errors import GradcError

TEMPLATES = Path(__file__).resolve().parents[1] / "templates"

# All that a template's syntax tree may hold.
ALLOWED = (
    nodes.Template,
    nodes.Output,
    nodes.TemplateData,
    nodes.Name,
    nodes.Filter,
    nodes.For,
    nodes.If,
    nodes.Include,
    nodes.Getattr,
    nodes.Const,
)

# Words of NumPy, C's math library and BLAS: printers write them, templates do not.
OPERATORS = re.compile(
    r"\b(?:np\.(?!ndarray\b|float|int|uint|bool)\w+|(?:sin|cos|tan|exp|log|sqrt|pow|tanh|fabs|fmod)f?\s*\("
    r"|cblas_\w+|math\.\w+)"
)


# Tables of coefficients stand in rows: a header's lines may be longer than Python's.
COLUMNS = 140

STRICT = ["-std=c99", "-pedantic", "-Wall", "-Wextra", "-Wconversion", "-Werror"]


def files(suffix: str) -> list[Path]:
    return sorted(TEMPLATES.rglob(f"*{suffix}"))


def faults(text: str) -> list[str]:
    """Return what a template's text holds and should not."""
    try:
        tree = render.environment(TEMPLATES).parse(text)
    except jinja2.TemplateSyntaxError as error:
        return [f"line {error.lineno}: {error.message}"]
    return [f"line {node.lineno}: {fault}" for node, fault in _faults(tree)]


def _faults(node: nodes.Node) -> Iterator[tuple[nodes.Node, str]]:
    if not isinstance(node, ALLOWED):
        yield node, f"a template holds no {type(node).__name__}"
    if isinstance(node, nodes.Output):
        yield from ((part, fault) for part in node.nodes for fault in _output_faults(part))
    if isinstance(node, nodes.If) and not isinstance(node.test, nodes.Name):
        yield node, "`if` takes a bare name"
    if isinstance(node, nodes.For) and (node.test or node.recursive or not _plain(node.iter)):
        yield node, "`for` goes over a bare name or attribute"
    if isinstance(node, nodes.Include) and not isinstance(node.template, nodes.Const):
        yield node, "`include` takes a constant name"
    for child in node.iter_child_nodes():
        yield from _faults(child)


def _output_faults(part: nodes.Expr) -> Iterator[str]:
    if isinstance(part, nodes.TemplateData):
        yield from (f"the operator {word!r}" for word in OPERATORS.findall(part.data))
    elif not isinstance(part, nodes.Filter):
        yield "a value without a typed filter"
    elif part.name not in filters.FILTERS:
        yield f"the filter {part.name!r}"
    elif not _plain(part.node):
        yield "a filter takes a bare name or attribute"
    elif not all(isinstance(arg, nodes.Const) for arg in part.args) or part.kwargs:
        yield "a filter's argument is a constant"


def _plain(node: nodes.Node | None) -> bool:
    """Tell whether an expression is a name or an attribute of one, without underscores in front."""
    if isinstance(node, nodes.Getattr):
        return not node.attr.startswith("_") and _plain(node.node)
    return isinstance(node, nodes.Name)


@pytest.mark.parametrize("path", files(".j2"), ids=lambda path: path.name)
def test_template_only_frames(path):
    text = path.read_text(encoding="utf-8")
    assert faults(text) == []
    assert text.endswith("\n")
    assert "\r" not in text


@pytest.mark.parametrize("path", files(".j2"), ids=lambda path: path.name)
def test_template_compiles_and_wants_its_names(path):
    text = path.read_text(encoding="utf-8")
    environment = render.environment(TEMPLATES)
    template = environment.get_template(path.relative_to(TEMPLATES).as_posix())
    if jinja2.meta.find_undeclared_variables(environment.parse(text)):
        with pytest.raises(jinja2.UndefinedError):
            template.render()


def test_every_file_is_a_template_or_c_to_compile():
    c = tuple(TEMPLATES / "c" / folder for folder in ("support", "pool", "caller"))
    strays = [
        path.relative_to(TEMPLATES).as_posix()
        for path in TEMPLATES.rglob("*")
        if path.is_file() and path.suffix != ".j2" and path.parent not in c
    ]
    assert strays == []


@pytest.mark.parametrize(
    "text",
    [
        "{{ x }}",
        "{{ x + 1 }}",
        "{{ x | upper }}",
        "{{ (x + 1) | integer }}",
        "{{ x | lines(n) }}",
        "{{ x | lines(indent=n) }}",
        "{{ f(x) | code }}",
        "{{ x[0] | code }}",
        "{{ x.__class__ | code }}",
        "{{ x._secret | code }}",
        "{{ 'text' | code }}",
        "{{ x | code | code }}",
        "{% if x == 1 %}{% endif %}",
        "{% if x and y %}{% endif %}",
        "{% if not x %}{% endif %}",
        "{% if x is defined %}{% endif %}",
        "{% for a in b if c %}{% endfor %}",
        "{% for a in b | sort %}{% endfor %}",
        "{% for a in b recursive %}{% endfor %}",
        "{% set x = 1 %}",
        "{% macro f() %}{% endmacro %}",
        "{% include name %}",
        "{{ x if y else z }}",
        "{{ x ~ y }}",
        "y = np.exp(x)",
        "y = tanh(x);",
        "cblas_dgemm",
    ],
)
def test_finds_logic_and_operators(text):
    assert faults(text) != []


@pytest.mark.parametrize(
    "text",
    [
        "import numpy as np\n",
        "{{ x | code }}",
        "{{ body | lines(4) }}",
        "{{ item.name | identifier }}",
        "{% if x %}a{% elif y %}c{% else %}b{% endif %}",
        "{% for a in b.c %}{{ a | code }}{% endfor %}",
        "{% include 'c/part.j2' %}",
        "{# a remark #}",
    ],
)
def test_allows_frames(text):
    assert faults(text) == []


def _render(text: str, **values: object) -> str:
    return render.environment(TEMPLATES).from_string(text).render(values)


@pytest.mark.parametrize(
    "text",
    ["{{ x | code }}", "{% if x %}{% endif %}", "{% for a in x %}{% endfor %}", "{{ x.y | code }}"],
)
def test_missing_name_is_an_error(text):
    with pytest.raises(jinja2.UndefinedError, match="'x' is undefined"):
        _render(text)


@pytest.mark.parametrize("value", ["text", 1, None, ["a"]])
def test_value_without_filter_is_an_error(value):
    with pytest.raises(TypeError, match="without a typed filter"):
        _render("{{ x }}", x=value)


def test_jinja_brings_no_filters_of_its_own():
    with pytest.raises(jinja2.TemplateAssertionError, match="No filter named 'upper'"):
        _render("{{ x | upper }}", x="a")


def test_values_are_never_templates():
    assert _render("{{ x | code }}", x="{{ 7 * 7 }}") == "{{ 7 * 7 }}"


def test_blocks_leave_no_blank_lines():
    text = "a\n  {% for line in x %}\n{{ line | code }}\n  {% endfor %}\nb\n"
    assert _render(text, x=["1", "2"]) == "a\n1\n2\nb\n"


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("code", "x < y && z", "x < y && z"),
        ("lines", ["a", "", "b"], "a\n\nb"),
        ("text", "a\nb\n", "a\nb\n"),
        ("identifier", "h_bar", "h_bar"),
        ("integer", -3, "-3"),
        ("c_comment", "h = x*/**/y", "h = x* / ** /y"),
        ("c_comment", "a ??/ \\\n b", "a ? ?/ ? ? b"),
        ("c_comment", "a\u202eb\x00\u2028", "a?b? ?"),
        ("py_comment", "a\nimport os", "a?import os"),
        ("c_string", 'a "b"\\%n?é', '"a \\042b\\042\\134\\045n\\077\\303\\251"'),
        ("py_string", "it's\n", '"it\'s\\n"'),
        ("html", "<a b='\"'>&\n\x07", "&lt;a b=&#39;&quot;&#39;&gt;&amp;\n?"),
        ("json", {"b": 1, "a": "</script>&"}, '{"a": "\\u003c/script\\u003e\\u0026", "b": 1}'),
    ],
)
def test_filter(name, value, text):
    assert _render(f"{{{{ x | {name} }}}}", x=value) == text


def test_lines_are_indented():
    assert _render("{{ x | lines(2) }}", x=["a", "", "b"]) == "  a\n\n  b"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("code", "a\nb"),
        ("code", "a\n"),
        ("code", 1),
        ("lines", "a"),
        ("lines", ["a\nb"]),
        ("lines", [1]),
        ("text", b"a"),
        ("identifier", "a b"),
        ("identifier", "π"),
        ("identifier", "a\n"),
        ("identifier", "x" * 64),
        ("identifier", ""),
        ("integer", True),
        ("integer", 1.0),
        ("integer", "1"),
        ("c_comment", 1),
        ("json", float("nan")),
    ],
)
def test_filter_refuses(name, value):
    with pytest.raises((TypeError, ValueError)):
        _render(f"{{{{ x | {name} }}}}", x=value)


def test_comment_cannot_be_left():
    """Whatever the text, a C comment around it ends where the template ends it."""
    pieces = ["*", "/", "?", "\\", "\n", "\r", "\x0b", "\x85", "\u2029", "a"]
    hostile = ["".join((a, b, c)) for a in pieces for b in pieces for c in pieces]
    for text in hostile:
        shown = str(filters.c_comment(text))
        assert not re.search(r"\*/|/\*|\?\?|\\", shown)
        assert len(f"{shown}.".splitlines()) == 1


def test_finds_the_installed_templates(tmp_path):
    (tmp_path / "gradc" / "_templates").mkdir(parents=True)
    assert render.find_templates(tmp_path / "gradc") == tmp_path / "gradc" / "_templates"


def _checkout(root: Path, pyproject: str | None) -> Path:
    (root / "templates").mkdir()
    if pyproject is not None:
        (root / "pyproject.toml").write_text(pyproject)
    return root / "gradc"


def test_finds_the_checkouts_templates(tmp_path):
    package = _checkout(tmp_path, '[project]\nname = "gradc"\n')
    assert render.find_templates(package) == tmp_path / "templates"


@pytest.mark.parametrize(
    "pyproject",
    [None, '[project]\nname = "other"\n', "", "not toml", "project = 1", "[project]\nname = 1"],
)
def test_strange_templates_are_not_used(tmp_path, pyproject):
    package = _checkout(tmp_path, pyproject)
    with pytest.raises(GradcError, match="finds no templates") as error:
        render.find_templates(package)
    assert "install gradc again" in str(error.value)


def test_templates_are_read_from_a_moved_tree(tmp_path):
    shutil.copytree(TEMPLATES, tmp_path / "templates")
    (tmp_path / "templates" / "hello.j2").write_text("{{ name | identifier }}\n")
    environment = render.environment(tmp_path / "templates")
    assert environment.get_template("hello.j2").render(name="h") == "h\n"


@pytest.mark.parametrize("name", ["../pyproject.toml", "nothing.j2"])
def test_template_names_stay_inside(name):
    with pytest.raises(jinja2.TemplateNotFound):
        render.render(name)


def header_faults(name: str, text: str) -> list[str]:
    """Return what keeps a header from being plain C99 text with an include guard."""
    guard = re.sub(r"\W", "_", name).upper()
    opening = rf"\A(?:/\*.*?\*/\s*)?#ifndef {guard}\n#define {guard}\n"
    found = []
    if not text.isascii():
        found.append("not ASCII")
    if not re.search(opening, text, re.DOTALL):
        found.append(f"does not open with the guard {guard}")
    if not re.search(r"#endif(?: /\*.*\*/)?\n\Z", text):
        found.append("does not end with the guard's #endif")
    if re.search(r"\{\{|\{%|\{#", text):
        found.append("holds template marks")
    if re.search(r"[\t\r]|[^\n]\Z| \n", text):
        found.append("holds tabs, carriage returns or blanks at a line's end")
    if any(len(line) > COLUMNS for line in text.splitlines()):
        found.append(f"holds a line longer than {COLUMNS} columns")
    return found


@pytest.mark.parametrize("path", files(".h"), ids=lambda path: path.name)
def test_support_header_is_plain_text(path):
    text = path.read_text(encoding="utf-8")
    assert header_faults(path.name, text) == []
    assert render.support_text(path.name) == text


@pytest.mark.parametrize("path", files(".h"), ids=lambda path: path.name)
def test_support_header_is_c99(path, tmp_path):
    """It compiles on its own, included twice, with every warning an error."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        pytest.skip("no C compiler here")
    unit = tmp_path / "unit.c"
    unit.write_text(f'#include "{path.name}"\n' * 2 + "extern int gradc_unit;\n")
    command = [compiler, *STRICT, "-fsyntax-only", f"-I{path.parent}", str(unit)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")


GUARDED = "/* Say. */\n#ifndef A_H\n#define A_H\nint x;\n#endif\n"


def test_allows_a_plain_header():
    assert header_faults("a.h", GUARDED) == []
    assert header_faults("a.h", GUARDED.replace("#endif", "#endif /* A_H */")) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("A_H", "B_H"),
        ("int x", "int é"),
        ("int x;", "int {{ x }};"),
        ("#endif\n", "#endif"),
        ("#endif\n", "#endif\nint y;\n"),
        ("int x", "int\tx"),
        ("int x;", "int x;" + " " * 140 + "/* */"),
        ("#define A_H\n", ""),
    ],
)
def test_finds_header_faults(old, new):
    assert header_faults("a.h", GUARDED.replace(old, new)) != []
