"""What is recorded of a loop does not depend on its number of turns."""

import numpy as np
import pytest

from tests.capture.support import LOOPS, count, record
from tests.programs import SIZED, load

load()


@pytest.mark.parametrize("one", SIZED, ids=lambda one: one.fn.__name__)
def test_a_program_is_as_long_for_many_turns_as_for_few(one):
    def size(n):
        arguments = one.make(np.random.default_rng(n), n)
        return count(record(one.fn, *arguments, options=LOOPS).graph)

    assert size(10) == size(13)
