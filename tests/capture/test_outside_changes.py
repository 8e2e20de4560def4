"""What a function reads from outside, and is changed between two calls: the change is seen.

Each case is a variable ``G``, a function of ``x`` that reads it, and a statement that changes what
was read.  A compiled function agrees with plain NumPy before and after, and is recorded once only
as long as nothing changes.
"""

import array
import collections
import ctypes
import dataclasses
import functools
import importlib
import linecache
import logging
import math
import os
import sys
import textwrap
import threading
import types
import weakref
from contextvars import ContextVar
from fractions import Fraction

import numpy as np
import pytest

import gradc
from gradc import snapshots
from gradc.errors import GradcError

SHARED = [2.0]
KEPT: list[object] = []


class Thing:
    k = 2.0

    def __init__(self):
        self.a, self.items = 2.0, [2.0, 3.0]

    def method(self, x):
        return x * self.a

    def shared(self, x):
        return x * SHARED[0]

    @property
    def double(self):
        return self.a * 2

    @property
    def named(self):
        return SHARED[0]

    @staticmethod
    def static(x):
        return x * Thing.k

    @classmethod
    def of_class(cls, x):
        return x * cls.k

    def __call__(self, x):
        return x * self.a


class Speaking(Thing):
    """Python's syntax asks it for what it holds."""

    __hash__ = object.__hash__

    def __getitem__(self, i):
        return self.items[i]

    def __iter__(self):
        return iter(self.items)

    def __len__(self):
        return len(self.items)

    def __contains__(self, value):
        return value in self.items

    def __bool__(self):
        return self.a > 2

    def __add__(self, other):
        return self.a + other

    def __float__(self):
        return self.a

    def __index__(self):
        return int(self.a)


class ByName:
    def __getitem__(self, i):
        return i * SHARED[0]


class Slotted:
    __slots__ = ("a",)

    def __init__(self):
        self.a = 2.0


@dataclasses.dataclass(frozen=True)
class Frozen:
    items: list[float]


class Doubling(dict):
    def __getitem__(self, key):
        return dict.__getitem__(self, key) * 2


class Listed(list):
    pass


class Weight(float):
    k = 2.0


Pair = collections.namedtuple("Pair", "a b")
Space = types.SimpleNamespace


def with_attribute():
    def plain(x):
        return x

    plain.k = 2.0
    return plain


def remembered():
    values = [2.0]

    @functools.lru_cache
    def look_up(i):
        return i * values[0]

    look_up.values = values
    return look_up


