"""The stand-in for an array while a function is recorded.

A tracer is a *handle* on a current value, as a NumPy array is: writing into it makes a new value
and turns the handle to it, so every alias sees the write (``mutation.py``).  Its kind says what
NumPy would have handed out: an array, an immutable NumPy scalar, or a Python float.

A handle may hold a *concrete* array instead of a node: something the function made itself from
constants, such as ``np.zeros(3)``.  It is computed while recording and becomes a constant of the
graph when it meets a traced value.
"""

import operator
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from gradc.capture.context import Trace, current, demand, fail, maybe_current
from gradc.capture.dispatch import apply
from gradc.capture.layout import Layout
from gradc.errors import TraceError, UnsupportedError
from gradc.ir import ArrayType, Node, Shape, Value, known
from gradc.recorded import Kind

__all__ = [
    "Kind",
    "Tracer",
    "View",
    "describe",
    "is_concrete",
    "make_concrete",
    "shape_text",
    "static",
    "wrap",
]


class View:
    """How a handle hangs on another one.

    Parameters
    ----------
    base, root : Tracer
        The handle it was made from, and the one at the end of the chain, which counts the writes.
    step : object
        ``get(value)`` derives the view from its base, ``put(base, value)`` writes back.
    seen : int
        The root's write count when the view's value was last derived.
    writable : bool
        False for the result of ``np.broadcast_to`` and ``np.diagonal``.
    """

    __slots__ = ("base", "root", "seen", "step", "writable")

    base: "Tracer"
    root: "Tracer"
    writable: bool

    def __init__(self, base: "Tracer", step: Any, writable: bool) -> None:
        self.base = base
        above = base._view
        self.root = base if above is None else above.root
        self.step = step
        self.seen = self.root._version
        self.writable = writable and (above is None or above.writable)


def _binary(ufunc: np.ufunc) -> tuple[Callable[..., Any], Callable[..., Any]]:
    def forward(self: "Tracer", other: Any) -> Any:
        return apply(_operate, (ufunc, self, other), {})

    def reflected(self: "Tracer", other: Any) -> Any:
        return apply(_operate, (ufunc, other, self), {})

    return forward, reflected


def _in_place(ufunc: np.ufunc) -> Callable[..., Any]:
    def update(self: "Tracer", other: Any) -> Any:
        if self._kind is not Kind.ARRAY:
            return apply(_operate, (ufunc, self, other), {})
        return apply(ufunc, (self, other), {"out": self})

    return update


def _unary(ufunc: np.ufunc) -> Callable[..., Any]:
    return lambda self: apply(_operate, (ufunc, self), {})


def _operate(*operands: Any) -> Any:
    """Key in the dispatch table for operators, as against calls of the ufunc itself."""


def _method(function: Callable[..., Any]) -> Callable[..., Any]:
    def call(self: "Tracer", *args: Any, **kwargs: Any) -> Any:
        return apply(function, (self, *args), kwargs)

    call.__name__ = getattr(function, "__name__", "method")
    return call


def _shape_method(function: Callable[..., Any]) -> Callable[..., Any]:
    """``x.reshape(2, 3)`` as well as ``x.reshape((2, 3))``."""

    def call(self: "Tracer", *args: Any, **kwargs: Any) -> Any:
        given = args[0] if len(args) == 1 else args or None
        return apply(function, (self, given), kwargs)

    return call


