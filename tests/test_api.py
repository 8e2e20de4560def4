"""The public face: decorators, options, names."""

import numpy as np
import pytest

import gradc
from tests.backends import BACKENDS


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_function_may_have_the_name_of_a_library_function(backend):
    """glibc exports ``step``: a call by that name must not leave the compiled unit."""

    @gradc.compile(backend=backend)
    def step(x):
        return np.sum(x * 2.0)

    assert step(np.ones(3)) == 6.0
