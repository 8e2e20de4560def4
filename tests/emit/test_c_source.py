"""The C printer on units built by hand: values, text, names, source map, speed."""

import dis
import re
import subprocess
import types
from pathlib import Path

import numpy as np
import pytest

from gradc.emit.c_source import print_c, print_header
from gradc.emit.c_types import Text, dim_text, literal
from gradc.emit.source import Source
from gradc.ir.dims import Symbol
from gradc.ir.graph import Graph
from gradc.ir.node import Origin
from gradc.kernels import nest
from gradc.options import Options
from gradc.spans import Span
from tests.counting import calls_of
from tests.emit.c_units import (
    COMPILERS,
    STRICT,
    Maker,
    apply,
    compile_c,
    index,
    load,
    number,
    run,
    store,
)
from tests.emit.test_names import HOSTILE, RESERVED

needs_compiler = pytest.mark.skipif(not COMPILERS, reason="needs a C compiler")
LIBM = Options(math="libm")
i, j = index("i"), index("j")
I, J = i.expr(), j.expr()  # noqa: E741
F8 = np.dtype("f8")


def local(name: str = "", dtype: str = "f8", node: int = -1) -> nest.Local:
    return nest.Local(np.dtype(dtype), name, node)


def body(source: Source) -> str:
    """Return the text of the function alone."""
    return source.text[source.text.index("\nsize_t ") + 1 :]


def chain() -> nest.Unit:
    """``y = exp(-x) * w + 0.1`` and its sum, with a gather and a table."""
    maker = Maker("chain")
    x, at = maker.input("x", "f8", 6), maker.input("at", "i8", 6)
    y, total = maker.output("y", "f8", 6), maker.output("total", "f8")
    w = maker.constant("w", np.array([0.5, -0.0, 0.1, np.inf, -np.nan, 1e300]))
    maker.failures.append(("index out of bounds for axis 0 of w", None))
    place, scaled, acc = local("place", "i8"), local(), local("s")
    maker.stage(
        nest.Declare(acc, number(0.0)),
        nest.Loop(
            i,
            0,
            6,
            [
                nest.Let(place, load(at, I)),
                nest.Check(place, 6, 1),
                nest.Let(scaled, apply("exp", apply("negative", load(x, I)))),
                store(
                    y,
                    I,
                    apply("add", apply("multiply", scaled, load(w, 0, (place, 1))), number(0.1)),
                ),
                nest.Accumulate(acc, "sum", load(y, I)),
            ],
        ),
        store(total, 0, acc),
    )
    return maker.unit()


def matrices() -> nest.Unit:
    """Two products, a fill, a copy, a mask and lanes; two sections."""
    maker = Maker("matrices", scratch=64)
    a, b = maker.input("a", "f8", 3, 4), maker.input("b", "f8", 4, 2)
    c, mask = maker.output("c", "f8", 3, 2), maker.output("mask", "?", 3, 2)
    best, c_bar = maker.output("best", "f8"), maker.output("c_bar", "f8", 3, 2)
    h, ones = maker.temporary("h", "f8", 3, 2), maker.temporary("ones", "f8", 3, 2)
    left, right = (
        nest.Matrix(nest.Ref(a, 0), 4, 1),
        nest.Matrix(nest.Ref(b, 0), 2, 1),
    )
    product = nest.MatMul(3, 2, 4, left, right, nest.Matrix(nest.Ref(h, 0), 2, 1))
    maker.stage(product, nest.Fill(ones, number(1.0)), nest.Fill(c_bar, number(0.0)))
    lanes = local("lanes")
    maker.stage(
        nest.Declare(lanes, number(-np.inf), 16),
        nest.Loop(
            i,
            0,
            6,
            [
                store(mask, I, apply("greater", load(h, I), number(0.0), dtype="?", operand="f8")),
                nest.If(
                    apply("logical_not", load(mask, I), dtype="?"),
                    [store(ones, I, number(-1.0))],
                    [nest.Accumulate(nest.Ref(ones, I), "sum", number(2.0))],
                ),
            ],
        ),
        nest.Loop(j, 0, 6, [nest.Accumulate(nest.Lane(lanes, j), "max", load(h, J))]),
        store(best, 0, nest.Combine("max", lanes)),
        nest.Copy(c, h),
        section="primal",
    )
    choice = nest.Choose(load(mask, I), load(ones, I), load(h, I))
    maker.stage(
        nest.Loop(i, 0, 6, [nest.Accumulate(nest.Ref(c_bar, I), "sum", choice)]),
        section="adjoint",
    )
    return maker.unit()