class Tracer:
    """A traced array, NumPy scalar or Python float."""

    __slots__ = (
        "__weakref__",
        "_home",
        "_id",
        "_kind",
        "_layout",
        "_name",
        "_trace",
        "_type",
        "_undecided",
        "_value",
        "_version",
        "_view",
    )
    __array_priority__ = 1000.0
    operate = staticmethod(_operate)

    _trace: Trace | None
    _home: Trace | None
    _id: int
    _type: ArrayType
    _kind: Kind
    _value: np.ndarray | None
    _view: View | None
    _version: int
    _layout: Layout
    _name: str | None
    _undecided: bool

    # attributes

    @property
    def dtype(self) -> np.dtype:
        """Element type."""
        return self._type.dtype

    @property
    def shape(self) -> Shape:
        """Extents."""
        return self._type.shape

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self._type.shape)

    @property
    def size(self) -> Any:
        """Number of elements."""
        return self._type.size

    @property
    def itemsize(self) -> int:
        """Bytes of one element."""
        return self._type.dtype.itemsize

    @property
    def nbytes(self) -> Any:
        """Bytes of all elements."""
        return self._type.nbytes

    @property
    def T(self) -> Any:
        """The transposed view."""
        return apply(np.transpose, (self,), {})

    @property
    def mT(self) -> Any:
        """The view with the last two axes swapped."""
        return apply(np.matrix_transpose, (self,), {})

    @property
    def flat(self) -> Any:
        """The elements in a row."""
        return apply(np.ndarray.flat, (self,), {})

    @flat.setter
    def flat(self, value: Any) -> None:
        self.flat[:] = value

    @property
    def real(self) -> Any:
        """The array itself: complex numbers are not traced."""
        return self

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or not hasattr(np.ndarray, name):
            raise AttributeError(f"a traced array has no attribute {name!r}")
        fail(
            UnsupportedError,
            f"attribute {name!r} of a traced array is not supported",
            operands=[describe(self)],
            repair="traced arrays have T, shape, ndim, size, dtype, itemsize, nbytes and the "
            "methods of arithmetic, reduction and reshaping",
        )

    # operators

    __add__, __radd__ = _binary(np.add)
    __sub__, __rsub__ = _binary(np.subtract)
    __mul__, __rmul__ = _binary(np.multiply)
    __truediv__, __rtruediv__ = _binary(np.divide)
    __floordiv__, __rfloordiv__ = _binary(np.floor_divide)
    __mod__, __rmod__ = _binary(np.remainder)
    __pow__, __rpow__ = _binary(np.power)
    __matmul__, __rmatmul__ = _binary(np.matmul)
    __and__, __rand__ = _binary(np.bitwise_and)
    __or__, __ror__ = _binary(np.bitwise_or)
    __xor__, __rxor__ = _binary(np.bitwise_xor)
    __lshift__, __rlshift__ = _binary(np.left_shift)
    __rshift__, __rrshift__ = _binary(np.right_shift)
    __lt__ = _binary(np.less)[0]
    __le__ = _binary(np.less_equal)[0]
    __gt__ = _binary(np.greater)[0]
    __ge__ = _binary(np.greater_equal)[0]
    __eq__ = _binary(np.equal)[0]
    __ne__ = _binary(np.not_equal)[0]

    def __hash__(self) -> int:
        """Refuse, as NumPy does; in a loop that may be run turn by turn the value is known then."""
        if current().region:
            demand("a traced value is looked up in a dict or a set")
        self._concrete("which key of a dict or item of a set a value is", _KEY_REPAIR)
        raise TypeError("unhashable type: 'Tracer'")

    __iadd__ = _in_place(np.add)
    __isub__ = _in_place(np.subtract)
    __imul__ = _in_place(np.multiply)
    __itruediv__ = _in_place(np.divide)
    __ifloordiv__ = _in_place(np.floor_divide)
    __imod__ = _in_place(np.remainder)
    __ipow__ = _in_place(np.power)
    __imatmul__ = _in_place(np.matmul)
    __iand__ = _in_place(np.bitwise_and)
    __ior__ = _in_place(np.bitwise_or)
    __ixor__ = _in_place(np.bitwise_xor)
    __ilshift__ = _in_place(np.left_shift)
    __irshift__ = _in_place(np.right_shift)

    __neg__ = _unary(np.negative)
    __pos__ = _unary(np.positive)
    __abs__ = _unary(np.absolute)
    __invert__ = _unary(np.invert)

    def __divmod__(self, other: Any) -> Any:
        return self // other, self % other

    def __rdivmod__(self, other: Any) -> Any:
        return other // self, other % self

    # containers

    def __len__(self) -> int:
        if not self._type.shape:
            fail(TraceError, "len() of a 0-d value", operands=[describe(self)])
        return static(self._type.shape[0])

    def __iter__(self) -> Iterator[Any]:
        if not self._type.shape:
            fail(TraceError, "iteration over a 0-d value", operands=[describe(self)])
        return map(self.__getitem__, range(len(self)))

    def __getitem__(self, index: Any) -> Any:
        return apply(operator.getitem, (self, index), {})

    def __setitem__(self, index: Any, value: Any) -> None:
        apply(operator.setitem, (self, index, value), {})

    def __contains__(self, item: Any) -> bool:
        return bool(apply(np.any, (self == item,), {}))

    # numbers: only a concrete handle has them

    def __bool__(self) -> bool:
        return bool(self._concrete("the truth of a traced value", _TRUTH_REPAIR))

    def __float__(self) -> float:
        return float(self._concrete("float() of a traced value", _NUMBER_REPAIR))

    def __int__(self) -> int:
        return int(self._concrete("int() of a traced value", _NUMBER_REPAIR))

    def __index__(self) -> int:
        return operator.index(self._concrete("a traced value used as an index", _INDEX_REPAIR))

    def __complex__(self) -> complex:
        return complex(self._concrete("complex() of a traced value", _NUMBER_REPAIR))

    def item(self, *args: Any) -> Any:
        """Refuse, unless the value is known while recording."""
        return self._concrete(".item() of a traced value", _NUMBER_REPAIR).item(*args)

    def tolist(self) -> Any:
        """Refuse, unless the value is known while recording."""
        return self._concrete(".tolist() of a traced value", _NUMBER_REPAIR).tolist()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self._concrete("np.asarray of a traced value here", _ARRAY_REPAIR), dtype)

    def _concrete(self, what: str, repair: str) -> np.ndarray:
        if not is_concrete(self):
            fail(
                TraceError,
                f"{what} is not known while the function is recorded",
                operands=[describe(self)],
                repair=repair,
            )
        assert self._value is not None
        return self._value

    # NumPy's protocols

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if "out" in kwargs:
            out = kwargs["out"]
            kwargs["out"] = out[0] if len(out) == 1 else out
        if method == "__call__":
            return apply(ufunc, inputs, kwargs)
        return apply((ufunc, method), inputs, kwargs)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return apply(function, args, kwargs)

    def described(self) -> tuple[str, str]:
        """Return name and type for a message."""
        return describe(self)

    def state(self) -> tuple[Any, ...]:
        """Return what writing changes."""
        view = self._view
        seen = None if view is None else view.seen
        return self._trace, self._id, self._value, self._undecided, seen

    def put_back(self, state: tuple[Any, ...], mutated: bool) -> None:
        """Undo writes; views of a handle that was written are out of date afterwards."""
        self._trace, self._id, self._value, self._undecided, seen = state
        if self._view is not None:
            self._view.seen = seen
        elif mutated:
            self._version += 1

    # copies

    def __copy__(self) -> Any:
        return apply(np.copy, (self,), {})

    def __deepcopy__(self, memo: Any) -> Any:
        return apply(np.copy, (self,), {})

    def __repr__(self) -> str:
        return "Tracer({}: {})".format(*describe(self))

    def __str__(self) -> str:
        trace = maybe_current()
        if trace is not None and trace.facts and self._kind is Kind.PYTHON:
            demand("Python writes a number as text")
        return repr(self)

    def __format__(self, spec: str) -> str:
        return str(self)

    # methods

    sum = _method(np.sum)
    prod = _method(np.prod)
    mean = _method(np.mean)
    var = _method(np.var)
    std = _method(np.std)
    max = _method(np.max)
    min = _method(np.min)
    argmax = _method(np.argmax)
    argmin = _method(np.argmin)
    argsort = _method(np.argsort)
    any = _method(np.any)
    all = _method(np.all)
    cumsum = _method(np.cumsum)
    cumprod = _method(np.cumprod)
    ravel = _method(np.ravel)
    squeeze = _method(np.squeeze)
    swapaxes = _method(np.swapaxes)
    repeat = _method(np.repeat)
    take = _method(np.take)
    clip = _method(np.clip)
    dot = _method(np.dot)
    trace = _method(np.trace)
    diagonal = _method(np.diagonal)
    round = _method(np.round)
    nonzero = _method(np.nonzero)
    searchsorted = _method(np.searchsorted)
    copy = _method(np.ndarray.copy)
    astype = _method(np.ndarray.astype)
    flatten = _method(np.ndarray.flatten)
    fill = _method(np.ndarray.fill)
    sort = _method(np.ndarray.sort)
    conj = _method(np.conjugate)
    conjugate = _method(np.conjugate)
    reshape = _shape_method(np.reshape)
    transpose = _shape_method(np.transpose)


