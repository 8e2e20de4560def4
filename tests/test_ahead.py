"""Ahead-of-time builds: C programs against each library, the loader, names, files, bytes."""

import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import gradc
from tests import ahead_models as models

ROOT = Path(__file__).resolve().parents[1]
GCC, CLANG, CXX = (shutil.which(name) for name in ("gcc", "clang", "g++"))
COMPILERS = [path for path in (GCC, CLANG) if path]
needs_compiler = pytest.mark.skipif(not COMPILERS, reason="no C compiler here")

PLAIN = ["-std=c99", "-pedantic", "-Wall", "-Wextra", "-Wconversion", "-Werror"]
STRICT = [*PLAIN, "-Wshadow", "-Wdouble-promotion", "-Wstrict-prototypes"]
LIBRARY = {"memcpy", "memset", "memmove", "_GLOBAL_OFFSET_TABLE_"}
LIBM = set(
    re.findall(
        r"\w+",
        "acos acosh asin asinh atan atan2 atanh cbrt ceil copysign cos cosh exp exp2 expm1 fabs "
        "floor fma fmax fmin fmod hypot ldexp log log10 log1p log2 nearbyint pow remainder rint "
        "round scalbn sin sinh sqrt tan tanh trunc",
    )
)


def _rng():
    return np.random.default_rng(7)


def _mlp_arguments(dtype):
    rng = _rng()
    shapes = {"w1": (3, 8), "b1": (8,), "w2": (8, 2)}
    params = {name: rng.normal(size=shape).astype(dtype) for name, shape in shapes.items()}
    return params, rng.normal(size=(5, 3)).astype(dtype), rng.normal(size=(5, 2)).astype(dtype)


CASES = {
    "neuron": (models.neuron, (0.7, -0.2, 1.5, 1.0), (0, 1)),
    "logreg": (
        models.logreg,
        (_rng().normal(size=6), _rng().normal(size=(20, 6)), (_rng().random(20) > 0.5) * 1.0),
        0,
    ),
    "mlp": (models.mlp, _mlp_arguments(np.float64), 0),
    "mlp_float32": (models.mlp, _mlp_arguments(np.float32), 0),
    "pick": (
        models.pick,
        (_rng().normal(size=(9, 4)), np.array([1, 8, 1, -2, 0]), _rng().normal(size=4)),
        (0, 2),
    ),
    "wide": (models.wide, (_rng().normal(size=(40, 30)), _rng().normal(size=(30, 50))), (0, 1)),
}


@pytest.fixture(scope="module")
def builds(tmp_path_factory):
    """Build each case once."""
    folder = tmp_path_factory.mktemp("ahead")
    made = {}

    def build(case):
        if case not in made:
            fn, args, argnums = CASES[case]
            made[case] = gradc.build(
                gradc.value_and_grad(fn, argnums), args, out=folder / case, name=case
            )
        return made[case]

    return build