TIMES = "np.sum(x) * "
PRODUCT = "s = np.sum(x)\nfor g in G: s = s * g + 1.0\nreturn s"
CASES = {
    # containers of numbers
    "an element": (lambda: [2.0], "G[0]", "G[0] = 3.0"),
    "an element of an element": (lambda: [[2.0]], "G[0][0]", "G[0][0] = 3.0"),
    "the sign of zero": (lambda: [0.0], "return np.sum(x) / G[0]", "G[0] = -0.0"),
    "the sign of zero, walked": (
        lambda: [0.0], "s = np.sum(x)\nfor g in G: s = s / g\nreturn s", "G[0] = -0.0"),
    "an integer that is a float now": (
        lambda: [1], "return np.sum(x) * (np.array([3, 4]) * G[0] / 2 + (G[0] * 3 // 2)).sum() "
        "* len(str(G[0]))", "G[0] = 1.0"),
    "a number that is a truth now": (lambda: [1], "len(str(G[0]))", "G[0] = True"),
    "a list in a tuple": (lambda: ([2.0],), "G[0][0]", "G[0][0] = 3.0"),
    "a number in nested tuples": (lambda: ((2.0, (3.0,)),), "G[0][1][0]", "G = ((2.0, (4.0,)),)"),
    "minus zero in a tuple": (lambda: (0.0,), "return np.sum(x) / G[0]", "G = (-0.0,)"),
    "a set, walked": (lambda: {2.0}, PRODUCT, "G.add(5.0)"),
    "a set, counted": (lambda: {2.0}, "len(G)", "G.add(5.0)"),
    "a set, asked": (lambda: {2.0}, "(2.0 if 5.0 in G else 1.0)", "G.add(5.0)"),
    "a frozen set": (lambda: frozenset({2.0}), "len(G)", "G = frozenset({1.0, 2.0})"),
    "the order of a dict": (
        lambda: {"a": 2.0, "b": 3.0}, "s = np.sum(x)\nfor k in G: s = s * G[k] + G[k]\nreturn s",
        "G['a'] = G.pop('a')"),
    "the order of its items": (
        lambda: {"a": 2.0, "b": 3.0},
        "s = np.sum(x)\nfor k, v in G.items(): s = s * v + v\nreturn s", "G['a'] = G.pop('a')"),
    "the order of a dict of arrays": (
        lambda: {"a": np.ones(2), "b": 2 * np.ones(2)},
        "s = np.sum(x)\nfor k in G: s = s * np.sum(G[k]) + np.sum(G[k])\nreturn s",
        "G['a'] = G.pop('a')"),
    "an ordered dict": (
        lambda: collections.OrderedDict(a=2.0, b=3.0),
        "s = np.sum(x)\nfor k, v in G.items(): s = s * v + v\nreturn s", "G.move_to_end('a')"),
    "a key that came": (lambda: {"a": 2.0}, "G.get('b', 1.0)", "G['b'] = 4.0"),
    "a default dict": (lambda: collections.defaultdict(float, a=2.0), "G['a']", "G['a'] = 4.0"),
    "a counter": (lambda: collections.Counter("aab"), "G['a']", "G['a'] = 5"),
    "a deque": (lambda: collections.deque([2.0]), "G[0]", "G[0] = 3.0"),
    "a deque, walked": (lambda: collections.deque([2.0]), PRODUCT, "G.append(3.0)"),
    "a deque as an array": (
        lambda: collections.deque([3.0, 2.0]), "return np.sum(x * np.array(G))", "G[0] = 1.0"),
    "a deque of arrays": (
        lambda: collections.deque([np.ones(2)]),
        "s = np.sum(x)\nfor g in G: s = s * np.sum(g)\nreturn s", "G.append(np.ones(2))"),
    "an array of the library": (lambda: array.array("d", [2.0]), "G[0]", "G[0] = 3.0"),
    "bytes that change": (lambda: bytearray(b"\x02"), "G[0]", "G[0] = 3"),
    "a view of bytes": (lambda: memoryview(bytearray(b"\x02")), "G[0]", "G[0] = 3"),
    "a number of C": (lambda: ctypes.c_double(2.0), "G.value", "G.value = 3.0"),
    "numbers of C": (lambda: (ctypes.c_double * 1)(2.0), "G[0]", "G[0] = 3.0"),
    "a structured scalar": (
        lambda: np.array([(2.0,)], dtype=[("a", "f8")])[0], "G['a']", "G['a'] = 3.0"),
    "a view of a dict": (
        lambda: types.MappingProxyType(KEPT.append({"a": 2.0}) or KEPT[-1]), "G['a']",
        "KEPT[-1]['a'] = 3.0"),
    "a list of a class": (lambda: Listed([2.0]), "G[0]", "G[0] = 3.0"),
    "a dict of a class": (lambda: Doubling(a=2.0), "G['a']", "G['a'] = 3.0"),
    "a user list": (lambda: collections.UserList([2.0]), "G[0]", "G[0] = 3.0"),
    "a user dict": (lambda: collections.UserDict(a=2.0), "G['a']", "G['a'] = 3.0"),
    "a user dict of arrays": (
        lambda: collections.UserDict(a=np.ones(2)), "return np.sum(x * G['a'])", "G['a'][0] = 3.0"),
    "a chain of dicts": (lambda: collections.ChainMap({"a": 2.0}), "G['a']", "G['a'] = 3.0"),
    "a fraction": (lambda: Fraction(1, 2), "float(G)", "G = Fraction(1, 3)"),
    "sorted": (lambda: [3.0, 2.0], "sorted(G)[0]", "G[0] = 1.0"),
    "sorted by a key": (
        lambda: [3.0], "sorted([1.0, 2.0], key=lambda v: v * G[0])[0]", "G[0] = -3.0"),
    "the least by a key": (
        lambda: [3.0], "min([1.0, 2.0], key=lambda v: v * G[0])", "G[0] = -3.0"),
    "unpacked": (lambda: [3.0, 2.0], "max(*G)", "G[0] = 9.0"),
    "a text of it": (lambda: [2.0], "len(f'{G[0]}')", "G[0] = 2.25"),
    "compared": (lambda: [1.0], "(2.0 if G == [1.0] else 3.0)", "G[0] = 2.0"),
    "whether it is empty": (lambda: [], "(2.0 if G else 3.0)", "G.append(np.ones(2))"),
    # arrays
    "two names of one array": (
        lambda: (lambda w: Space(a=w, b=w))(np.ones(2)),
        "return np.sum(x * G.a) + 2 * np.sum(x * G.b)", "G.b = 2 * np.ones(2)"),
    "the first of two names": (
        lambda: (lambda w: Space(a=w, b=w))(np.ones(2)),
        "return np.sum(x * G.a) + 2 * np.sum(x * G.b)", "G.a = 2 * np.ones(2)"),
    "one array twice in a list": (
        lambda: [np.ones(2)] * 2, "return np.sum(x * G[0]) + 3 * np.sum(x * G[1])",
        "G[1] = 2 * np.ones(2)"),
    "the number of arrays": (lambda: [np.ones(2)], "len(G)", "G.append(np.ones(2))"),
    "an array that is an index": (lambda: np.array([1]), "return x[G[0]]", "G[0] = 0"),
    # objects
    "an attribute": (Thing, "G.a", "G.a = 3.0"),
    "an attribute by its name": (Thing, "getattr(G, 'a')", "G.a = 3.0"),
    "an attribute that came": (Thing, "getattr(G, 'z', 1.0)", "G.z = 3.0"),
    "whether there is one": (Thing, "(2.0 if hasattr(G, 'z') else 1.0)", "G.z = 3.0"),
    "all attributes": (Thing, "vars(G)['a']", "G.a = 3.0"),
    "the dict of an object": (Thing, "G.__dict__['a']", "G.a = 3.0"),
    "a set in an object": (lambda: Space(a={2.0}), "len(G.a)", "G.a.add(3.0)"),
    "an object in an object": (lambda: Space(a=Space(b=2.0)), "G.a.b", "G.a.b = 3.0"),
    "another object": (lambda: Space(a=Space(b=2.0)), "G.a.b", "G.a = Space(b=4.0)"),
    "an object in a list": (lambda: [Thing()], "G[0].a", "G[0].a = 4.0"),
    "objects in a dict": (
        lambda: {"p": Thing(), "q": Thing()},
        "s = np.sum(x)\nfor v in G.values(): s = s * v.a\nreturn s", "G['q'].a = 4.0"),
    "slots": (Slotted, "G.a", "G.a = 3.0"),
    "a frozen object": (lambda: Frozen([2.0]), "G.items[0]", "G.items[0] = 3.0"),
    "a named tuple": (lambda: Pair(2.0, [3.0]), "G.b[0]", "G.b[0] = 5.0"),
    "an attribute of the class": (Thing, "G.k", "G.k = 2.5"),
    "a number with attributes": (lambda: Weight(2.0), "G.k", "G.k = 3.0"),
    "another class": (
        Thing, "G.a", "G.__class__ = type('Other', (Thing,), {'a': property(lambda s: 9.0)})"),
    "an item": (Speaking, "G[0]", "G.items[0] = 9.0"),
    "items": (Speaking, "sum([v for v in G])", "G.items.append(1.0)"),
    "the list of items": (Speaking, "sum(list(G))", "G.items.append(1.0)"),
    "their sum": (Speaking, "sum(G)", "G.items.append(1.0)"),
    "how many": (Speaking, "len(G)", "G.items.append(1.0)"),
    "whether it is in": (Speaking, "(2.0 if 9.0 in G else 1.0)", "G.items.append(9.0)"),
    "whether it is true": (Speaking, "(2.0 if G else 1.0)", "G.a = 3.5"),
    "a sum": (Speaking, "(G + 1.0)", "G.a = 3.5"),
    "a float": (Speaking, "float(G)", "G.a = 3.5"),
    "an index": (Speaking, "[1.0, 2.0, 3.0, 4.0][G]", "G.a = 3.5"),
    "an item by a global": (ByName, "G[2]", "SHARED[0] += 1.0"),
    "a property": (Thing, "G.double", "G.a = 3.5"),
    "a property by a global": (Thing, "G.named", "SHARED[0] += 1.0"),
    "a weak reference": (
        lambda: (lambda one: (one, weakref.ref(one)))(Thing()), "G[1]().a", "G[0].a = 3.0"),
    "a variable of the context": (lambda: ContextVar("v", default=2.0), "G.get()", "G.set(3.0)"),
    "a variable of the process": (
        lambda: 0, "len(os.environ.get('GRADC_NO_SUCH', 'a'))",
        "monkeypatch.setenv('GRADC_NO_SUCH', 'abc')"),
    "the same by its function": (
        lambda: 0, "len(os.getenv('GRADC_NO_SUCH', 'a'))",
        "monkeypatch.setenv('GRADC_NO_SUCH', 'abc')"),
    "a list of the library": (
        lambda: 0, "len(sys.argv)",
        "monkeypatch.setattr(sys, 'argv', [*sys.argv, 'more'])"),
    "a polynomial": (lambda: np.poly1d([1.0, 2.0]), "G(2.0)", "G.coeffs[0] = 3.0"),
    # functions
    "a function of NumPy": (lambda: np.tanh, "return np.sum(G(x))", "G = np.sin"),
    "one in an object": (lambda: Space(f=np.tanh), "return np.sum(G.f(x))", "G.f = np.sin"),
    "one in a dict": (lambda: {"f": np.tanh}, "return np.sum(G['f'](x))", "G['f'] = np.sin"),
    "a reduction": (lambda: np.sum, "return G(x)", "G = np.mean"),
    "a reduction in an object": (lambda: Space(f=np.sum), "return G.f(x)", "G.f = np.mean"),
    "a builtin": (lambda: max, "G(1.0, 2.0)", "G = min"),
    "a builtin in an object": (lambda: Space(f=math.sin), "G.f(1.0)", "G.f = math.cos"),
    "a function in a list": (lambda: [lambda x: x * 2.0], "return G[0](np.sum(x))",
                             "G[0] = lambda x: x * 3.0"),
    "the code of a function": (lambda: lambda x: x * 2.0, "return G(np.sum(x))",
                               "G.__code__ = (lambda x: x * 3.0).__code__"),
    "a default": (lambda: lambda x, c=2.0: x * c, "return G(np.sum(x))", "G.__defaults__ = (3.0,)"),
    "a default that changes": (lambda: lambda x, c=[2.0]: x * c[0], "return G(np.sum(x))",
                               "G.__defaults__[0][0] = 3.0"),
    "a default by name": (lambda: lambda x, *, c=2.0: x * c, "return G(np.sum(x))",
                          "G.__kwdefaults__['c'] = 3.0"),
    "an attribute of a function": (with_attribute, "G.k", "G.k = 3.0"),
    "a partial function": (lambda: functools.partial(lambda c, x: x * c[0], [2.0]),
                           "return G(np.sum(x))", "G.args[0][0] = 3.0"),
    "a partial function by name": (lambda: functools.partial(lambda x, c: x * c[0], c=[2.0]),
                                   "return G(np.sum(x))", "G.keywords['c'][0] = 3.0"),
    "a function that remembers": (remembered, "G(2)", "G.values[0] = 3.0\nG.cache_clear()"),
    "a method": (Thing, "return G.method(np.sum(x))", "G.a = 3.0"),
    "a bound method": (lambda: Thing().method, "return G(np.sum(x))", "G.__self__.a = 3.0"),
    "a method of a global": (Thing, "return G.shared(np.sum(x))", "SHARED[0] += 1.0"),
    "a method put in its place": (Thing, "return G.method(np.sum(x))",
                                  "G.method = lambda x: x * 5.0"),
    "a method of the class put in its place": (
        Thing, "return G.method(np.sum(x))",
        "monkeypatch.setattr(Thing, 'method', lambda self, x: x * 5.0)"),
    "a static method": (Thing, "return G.static(np.sum(x))",
                        "monkeypatch.setattr(Thing, 'k', 7.0)"),
    "a method of a class": (Thing, "return G.of_class(np.sum(x))",
                            "monkeypatch.setattr(Thing, 'k', 7.0)"),
    "an object that is called": (Thing, "return G(np.sum(x))", "G.a = 3.0"),
    "a closure": (lambda: (lambda one: lambda x: x * one.a)(Thing()), "return G(np.sum(x))",
                  "G.__closure__[0].cell_contents.a = 6.0"),
}  # fmt: skip


