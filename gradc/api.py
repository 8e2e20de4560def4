"""``compile`` and ``Function``: what users hold in their hands."""

import functools
import importlib
import sys
from collections.abc import Callable
from types import FunctionType
from typing import Any

from gradc.options import Options
from gradc.tracing import OPEN, STATE

__all__ = ["MISS", "Function", "compile", "options_of", "stop_gradient"]

MISS = object()
"""What a quick call returns when the arguments are not of the types it was made for."""

AnyFunction = Callable[..., Any]


class Function:
    """A plain NumPy function, compiled anew for each set of argument types it meets.

    Calling it with arrays runs compiled code; calling it inside a function that is being traced
    records it there.  Arguments are trees of arrays and numbers: arrays, NumPy scalars and Python
    floats are inputs; Python ints, truth values, strings and other objects are fixed at compile
    time, and another value compiles anew.

    Parameters
    ----------
    fn : callable
        The function to record.
    options : Options
        How to compile it.
    name : str, optional
        Name of the generated function.
    derived : object, optional
        For a derivative: the rule with the user's function in ``derived.fn``.
    """

    def __init__(
        self,
        fn: AnyFunction,
        options: Options,
        *,
        name: str | None = None,
        derived: Any = None,
    ) -> None:
        functools.update_wrapper(self, _given(fn, derived), updated=())
        self.fn = fn
        self.options = options
        self.derived = derived
        self.__qualname__: str
        self.__name__: str = name or str(getattr(fn, "__name__", "function"))
        self._dispatch: Any = None
        self.quick: Callable[[tuple[Any, ...]], Any] | None = None

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the compiled function, compiling it first when these argument types are new.

        What stands here is done in C as soon as that can be loaded: see ``runtime.native_calls``.
        """
        quick = self.quick
        if quick is not None and not kwargs and (not OPEN or STATE.trace is None):
            result = quick(args)
            if result is not MISS:
                return result
        return (self._dispatch or self._start())(args, kwargs)

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        """Bind a decorated method to its object."""
        return self if instance is None else functools.partial(self, instance)

    def __repr__(self) -> str:
        """Write the name of the generated function."""
        return f"<gradc function {self.__name__}>"

    def __copy__(self) -> "Function":
        """Return this function: like any function it is never copied."""
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> "Function":
        """Return this function: like any function it is never copied."""
        return self

    def __reduce__(self) -> str | tuple[Any, ...]:
        """Pickle by name, as functions are, or else by the function that was given and how.

        So it can be sent to another process, which compiles it anew or finds it on disk.
        """
        if _is_found_by_name(self):
            return self.__qualname__
        return _again, (self.fn, self.options, self.__name__, self.derived)

    def _start(self) -> Any:
        """Load the compiler on the first call."""
        self._dispatch = importlib.import_module("gradc.dispatch").Dispatch(self)
        return self._dispatch

    def artifact(self, *args: Any, **kwargs: Any) -> Any:
        """Return the :class:`~gradc.Artifact` for arguments like these."""
        return (self._dispatch or self._start()).artifact(args, kwargs)

    def bind(self, *args: Any) -> Callable[[], Any]:
        """Return a function of no arguments that reads these very arrays at each call.

        The results are the same arrays each time, overwritten; for hot loops.  Every leaf must be
        an array in C order that needs no conversion, and what the function reads from outside is
        what is there now.  The first one on a machine compiles what
        makes such calls in C, once for this Python and NumPy.
        """
        return (self._dispatch or self._start()).bind(args)  # type: ignore[no-any-return]

    def source(self, kind: str, *args: Any, **kwargs: Any) -> str:
        """Return the generated code for arguments like these: ``"numpy"`` or ``"c"``."""
        return self.artifact(*args, **kwargs).source(kind)  # type: ignore[no-any-return]

    def graph(self, *args: Any, **kwargs: Any) -> Any:
        """Return the graph for arguments like these, a ``networkx.MultiDiGraph``."""
        return self.artifact(*args, **kwargs).graph()

    def explain(self, *args: Any, **kwargs: Any) -> str:
        """Return, for each named value, its adjoint as the sum of its children's contributions.

        For gradients only; numbers are those at these arguments.
        """
        return _explanations().explain(self, args, kwargs)  # type: ignore[no-any-return]

    def norms(self, *args: Any, **kwargs: Any) -> str:
        """Return the norm of each named value's adjoint, to see gradients vanish or explode."""
        return _explanations().norms(self, args, kwargs)  # type: ignore[no-any-return]

    @property
    def backend(self) -> str:
        """The backend that calls will use: ``"c"`` or ``"numpy"``."""
        return importlib.import_module("gradc.pipeline").backend_of(self.options)  # type: ignore[no-any-return]


def _is_found_by_name(function: Function) -> bool:
    """Tell whether this very function stands in its module under its own name."""
    found: Any = sys.modules.get(function.__module__)
    for name in function.__qualname__.split("."):
        found = getattr(found, name, None)
    return found is function


def _again(fn: AnyFunction, options: Options, name: str, derived: Any) -> Function:
    """Make a function that was pickled; one for all the times that it arrives, where that is told.

    A bound method brings another object each time, which is not to be kept.
    """
    inner = _given(fn, derived)
    while isinstance(inner, Function):
        inner = _given(inner.fn, inner.derived)
    try:
        if isinstance(inner, FunctionType):
            return _same(fn, options, name, derived)
    except TypeError:  # a list of argument numbers
        pass
    return Function(fn, options, name=name, derived=derived)


def _given(fn: AnyFunction, derived: Any) -> Any:
    return fn if derived is None else derived.fn


@functools.lru_cache(maxsize=128)
def _same(fn: AnyFunction, options: Options, name: str, derived: Any) -> Function:
    return Function(fn, options, name=name, derived=derived)


def _explanations() -> Any:
    return importlib.import_module("gradc.explanations")


def compile(fn: AnyFunction | None = None, **options: Any) -> Any:
    """Compile a plain NumPy function; also a decorator, with or without options.

    Parameters
    ----------
    fn : callable
        A function, lambda, method, or gradc ``Function`` (whose options are then changed).
    **options
        See :class:`gradc.Options`: ``backend``, ``math``, ``fast_math``, ``blas``, ``max_nodes``.

    Returns
    -------
    Function

    Examples
    --------
    >>> import numpy as np
    >>> @compile(backend="numpy")
    ... def norm(x):
    ...     return np.sqrt(np.sum(x * x))
    >>> norm(np.array([3.0, 4.0]))
    np.float64(5.0)
    """
    if fn is None:
        return functools.partial(compile, **options)
    chosen = options_of(fn, options)
    if isinstance(fn, Function):
        return Function(fn.fn, chosen, name=fn.__name__, derived=fn.derived)
    return Function(fn, chosen)


def options_of(fn: AnyFunction, changes: dict[str, Any]) -> Options:
    """Return the options of a function, with changes."""
    base = fn.options if isinstance(fn, Function) else Options()
    return base.but(**changes) if changes else base


def stop_gradient(x: Any) -> Any:
    """Return ``x`` as a constant for differentiation; anywhere else, ``x`` itself."""
    return importlib.import_module("gradc.derivatives").stop_gradient(x)
