"""The examples run as a user runs them: with a C compiler, and with none to be found."""

import os
import re
import runpy
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.backends import HAS_COMPILER

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = ROOT / "examples"

needs_scipy = pytest.mark.skipif(find_spec("scipy") is None, reason="scipy: pip install scipy")
MISSING = [name for name in ("sklearn", "matplotlib", "tqdm") if find_spec(name) is None]
needs_extra = pytest.mark.skipif(
    bool(MISSING), reason=f"{', '.join(MISSING)}: pip install -e '.[examples]'"
)

COMPILERS = [
    pytest.param(
        True, id="c", marks=pytest.mark.skipif(not HAS_COMPILER, reason="no C compiler here")
    ),
    pytest.param(
        False,
        id="numpy",
        marks=pytest.mark.skipif(find_spec("ziglang") is not None, reason="zig cannot be hidden"),
    ),
]
both = pytest.mark.parametrize("compiler", COMPILERS)


def run(name: str, *arguments: str, compiler: bool) -> tuple[str, str]:
    """Run an example and return what it printed; without a compiler, PATH leads nowhere."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    if not compiler:
        environment = {k: v for k, v in environment.items() if k not in ("CC", "GRADC_CC")}
        environment["PATH"] = str(EXAMPLES)
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / name), *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr


def warnings_in(log: str) -> list[str]:
    return re.findall(r"GradcWarning: (.*)", log)


@both
def test_quickstart(compiler):
    printed, log = run("quickstart.py", compiler=compiler)
    assert printed.startswith("loss 1.208295   dw [-0.01988086  0.90262027  1.23330065]")
    assert "h_bar = 0.5 * t_1" in printed
    assert "const double h = tanh(" in printed
    assert len(warnings_in(log)) == (not compiler)


@both
def test_neuron(compiler):
    printed, log = run("neuron.py", compiler=compiler)
    assert "dL/dw = -0.211508\n" in printed
    assert "      = -0.537883 * 0.196612 * 2.000000   by hand\n" in printed
    assert "z_bar = a_bar * (a * (1 - a))" in printed
    assert len(warnings_in(log)) == (not compiler)


@needs_extra
@both
@pytest.mark.slow
def test_digits(compiler, tmp_path):
    """The main job: 95 % of the test pictures right, the curve drawn, the gradient shown."""
    picture = tmp_path / "pictures" / "loss.png"
    printed, log = run("digits.py", "--picture", str(picture), compiler=compiler)
    (accuracy,) = re.findall(r"^test accuracy ([\d.]+)%$", printed, re.MULTILINE)
    assert float(accuracy) >= 95.0
    assert "60/60" in log
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert "t_1 = np.where(h > 0.0, h_bar, 0.0)" in printed
    assert "gradc_matmul(env, 32, 96, 64, x" in printed
    assert len(warnings_in(log)) == (not compiler)


def numbers(pattern: str, printed: str) -> list[tuple[float, ...]]:
    """The numbers in the brackets of a pattern, for each line of the output that has it."""
    rows = re.findall(pattern, printed, re.MULTILINE)
    return [tuple(map(float, row if isinstance(row, tuple) else (row,))) for row in rows]


@needs_scipy
@both
def test_heat(compiler, tmp_path):
    """Few rounds find both sources: strengths within 3 %, places within half a cell."""
    printed, log = run("heat.py", "--quick", str(tmp_path / "new"), compiler=compiler)
    ((first, last),) = numbers(r"^misfit ([\d.]+) -> ([\d.]+) ", printed)
    assert last < first / 100
    number = r"([\d. ]+)"
    place = rf"strength {number} at \({number}, {number}\)"
    sources = numbers(rf"source: {place}   true: {place}$", printed)
    assert len(sources) == 2
    for strength, y, x, true_strength, true_y, true_x in sources:
        assert abs(strength / true_strength - 1) < 0.03
        assert max(abs(y - true_y), abs(x - true_x)) < 0.5
    if find_spec("matplotlib") is not None:
        assert (tmp_path / "new" / "heat.png").read_bytes().startswith(b"\x89PNG")
    assert len(warnings_in(log)) == (not compiler)


@needs_scipy
def test_heat_without_matplotlib(capsys, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    runpy.run_path(str(EXAMPLES / "heat.py"))["draw"](None, None, None, tmp_path / "none")
    assert "no pictures: matplotlib is missing" in capsys.readouterr().out
    assert not (tmp_path / "none").exists()


@needs_scipy
@both
@pytest.mark.slow
def test_pendulum(compiler):
    """The gradient agrees with differences, and the truth is within four standard errors."""
    printed, log = run("pendulum.py", "--quick", compiler=compiler)
    row = r" +\[ ?([-\d.]+) +([-\d.]+) +([-\d.]+)\]$"
    (exact,) = numbers(rf"^gradient at the guess{row}", printed)
    (close,) = numbers(rf"^ by differences{row}", printed)
    assert exact == pytest.approx(close, rel=1e-6)
    fits = numbers(r"^[a-z]+ +[\d.]+ +([\d.]+) \+- +([\d.]+) +([\d.]+)$", printed)
    assert len(fits) == 3
    for found, spread, true in fits:
        assert 0 < spread < 0.01
        assert abs(found - true) < 4 * spread
    assert len(warnings_in(log)) == (not compiler)


@both
@pytest.mark.slow
def test_sunspots(compiler):
    """The loss falls, and the years held back are forecast better than by the year before."""
    printed, log = run("sunspots.py", "--quick", compiler=compiler)
    losses = numbers(r"^step +\d+ +loss ([\d.]+)$", printed)
    assert losses[-1][0] < losses[0][0] / 2
    errors = dict(re.findall(r"^  (.*?)  +([\d.]+)$", printed, re.MULTILINE))
    assert float(errors["the network"]) < 0.6 * float(errors["the same as last year"])
    assert "200 steps in" in printed
    assert len(warnings_in(log)) == (not compiler)