def function_of(name, make, body, source=True):
    """Return the function and the variables it reads; its ``source`` may be at hand or not."""
    body = body if "return" in body else f"return {TIMES}{body}"
    text = "def f(x):\n" + textwrap.indent(body, "    ")
    path = f"<{name}>"
    if source:
        linecache.cache[path] = (len(text), None, text.splitlines(True), path)
    else:
        linecache.cache.pop(path, None)
    variables = dict(globals(), G=make(), os=os, sys=sys)
    exec(compile(text, path, "exec"), variables)
    return variables["f"], variables


def versions(function):
    return sum(map(len, function._dispatch._versions.values()))


@pytest.mark.parametrize("name", CASES)
def test_a_change_is_seen(name, monkeypatch):
    check_change(*CASES[name], function_of(name, *CASES[name][:2]), monkeypatch)


WITHOUT = set(CASES) - {
    "a variable of the process",
    "the same by its function",
    "a list of the library",
}


@pytest.mark.parametrize("name", sorted(WITHOUT))
def test_a_change_is_seen_without_source(name, monkeypatch):
    found = function_of(f"no source: {name}", *CASES[name][:2], source=False)
    check_change(*CASES[name], found, monkeypatch)


def check_change(_, body, change, found, monkeypatch):
    function, variables = found
    x, step = np.array([1.0, 2.0]), np.array([1e-6, 0.0])
    gradient = gradc.value_and_grad(function, backend="numpy")

    def agree():
        value, bar = gradient(x)
        with np.errstate(all="ignore"):
            ahead = (function(x + step) - function(x - step)) / 2e-6
            assert value == function(x)
        if np.isfinite(ahead):
            np.testing.assert_allclose(bar[0], ahead, rtol=1e-6, atol=1e-9)
        return value, bar[0]

    before = agree()
    assert agree() == before
    assert versions(gradient) == 1
    variables["monkeypatch"] = monkeypatch
    exec(change, variables)
    assert agree() != before
    assert agree() != before


