"""The command line: every command, its errors, and what it prints."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import gradc
from gradc.ahead_specs import examples, parse_arguments
from gradc.cli import main
from gradc.native.cache import default_cache

ROOT = Path(__file__).resolve().parents[1]
MODELS = str(ROOT / "tests" / "ahead_models.py")
LOGREG = [f"{MODELS}:logreg", "--args", "w:f8[3], x:f8[4,3], y:f8[4]"]
NUMPY = ["--backend", "numpy"]


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Run one command in an empty folder; return exit code and what it printed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))

    def call(*arguments):
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as end:
            code = end.code
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return call


def _has_compiler():
    return gradc.compile(np.sin).backend == "c"


# help


@pytest.mark.parametrize("command", ["", "build", "inspect", "check", "cache", "doctor"])
def test_help(run, golden, monkeypatch, command):
    monkeypatch.setenv("COLUMNS", "88")
    monkeypatch.setenv("NO_COLOR", "1")
    code, out, _ = run(*command.split(), "--help")
    assert code == 0
    if sys.version_info[:2] == (3, 11):  # argparse lays out its help anew now and then
        golden(f"help_{command or 'gradc'}.txt", out)


def test_version(run):
    assert run("--version") == (0, f"gradc {gradc.__version__}\n", "")


def test_no_command(run):
    code, _, err = run()
    assert code == 2
    assert "COMMAND" in err


# inspect


def test_report(run, golden):
    code, out, err = run("inspect", *LOGREG, *NUMPY, "--grad", "w")
    assert (code, err) == (0, "")
    golden("report.txt", out)


STAGES = {
    "source": "def neuron(w, b, x, target):\n    z = w * x + b\n",
    "graph": "graph neuron(%0 w: f8[]",
    "adjoint": "z_bar, adjoint of",
    "numpy": "def neuron_grad(w, b, x, target):",
    "dot": 'digraph "neuron_grad" {',
    "explain": "z_bar = a_bar * (a * (1 - a))",
}


@pytest.mark.parametrize("stage", STAGES)
def test_stages(run, stage):
    target = [f"{MODELS}:neuron", "--args", "w=0.5, b=0.25, x=2.0, target=1.0"]
    code, out, err = run("inspect", *target, "--grad", "w,b", "--stage", stage)
    assert (code, err) == (0, "")
    assert STAGES[stage] in out


def test_c_and_svg(run):
    code, out, _ = run("inspect", *LOGREG, "--stage", "c", "--math", "portable")
    assert code == 0
    assert "int logreg_value_and_grad(" in out
    code, out, _ = run("inspect", *LOGREG, "--stage", "svg")
    assert code == 0
    assert out.startswith("<svg") or out.startswith("<?xml")


def test_json(run):
    code, out, _ = run("inspect", *LOGREG, *NUMPY, "--json")
    record = json.loads(out)
    assert code == 0
    assert record["name"] == "logreg_value_and_grad"
    assert [one["shape"] for one in record["inputs"]] == [[3], [4, 3], [4]]
    assert record["built_with"] == {"backend": "numpy"}
    assert sum(record["ops"].values()) == record["nodes"] == sum(record["sections"].values())
    code, out, _ = run("inspect", *LOGREG, "--stage", "numpy", "--json")
    assert "def logreg_value_and_grad" in json.loads(out)["text"]


def test_page(run, tmp_path):
    code, out, _ = run("inspect", *LOGREG, *NUMPY, "--html", "page.html")
    assert (code, out) == (0, "page.html\n")
    text = (tmp_path / "page.html").read_text()
    for part in ("Python", "NumPy", "Adjoints", "Report", "<svg", "np.logaddexp"):
        assert part in text
    assert "<script" not in text
    code, _, err = run("inspect", *LOGREG, *NUMPY, "--html", "no/such/page.html")
    assert code == 2
    assert "cannot write" in err


def test_primal_and_methods(run):
    target = [f"{MODELS}:Model.energy", "--args", "x:f8[3], scale=2.0", "--primal"]
    code, out, _ = run("inspect", *target, "--stage", "numpy")
    assert code == 0
    assert "def energy(x, scale):" in out
    code, _, err = run("inspect", *target, "--stage", "adjoint")
    assert code == 2
    assert "has no adjoint part" in err


def test_decorated_functions(run):
    target = [f"{MODELS}:decorated", "--args", "f8[3]"]
    assert "np.cos(x)" in run("inspect", *target, "--stage", "numpy")[1]
    assert "@gradc.compile\ndef decorated" in run("inspect", *target, "--stage", "source")[1]
    assert "adjoint" not in run("inspect", *target, "--stage", "graph")[1]


# build


def test_build(run, tmp_path):
    arguments = "params={w1:f8[3,4], b1:f8[4], w2:f8[4,2]}, x:f8[5,3], y:f8[5,2]"
    code, out, err = run(
        "build", f"{MODELS}:mlp", "--args", arguments, "--value-and-grad", "params",
        "--out", "made", "--name", "fit", "--math", "libm",
    )  # fmt: skip
    assert (code, err) == (0, "")
    files = [Path(line) for line in out.splitlines()]
    assert files[:4] == [Path("made") / f"fit{end}" for end in (".c", ".h", ".py", ".json")]
    assert all(path.is_file() for path in files)
    assert len(files) == (6 if _has_compiler() else 4)
    record = json.loads((tmp_path / "made" / "fit.json").read_text())
    assert record["options"] == {"math": "libm", "fast_math": False}
    names = [one["name"] for one in record["arguments"]]
    assert names[5:] == ["result", "params_w1_bar", "params_b1_bar", "params_w2_bar"]


def test_build_goes_to_build_and_asks_by_all_floats(run, tmp_path):
    arguments = ["table:f8[9,4]", "rows:i8[5]<9", "w:f8[4]"]
    code, out, _ = run("build", f"{MODELS}:pick", "--no-libraries", "--args", *arguments)
    assert code == 0
    assert out.splitlines()[0] == str(Path("build") / "pick_value_and_grad.c")
    record = json.loads((tmp_path / "build" / "pick_value_and_grad.json").read_text())
    assert [a["name"] for a in record["arguments"]][3:] == ["result", "table_bar", "w_bar"]
    code, _, err = run(
        "build", f"{MODELS}:pick", "--no-libraries", "--no-overwrite", "--args", *arguments
    )
    assert code == 2
    assert "is there already" in err


# check


def test_check(run):
    arguments = "w:f8[3], x:f8[4,3], y:f8[4]"
    code, out, err = run("check", f"{MODELS}:logreg", "--args", arguments, *NUMPY)
    assert (code, err) == (0, "")
    assert out == "logreg: derivatives of orders 1 to 2 agree with differences within 1e-06\n"
    code, out, _ = run("check", f"{MODELS}:wrong_derivative", "--args", "f8[4]", *NUMPY)
    assert code == 1
    assert out.startswith("wrong_derivative: the derivative of wrong_derivative is off")
    assert run("check", f"{MODELS}:logreg", "--args", arguments, "--order", "9")[0] == 2


# cache and doctor


def test_cache(run):
    cache = default_cache()
    assert run("cache", "path") == (0, f"{cache.root}\n", "")
    if _has_compiler():
        gradc.grad(lambda x: np.sum(x**3), backend="c")(np.ones(3))
    code, out, _ = run("cache", "list")
    assert code == 0
    assert out.splitlines()[-1].endswith(f"in {cache.root}")
    code, out, _ = run("cache", "verify")
    assert code == 0
    assert "0 damaged" in out


def test_a_damaged_cache(run, tmp_path, monkeypatch):
    if not _has_compiler():
        pytest.skip("no C compiler here")
    env = {**os.environ, "GRADC_CACHE_DIR": str(tmp_path / "own"), "PYTHONPATH": str(ROOT)}
    code = "import numpy as np, gradc; gradc.grad(lambda x: np.sum(x**2), backend='c')(np.ones(3))"
    subprocess.run([sys.executable, "-c", code], env=env, check=True, cwd=tmp_path)
    (entry,) = (tmp_path / "own" / "entries").iterdir()
    library = next(path for path in entry.iterdir() if path.suffix in (".so", ".dylib", ".dll"))
    library.chmod(0o700)
    library.write_bytes(library.read_bytes()[:-1] + b"x")

    def gradc_cache(action):
        command = [sys.executable, "-m", "gradc", "cache", action]
        return subprocess.run(
            command, env=env, capture_output=True, text=True, cwd=tmp_path, check=False
        )

    done = gradc_cache("verify")
    assert (done.returncode, "1 damaged" in done.stdout) == (1, True)
    assert "1 kernel removed" in gradc_cache("clear").stdout
    assert gradc_cache("list").stdout.startswith("0 kernels, 0 B")


def test_doctor(run):
    code, out, err = run("doctor")
    assert err == ""
    assert code == (0 if _has_compiler() else 1)
    for word in ("gradc", "numpy", "compiler", "cache", "matrices", "math"):
        assert f"\n{word}" in f"\n{out}"


def test_doctor_without_a_compiler(run, monkeypatch):
    monkeypatch.setenv("GRADC_CC", "/nowhere/cc")
    code, out, _ = run("doctor")
    assert code == 1
    assert "compiler  not usable: the C compiler '/nowhere/cc' is not there" in out
    assert "functions run by the NumPy backend" in out


# errors


ERRORS = {
    "no colon": (["tests.ahead_models"], "names no function"),
    "no module": (["no_such_module:f"], "there is no module 'no_such_module'"),
    "no file": (["nowhere.py:f"], "there is no file nowhere.py"),
    "no function": ([f"{MODELS}:lost"], "has no function 'lost'"),
    "not callable": ([f"{MODELS}:SCALE"], "not a function"),
    "no arguments": ([f"{MODELS}:logreg"], "the arguments do not fit logreg"),
    "unknown name": ([f"{MODELS}:step", "--args", "z:f8[3]"], "the arguments do not fit step"),
    "twice": ([f"{MODELS}:step", "--args", "x:f8[3], x:f8[3]"], "is described twice"),
    "no dtype": ([f"{MODELS}:step", "--args", "x:q9[3]"], "cannot read the arguments"),
    "no floats": ([f"{MODELS}:step", "--args", "x:i8[3]"], "no argument of floats"),
    "wrong argnums": (
        [f"{MODELS}:step", "--args", "f8[3]", "--grad", "q"],
        "no argument named 'q'",
    ),
    "not traceable": ([f"{MODELS}:broken", "--args", "f8[3]"], "float(x[0])"),
}


@pytest.mark.parametrize("case", ERRORS)
def test_errors_have_no_traceback(run, case):
    arguments, message = ERRORS[case]
    code, out, err = run("inspect", *arguments)
    assert (code, out) == (2, "")
    assert err.startswith("gradc inspect: ")
    assert message in err
    assert "Traceback" not in err


def test_warnings_take_one_line(run, monkeypatch):
    monkeypatch.setenv("GRADC_CC", "/nowhere/cc")
    code, _, err = run("build", f"{MODELS}:step", "--args", "f8[3]")
    assert code == 0
    warning = "the C compiler '/nowhere/cc' is not there or may not be run"
    assert err == f"gradc build: warning: no libraries were built: {warning}\n"


def test_what_the_function_itself_raises(run, tmp_path):
    (tmp_path / "raises.py").write_text("def f(x):\n    raise KeyError('mine')\n")
    code, _, err = run("inspect", "raises.py:f", "--args", "f8[3]")
    assert code == 2
    assert 'raises.py", line 2, in f' in err
    assert "KeyError: 'mine'" in err


def test_a_module_that_fails(run, tmp_path):
    (tmp_path / "bad.py").write_text("import no_such_thing\n")
    (tmp_path / "worse.py").write_text("def f(:\n")
    code, _, err = run("inspect", "bad.py:f")
    assert code == 2
    assert "bad.py cannot be imported: ModuleNotFoundError: No module named 'no_such_thing'" in err
    code, _, err = run("inspect", "worse:f")
    assert code == 2
    assert "worse cannot be imported: SyntaxError" in err


def test_a_module_of_the_working_folder(run, tmp_path):
    (tmp_path / "here_model.py").write_text("def f(x):\n    return (x * x).sum()\n")
    code, out, _ = run("inspect", "here_model:f", "--args", "f8[3]", "--stage", "numpy")
    assert code == 0
    assert "x_bar = " in out


# start-up


def _modules_after(*arguments):
    code = (
        "import sys\nfrom gradc.cli import main\n"
        "try:\n    main(sys.argv[1:])\nexcept SystemExit:\n    pass\n"
        "print('\\n' + ' '.join(sys.modules))"
    )
    command = [sys.executable, "-c", code, *arguments]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split())


def test_help_loads_neither_graphs_nor_templates():
    assert not _modules_after("--help") & {"networkx", "jinja2", "cffi", "gradc.pipeline"}


def test_as_a_module(tmp_path):
    command = [sys.executable, "-m", "gradc", "inspect", *LOGREG, *NUMPY]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command, env=env, capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("logreg_value_and_grad: ")


def test_a_reader_that_stops_early(tmp_path):
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    writer = subprocess.Popen(
        [sys.executable, "-m", "gradc", "inspect", *LOGREG, *NUMPY, "--stage", "c"],
        env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path,
    )  # fmt: skip
    writer.stdout.close()
    error = writer.stderr.read()
    writer.stderr.close()
    assert (writer.wait(), error) == (0, b"")


# descriptions of arguments


def test_descriptions():
    text = "w:f8[3], {a:f4[2,2], 'b c':(i8[5]<9, float)}, n=3, s='x', t=true, [u1, None], q=-1e-3"
    pairs = parse_arguments(text)
    assert [name for name, _ in pairs] == ["w", "", "n", "s", "t", "", "q"]
    w, tree, n, s, t, rest, q = examples([value for _, value in pairs], seed=3)
    assert (w.dtype, w.shape) == (np.float64, (3,))
    assert tree["a"].dtype == np.float32
    assert tree["b c"][0].min() >= 0
    assert tree["b c"][0].max() < 9
    assert type(tree["b c"][1]) is float
    assert (n, s, t, rest[1], q) == (3, "x", True, None, -1e-3)
    assert type(rest[0]) is np.uint8


def test_zeros_take_no_memory():
    (zeros,) = examples([value for _, value in parse_arguments("f8[100000, 100000]")])
    assert zeros.shape == (100000, 100000)


def test_random_numbers_follow_the_seed():
    first, second, other = (
        examples([value for _, value in parse_arguments("f8[3], generator")], seed=seed)
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first[0], second[0])
    assert first[0][0] != other[0][0]
    assert first[1].normal() == second[1].normal()


WRONG = [
    *["w:f8[3", "f8[-1]", "f8[3]]", "{f8}", "a,,b", "q8[3]", ":f8", "f8[x]", "f8[3]<5", "'abc"],
    *["x:f8[3] y", "\0", "é[3]", "x=__import__('os')", "f8[9999999,9999999,99999]"],
    *["(" * 99, "9" * 9999],
]


@pytest.mark.parametrize("text", WRONG, ids=range(len(WRONG)))
def test_wrong_descriptions(text):
    with pytest.raises(gradc.ArgumentError) as caught:
        parse_arguments(text)
    assert len(str(caught.value)) < 1000


def test_the_place_of_a_mistake_is_marked():
    with pytest.raises(gradc.ArgumentError) as caught:
        parse_arguments("w:f8[3], x:f9[4]")
    assert str(caught.value) == (
        "cannot read the arguments: expected a dtype such as f8, a number, or a tree, found 'f9'\n"
        "  w:f8[3], x:f9[4]\n"
        "             ^\n"
        "  write them as w:f8[3], x:f8[4,3], n=3, params={w1:f8[3,4], b1:f8[4]}"
    )
