"""What a user reads when a function cannot be recorded: whole messages."""

import math

import numpy as np
import pytest

from gradc import capture
from gradc.errors import GradcError
from gradc.options import Options

X = np.ones((2, 5))
W = np.ones((4, 3))
LEAKED = []


def mismatch(x, w):
    h = np.tanh(x @ w)
    return h


def broadcast(x, w):
    return x + w


def branch(x, w):
    if x[0, 0] > 0:
        return x
    return -x


def loop(x, w):
    while np.sum(x) > 1:
        x = x / 2
    return x


def both(x, w):
    return (x > 0).all() and (x < 1).all()


def chain(x, w):
    return 0 < x < 1


def to_float(x, w):
    loss = np.sum(x)
    return float(loss)


def to_item(x, w):
    return np.sum(x).item()


def size(x, w):
    return np.zeros(np.argmax(x))


def unsupported(x, w):
    return np.i0(x)


def keyword(x, w):
    return np.clip(x, 0, 1, foo=3)


def out_of_bounds(x, w):
    return x[7]


def mask(x, w):
    return np.max(x[x > 0])


def math_of_array(x, w):
    return math.exp(x)


def text(x, w):
    return x + "a"


def assignment(x, w):
    x[0] = np.ones(7)
    return x


def attribute(x, w):
    return x.base


def join(x, w):
    return np.concatenate([x, w])


def leak(x, w):
    return LEAKED[0] + x


def generator(x, w):
    yield x


# Refused where loops and branches are not kept.
STRAIGHT_LINE = Options(regions=False)
STRAIGHT = (branch, loop, both)

MESSAGES = {
    mismatch: """\
ShapeError: matmul needs x.shape[1] == w.shape[0], got 5 and 4
  test_errors.py:LINE in mismatch
    h = np.tanh(x @ w)
                ^^^^^
  x: f8[2, 5] (argument)    w: f8[4, 3] (argument)
  pass w with 5 rows, or transpose it""",
    broadcast: """\
ShapeError: np.add cannot broadcast (2, 5) against (4, 3)
  test_errors.py:LINE in broadcast
    return x + w
           ^^^^^
  x: f8[2, 5] (argument)    w: f8[4, 3] (argument)
  bring the operands to matching shapes, for instance with x[:, None] or reshape""",
    branch: """\
TraceError: an if depends on a traced value, which is not known while the function is recorded
  test_errors.py:LINE in branch
    if x[0, 0] > 0:
       ^^^^^^^^^^^
  x[0, 0] > 0: bool[]
  write np.where(condition, a, b), which records both sides""",
    loop: """\
TraceError: a while loop depends on a traced value, which is not known while the function is \
recorded
  test_errors.py:LINE in loop
    while np.sum(x) > 1:
          ^^^^^^^^^^^^^
  np.sum(x) > 1: bool[]
  loop a fixed number of times, and use np.where for what happens after the end""",
    both: """\
TraceError: 'and' depends on a traced value, which is not known while the function is recorded
  test_errors.py:LINE in both
    return (x > 0).all() and (x < 1).all()
           ^^^^^^^^^^^^^
  (x > 0).all(): bool[]
  combine conditions with & (each side in parentheses)""",
    chain: """\
TraceError: the truth of an array with more than one element is ambiguous
  test_errors.py:LINE in chain
    return 0 < x < 1
           ^^^^^^^^^
  0 < x < 1: bool[2, 5]
  use np.any, np.all or np.where, and combine masks with & | ~""",
    to_float: """\
TraceError: float() of a traced value is not known while the function is recorded
  test_errors.py:LINE in to_float
    return float(loss)
           ^^^^^^^^^^^
  loss: f8[]
  leave it an array: arithmetic, comparisons and NumPy functions take it as it is""",
    to_item: """\
TraceError: .item() of a traced value is not known while the function is recorded
  test_errors.py:LINE in to_item
    return np.sum(x).item()
           ^^^^^^^^^^^^^^^^
  np.sum(x): f8[]
  leave it an array: arithmetic, comparisons and NumPy functions take it as it is""",
    size: """\
TraceError: np.zeros needs numbers that are known while the function is recorded
  test_errors.py:LINE in size
    return np.zeros(np.argmax(x))
           ^^^^^^^^^^^^^^^^^^^^^^
  np.argmax(x): i8[]
  take sizes from shapes (x.shape[0]), or pass them as Python ints""",
    unsupported: """\
UnsupportedError: np.i0 of a traced value is not supported
  test_errors.py:LINE in unsupported
    return np.i0(x)
           ^^^^^^^^
  x: f8[2, 5] (argument)
  write it with supported NumPy functions, or pass its result in as an argument""",
    keyword: """\
UnsupportedError: np.clip: got an unexpected keyword argument 'foo'
  test_errors.py:LINE in keyword
    return np.clip(x, 0, 1, foo=3)
           ^^^^^^^^^^^^^^^^^^^^^^^
  x: f8[2, 5] (argument)
  leave the argument out, or compute the same with supported ones""",
    out_of_bounds: """\
IndexBoundsError: index 7 is out of bounds for axis 0 with size 2
  test_errors.py:LINE in out_of_bounds
    return x[7]
           ^^^^
  x: f8[2, 5] (argument)
  count positions and axes from 0, or from the end with negative numbers""",
    mask: """\
UnsupportedError: elements under a traced mask cannot be handed to max
  test_errors.py:LINE in mask
    return np.max(x[x > 0])
           ^^^^^^^^^^^^^^^^
  x: f8[2, 5] (argument)
  use np.where(mask, a, b), or reductions with where=mask: how many elements there are is not \
known while the function is recorded""",
    math_of_array: """\
TraceError: math.exp takes a number, not an array
  test_errors.py:LINE in math_of_array
    return math.exp(x)
           ^^^^^^^^^^^
  x: f8[2, 5] (argument)
  use np.exp, which works element by element""",
    text: """\
DTypeError: np.add: an operand is 'a', not a number or an array
  test_errors.py:LINE in text
    return x + "a"
           ^^^^^^^
  x: f8[2, 5] (argument)
  pass a number or an array""",
    assignment: """\
ShapeError: could not assign a value of shape (7,) to a part of shape (5,)
  test_errors.py:LINE in assignment
    x[0] = np.ones(7)
    ^^^^
  x: f8[2, 5] (argument)
  reshape the value, or change the subscript""",
    attribute: """\
UnsupportedError: attribute 'base' of a traced array is not supported
  test_errors.py:LINE in attribute
    return x.base
           ^^^^^^
  x: f8[2, 5] (argument)
  traced arrays have T, shape, ndim, size, dtype, itemsize, nbytes and the methods of arithmetic, \
reduction and reshaping""",
    join: """\
ShapeError: f8[2, 5] and f8[4, 3] do not join along axis 0
  test_errors.py:LINE in join
    return np.concatenate([x, w])
           ^^^^^^^^^^^^^^^^^^^^^^
  x: f8[2, 5] (argument)    w: f8[4, 3] (argument)
  compare the shapes above; reshape, transpose or slice an operand""",
    leak: """\
TraceError: a traced value is used outside the function that made it
  test_errors.py:LINE in leak
    return LEAKED[0] + x
           ^^^^^^^^^^^^^
  x: f8[2, 5] (argument)
  return the value instead of keeping it in a variable that outlives it""",
    generator: """\
UnsupportedError: generator is a generator or a coroutine and has no single result
  test_errors.py:LINE in generator
    def generator(x, w):
        ^^^^^^^^^
  return an array or a tuple of arrays""",
}


