"""A function's fingerprint: equal for two functions only if recording them gives the same graph.

It is made without running the function, in less than a millisecond, and finds what was compiled for
it in another process (``gradc.warm``).  Why that is sound:

*Recording is a computation.*  What it gives follows from the function's code, the text it was
compiled from (which is rewritten), the values it reads from outside, the types of the traced
arguments, the values of the others, the options, and from gradc, NumPy and Python themselves.  The
fingerprint is a hash of exactly that: code objects byte for byte, with those nested in them; the
whole text of their files; names and lines; defaults and closure cells; each global that the code
names, as far as it is read: of a module only the attributes that are named.  Functions among these
are entered in turn, numbers, strings and plain containers by value, and what NumPy, Python and
gradc define by name, after a look that this is still what the name means there.

*Arrays are data.*  Of one that is an argument or is closed over only the type counts: its content
is read at each call.

*What is not understood has no fingerprint.*  An object of a class, an array in a container, a bound
method, a generator of random numbers, a module that is handed on as a value: ``None`` is
returned, and the function is recorded as if there were no fingerprints.

*What cannot be seen from outside is looked into where it is stored.*  Nothing is found that was not
stored, and a function is stored only after ``fingerprint_policy`` has gone through its
instructions: they write nothing outside, and read attributes only by names that belong to arrays
and plain containers, so that no object leads to another one that the fingerprint left out.  What
the recording took for granted must be among what the fingerprint read, and the fingerprint must
be the same after the recording.
"""

import builtins
import functools
import linecache
import marshal
import opcode
import sys
from collections.abc import Iterator
from types import BuiltinFunctionType, CellType, CodeType, FunctionType, ModuleType
from typing import Any, NoReturn

import numpy as np

from gradc.api import Function
from gradc.later import sha256
from gradc.options import Options
from gradc.routes import Leaves, Reader, Route, attribute, content, fixed, item, variable
from gradc.rules import Checkpointed, Forward, Gradient, Hvp, Jacobian, Map
from gradc.trees import LEAF, TreeDef

__all__ = ["Fingerprint", "fingerprint"]

_VERSIONS = ((3, 11), (3, 12), (3, 13))
"""Versions of Python whose instructions are known here."""

_ATOMS = frozenset((type(None), bool, int, float, complex, str, bytes, type(...)))
_RULES = frozenset((Gradient, Forward, Hvp, Checkpointed, Jacobian, Map))
_DISPATCHER = type(np.sum)
_DEFINED = frozenset((np.ufunc, _DISPATCHER, BuiltinFunctionType, type))
_HOMES = frozenset(("builtins", "math", "numpy", "gradc", "operator", "functools", "itertools"))
"""Where something known by its name may be defined."""
_REMEMBERED = "_gradc_transforms"

_GLOBAL = opcode.opmap["LOAD_GLOBAL"]
_EXTENDED = opcode.opmap["EXTENDED_ARG"]
_ATTRIBUTE = opcode.opmap["LOAD_ATTR"]
_METHOD = opcode.opmap.get("LOAD_METHOD", -1) if sys.version_info < (3, 12) else -1
_ATTRIBUTE_SHIFT = 0 if sys.version_info < (3, 12) else 1
_LOADS = (_ATTRIBUTE, _METHOD)


class _Unknown(Exception):
    """Something that has no fingerprint; the text says what."""


class Fingerprint:
    """The hash, and what was found on the way.

    Parameters
    ----------
    text : str
        The hash in hexadecimal digits.
    sites : list of (str, Reader, object)
        Each variable that was read from outside, in a fixed order: how a recording names it, how it
        is read again, and what it held.
    codes : list of (CodeType, set of str)
        All code, with the names of its variables from outside.
    defined : list
        What is known by its name: functions of NumPy, types.
    functions : list of FunctionType
        All functions that are entered.
    known : set of (int, int)
        ``(id(code), position)`` of instructions that read an attribute of a module.
    """

    __slots__ = ("codes", "defined", "functions", "known", "sites", "text")

    def __init__(self) -> None:
        self.text = ""
        self.sites: list[tuple[str, Reader, Any]] = []
        self.codes: list[tuple[CodeType, frozenset[str]]] = []
        self.defined: list[Any] = []
        self.functions: list[FunctionType] = []
        self.known: set[tuple[int, int]] = set()


def fingerprint(function: Function, leaves: Leaves, tree: TreeDef) -> Fingerprint | None:
    """Return the fingerprint of a compiled function for a call; None where it has none.

    ``leaves`` and ``tree`` are those of ``(args, kwargs)``.
    """
    if sys.version_info[:2] not in _VERSIONS:
        return None
    walk = _Walk()
    try:
        token = (
            _surroundings(),
            function.__name__,
            _options(function.options),
            _tree(tree),
            tuple([_leaf(leaf) for leaf in leaves]),
            walk.value(function.fn),
        )
        walk.found.text = sha256(marshal.dumps(token, 2)).hexdigest()
    except (_Unknown, ValueError, TypeError, AttributeError, LookupError, RecursionError):
        return None  # the recording says what is wrong, if anything is
    return walk.found


