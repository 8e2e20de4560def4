"""Every program of the corpus, recorded and interpreted, gives NumPy's values."""

import pytest

from tests.capture.support import check
from tests.programs import load


@pytest.mark.parametrize("program", load(), ids=str)
def test_program(program):
    check(program.fn, *program.arguments(), rtol=1e-12, atol=1e-12)
