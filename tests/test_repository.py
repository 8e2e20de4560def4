"""What the repository holds, and what it must never hold."""

import re
import shlex
import subprocess
import sys
import tomllib
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

FOLDERS = {"gradc", "templates", "tests", "examples", "build"}
TOP = FOLDERS | {"pyproject.toml", "README.md", "LICENSE"}

MACHINE_PATHS = re.compile(r"(?<![\w.$}/:-])/(?:work|home|root|Users|mnt|workspace|tmp)/[\w.]")

# The only addresses the repository names: a name space, and where a formula comes from.
ADDRESSES = ("http://www.w3.org/", "https://doi.org/")
HOSTS = re.compile(
    rf"https?://(?!{'|'.join(re.escape(a.split('//')[1]) for a in ADDRESSES)})[\w.-]+"
    + r"|--(?:extra-)?index-url"
)
SECRETS = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE|\bAKIA[0-9A-Z]{16}\b|\bgh[pousr]_[A-Za-z0-9]{36}\b"
    + r"|(?i:password|secret|token)\s*=\s*[\"'][^\"'\s]{12,}[\"']"
)

PICTURES = {".png", ".svg"}


def listing(root: Path) -> list[Path]:
    """Return the files that git tracks, or would; every file where there is no git."""
    command = ["git", "-C", str(root), "ls-files", "-z", "-co", "--exclude-standard"]
    try:
        names = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return [path for path in root.rglob("*") if path.is_file() and not _hidden(path, root)]
    paths = (root / name for name in names.split("\0") if name)
    return [path for path in paths if path.is_file()]


def _hidden(path: Path, root: Path) -> bool:
    parts = path.relative_to(root).parts
    return "__pycache__" in parts or any(part.startswith(".") for part in parts[:-1])


def top_level(root: Path) -> set[str]:
    """Return what stands at the top: dotfiles are free, as is what an sdist adds."""
    names = {path.relative_to(root).parts[0] for path in listing(root)}
    return {name for name in names if not name.startswith(".") and name != "PKG-INFO"}


def forbidden(files: list[Path]) -> list[str]:
    """Name the lines with a machine's path, a registry's host or something like a secret."""
    found = []
    for path in files:
        if path.suffix in PICTURES:
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            for kind in (MACHINE_PATHS, HOSTS, SECRETS):
                found += [f"{path}:{number}: {match[0]}" for match in kind.finditer(line)]
    return found


def binaries(files: list[Path]) -> list[str]:
    """Name the files that are no UTF-8 text."""
    found = []
    for path in files:
        data = path.read_bytes()
        try:
            text = data.decode()
        except UnicodeDecodeError:
            found.append(path.name)
        else:
            found += [path.name] if "\0" in text else []
    return found


