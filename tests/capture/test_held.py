"""What a loop changes besides arrays and plain lists: queues, counters, classes, iterators.

A loop is recorded once before it is known whether it can stay one, so all of that has to be put
back, and whoever counts its turns has to be run turn by turn.
"""

import itertools
from array import array
from collections import Counter, OrderedDict, defaultdict, deque
from types import SimpleNamespace

import numpy as np
import pytest

import gradc

X = np.array([0.5, -1.0, 2.0, 3.0])
WEIGHTS = (1, 2, 3, 4)
STATE = {"n": 0}
CALLS = 0


def queue(x):
    q = deque(maxlen=2)
    for v in x:
        q.append(v * 2)
    return q[0] * q[1]


def groups(x):
    found = defaultdict(list)
    for i, v in enumerate(x):
        found[i % 2].append(v)
    return found[0][0] * found[1][1] * len(found[0])


def counter(x):
    c, t = Counter(), 0.0
    for i in range(4):
        c["n"] += 1
        t = t + x[i] * WEIGHTS[i]
    return t * c["n"]


def order(x):
    seen, t = OrderedDict(), 0.0
    for i in range(4):
        seen[len(seen)] = i
        t = t + x[i] * WEIGHTS[i]
    return t * len(seen)


def numbers_in_c(x):
    b, a, t = bytearray(), array("d"), 0.0
    for i in range(4):
        b.append(1)
        a.append(1.0)
        t = t + x[i] * WEIGHTS[i]
    return t * len(b) * len(a)


class Stack(list):
    pass


class Bag(set):
    pass


def subclasses(x):
    s, b = Stack(), Bag()
    for v in x:
        s.append(v * 2)
        b.add(len(b))
    return s[0] * s[3] + len(s) * len(b)


class Slotted:
    __slots__ = ("n", "total")

    def __init__(self):
        self.n, self.total = 0, 0.0

    def add(self, v):
        self.n += 1
        self.total = self.total + v


def slots(x):
    s = Slotted()
    for v in x:
        s.add(v)
    return s.total * s.n


class Counted:
    count = 0

    def hit(self, v):
        Counted.count += 1
        return v * 2


def class_attribute(x):
    Counted.count = 0
    c, t = Counted(), 0.0
    for v in x:
        t = t + c.hit(v)
    return t * Counted.count


def namespace(x):
    s = SimpleNamespace(n=0)
    push = [].append
    for i in range(4):
        s.n += 1
        push(i)
    return x * s.n * len(push.__self__)


def iterator(x):
    numbers, t = iter((1, 2, 3, 4)), 0.0
    for i in range(4):
        t = t + x[i] * next(numbers)
    return t


def endless(x):
    numbers, t = itertools.count(1), 0.0
    for v in x:
        t = t + v * next(numbers)
    return t


def generator(x):
    numbers, t = (2 * k for k in range(10)), 0.0
    for v in x:
        t = t + v * next(numbers)
    return t


class Steps:
    def __init__(self):
        self.n = 0

    def __iter__(self):
        return self

    def __next__(self):
        self.n += 1
        return self.n


def own_iterator(x):
    steps, t = Steps(), 0.0
    for v in x:
        t = t + v * next(steps)
    return t


def default(x):
    def note(v, seen=[]):  # noqa: B006
        seen.append(v)
        return v * len(seen)

    t = 0.0
    for v in x:
        t = t + note(v)
    return t


INSIDE = [
    queue, groups, counter, order, numbers_in_c, subclasses, slots, class_attribute, namespace,
    iterator, endless, generator, own_iterator, default,
]  # fmt: skip


@pytest.mark.parametrize("fn", INSIDE, ids=lambda fn: fn.__name__)
@pytest.mark.parametrize("unroll", [0, 3])
def test_turns_are_counted(fn, unroll):
    want = fn(X)
    np.testing.assert_array_equal(gradc.compile(fn, backend="numpy", unroll=unroll)(X), want)


def counts_in_a_module(x):
    for _ in range(4):
        STATE["n"] += 1
    return x * STATE["n"]


def counts_calls(x):
    global CALLS
    CALLS += 1
    return x * CALLS


def counts_turns(x):
    global CALLS
    t = 0.0
    for i in range(4):
        CALLS += 1
        t = t + x[i] * WEIGHTS[i]
    return t * CALLS


class Model:
    calls = 0

    def __init__(self):
        self.n = 0

    def of_the_object(self, x):
        self.n += 1
        return x * self.n

    def of_the_class(self, x):
        Model.calls += 1
        return x * Model.calls


def reset(model):
    global CALLS
    CALLS = STATE["n"] = Model.calls = model.n = 0


@pytest.mark.parametrize(
    "name",
    ["counts_in_a_module", "counts_calls", "counts_turns", "of_the_object", "of_the_class"],
)
def test_what_is_outside_counts_on(name):
    model = Model()
    fn = globals()[name] if name in globals() else getattr(model, name)
    reset(model)
    want = [fn(X) for _ in range(3)]
    reset(model)
    compiled = gradc.compile(fn, backend="numpy")
    for value in want:
        np.testing.assert_array_equal(compiled(X), value)


def twice(x):
    pairs, t = zip(x, 2 * x), 0.0  # noqa: B905
    for a, b in pairs:
        t = t + a * b
    for a, b in pairs:
        t = t + a * b
    return t


def between(x):
    pairs, t = enumerate(x), 0.0
    for _, v in pairs:
        _, w = next(pairs)
        t = t + v * w
    return t


def rest(x):
    pairs, t = enumerate(x), 0.0
    for i, v in pairs:
        if i == 1:
            break
        t = t + v
    return t + len(list(pairs))


@pytest.mark.parametrize("fn", [twice, between, rest], ids=lambda fn: fn.__name__)
def test_an_iterator_serves_one_loop(fn):
    with pytest.raises(gradc.TraceError, match="an iterator is used again") as caught:
        gradc.compile(fn, backend="numpy")(X)
    assert "pairs" in str(caught.value)


def in_each_turn(x):
    t = 0.0
    for k in range(3):
        for a, b in zip(x, x):  # noqa: B905
            t = t + a * b * k
    return t


def test_iterators_made_in_a_turn_leave_the_loop_one():
    compiled = gradc.compile(in_each_turn, backend="numpy", unroll=0)
    np.testing.assert_allclose(compiled(X), in_each_turn(X))
    lines = compiled.source("numpy", X).splitlines()
    assert sum(line.lstrip().startswith("for ") for line in lines) == 2
