from collections.abc import Iterator
from pathlib import Path

import pytest

from gradc.native import cache as caches
from gradc.native import compiler
from gradc.native.cache import Cache
from gradc.native.private import make_private


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    """A cache of this test alone."""
    return Cache(make_private(tmp_path / "cache"))


@pytest.fixture
def fresh_process(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Forget what this process has found: its cache and its compilers."""
    monkeypatch.setattr(caches, "_default", None)
    monkeypatch.setattr(compiler, "_found", {})
    yield monkeypatch
    made = caches._default
    if made is not None and made.temporary:
        caches._remove(made.root)