def pyproject() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def commands() -> list[str]:
    """Return the README's set-up commands."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```sh\n(.*?)```", readme, re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if " -m venv " in line]


def test_top_level():
    assert top_level(ROOT) == TOP


def test_top_level_sees_strangers(tmp_path):
    for name in ("gradc/a.py", "scripts/a.py", ".hidden/a", "notes.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    assert top_level(tmp_path) == {"gradc", "scripts", "notes.md"}


def test_nothing_forbidden():
    assert forbidden(listing(ROOT)) == []


@pytest.mark.parametrize(
    "parts",
    [
        ("x = '/", "work/a'"),
        ("cd /", "home/ann/x"),
        ("/", "root/.cache"),
        ("/", "tmp/venv/bin/python"),
        ("https:/", "/packages.example/simple"),
        ("pip install --", "index-url x"),
        ("AKIA", "ABCDEFGHIJKLMNOP"),
        ("token = '", "abcdefghijklmnop'"),
    ],
)
def test_finds_the_forbidden(tmp_path, parts):
    (tmp_path / "a.py").write_text("ok\n" + "".join(parts) + "\n")
    assert len(forbidden([tmp_path / "a.py"])) >= 1


@pytest.mark.parametrize(
    "text",
    ["a/work/b", "${root}/work/x", "/usr/include", "tmp_path / 'home'", "x /root", *ADDRESSES],
)
def test_allows_the_harmless(tmp_path, text):
    (tmp_path / "a.py").write_text(text)
    assert forbidden([tmp_path / "a.py"]) == []


def test_no_binaries():
    assert binaries(listing(ROOT)) == []


def test_finds_binaries(tmp_path):
    (tmp_path / "a.so").write_bytes(b"\x7fELF\x00\xff")
    (tmp_path / "b.txt").write_bytes(b"a\x00b")
    (tmp_path / "c.py").write_text("é")
    assert binaries(sorted(tmp_path.iterdir())) == ["a.so", "b.txt"]


def test_readme_commands():
    """Two commands do all the set-up: one runs the main job, one passes the tests."""
    job, tests = commands()
    for command in (job, tests):
        assert command.startswith("python3 -m venv .venv && .venv/bin/pip install -q -e ")
        assert "\\" not in command
    assert job.endswith("&& .venv/bin/python examples/digits.py")
    assert re.search(r"&& \.venv/bin/python -m pytest( -\S+| \d+)*$", tests)
    assert "examples/digits.py" in {path.relative_to(ROOT).as_posix() for path in listing(ROOT)}


def test_readme_installs_extras_that_exist():
    extras = pyproject()["project"]["optional-dependencies"]
    for command in commands():
        (asked,) = re.findall(r'"\.\[(.*?)\]"', command)
        assert set(asked.split(",")) <= set(extras)


def test_readme_regions():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    opened = re.findall(r"^<!-- generated: ([a-z-]+) -->$", readme, re.MULTILINE)
    assert opened == ["quickstart-numpy", "quickstart-c", "explain", "loop-c", "coverage", "error"]
    assert len(re.findall(r"^<!-- end -->$", readme, re.MULTILINE)) == len(opened)


def test_ci_runs_the_readmes_test_command():
    """`.ci/run` takes the command from the README by this very pattern."""
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    (pattern,) = re.findall(r"grep -E '(.*?)' README\.md", script)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [line for line in readme.splitlines() if re.search(pattern, line)] == [commands()[1]]


def test_ci_script_is_sound():
    script = ROOT / ".ci" / "run"
    assert script.stat().st_mode & 0o111 or sys.platform == "win32"
    assert "set -euo pipefail" in script.read_text(encoding="utf-8")
    assert "pytest" not in shlex.split(script.read_text(encoding="utf-8").splitlines()[0])


def test_run_time_dependencies():
    names = [re.split(r"[<>=!~ ;\[]", spec)[0] for spec in pyproject()["project"]["dependencies"]]
    assert names == ["networkx", "numpy", "jinja2", "cffi"]


def test_security_page():
    page = (ROOT / ".github" / "SECURITY.md").read_text(encoding="utf-8")
    for word in ("trusted code", "Not trusted", "cache", "SHA-256", "shell", "typed filter"):
        assert word in page


def test_build_folder():
    """It holds no package: that would hide the packaging tool of the same name."""
    names = {path.name for path in listing(ROOT) if path.relative_to(ROOT).parts[0] == "build"}
    assert names == {"README.md", ".gitignore"}


def test_marker_files():
    assert (ROOT / "gradc" / "py.typed").read_bytes() == b""
    assert (ROOT / "LICENSE").read_text(encoding="utf-8").startswith("MIT License\n")


def test_version_is_plain():
    source = (ROOT / "gradc" / "__init__.py").read_text(encoding="utf-8")
    assert re.search(r'^__version__ = "\d+\.\d+\.\d+"$', source, re.MULTILINE)


def expected_in_wheel() -> set[str]:
    """Return the files of the package and the templates, as a wheel names them."""
    names = {path.relative_to(ROOT).as_posix() for path in listing(ROOT)}
    package = {name for name in names if name.startswith("gradc/")}
    templates = {name for name in names if name.startswith("templates/")}
    return package | {name.replace("templates/", "gradc/_templates/", 1) for name in templates}


@pytest.mark.full
def test_wheel_contents(tmp_path):
    """The wheel holds the package and the templates, nothing else; needs hatchling."""
    if find_spec("hatchling") is None:
        pytest.skip("hatchling is not installed")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=120)
    (wheel,) = tmp_path.glob("gradc-*-py3-none-any.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    content = {name for name in names if ".dist-info/" not in name}
    assert content == expected_in_wheel()
