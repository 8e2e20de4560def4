"""What loops and branches cannot be is refused at the user's line, with the component."""

import numpy as np
import pytest

from gradc import capture
from gradc.errors import GradcError
from gradc.options import Options

X = np.linspace(0.5, 1.5, 5)


def two_shapes(x):
    if x[0] > 1:
        return x
    return x[:2]


def sometimes_nothing(x):
    if x[0] > 1:
        return x


def two_dtypes(x):
    y = x
    if x[0] > 1:
        y = x.astype(np.float32)
    return y


def list_in_a_branch(x):
    out = []
    if x[0] > 1:
        out.append(x)
    return x


def growing_while(x):
    y = x
    while np.sum(y) < 10:
        y = np.concatenate([y, x])
    return y


def truth_of_an_array(x):
    if x > 1:
        return x
    return -x


def long_list(x):
    out = []
    for i in range(100_000):
        out.insert(0, x[0] * i)
    return out[-1]


def endless(x):
    n = 0
    while n < 10:
        x = np.sin(x)
    return x


def break_and_append(x):
    out = []
    for i in range(5):
        out.append(x[i])
        if x[i] > 1:
            break
    return out[0]


MESSAGES = {
    two_shapes: """\
an if on a traced value cannot be recorded: the result is f8[5] on one side and f8[2] on the other
  test_loop_errors.py:LINE in two_shapes
    if x[0] > 1:
    ^^^^^^^^^^^^
  let both branches give values of the same type and shape, or use np.where""",
    sometimes_nothing: """\
the function returns a value in some cases and reaches its end in others
  test_loop_errors.py:LINE in sometimes_nothing
    if x[0] > 1:
    ^^^^^^^^^^^^
  return a value of the same type in every case""",
    two_dtypes: """\
an if on a traced value cannot be recorded: y is f4[5] on one side and f8[5] on the other
  test_loop_errors.py:LINE in two_dtypes
    if x[0] > 1:
    ^^^^^^^^^^^^
  let both branches give values of the same type and shape, or use np.where""",
    list_in_a_branch: """\
an if on a traced value cannot be recorded: a list, a dict or an object changes in a branch
  test_loop_errors.py:LINE in list_in_a_branch
    if x[0] > 1:
    ^^^^^^^^^^^^
  write into an array made before it (y[i] = ...) instead of a list, a dict or an object""",
    growing_while: """\
a while loop on a traced value cannot be recorded: y is f8[5] on one side and f8[10] on the other
  test_loop_errors.py:LINE in growing_while
    while np.sum(y) < 10:
    ^^^^^^^^^^^^^^^^^^^^^
  keep types and shapes the same from turn to turn""",
    truth_of_an_array: """\
the truth of an array with more than one element is ambiguous
  test_loop_errors.py:LINE in truth_of_an_array
    if x > 1:
    ^^^^^^^^^
  x > 1: bool[5]
  use np.any, np.all or np.where, and combine masks with & | ~""",
    long_list: """\
the loop has 100000 turns and cannot stay a loop: a list, a dict or an object changes from turn to \
turn; turn by turn it records more than 2000 operations
  test_loop_errors.py:LINE in long_list
    for i in range(100_000):
    ^^^^^^^^^^^^^^^^^^^^^^^^
  write into an array made before it (y[i] = ...) instead of a list, a dict or an object, \
or raise max_nodes""",
    endless: """\
the loop runs more than 100 times while the function is recorded
  test_loop_errors.py:LINE in endless
    while n < 10:
    ^^^^^^^^^^^^^
  check that its condition changes, or raise max_turns""",
    break_and_append: """\
whether the loop is left depends on a traced value, so it must stay a loop, which it cannot here: \
a list, a dict or an object changes from turn to turn
  test_loop_errors.py:LINE in break_and_append
    for i in range(5):
    ^^^^^^^^^^^^^^^^^^
  write into an array made before it (y[i] = ...) instead of a list, a dict or an object""",
}


@pytest.mark.parametrize("function", MESSAGES, ids=lambda f: f.__name__)
def test_message(function):
    with pytest.raises(GradcError) as caught:
        options = Options(regions=True, unroll=0, max_nodes=2000, max_turns=100)
        capture.trace(function, (X,), options=options)
    assert str(caught.value) == MESSAGES[function].replace("LINE", str(caught.value.span.line))