_KEY_REPAIR = "put the values into an array and index it, or use np.select"
_TRUTH_REPAIR = "choose between values with np.where(condition, a, b), and combine masks with & | ~"
_NUMBER_REPAIR = "leave it an array: arithmetic, comparisons and NumPy functions take it as it is"
_INDEX_REPAIR = (
    "index with it directly (x[i]) or use np.take; sizes must be Python ints, and a list "
    "must be an array: np.stack(list)[i]"
)
_ARRAY_REPAIR = "call NumPy functions on the traced value itself; this code cannot be recorded"


def static(extent: Any) -> int:
    """Return an extent as an integer, or refuse one that is known only at the call."""
    if not known(extent):
        if current().facts:
            demand(f"the extent {extent} is needed as a number")
        fail(
            TraceError,
            f"the extent {extent} is not known while the function is recorded",
            repair="compile for fixed sizes",
        )
    return int(extent)


def wrap(value: Value, kind: Kind, trace: Trace | None = None) -> Tracer:
    """Make a new handle on a node of the current trace."""
    tracer = object.__new__(Tracer)
    tracer._trace = tracer._home = trace or current()
    tracer._id = value.id
    tracer._type = value.type
    tracer._kind = kind
    tracer._value = None
    tracer._view = None
    tracer._version = 0
    tracer._layout = None
    tracer._name = None
    tracer._undecided = False
    return tracer


