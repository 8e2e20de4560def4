"""The backends that tests run on: both, wherever there is a C compiler."""

import shutil

import pytest

HAS_COMPILER = any(shutil.which(name) for name in ("cc", "gcc", "clang"))

BACKENDS = [
    "numpy",
    pytest.param(
        "c", marks=[] if HAS_COMPILER else pytest.mark.skip(reason="no C compiler on this machine")
    ),
]
