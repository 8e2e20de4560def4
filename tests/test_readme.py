"""The README is true: what it shows is generated now, what it says to type is typed."""

import contextlib
import io
import os
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import gradc
from gradc.coverage import coverage_table
from tests.backends import HAS_COMPILER

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
EXAMPLES = ROOT / "examples"

REGION = re.compile(r"(?<=<!-- generated: )([a-z-]+)( -->\n)(.*?)(?=<!-- end -->)", re.DOTALL)


def blocks(kind: str) -> list[str]:
    """Return the README's blocks of one language, generated ones left out."""
    text = REGION.sub("", README.read_text(encoding="utf-8"))
    return re.findall(rf"^```{kind}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def run_python(folder: Path) -> tuple[dict[str, object], str]:
    """Run all Python blocks in one namespace; return it and what the last one printed."""
    names: dict[str, object] = {"__name__": "readme"}
    printed = io.StringIO()
    for number, block in enumerate(blocks("python")):
        place = folder / str(number) / "model.py"
        place.parent.mkdir()
        place.write_text(block)
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(block, str(place), "exec"), names)
    return names, printed.getvalue()


def generated(folder: Path) -> dict[str, str]:
    """Return what stands in the README between marks, as gradc writes it now."""
    loss = runpy.run_path(str(EXAMPLES / "quickstart.py"))["loss"]
    neuron = runpy.run_path(str(EXAMPLES / "neuron.py"))["neuron"]
    example = gradc.value_and_grad(loss, argnums=("w", "b"), backend="numpy").artifact(
        np.ones(3), 0.5, np.ones((4, 3)), np.ones(4)
    )
    names, printed = run_python(folder)
    walk = gradc.compile(names["walk"]).artifact(0.5, 1.2)
    explained = gradc.grad(neuron, argnums="w", backend="numpy").explain(0.5, 2.0, 0.0, 1.0)
    return {
        "quickstart-numpy": fenced("python", example.source("numpy")),
        "quickstart-c": fenced("c", example.generated("c").function),
        "explain": fenced("text", explained),
        "loop-c": fenced("c", walk.generated("c").function),
        "coverage": coverage_table(),
        "error": fenced("text", printed),
    }


def fenced(kind: str, text: str) -> str:
    return f"```{kind}\n{text.strip()}\n```\n"


def test_generated_parts(request, tmp_path):
    """Rewrite them with ``--update-golden``."""
    text, now = README.read_text(encoding="utf-8"), generated(tmp_path)
    assert [match[1] for match in REGION.finditer(text)] == list(now)
    fresh = REGION.sub(lambda match: match[1] + match[2] + now[match[1]], text)
    if request.config.getoption("--update-golden"):
        README.write_text(fresh, encoding="utf-8")
    assert README.read_text(encoding="utf-8") == fresh


def test_first_example_is_the_quickstart():
    body = re.search(r"def loss.*?\n\n", blocks("python")[0], re.DOTALL)
    assert body is not None
    assert body[0] in (EXAMPLES / "quickstart.py").read_text(encoding="utf-8")


def test_python_blocks(tmp_path):
    names, _ = run_python(tmp_path)
    np.testing.assert_allclose(names["value"], np.sin(names["x"]))


def test_generated_numpy_runs_alone(tmp_path):
    names: dict[str, object] = {}
    text = generated(tmp_path)["quickstart-numpy"]
    exec(text.removeprefix("```python\n").removesuffix("```\n"), names)
    arguments = np.ones(3), 0.5, np.ones((4, 3)), np.ones(4)
    value, w_bar, b_bar = names["loss_value_and_grad"](*arguments)
    error = np.tanh(3.5) - 1.0
    np.testing.assert_allclose(value, error**2)
    np.testing.assert_allclose(b_bar, 2.0 * error * (1.0 - np.tanh(3.5) ** 2), rtol=1e-12)
    np.testing.assert_allclose(w_bar, np.full(3, b_bar), rtol=1e-12)


def shell(line: str, folder: Path) -> str:
    """Run a line of the README; `gradc` and Python are those that run this test."""
    line = re.sub(r"^gradc ", f"{sys.executable} -m gradc ", line)
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        ["bash", "-c", line],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_shell_blocks(tmp_path):
    """All of them but the set-up commands, which `.ci/run` and a new user type."""
    lines = [line for block in blocks("sh") for line in block.splitlines()]
    typed = [line for line in lines if " -m venv " not in line]
    assert len(lines) - len(typed) == 2
    shutil.copytree(EXAMPLES, tmp_path / "examples")
    (program,) = blocks("c")
    (tmp_path / "main.c").write_text(program)
    for line in typed:
        if HAS_COMPILER or not line.startswith("cc "):
            printed = shell(line, tmp_path)
    assert (tmp_path / "neuron.html").stat().st_size > 0
    if HAS_COMPILER:
        assert printed == "loss 0.072329, dL/dw -0.211508\n"


@pytest.mark.parametrize("name", gradc.__all__)
def test_every_public_name_is_in_the_table(name):
    table = README.read_text(encoding="utf-8").partition("\n## Names\n")[2].partition("\n## ")[0]
    assert f"`gradc.{name}`" in table


@pytest.mark.parametrize("kind", ["Function", "Artifact"])
def test_the_table_names_methods_that_exist(kind):
    text = README.read_text(encoding="utf-8")
    (row,) = re.findall(rf"^\| `gradc\.{kind}` \| .*?`([. \w]+)` \|$", text, re.MULTILINE)
    methods = row.replace(".", "").split()
    assert methods
    assert all(hasattr(getattr(gradc, kind), method) for method in methods)


def test_the_table_of_options_is_complete():
    table = README.read_text(encoding="utf-8").partition("\n## Options\n")[2].partition("\n## ")[0]
    named = re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)
    assert {*named} == {*gradc.Options.__dataclass_fields__}
    for name in named:
        default = getattr(gradc.Options(), name)
        shown = f'"{default}"' if isinstance(default, str) else str(default).lower()
        (row,) = [line for line in table.splitlines() if line.startswith(f"| `{name}`")]
        assert shown in row.lower().replace("_", "")