def make_concrete(array: np.ndarray) -> Tracer:
    """Make a handle on an array that the function made itself; the handle owns the array."""
    tracer = object.__new__(Tracer)
    tracer._trace = None
    tracer._home = maybe_current()
    tracer._id = -1
    tracer._type = ArrayType(array.dtype, array.shape)
    tracer._kind = Kind.ARRAY
    tracer._value = array
    tracer._view = None
    tracer._version = 0
    tracer._layout = None
    tracer._name = None
    tracer._undecided = False
    return tracer


def is_concrete(tracer: Tracer) -> bool:
    """Tell whether the value is known while recording."""
    view = tracer._view
    return (tracer if view is None else view.root)._value is not None


def describe(tracer: Tracer) -> tuple[str, str]:
    """Return name and type of a traced value for a message: ``("x", "f8[2, 5] (argument)")``."""
    trace = tracer._trace
    if trace is None or tracer._id < 0:
        return tracer._name or "value", f"{tracer._type} (constant)"
    if tracer._id >= len(trace.graph.nodes):  # an array that a loop has replaced
        return tracer._name or "value", str(tracer._type)
    node = trace.graph.nodes[tracer._id]
    name = trace.graph.names.get(tracer._id) or tracer._name or _written_as(node)
    role = " (argument)" if node.op.name == "input" else ""
    return name, f"{tracer._type}{role}"


def _written_as(node: Node) -> str:
    """Return the user's own text for an unnamed value, when it is short."""
    span = node.origin.span
    text = "" if span is None else span.text
    return text if 0 < len(text) <= 40 else "value"


def shape_text(shape: Shape) -> str:
    """Spell a shape as Python does: ``(3,)``."""
    return f"({', '.join(map(str, shape))}{',' if len(shape) == 1 else ''})"
