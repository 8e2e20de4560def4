"""Options, golden files, counts and a private cache folder for every test."""

import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import hypothesis
import pytest

from gradc.dispatch import made_in_c
from gradc.runtime.native_calls import STATE
from tests import golden_files

_CACHE = pytest.StashKey[str]()

hypothesis.settings.register_profile("gradc", deadline=None, derandomize=True)
hypothesis.settings.load_profile("gradc")


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("gradc")
    group.addoption("--update-golden", action="store_true", help="rewrite the golden files")
    group.addoption("--full", action="store_true", help="run the tests marked `full` too")


def pytest_configure(config: pytest.Config) -> None:
    """Point the compile cache at a folder of this run; xdist's workers share the first one's.

    Processes that a test starts make no library for calls, which each would compile again in a
    cache of its own: tests of that library ask for it.
    """
    os.environ["GRADC_NATIVE_CALLS"] = "0"
    os.environ["GRADC_WARM_INDEX"] = "0"  # tests change gradc itself while it runs
    if "PYTEST_XDIST_WORKER" not in os.environ:
        config.stash[_CACHE] = tempfile.mkdtemp(prefix="gradc-tests-")
        os.environ["GRADC_CACHE_DIR"] = config.stash[_CACHE]


def pytest_unconfigure(config: pytest.Config) -> None:
    if _CACHE in config.stash:
        shutil.rmtree(config.stash[_CACHE], ignore_errors=True)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--full"):
        for item in items:
            if item.get_closest_marker("full"):
                item.add_marker(pytest.mark.skip(reason="long: runs with --full"))


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Count a test that is marked ``counts("what")``, or ``counts("what", how_many)``."""
    for mark in item.iter_markers("counts"):
        item.user_properties.append(("counts", (mark.args[0], *mark.args[1:])))


@pytest.fixture(scope="session", autouse=True)
def calls_in_c() -> bool:
    """Make the calls of this process in C from the start, where that can be done."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("GRADC_NATIVE_CALLS")
        return STATE.load(made_in_c)


@pytest.fixture
def calls_in_python(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make calls in Python, as where there is no library for them."""
    monkeypatch.setattr(STATE, "parts", None)


@pytest.fixture
def tally(request: pytest.FixtureRequest) -> Callable[[str, int], None]:
    """Count what a test does many of: ``tally("hostile calls", 330)``."""
    return lambda what, many: request.node.user_properties.append(("counts", (what, many)))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print how many of each passed: of random graphs, of wrong programs, and so on."""
    found: Counter[str] = Counter()
    for report in terminalreporter.getreports("passed"):
        if report.when == "call":
            for name, counted in report.user_properties:
                if name == "counts":
                    found[counted[0]] += counted[1] if len(counted) > 1 else 1
    if found:
        terminalreporter.section("counts")
        for what, many in sorted(found.items()):
            terminalreporter.line(f"{many:9,} {what}")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Compare a text with ``tests/golden/<test module>/<name>``; see `golden_files.compare`."""
    folder = golden_files.folder_of(Path(request.path))
    update = bool(request.config.getoption("--update-golden"))

    def check(name: str, text: str) -> None:
        golden_files.compare(folder, name, text, update=update)

    return check
