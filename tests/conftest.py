"""Options, golden files and a private cache folder for every test."""

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import hypothesis
import pytest

from tests import golden_files

_CACHE = pytest.StashKey[str]()

hypothesis.settings.register_profile("gradc", deadline=None, derandomize=True)
hypothesis.settings.load_profile("gradc")


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("gradc")
    group.addoption("--update-golden", action="store_true", help="rewrite the golden files")
    group.addoption("--full", action="store_true", help="run the tests marked `full` too")


def pytest_configure(config: pytest.Config) -> None:
    """Point the compile cache at a folder of this run; xdist's workers share the first one's."""
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


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Compare a text with ``tests/golden/<test module>/<name>``; see `golden_files.compare`."""
    folder = golden_files.folder_of(Path(request.path))
    update = bool(request.config.getoption("--update-golden"))

    def check(name: str, text: str) -> None:
        golden_files.compare(folder, name, text, update=update)

    return check