@needs_compiler
@pytest.mark.parametrize("compiler", COMPILERS)
def test_values_of_a_chain_with_gathers(tmp_path, compiler):
    unit = chain()
    library = compile_c(tmp_path, print_c(unit, LIBM, symbol="f").text, compiler=compiler)
    x, at = np.linspace(-1, 1, 6), np.array([2, 0, 5, 1, 0, 2])
    w = np.array([0.5, -0.0, 0.1, np.inf, -np.nan, 1e300])
    y, total = run(library, "f", unit, x, at)
    np.testing.assert_allclose(y, np.exp(-x) * w[at] + 0.1, rtol=1e-15)
    np.testing.assert_allclose(total, y.sum(), rtol=1e-15)
    with pytest.raises(AssertionError, match="status 1"):
        run(library, "f", unit, x, np.array([0, 0, 6, 0, 0, 0]))
    with pytest.raises(AssertionError, match="status 1"):
        run(library, "f", unit, x, np.array([0, 0, -1, 0, 0, 0]))


@needs_compiler
@pytest.mark.parametrize("compiler", COMPILERS)
def test_values_of_products_and_masks(tmp_path, compiler):
    unit = matrices()
    library = compile_c(tmp_path, print_c(unit, LIBM, symbol="f").text, compiler=compiler)
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(3, 4)), rng.normal(size=(4, 2))
    c, mask, best, c_bar = run(library, "f", unit, a, b)
    h = a @ b
    np.testing.assert_allclose(c, h, rtol=1e-14)
    np.testing.assert_array_equal(mask, h > 0)
    assert best == c.max()
    np.testing.assert_array_equal(c_bar, np.where(h > 0, 3.0, c))


def test_golden_texts(golden):
    golden("chain.c", print_c(chain(), LIBM, symbol="chain").text)
    golden("matrices.c", body(print_c(matrices(), LIBM, symbol="matrices")))
    golden("matrices.h", print_header(matrices(), "matrices"))


@needs_compiler
@pytest.mark.parametrize("make", [chain, matrices])
def test_the_header_is_clean_c_and_cxx(tmp_path, make):
    unit = make()
    (tmp_path / "f.h").write_text(print_header(unit, "f"))
    (tmp_path / "f.c").write_text('#include "f.h"\n' + print_c(unit, LIBM, symbol="f").text)
    (tmp_path / "main.cc").write_text('#include "f.h"\nint main() { return f_arena() == 77; }\n')
    for command in (
        ["gcc", *STRICT, "-c", "f.c", "-o", "f.o"],
        ["gcc", "-std=c17", *STRICT[1:], "-c", "f.c", "-o", "f.o"],
        ["g++", "-Wall", "-Wextra", "-Werror", "-c", "main.cc", "-o", "main.o"],
    ):
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        if done.returncode and "g++" in command and "No such file" in done.stderr:
            continue
        assert done.returncode == 0, done.stderr


def test_a_value_moves_over_no_write():
    maker = Maker("f")
    x, y, z = maker.input("x", "f8", 4), maker.output("y", "f8", 4), maker.output("z", "f8", 4)
    early, kept, used = local(), local(), local()
    maker.stage(
        nest.Let(early, load(y, 0)),
        nest.Let(used, load(x, 0)),
        store(y, 0, used),
        nest.Let(kept, load(x, 1)),
        nest.Loop(i, 0, 4, [store(z, I, apply("add", early, kept))]),
    )
    text = body(print_c(maker.unit(), LIBM, symbol="f"))
    assert text.index("const double t_1 = y[0];") < text.index("y[0] = x[0];")
    assert text.index("const double t_2 = x[1];") < text.index("for (")
    assert "z[i] = t_1 + t_2;" in text


