"""What is recorded of a loop does not depend on its number of turns."""

import numpy as np
import pytest

from tests.capture.support import count, record
from tests.programs_sizes import SIZED


@pytest.mark.parametrize("one", SIZED, ids=lambda one: one.fn.__name__)
def test_a_program_is_as_long_for_many_turns_as_for_few(one):
    def size(n):
        return count(record(one.fn, *one.make(np.random.default_rng(n), n)).graph)

    assert size(8) == size(13)