def refused(make, body):
    function, _ = function_of("refused", make, body)
    with pytest.raises(GradcError) as caught:
        gradc.grad(function, backend="numpy")(np.ones(2))
    assert caught.value.span.line == 2
    assert caught.value.repair
    return caught.value.headline


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (lambda: iter([2.0, 3.0]), "list_iterator"),
        (lambda: (v for v in [2.0, 3.0]), "generator"),
        (lambda: enumerate([2.0]), "enumerate"),
        (lambda: map(float, [2.0]), "map"),
    ],
)
def test_what_is_used_up_is_refused(make, kind):
    """A second call would find nothing left in it."""
    headline = refused(make, "for g in G: x = x * 2.0\nreturn np.sum(x)")
    assert f"G is an object of type {kind} from outside" in headline


@pytest.mark.parametrize(
    ("call", "named"),
    [
        ("random.random()", "random.random"),
        ("random.gauss(0, 1)", "random.gauss"),
        ("time.time()", "time.time"),
        ("time.perf_counter_ns()", "time.perf_counter_ns"),
        ("datetime.datetime.now().year", "datetime.datetime.now"),
        ("datetime.date.today().year", "datetime.date.today"),
        ("os.urandom(1)[0]", "posix.urandom"),
        ("secrets.randbelow(3)", "secrets.randbelow"),
    ],
)
def test_what_differs_at_each_call_is_refused(call, named):
    for module in ("random", "time", "datetime", "secrets"):
        globals()[module] = importlib.import_module(module)
    assert f"{named} returns something else at each call" in refused(lambda: 0, call)