def test_long_lines_are_cut_and_named_values_keep_their_statement():
    maker = Maker("f")
    x, y = maker.input("x", "f8", 8), maker.output("y", "f8")
    named, dead = local("named"), local("dead")
    total: nest.Expr = load(x, 0)
    for k in range(60):
        total = apply("add", total, apply("tanh", load(x, k % 8)))
    maker.stage(
        nest.Let(dead, load(x, 1)),
        nest.Let(named, load(x, 2)),
        store(y, 0, apply("multiply", total, named)),
    )
    text = body(print_c(maker.unit(), LIBM, symbol="f"))
    assert max(map(len, text.splitlines())) < 100
    assert "const double named = x[2];" in text
    assert "dead" not in text


def test_a_repeated_operand_is_computed_once():
    maker = Maker("f")
    x, y = maker.input("x", "f8"), maker.output("y", "f8")
    maker.stage(store(y, 0, apply("square", apply("tanh", load(x)))))
    text = body(print_c(maker.unit(), LIBM, symbol="f"))
    assert text.count("tanh(") == 1
    assert "y[0] = t_1 * t_1;" in text


def test_minimal_parentheses():
    maker = Maker("f")
    x, y = maker.input("x", "f8"), maker.output("y", "f8", 9)
    a = load(x)
    cases = [
        (apply("add", a, apply("multiply", a, a)), "x[0] + x[0] * x[0]"),
        (apply("multiply", apply("add", a, a), a), "(x[0] + x[0]) * x[0]"),
        (apply("subtract", a, apply("subtract", a, a)), "x[0] - (x[0] - x[0])"),
        (apply("subtract", apply("subtract", a, a), a), "x[0] - x[0] - x[0]"),
        (apply("negative", apply("negative", a)), "-(-x[0])"),
        (apply("negative", apply("add", a, a)), "-(x[0] + x[0])"),
        (apply("multiply", apply("negative", a), number(-2)), "-x[0] * -2.0"),
        (apply("divide", number(1), apply("multiply", a, a)), "1.0 / (x[0] * x[0])"),
        (apply("exp", apply("subtract", a, a)), "exp(x[0] - x[0])"),
    ]
    maker.stage(*(store(y, k, expr) for k, (expr, _) in enumerate(cases)))
    text = body(print_c(maker.unit(), LIBM, symbol="f"))
    for k, (_, wanted) in enumerate(cases):
        assert f"y[{k}] = {wanted};" in text


def test_literals_and_dims():
    f4, f8, i8 = np.dtype("f4"), np.dtype("f8"), np.dtype("i8")
    assert literal(-0.0, f8) == Text("-0.0", 80)
    assert literal(0.30000001192092896, f4).text == "0x1.333334p-2f"
    assert [literal(v, f8).text for v in (np.nan, -np.inf)] == ["(double)NAN", "-(double)INFINITY"]
    assert [literal(v, f8).text for v in (1e22, 1e-5, 1024)] == [
        "1e+22",
        "0x1.4f8b588e368f1p-17",
        "1024.0",
    ]
    assert literal(-(2**63), i8).text == "INT64_MIN"
    assert literal(2**64 - 1, np.dtype("u8")).text == f"{2**64 - 1}u"
    names = {i: "i", j: "j"}
    assert dim_text(J + I * 32, names).text == "i * 32 + j"
    assert dim_text(I * -1 + 7, names).text in ("7 - i", "-i + 7")
    assert dim_text(I * J * 2 - 3, names).text == "i * j * 2 - 3"


