"""Random draws: each becomes an input that the caller's generator draws anew at every call.

A draw with constant parameters is the input itself.  The location-scale families may have traced
parameters: their standard form is drawn, and the parameters act on it, as NumPy does it.
"""

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any, NoReturn

import numpy as np

from gradc.capture.context import Trace, current, demand, fail
from gradc.capture.convert import has_traced, unwrap
from gradc.capture.dispatch import apply
from gradc.capture.mutation import read
from gradc.capture.tracer import Kind, Tracer, wrap
from gradc.errors import UnsupportedError
from gradc.ir import SUPPORTED_DTYPES, ArrayType, At, Slice, broadcast_shapes, op_named
from gradc.records import dataclass
from gradc.routes import Leaves, Reader

__all__ = ["Draw", "Source", "draw", "draw_all", "is_generator", "make_generator", "refuse_state"]

_GENERATORS = (np.random.Generator, np.random.RandomState)
_METHODS = frozenset(
    [
        "beta",
        "binomial",
        "chisquare",
        "choice",
        "dirichlet",
        "exponential",
        "f",
        "gamma",
        "geometric",
        "gumbel",
        "hypergeometric",
        "integers",
        "laplace",
        "logistic",
        "lognormal",
        "logseries",
        "multinomial",
        "multivariate_normal",
        "negative_binomial",
        "noncentral_chisquare",
        "noncentral_f",
        "normal",
        "pareto",
        "permutation",
        "poisson",
        "power",
        "random",
        "rayleigh",
        "standard_cauchy",
        "standard_exponential",
        "standard_gamma",
        "standard_normal",
        "standard_t",
        "triangular",
        "uniform",
        "vonmises",
        "wald",
        "weibull",
        "zipf",
        "rand",
        "randn",
        "randint",
        "random_sample",
        "random_integers",
        "ranf",
        "sample",
    ]
)


@dataclass(frozen=True, slots=True)
class Source:
    """A generator: found again at each call, or made anew (``fresh``) once in each call."""

    key: int
    read: Reader
    path: str


@dataclass(frozen=True, slots=True)
class Draw:
    """One draw: ``method(*args, **kwargs)`` of a generator.

    ``loops`` are the loops around it, outermost first, each as (which, number of turns); what all
    turns draw is one array with these axes in front.
    """

    source: Source
    method: str
    args: tuple[Any, ...]
    kwargs: tuple[tuple[str, Any], ...]
    type: ArrayType
    loops: tuple[tuple[int, int], ...] = ()

    def sample(self, generator: Any) -> Any:
        """Draw; the state of the generator moves on."""
        return getattr(generator, self.method)(*self.args, **dict(self.kwargs))


def draw_all(draws: Sequence[Draw], leaves: Leaves) -> list[np.ndarray]:
    """Make the draws of one call, in the order of the function."""
    generators: dict[int, Any] = {}
    results: list[list[np.ndarray]] = [[] for _ in draws]
    for one in draws:
        if one.source.key not in generators:
            generators[one.source.key] = one.source.read(leaves)
    _draw_block(draws, range(len(draws)), 0, generators, results)
    return [
        np.array(parts, one.type.dtype).reshape(one.type.extents) if one.loops else parts[0]
        for one, parts in zip(draws, results, strict=True)
    ]


def _draw_block(
    draws: Sequence[Draw],
    numbers: Sequence[int],
    depth: int,
    generators: dict[int, Any],
    results: list[list[np.ndarray]],
) -> None:
    """Make the draws of one block; those of a loop inside it turn by turn."""
    for loop, group in groupby(numbers, lambda i: draws[i].loops[depth : depth + 1]):
        inside = list(group)
        if loop:
            for _ in range(loop[0][1]):
                _draw_block(draws, inside, depth + 1, generators, results)
            continue
        for i in inside:
            drawn = draws[i].sample(generators[draws[i].source.key])
            results[i].append(np.asarray(drawn, draws[i].type.dtype))


def is_generator(owner: Any) -> bool:
    """Tell whether the object is a source of random numbers."""
    return isinstance(owner, _GENERATORS)


def make_generator(args: Any, kwargs: Any) -> np.random.Generator:
    """``np.random.default_rng(seed)`` inside the function: made anew at each call."""
    given, named = unwrap(list(args)), unwrap(kwargs)
    generator = np.random.default_rng(*given, **named)
    current().recorder.adopt(
        generator, lambda leaves: np.random.default_rng(*given, **named), "np.random.default_rng()"
    )
    return generator


def refuse_state(function: Any) -> None:
    """Refuse functions that set or read the state of the global generator."""
    if getattr(function, "__module__", "") == np.random.seed.__module__:
        fail(
            UnsupportedError,
            f"np.random.{function.__name__} inside a recorded function is not supported",
            repair="seed the generator before the call, or make one with np.random.default_rng",
        )