@pytest.mark.parametrize("name", ["globals()['G']", "eval('G')"])
def test_what_hides_its_reads_is_refused(name):
    assert "reads variables that the recording does not see" in refused(lambda: 2.0, name)


def test_too_much_to_compare_is_refused():
    large = np.zeros(snapshots.MAX_BYTES // 8 + 1)
    headline = refused(lambda: collections.UserDict(a=large), "G['a'][0]")
    assert "bytes would have to be compared at each call" in headline


def test_objects_that_lead_to_too_many_are_refused():
    many = collections.UserList([Thing() for _ in range(snapshots.MAX_OBJECTS)])
    assert "UserList leads to too many objects" in refused(lambda: many, "G[0].a")


@pytest.mark.parametrize("name", ["globals", "eval"])
def test_other_functions_of_such_a_name_are_called(name):
    namespace = {name: lambda x: x * 3.0, "np": np}
    function, variables = function_of("named", lambda: 0, f"return np.sum({name}(x))")
    variables.update(namespace)
    assert gradc.compile(function, backend="numpy")(np.ones(2)) == 6.0


def test_circles_are_no_obstacle():
    ring = Speaking()
    ring.items = [ring, 2.0]
    function, variables = function_of("ring", lambda: ring, "G[1]")
    compiled = gradc.compile(function, backend="numpy")
    assert [compiled(np.ones(2)), compiled(np.ones(2))] == [4.0, 4.0]
    variables["G"].items[1] = 5.0
    assert compiled(np.ones(2)) == 10.0


def test_objects_that_say_nothing_are_let_be():
    """A lock, a file, a logger: used, but not for a value."""
    lock, log = threading.Lock(), logging.getLogger("gradc.test")

    def f(x):
        with lock:
            log.debug("here")
        return np.sum(x)

    assert gradc.compile(f, backend="numpy")(np.ones(2)) == 2.0


def test_long_lists_are_compared_by_identity_in_c(monkeypatch):
    table = [(k, k + 1) for k in range(500)]
    held = snapshots.snapshot(table)
    seen = []
    monkeypatch.setattr(snapshots, "is_same", lambda a, b: seen.append(a) or True)
    assert held.holds(table)
    assert seen == []
    assert held.holds([*table[:-1], (499, 500)])
    assert len(seen) == 500


def test_what_stays_the_same_object_and_holds_the_same():
    pinned = [1.0, "a", (1, (2.0, frozenset({3}))), np.sum, Thing(), (np.ones(2), [np.ones(2)])]
    assert all(map(snapshots.is_pinned, pinned))
    loose = [[1], {"a": 1}, {1}, ([1],), ((1, {}),), [np.ones(2)]]
    loose.append(np.array([(2.0,)], dtype=[("a", "f8")])[0])
    assert not any(map(snapshots.is_pinned, loose))


def test_snapshots_are_exact():
    for one, other in [(1, 1.0), (1, True), (0.0, -0.0), ((1,), (1.0,)), ("1", b"1"),
                       (np.float64(1), 1.0), (frozenset({1}), frozenset({1.0}))]:  # fmt: skip
        assert not snapshots.is_same(one, other)
        assert not snapshots.snapshot([one]).holds([other])
        assert not snapshots.snapshot({"a": one}).holds({"a": other})
        assert snapshots.snapshot([one]).holds([one])
    nan = float("nan")
    assert snapshots.is_same(nan, float("nan"))
    assert not snapshots.snapshot({"a": 1, "b": 2}).holds({"b": 2, "a": 1})
    assert snapshots.snapshot([[1], {"a": (2, [3])}]).holds([[1], {"a": (2, [3])}])