def _surroundings() -> tuple[Any, ...]:
    """Return what else a recording depends on; gradc's own code joins in where a key is stored."""
    ops = sys.modules.get("gradc.ops")
    if ops is not None and len(ops.REGISTRY) != ops.OWN:
        _refuse("an op that the user declared")
    errors = tuple(sorted(np.geterr().items()))
    return sys.version, sys.flags.optimize, sys.byteorder, np.__version__, errors


def _options(options: Options) -> tuple[Any, ...]:
    return tuple([getattr(options, name) for name in Options.__slots__])


# arguments


def _tree(tree: Any) -> Any:
    if tree is None or tree == LEAF:
        return tree
    kind, names, *children = tree
    if kind not in (tuple, list, dict) or any(type(name) is not str for name in names or ()):
        raise _Unknown("a container of a class")
    return kind.__name__, names, tuple([_tree(child) for child in children])


def _leaf(leaf: Any) -> tuple[Any, ...]:
    kind = type(leaf)
    if kind is np.ndarray:
        if leaf.dtype.kind not in "biuf":
            raise _Unknown("an array of another dtype")
        return "array", leaf.dtype.str, leaf.shape
    if kind is float:
        return ("float",)
    if kind in _ATOMS:
        return "fixed", leaf
    if kind.__module__ == "numpy" and isinstance(leaf, np.bool_ | np.integer | np.floating):
        return "scalar", leaf.dtype.str
    raise _Unknown("an argument of a class")


# the function


class _Walk:
    """Goes through a function and what it reads, each thing once."""

    def __init__(self) -> None:
        self.found = Fingerprint()
        self.numbers: dict[int, int] = {}
        self.kept: list[Any] = []
        self.texts: dict[str, bytes] = {}

    def value(self, value: Any) -> Any:
        """Return a token that no other value has."""
        kind = type(value)
        if kind in _ATOMS:
            return value
        if kind is tuple:
            return "tuple", *[self.value(item) for item in value]
        if kind is list or kind is dict or kind is FunctionType:
            return self._numbered(value)
        if kind in _RULES:
            return kind.__name__, *[self.value(getattr(value, name)) for name in kind.__slots__]
        if kind is Function:
            return "Function", value.__name__, _options(value.options), self.value(value.fn)
        if kind is functools.partial:
            return self._partial(value)
        return self._defined(value) if kind in _DEFINED else _number(value)

    def _numbered(self, value: Any) -> Any:
        """Return a token of something that may be met again, then as the same object."""
        number = self.numbers.setdefault(id(value), len(self.numbers))
        if number < len(self.kept):
            return "again", number
        self.kept.append(value)
        if type(value) is FunctionType:
            return self._function(value)
        if type(value) is list:
            return "list", *[self.value(item) for item in value]
        return "dict", *[(self.value(name), self.value(item)) for name, item in value.items()]

    def _partial(self, value: functools.partial[Any]) -> Any:
        if value.__dict__:
            _refuse("a partial with attributes")
        return "partial", self.value(value.func), self.value(value.args), self.value(value.keywords)

    def _defined(self, value: Any) -> tuple[str, str, str]:
        """Return the name under which a module of NumPy, Python or gradc defines this object."""
        name = value.__name__
        home = "numpy" if type(value) is np.ufunc else value.__module__
        if type(home) is not str or home.partition(".")[0] not in _HOMES:
            _refuse("something defined elsewhere")
        if getattr(sys.modules.get(home), name, None) is not value:
            _refuse("something with the name of another thing")
        self.found.defined.append(value)
        return "defined", home, name

    # functions

    def _function(self, function: FunctionType) -> Any:
        home = function.__module__ or ""
        if home.partition(".")[0] in sys.stdlib_module_names or _is_library(home):
            return self._defined(function)
        if function.__dict__ and set(function.__dict__) != {_REMEMBERED}:
            _refuse("a function with attributes")
        if getattr(function, "__builtins__", None) is not vars(builtins):
            _refuse("other builtins")
        self.found.functions.append(function)
        code = function.__code__
        self.found.sites.append((f"the code of {function.__name__}", Route(function, None), code))
        return (
            (function.__name__, function.__qualname__, home),
            marshal.dumps(code, 2),
            self._text(function),
            self._defaults(function),
            self._cells(function),
            self._globals(code, function.__globals__, frozenset(code.co_freevars)),
        )

    def _text(self, function: FunctionType) -> bytes:
        """Return a hash of the file, as the rewriting sees it."""
        name = function.__code__.co_filename
        if name not in self.texts:
            lines = linecache.getlines(name, function.__globals__)
            self.texts[name] = sha256("".join(lines).encode(errors="surrogatepass")).digest()
        return self.texts[name]

    def _defaults(self, function: FunctionType) -> Any:
        places = attribute(fixed(function), "__defaults__")
        first = [
            self._site(value, item(places, k), f"default {k}")
            for k, value in enumerate(function.__defaults__ or ())
        ]
        places = attribute(fixed(function), "__kwdefaults__")
        named = [
            (name, self._site(value, item(places, name), name))
            for name, value in (function.__kwdefaults__ or {}).items()
        ]
        return tuple(first), tuple(named)

    def _cells(self, function: FunctionType) -> Any:
        names, cells = function.__code__.co_freevars, function.__closure__ or ()
        return tuple([self._cell(cell, name) for name, cell in zip(names, cells, strict=True)])

    def _cell(self, cell: CellType, name: str) -> Any:
        try:
            value = cell.cell_contents
        except ValueError:
            return ("empty",)
        return self._site(value, content(cell), name)

    def _globals(self, code: CodeType, variables: dict[str, Any], outside: frozenset[str]) -> Any:
        """Return what a code object and those inside it read by name."""
        self.found.codes.append((code, outside))
        tokens = [
            (name, self._global(code, name, chain, variables)) for name, chain in _reads(code)
        ]
        inside = [
            self._globals(inner, variables, outside.intersection(inner.co_freevars))
            for inner in code.co_consts
            if type(inner) is CodeType
        ]
        return tuple(tokens), tuple(inside)

    def _global(
        self, code: CodeType, name: str, chain: list[tuple[int, str]], variables: dict[str, Any]
    ) -> Any:
        if name in variables:
            value = variables[name]
            if type(value) is ModuleType:
                return self._attribute(code, value, chain)
            return self._site(value, variable(variables, name), name)
        if name in vars(builtins):
            return self.value(vars(builtins)[name])
        return ("missing",)

    def _attribute(self, code: CodeType, module: ModuleType, chain: list[tuple[int, str]]) -> Any:
        """Return what is read of a module, which has no token itself."""
        for position, name in chain:
            self.found.known.add((id(code), position))
            home = module.__name__
            library = _is_library(home)
            value = vars(module).get(name, _MISSING)
            if value is _MISSING and home == "gradc":
                value = getattr(module, name, _MISSING)  # loaded when it is asked for
            if value is _MISSING:
                _refuse("an attribute that is not there")
            if type(value) is not ModuleType:
                if library:
                    return home, name, self.value(value)
                read = variable(vars(module), name)
                return home, name, self._site(value, read, f"{home}.{name}")
            module = value
        _refuse("a module as a value")

    def _site(self, value: Any, read: Reader, path: str) -> Any:
        """Return the token of a variable, and note it among what a recording may watch."""
        self.found.sites.append((path, read, value))
        return self._array(value) if type(value) is np.ndarray else self.value(value)

    def _array(self, array: np.ndarray) -> Any:
        """Return the token of an array from outside: its content is read at each call."""
        number = self.numbers.setdefault(id(array), len(self.numbers))
        if number < len(self.kept):
            return "again", number
        self.kept.append(array)
        return "array", array.dtype.str, array.shape