@pytest.mark.parametrize("dtype", ["f8", "f4"])
def test_float_literals_come_back_exactly(dtype, tmp_path):
    rng = np.random.default_rng(5)
    kind = np.dtype(dtype)
    values = rng.integers(0, 2 ** (8 * kind.itemsize) - 1, 300, dtype=f"u{kind.itemsize}").view(
        kind
    )
    values = np.concatenate([values[np.isfinite(values)], [0.1, 0.5, 1e-45, 3e38]]).astype(kind)
    for value in values:
        text = literal(value, kind).text.removesuffix("f")
        assert (float.fromhex(text) if "0x" in text else float(text)) == float(value)


def tokens(text: str) -> list[str]:
    """Return the text's tokens, names replaced by their order of appearance."""
    bare = re.sub(r"/\*.*?\*/", " ", text, flags=re.DOTALL)
    seen: dict[str, str] = {}
    keep = {"double", "const", "int", "for", "return", "int64_t", "restrict", "void", "arena"}
    return [
        word if word in keep or not word[0].isalpha() else seen.setdefault(word, f"n{len(seen)}")
        for word in re.findall(r"[A-Za-z_]\w*|[\d.]+|\S", bare)
    ]


def hostile(name: str) -> tuple[nest.Unit, str]:
    """Use one name wherever a name of the user's can get into C."""
    graph = Graph("f")
    code = compile("x", f"/tmp/{name}".replace("\0", ""), "exec").replace(co_name=name)
    with graph.at(Origin(Span(code, 0))):
        node = graph.input("x", nest.ArrayType.of("f8", 4)).id
    graph.names[node] = name
    maker = Maker("f", graph=graph)
    x, y, t = (
        maker.input(name, "f8", 4),
        maker.output(name, "f8", 4),
        maker.temporary(name, "f8", 4),
    )
    maker.failures.append((name, None))
    symbol = Symbol(name, "index")
    value = local(name, node=node)
    at = symbol.expr()
    maker.stage(
        nest.Loop(symbol, 0, 4, [store(t, at, load(x, at), node)]),
        nest.Loop(
            symbol,
            0,
            4,
            [nest.Let(value, load(t, at)), store(y, at, apply("multiply", value, value))],
        ),
        nodes=(node,),
    )
    unit = maker.unit()
    return unit, body(print_c(unit, LIBM, symbol="f"))


def test_hostile_names_change_no_token():
    plain = {long: tokens(hostile("p" * (100 if long else 5))[1]) for long in (False, True)}
    for name in HOSTILE + RESERVED:
        unit, text = hostile(name)
        same = tokens(text) == plain[name.isascii() and len(name) > 60]
        assert same, ascii(name)[:40]
        assert all(ord(c) < 128 for c in re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL))
        assert "\0" not in text + print_header(unit, "f")


@needs_compiler
def test_hostile_names_compile(tmp_path):
    for number_, name in enumerate(["*/ int x; /*", "??/", "exp", "a\\", "x" * 10_000, "double"]):
        folder = tmp_path / str(number_)
        folder.mkdir()
        unit = hostile(name)[0]
        text = print_c(unit, LIBM, symbol="f").text
        (got,) = run(compile_c(folder, text, "-O0"), "f", unit, np.arange(4.0))
        np.testing.assert_array_equal(got, np.arange(4.0) ** 2)


def spanned(graph: Graph, name: str, line: int, text: str) -> int:
    code = compile("\n" * (line - 1) + text, "/somewhere/model.py", "exec")
    offset = next(step.offset for step in dis.get_instructions(code) if step.opname == "LOAD_NAME")
    with graph.at(Origin(Span(code, offset))):
        return graph.input(name, nest.ArrayType.of("f8", 4)).id