def _compile(compiler, folder, *arguments):
    done = subprocess.run(
        [compiler, *map(str, arguments)], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done


def _load(path):
    spec = importlib.util.spec_from_file_location(f"ahead_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return getattr(module, path.stem)


# C programs


def _leaves(tree):
    if isinstance(tree, dict):
        return [leaf for value in tree.values() for leaf in _leaves(value)]
    if isinstance(tree, tuple | list):
        return [leaf for value in tree for leaf in _leaves(value)]
    return [np.asarray(tree)]


def _number(value):
    return float(value).hex() if isinstance(value, float) else str(value)


def main_text(record, inputs):
    """Write a C program that calls the function of a manifest and prints all its results."""
    name = record["name"]
    given = iter(inputs)
    lines = ["#include <stdio.h>", f'#include "{name}.h"', ""]
    for one in record["arguments"]:
        count = max(1, int(np.prod(one["shape"])))
        kind = one["type"].removesuffix(" *")
        if one["direction"] == "in":
            suffix = "f" if one["dtype"] == "f4" else ""
            numbers = ", ".join(_number(x) + suffix for x in next(given).ravel().tolist())
            lines.append(f"static {kind} in_{one['name']}[{count}] = {{{numbers}}};")
        else:
            lines.append(f"static {kind} out_{one['name']}[{count}];")
    lines += [f"static double memory[{name.upper()}_ARENA / sizeof(double) + 8];", ""]
    arguments = [
        ("in_" if one["direction"] == "in" else "out_") + one["name"] for one in record["arguments"]
    ]
    lines += ["int main(void) {", "    char *arena = (char *)memory;", "    size_t i;"]
    lines += ["    arena += (64 - ((uintptr_t)arena & 63)) & 63;"]
    lines += [f"    if ({name}_arena() != {name.upper()}_ARENA) return 2;"]
    lines += [f"    if ({name}({', '.join(arguments)}, arena) != 0) return 1;"]
    for one in record["arguments"]:
        if one["direction"] == "out":
            array = f"out_{one['name']}"
            lines += [
                f"    for (i = 0; i < sizeof {array} / sizeof {array}[0]; i++) {{",
                f'        printf("%.17g\\n", (double){array}[i]);',
                "    }",
            ]
    return "\n".join([*lines, "    return 0;", "}", ""])


@needs_compiler
@pytest.mark.parametrize("case", CASES)
def test_c_programs_print_the_right_digits(builds, case, tmp_path):
    built = builds(case)
    record = json.loads(built.manifest.read_text())
    fn, args, argnums = CASES[case]
    inputs = _leaves(args)
    (tmp_path / "main.c").write_text(main_text(record, inputs))
    here = built.source.parent
    flags = [*PLAIN, "-O2", "-ffp-contract=off", "-I", here, "main.c"]
    ways = {
        "source": [*flags, built.source, "-lm"],
        "archive": [*flags, built.archive, "-lm"],
        "shared": [*flags, "-L", here, f"-l{built.name}", f"-Wl,-rpath,{here}", "-lm"],
    }
    printed = {}
    for compiler in COMPILERS:
        for way, arguments in ways.items():
            _compile(compiler, tmp_path, *arguments, "-o", way)
            run = subprocess.run([tmp_path / way], capture_output=True, text=True, check=True)
            printed[compiler, way] = run.stdout
    assert len(set(printed.values())) == 1
    numbers = np.array([float(line) for line in next(iter(printed.values())).split()])
    _, gradient = gradc.value_and_grad(fn, argnums, backend="numpy")(*args)
    expected = np.concatenate([leaf.ravel() for leaf in (_leaves(fn(*args)) + _leaves(gradient))])
    tolerance = 3e-5 if record["arguments"][0]["dtype"] == "f4" else 1e-13
    np.testing.assert_allclose(numbers, expected, rtol=tolerance, atol=tolerance)
    loaded = np.concatenate([leaf.ravel() for leaf in _leaves(_load(built.loader)(*args))])
    np.testing.assert_array_equal(numbers, loaded)


@needs_compiler
@pytest.mark.parametrize("compiler", COMPILERS, ids=lambda path: Path(path).name)
@pytest.mark.parametrize("case", CASES)
def test_the_source_is_clean(builds, case, compiler, tmp_path):
    built = builds(case)
    for standard in ("-std=c99", "-std=c11", "-std=c17", "-std=c2x"):
        flags = [flag for flag in STRICT if not flag.startswith("-std")]
        _compile(
            compiler, tmp_path, standard, *flags, "-O1", "-c", built.source, "-o", tmp_path / "x.o"
        )


@needs_compiler
@pytest.mark.parametrize("case", CASES)
def test_the_header_is_clean_alone(builds, case, tmp_path):
    header = builds(case).header
    (tmp_path / "use.c").write_text(f'#include "{header.name}"\n')
    for compiler in COMPILERS:
        for standard in ("c99", "c11", "c17", "c2x"):
            flags = [f"-std={standard}", *STRICT[1:], "-I", header.parent, "-fsyntax-only"]
            _compile(compiler, tmp_path, *flags, "use.c")
    if CXX:
        flags = ["-Wall", "-Wextra", "-pedantic", "-Werror", "-I", header.parent, "-x", "c++"]
        _compile(CXX, tmp_path, *flags, "-fsyntax-only", "use.c")


def _undefined(path):
    done = subprocess.run(["nm", "-u", path], capture_output=True, text=True, check=True)
    return {line.split()[-1] for line in done.stdout.splitlines() if " U " in line}


@pytest.mark.skipif(not shutil.which("nm") or not COMPILERS, reason="no nm here")
@pytest.mark.parametrize("case", CASES)
def test_the_archive_needs_only_the_math_library(builds, case):
    needed = _undefined(builds(case).archive) - LIBRARY
    floats = {f"{name}f" for name in LIBM}
    assert needed <= (floats if case.endswith("float32") else LIBM)


@pytest.mark.skipif(sys.platform != "linux" or not COMPILERS, reason="reads ELF")
def test_the_shared_library_exports_two_names(builds):
    command = ["nm", "-D", "--defined-only", builds("mlp").shared]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert {line.split()[-1] for line in done.stdout.splitlines()} == {"mlp", "mlp_arena"}


# the loader


@needs_compiler
def test_the_loader_needs_no_gradc(builds, tmp_path):
    built = builds("logreg")
    code = (
        "import sys; import numpy as np; import logreg\n"
        "print(logreg.logreg(np.ones(6), np.ones((20, 6)), np.ones(20))[0])\n"
        "print([name for name in sys.modules if name.split('.')[0] in ('gradc', 'cffi', 'jinja2')])"
    )
    run = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(built.loader.parent)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    value, names = run.stdout.splitlines()
    ones = np.ones(6), np.ones((20, 6)), np.ones(20)
    assert float(value) == pytest.approx(models.logreg(*ones), rel=1e-14)
    assert names == "[]"


@needs_compiler
def test_the_loader_checks_what_it_is_given(builds):
    fn = _load(builds("logreg").loader)
    w, x, y = CASES["logreg"][1]
    right = fn(w, x, y)
    for other in (np.asfortranarray(x), np.repeat(x, 2, axis=0)[::2], x.copy()):
        np.testing.assert_array_equal(fn(w, other, y)[1], right[1])
    with pytest.raises(TypeError, match="x must have dtype float64, but has float32"):
        fn(w, x.astype(np.float32), y)
    with pytest.raises(TypeError, match="but has >f8"):
        fn(w, x.astype(">f8"), y)
    with pytest.raises(ValueError, match=r"x must have shape \(20, 6\), but has \(19, 6\)"):
        fn(w, x[:-1], y)


@needs_compiler
def test_the_loader_takes_the_layout_that_a_reshape_was_a_view_in(tmp_path):
    """In another order the reshape would be a copy, and the write would not reach the argument."""

    def shift(a):
        row = a.reshape(-1)
        row += 1.0
        return a.sum()

    made = np.arange(6.0).reshape(2, 3)
    for name, example, other in (
        ("shift_rows", made, np.asfortranarray(made)),
        ("shift_columns", np.asfortranarray(made), made),
    ):
        fn = _load(gradc.build(shift, (example,), out=tmp_path / name, name=name).loader)
        mine, plain = example.copy(order="K"), example.copy(order="K")
        assert fn(mine) == shift(plain)
        np.testing.assert_array_equal(mine, plain)
        with pytest.raises(ValueError, match=r"a must have strides \(\d+, \d+\), but has"):
            fn(other.copy(order="K"))


@needs_compiler
def test_the_loader_reports_a_wrong_index(builds):
    fn = _load(builds("pick").loader)
    table, rows, w = CASES["pick"][1]
    with pytest.raises(IndexError, match="out of bounds"):
        fn(table, rows + 8, w)


def settled(a, b):
    """Linear algebra and sorting, with a logarithm of the portable library."""
    return np.sum(np.sort(np.linalg.solve(a, b)) ** 2) + np.linalg.slogdet(a)[1]


@needs_compiler
def test_linear_algebra_ships_with_what_it_refuses(tmp_path):
    target = gradc.value_and_grad(settled, argnums=("a", "b"))
    a, b = 3.0 * np.eye(4) + 0.1, np.arange(4.0)
    fn = _load(gradc.build(target, (a, b), out=tmp_path).loader)
    value, gradients = fn(a, b)
    right, wanted = gradc.value_and_grad(settled, argnums=("a", "b"), backend="numpy")(a, b)
    assert value == pytest.approx(right, rel=1e-14)
    for found, expected in zip(gradients, wanted, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-12)
    with pytest.raises(np.linalg.LinAlgError, match="the matrix is singular"):
        fn(np.zeros((4, 4)), b)


@needs_compiler
def test_results_come_in_the_users_structure(tmp_path):
    pair = (0.25, np.array([1.0, 2.0, 3.0]))
    fn = _load(gradc.build(models.shapes, (np.ones(3), pair), out=tmp_path).loader)
    x, expected = np.ones(3), np.ones(3)
    result, right = fn(x, pair), models.shapes(expected, pair)
    np.testing.assert_array_equal(x, expected)
    np.testing.assert_array_equal(result["parts"][0], right["parts"][0])
    assert result["sum"] == right["sum"]
    assert type(result["sum"]) is np.float64
    assert (result["parts"][1], result["tie"]) == ((3, None), 0.5)


@needs_compiler
def test_fixed_hidden_and_weak_arguments(tmp_path):
    built = gradc.build(gradc.grad(models.scaled), ("f8[3]", 3, 0.5), out=tmp_path, name="scaled")
    declaration = json.loads(built.manifest.read_text())["declaration"]
    inputs = "const double *x, const double *rate, const double *SCALE"
    assert declaration == f"int scaled({inputs}, double *x_bar, void *arena)"
    x = np.array([1.0, -2.0, 0.5])
    right = gradc.grad(models.scaled)(x, 3, 0.25)
    np.testing.assert_allclose(_load(built.loader)(x, 0.25, models.SCALE), right, rtol=1e-14)


@needs_compiler
def test_draws_are_parameters(tmp_path):
    generator = np.random.default_rng(1)
    built = gradc.build(models.noisy, (np.ones(3), generator), out=tmp_path)
    roles = [one["role"] for one in json.loads(built.manifest.read_text())["arguments"]]
    assert roles == ["argument", "random", "result"]
    x, drawn = np.arange(3.0), np.random.default_rng(1).normal(size=3)
    right = models.noisy(x, np.random.default_rng(1))
    assert _load(built.loader)(x, drawn) == pytest.approx(right, rel=1e-15)


def test_a_library_of_another_build_is_not_used(tmp_path):
    if not COMPILERS:
        pytest.skip("no C compiler here")
    built = gradc.build(models.wide, ("f8[40, 30]", "f8[30, 50]"), out=tmp_path)
    text = built.loader.read_text()
    built.loader.write_text(re.sub(r"_ARENA = \d+", "_ARENA = 128", text))
    with pytest.raises(ImportError, match="belongs to another build"):
        _load(built.loader)


def test_a_name_of_the_c_library_gets_a_suffix(tmp_path):
    built = gradc.build(models.step, ("f8[3]",), out=tmp_path)
    assert built.name == "step_"
    assert built.header.name == "step_.h"
    if COMPILERS:
        assert _load(built.loader)(np.ones(3)) == 6.0


# bytes


@needs_compiler
def test_building_twice_gives_the_same_bytes(tmp_path):
    fn, args, argnums = CASES["mlp"]
    first = gradc.build(gradc.value_and_grad(fn, argnums), args, out=tmp_path / "a")
    second = gradc.build(gradc.value_and_grad(fn, argnums), args, out=tmp_path / "b c")
    code = (
        "import sys; from tests.test_ahead import CASES; import gradc\n"
        "fn, args, argnums = CASES['mlp']\n"
        "gradc.build(gradc.value_and_grad(fn, argnums), args, out=sys.argv[1])"
    )
    env = {**os.environ, "PYTHONHASHSEED": "12345", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", code, str(tmp_path / "d")]
    subprocess.run(command, check=True, env=env, cwd=tmp_path)
    assert len(first.files) == 6
    for one, other in zip(first.files, second.files, strict=True):
        assert one.read_bytes() == other.read_bytes(), one.name
        assert one.read_bytes() == (tmp_path / "d" / one.name).read_bytes(), one.name


def test_the_manifest_names_every_file_by_its_hash(tmp_path):
    built = gradc.build(models.step, ("f8[3]",), out=tmp_path)
    record = json.loads(built.manifest.read_text())
    assert set(record["files"]) == {path.name for path in built.files} - {built.manifest.name}
    for name, entry in record["files"].items():
        content = (tmp_path / name).read_bytes()
        assert entry == {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    assert record["function"]["name"] == "step"
    assert record["function"]["file"] == "ahead_models.py"
    assert str(ROOT) not in built.manifest.read_text()


def test_golden_texts(tmp_path, golden):
    for case in ("neuron", "mlp", "pick"):
        fn, args, argnums = CASES[case]
        built = gradc.build(
            gradc.value_and_grad(fn, argnums), args, out=tmp_path, name=case, libraries=False
        )
        golden(f"{case}.h", built.header.read_text())
        golden(f"{case}.py", built.loader.read_text())


# without a compiler


def test_without_a_compiler(tmp_path, monkeypatch):
    (tmp_path / "libx.so").write_bytes(b"old")
    (tmp_path / "libx.a").write_bytes(b"old")
    monkeypatch.setenv("GRADC_CC", "/nowhere/cc")
    with pytest.raises(gradc.CompilerNotFound):
        gradc.build(models.wide, ("f8[2,2]", "f8[2,2]"), out=tmp_path, name="x", libraries=True)
    with pytest.warns(gradc.GradcWarning, match="no libraries were built"):
        built = gradc.build(models.wide, ("f8[2,2]", "f8[2,2]"), out=tmp_path, name="x")
    assert (built.archive, built.shared) == (None, None)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.c", "x.h", "x.json", "x.py"]
    with pytest.raises(ImportError, match=r"there is no libx\S+; make it with: cc -std=c99"):
        _load(built.loader)


@pytest.mark.skipif(sys.platform != "linux" or not shutil.which("cc"), reason="follows the advice")
def test_the_advice_of_a_loader_without_library_works(tmp_path):
    built = gradc.build(models.step, ("f8[3]",), out=tmp_path, libraries=False)
    with pytest.raises(ImportError) as caught:
        _load(built.loader)
    command = str(caught.value).partition("make it with: ")[2].split()
    subprocess.run(command, cwd=tmp_path, check=True)
    assert _load(built.loader)(np.ones(3)) == 6.0


def test_a_compiler_that_fails(tmp_path, monkeypatch):
    script = tmp_path / "cc"
    script.write_text('#!/bin/sh\nif [ "$1" = --version ]; then echo x; else exit 3; fi\n')
    script.chmod(0o755)
    monkeypatch.setenv("GRADC_CC", str(script))
    with pytest.raises(gradc.CompileError, match="exit code 3"):
        gradc.build(models.step, ("f8[3]",), out=tmp_path / "out")
    assert not (tmp_path / "out").exists()