@pytest.mark.parametrize("function", MESSAGES, ids=lambda f: f.__name__)
def test_messages(function):
    put = LEAKED.append
    capture.trace(lambda x: put(x), (X,))
    with pytest.raises(GradcError) as caught:
        capture.trace(function, (X, W), options=STRAIGHT_LINE if function in STRAIGHT else None)
    error = caught.value
    got = f"{type(error).__name__}: {error}"
    want = MESSAGES[function].replace("LINE", str(error.span.line))
    if "NEAREST" in want:
        got = got[: got.rindex("is ") + 3] + "NEAREST"
    assert got == want
    first = function.__code__.co_firstlineno
    assert first <= error.span.line <= first + 3
    LEAKED.clear()


@pytest.mark.parametrize("array", [np.array([object()]), np.array([1j]), np.array(["a"])])
def test_dtypes_of_arguments(array):
    with pytest.raises(TypeError, match="x has dtype"):
        capture.trace(lambda x: x, (array,))


def test_too_many_operations():
    def long(x):
        for _ in range(2000):
            x = np.sin(x)
        return x

    with pytest.raises(GradcError, match="more than 1000 operations"):
        capture.trace(long, (X,), max_nodes=1000, options=STRAIGHT_LINE)


def test_long_chains_take_linear_time():
    def chain_of(count):
        def f(x):
            for i in range(count):
                x = np.sin(x) if i % 2 else x + 0.5
            return x

        return capture.trace(f, (np.ones(3),), options=STRAIGHT_LINE)

    assert len(chain_of(20_000).graph) > 20_000


def test_writes_into_an_outer_array_under_a_transform_are_refused():
    def f(x):
        total = x * 0.0

        def inner(v):
            total[0] = v[0]
            return v

        capture.subtrace(inner, (x,))
        return total

    with pytest.raises(TypeError, match="array of the function around"):
        capture.trace(f, (X,))
