from collections.abc import Callable
from pathlib import Path

import pytest

from gradc.native.cache import Cache
from gradc.native.library import library
from gradc.native.private import make_private
from gradc.runtime.call import Caller, caller
from gradc.runtime.plan import CallPlan
from tests.native.kernels import unit

Make = Callable[..., Caller]


@pytest.fixture(scope="session")
def make(tmp_path_factory: pytest.TempPathFactory) -> Make:
    """Compile a C body and return what calls it."""
    cache = Cache(make_private(Path(tmp_path_factory.mktemp("runtime")) / "cache"))

    def build(body: str, plan: CallPlan, before: str = "") -> Caller:
        made = unit(body, before=before)
        return caller(library(made.text, lambda: made, cache=cache).entry, plan)

    return build