def draw(owner: Any, method: str, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """Record one draw."""
    current().mark()
    if method not in _METHODS:
        _refuse(method, "draw inside the function with normal, uniform, integers and the like")
    family = _FAMILIES.get(method)
    if has_traced(list(args)) or has_traced(kwargs):
        if family is None:
            repair = "use normal, uniform, exponential, gamma or lognormal"
            _refuse(f"{method} with traced parameters", repair)
        return family(owner, *args, **kwargs)
    return _input(owner, method, unwrap(list(args)), unwrap(kwargs))


def _refuse(what: str, repair: str) -> NoReturn:
    fail(UnsupportedError, f"the random method {what} is not supported", repair=repair)


def _input(owner: Any, method: str, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """Add the input; its type is found by drawing from a generator of no importance."""
    trial = getattr(_stand_in(owner), method)(*args, **kwargs)
    example = np.asarray(trial)
    if example.dtype not in SUPPORTED_DTYPES:
        _refuse(f"{method} of dtype {example.dtype}", "draw numbers")
    made = ArrayType(example.dtype, example.shape)
    recorder = current().recorder
    loops = _loops_around()
    counts = tuple(count for _, count in loops)
    whole = made.with_shape((*counts, *made.shape))
    symbols = [fact.symbol for fact in current().facts[: len(loops)]]
    one = Draw(_source(owner), method, tuple(args), tuple(kwargs.items()), whole, loops)
    kind = _kind_of(trial)
    drawn = recorder.add_input("random", one, method, whole, Kind.ARRAY if loops else kind)
    if not loops:
        return drawn
    spec = (*(At(s.expr()) for s in symbols), *(Slice(0, n) for n in made.shape))
    return wrap(op_named("index")(read(drawn), spec=spec), kind)


def _loops_around() -> tuple[tuple[int, int], ...]:
    """Return the loops around a draw, outermost first; their numbers of turns must be known."""
    found: list[tuple[int, int]] = []
    trace: Trace | None = current()
    while trace is not None:
        facts = trace.facts[len(trace.parent.facts) :] if trace.parent is not None else ()
        if trace.region and not (facts and isinstance(facts[0].count, int)):
            demand("random numbers are drawn where only running tells how often")
        found += [(trace.serial, fact.count) for fact in facts if isinstance(fact.count, int)]
        trace = trace.parent
    return tuple(reversed(found))


def _kind_of(trial: Any) -> Kind:
    if isinstance(trial, np.ndarray):
        return Kind.ARRAY
    return Kind.SCALAR if isinstance(trial, np.generic) else Kind.PYTHON


def _stand_in(owner: Any) -> Any:
    return type(owner)(np.random.MT19937(0) if isinstance(owner, np.random.RandomState) else
                       np.random.PCG64(0))  # fmt: skip


def _source(owner: Any) -> Source:
    known = current().recorder.reader(owner)
    if known is not None:
        return Source(id(owner), *known)
    if owner is _GLOBAL_STATE:
        return Source(id(owner), lambda leaves: owner, "np.random")
    fail(
        UnsupportedError,
        "a draw from a generator that comes from nowhere gradc can find again at the next call",
        repair="pass the generator as an argument, keep it in a global, or make it with "
        "np.random.default_rng(seed)",
    )


_GLOBAL_STATE = np.random.normal.__self__  # type: ignore[attr-defined]
"""The generator behind ``np.random.normal`` and its kin."""


# families whose parameters may be traced


def _shape_of(parameters: Sequence[Any], size: Any) -> Any:
    if size is not None:
        return size
    shapes = [np.shape(p) if not isinstance(p, Tracer) else p.shape for p in parameters]
    return broadcast_shapes(*shapes) or None


def _standard(owner: Any, method: str, parameters: Sequence[Any], size: Any) -> Any:
    return _input(owner, method, (), {"size": _shape_of(parameters, size)})


def _normal(owner: Any, loc: Any = 0.0, scale: Any = 1.0, size: Any = None) -> Any:
    return loc + scale * _standard(owner, "standard_normal", (loc, scale), size)


def _uniform(owner: Any, low: Any = 0.0, high: Any = 1.0, size: Any = None) -> Any:
    return low + (high - low) * _standard(owner, "random", (low, high), size)


def _scaled(method: str) -> Callable[..., Any]:
    def family(owner: Any, scale: Any = 1.0, size: Any = None) -> Any:
        return scale * _standard(owner, method, (scale,), size)

    return family


def _gamma(owner: Any, shape: Any, scale: Any = 1.0, size: Any = None) -> Any:
    if has_traced(shape):
        _refuse("gamma with a traced shape parameter", "only the scale may be traced")
    shape = unwrap(shape)
    given = {"size": _shape_of((shape, scale), size)}
    return scale * _input(owner, "standard_gamma", (shape,), given)


def _lognormal(owner: Any, mean: Any = 0.0, sigma: Any = 1.0, size: Any = None) -> Any:
    return apply(np.exp, (_normal(owner, mean, sigma, size),), {})


_FAMILIES: dict[str, Callable[..., Any]] = {
    "normal": _normal,
    "uniform": _uniform,
    "exponential": _scaled("standard_exponential"),
    "gamma": _gamma,
    "lognormal": _lognormal,
}