def test_source_map_and_comments(monkeypatch):
    source = types.SimpleNamespace(
        getline=lambda file, line: f"    h = line({line})  # ok */ ??/\n"
    )
    monkeypatch.setattr("gradc.spans.linecache", source)
    graph = Graph("f")
    first, second = spanned(graph, "a", 3, "p"), spanned(graph, "b", 5, "q")
    maker = Maker("f", graph=graph)
    x, y, z = maker.input("x", "f8", 4), maker.output("y", "f8", 4), maker.output("z", "f8", 4)
    unnamed = local(node=first)
    del graph.names[first]
    maker.stage(
        nest.Loop(
            i,
            0,
            4,
            [
                nest.Let(unnamed, load(x, I)),
                store(y, I, apply("exp", unnamed), second),
                store(z, I, load(y, I), second),
            ],
        ),
        nodes=(first, second),
    )
    printed = print_c(maker.unit(), LIBM, symbol="f")
    lines = printed.text.splitlines()
    (moved,) = [n for n, line in enumerate(lines, 1) if "y[i] = exp(x[i]);" in line]
    entry = printed.at(moved)
    assert entry is not None
    assert entry.nodes == (first, second)
    assert entry.span is not None and entry.span.line == 5
    assert moved in printed.lines_of(first)
    said = [line.strip() for line in lines if "model.py" in line and "line(" in line]
    assert said == ["/* model.py:5  h = line(5)  # ok * / ? ? / */".replace("? ? /", "? ?/")]


@needs_compiler
def test_sizes_known_at_the_call(tmp_path):
    n = Symbol("n")
    maker = Maker("f")
    x, y = maker.input("x", "f8", n.expr()), maker.output("y", "f8", n.expr())
    maker.stage(nest.Loop(i, 0, n.expr(), [store(y, n.expr() - I - 1, load(x, I))]))
    text = print_c(maker.unit(), LIBM, symbol="f").text
    assert "int64_t n, void *restrict arena" in text
    assert "y[n - i - 1] = x[i];" in text
    compile_c(tmp_path, text)


def test_sections_are_headed_once():
    text = body(print_c(matrices(), LIBM, symbol="f"))
    assert text.count("/* primal */") == 1
    assert text.count("/* adjoint */") == 1
    assert "primal" not in body(print_c(chain(), LIBM, symbol="f"))


def straight(count: int) -> nest.Unit:
    maker = Maker("f")
    x, y = maker.input("x", "f8"), maker.output("y", "f8")
    last: nest.Expr = load(x)
    lets: list[nest.Stmt] = []
    for k in range(count):
        value = local("v" if k % 3 == 0 else "")
        lets.append(nest.Let(value, apply("add", last, number(0.5))))
        last = value
    maker.stage(*lets, store(y, 0, last))
    return maker.unit()


def test_a_hundred_thousand_statements_print():
    assert print_c(straight(100_000), LIBM, symbol="f").text.count(" + 0.5") == 100_000


def test_printing_takes_linear_work():
    small, large = straight(2_000), straight(20_000)
    few, many = (calls_of(lambda u=u: print_c(u, LIBM, symbol="f")) for u in (small, large))
    assert many < 13 * few


def test_a_deep_expression_prints():
    maker = Maker("f")
    x, y = maker.input("x", "f8"), maker.output("y", "f8")
    total: nest.Expr = load(x)
    for _ in range(20_000):
        total = apply("tanh", apply("add", total, number(1.0)))
    maker.stage(store(y, 0, total))
    text = print_c(maker.unit(), LIBM, symbol="f").text
    assert text.count("tanh(") == 20_000
    assert max(map(len, body(print_c(maker.unit(), LIBM, symbol="f")).splitlines())) < 100


def test_two_printings_are_equal():
    for make in (chain, matrices):
        assert print_c(make(), LIBM, symbol="f") == print_c(make(), LIBM, symbol="f")


def test_an_unused_support_function_is_not_printed():
    text = print_c(chain(), LIBM, symbol="f").text
    assert "gradc_" not in text
    portable = print_c(chain(), Options(math="portable"), symbol="f").text
    assert "gradc_exp(" in portable
    assert "gradc_log" not in portable
    assert Path(__file__).name not in portable
