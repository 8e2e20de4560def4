"""The examples run as a user runs them: with a C compiler, and with none to be found."""

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.backends import HAS_COMPILER

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = ROOT / "examples"

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
    assert "h_bar = 0.25 * (2.0 * t_1)" in printed
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
    assert "t_2 = np.where(t_1 > 0.0, h_bar, 0.0)" in printed
    assert "gradc_matmul(env, 32, 96, 64, x" in printed
    assert len(warnings_in(log)) == (not compiler)