_MISSING = object()


def _number(value: Any) -> tuple[str, str, bytes]:
    """Return the token of a NumPy scalar or a dtype."""
    kind = type(value)
    if isinstance(value, np.dtype) and value.isbuiltin == 1:
        return "dtype", value.str, b""
    if isinstance(value, np.generic) and kind.__module__ == "numpy" and value.dtype.kind in "biufc":
        return "scalar", value.dtype.str, value.tobytes()
    _refuse("an object of a class")


def _refuse(what: str) -> NoReturn:
    raise _Unknown(what)


def _is_library(module: str) -> bool:
    return module.partition(".")[0] in ("numpy", "gradc", "scipy") or (
        module.partition(".")[0] in sys.stdlib_module_names
    )


# instructions


def _reads(code: CodeType) -> Iterator[tuple[str, list[tuple[int, str]]]]:
    """Yield each global that a code object reads, with the attributes read of it at once.

    An instruction is two bytes, the caches behind it are zeros.
    """
    raw = code.co_code
    kinds, arguments = raw[::2], raw[1::2]
    at = kinds.find(_GLOBAL)
    while at >= 0:
        name = code.co_names[_argument(kinds, arguments, at) >> 1]
        yield name, list(_chain(code, kinds, arguments, at))
        at = kinds.find(_GLOBAL, at + 1)


def _chain(code: CodeType, kinds: bytes, arguments: bytes, at: int) -> Iterator[tuple[int, str]]:
    while True:
        at += 1
        while kinds[at] in (0, _EXTENDED):
            at += 1
        if kinds[at] not in _LOADS:
            return
        yield at, code.co_names[_argument(kinds, arguments, at) >> _ATTRIBUTE_SHIFT]


def _argument(kinds: bytes, arguments: bytes, at: int) -> int:
    """Return the argument of an instruction, with the higher bytes that stand before it."""
    found, shift = arguments[at], 8
    while at and kinds[at - 1] == _EXTENDED:
        at -= 1
        found |= arguments[at] << shift
        shift += 8
    return found
