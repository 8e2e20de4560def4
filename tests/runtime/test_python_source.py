"""What generated code refuses while it runs, is said at the user's line, in both backends alike."""

import numpy as np
import pytest

import gradc
from tests.backends import BACKENDS

backends = pytest.mark.parametrize("backend", BACKENDS)


def climb(x):
    while x < 1e9:
        x = x + 1.0
    return x


def inverse(a):
    b = 2.0 * a
    return np.linalg.inv(b) + 1.0


@backends
@pytest.mark.parametrize(
    ("function", "argument", "error", "message", "line"),
    [
        (climb, 0.0, gradc.LimitError, "the loop runs more than 50 times", "while x < 1e9:"),
        (inverse, np.zeros((2, 2)), gradc.SingularError, "the matrix is singular", "np.linalg.inv"),
    ],
)
def test_the_users_line(function, argument, error, message, line, backend):
    compiled = gradc.compile(function, backend=backend, max_turns=50)
    with pytest.raises(error) as caught:
        compiled(argument)
    text = str(caught.value)
    assert text.startswith(message)
    assert "test_python_source.py" in text
    assert line in text
