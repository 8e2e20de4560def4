import pytest

from tests.support_c import builds


@pytest.fixture(scope="session", autouse=True)
def _a_compiler():
    if not builds.compilers():
        pytest.skip("no C compiler")


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("support_c")
