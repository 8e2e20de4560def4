"""How an op is declared: one call in one file.

    square = elementwise(
        "square", "x",
        partials=lambda y, x: (2.0 * x,),
        numpy="np.square({x})", c="{x} * {x}", evaluate=np.square,
        traces=(np.square,), samples=reals(-3, 3),
    )

From the record follow tracing, printing in both languages, fusion, the registry tests and the
coverage table.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypedDict, Unpack

from gradc.errors import DTypeError, ShapeError
from gradc.ir.op import CTemplate, Derivative, Kind, NumpyPrinter, Op, Partials, Routine, register
from gradc.ir.types import BOOL, ArrayType
from gradc.records import dataclass

__all__ = ["Samples", "bools", "elementwise", "integers", "operation", "reals", "same_type"]

_KINDS = {"f": "floating-point numbers", "i": "integers", "u": "integers", "b": "truth values"}


@dataclass(frozen=True, slots=True)
class Samples:
    """Where the registry tests draw operands from.

    Parameters
    ----------
    low, high : float
        Open interval of the draws, the same for each operand, or one pair each in ``each``.
    dtypes : tuple of str
        Data types the op takes.
    each : tuple of (float, float)
        Intervals by operand, instead of ``low`` and ``high``.
    avoid : tuple of float
        Points near which the derivative jumps; draws keep 1e-3 away.
    fixed : tuple of str
        dtype of each operand that does not follow ``dtypes``; empty text for one that does.
    """

    low: float = -2.0
    high: float = 2.0
    dtypes: tuple[str, ...] = ("f8", "f4")
    each: tuple[tuple[float, float], ...] = ()
    avoid: tuple[float, ...] = ()
    fixed: tuple[str, ...] = ()


def reals(low: float = -2.0, high: float = 2.0, **rest: Any) -> Samples:
    """Return samples of floating-point operands."""
    return Samples(low, high, **rest)


def integers(low: int = -9, high: int = 9, dtypes: tuple[str, ...] = ("i8", "i4")) -> Samples:
    """Return samples of integer operands, ``low`` and ``high`` included."""
    return Samples(low, high, dtypes)


def bools() -> Samples:
    """Return samples of boolean operands."""
    return Samples(0, 1, ("?",))


def same_type(name: str, *types: ArrayType) -> ArrayType:
    """Return the common type of elementwise operands, which must already agree."""
    first = types[0]
    for other in types[1:]:
        if other.shape != first.shape:
            raise ShapeError(f"{name} needs equal shapes, got {first} and {other}")
        if other.dtype != first.dtype:
            raise DTypeError(f"{name} needs equal dtypes, got {first} and {other}")
    return first


def _infer_elementwise(name: str, result: str, takes: str) -> Callable[..., ArrayType]:
    def infer(*types: ArrayType, **params: Any) -> ArrayType:
        common = same_type(name, *types)
        if common.dtype.kind not in takes:
            wanted = " or ".join(dict.fromkeys(_KINDS[kind] for kind in takes))
            raise DTypeError(f"{name} takes {wanted}, got {common}")
        return common.with_dtype(BOOL) if result == "bool" else common

    return infer


def _by_kind(c: str | Mapping[str, str], takes: str | None) -> tuple[dict[str, str], str]:
    """Return one C template for each dtype kind, and the kinds."""
    if isinstance(c, str):
        takes = takes or "f"
        return dict.fromkeys(takes, c), takes
    spread = {kind: text for kinds, text in c.items() for kind in kinds}
    return spread, takes or "".join(spread)


class Details(TypedDict, total=False):
    """What every declaration may add; see :class:`gradc.ir.op.Op`."""

    traces: Sequence[Callable[..., Any]]
    params: tuple[str, ...]
    precedence: int
    doc: str
    tags: Sequence[str]
    routine: Routine
    helpers: Sequence[Callable[..., Any]]


def elementwise(
    name: str,
    operands: str,
    *,
    numpy: NumpyPrinter,
    c: str | Mapping[str, str],
    evaluate: Callable[..., Any],
    partials: Callable[..., Sequence[Any]] | None = None,
    derivative: Derivative = None,
    result: str = "same",
    infer: Callable[..., ArrayType] | None = None,
    samples: Samples | None = None,
    takes: str | None = None,
    **details: Unpack[Details],
) -> Op:
    """Declare an op that works element by element on operands of one shape and dtype.

    Parameters
    ----------
    name, operands : str
        ``"hypot"``, ``"x, y"``.
    numpy, c, evaluate, samples, **details
        See :class:`gradc.ir.op.Op`.
    partials : callable
        Local derivatives ``(y, *xs) -> (dy/dx1, ...)``; shorthand for ``derivative=Partials(...)``.
    takes : str
        dtype kinds of the operands, out of ``"fiub"``.  By default the kinds that ``c`` names (a
        key such as ``"iu"`` stands for both), or ``"f"`` when it is one text.
    result : {"same", "bool"}
        dtype of the result, for the default ``infer``.
    """
    templates, kinds = _by_kind(c, takes)
    return operation(
        name,
        Kind.ELEMENTWISE,
        operands,
        infer=infer or _infer_elementwise(name, result, kinds),
        evaluate=evaluate,
        numpy=numpy,
        c=templates,
        derivative=Partials(partials) if partials else derivative,
        samples=samples or reals(),
        **details,
    )


def operation(
    name: str,
    kind: Kind,
    operands: str,
    *,
    infer: Callable[..., ArrayType],
    evaluate: Callable[..., Any],
    numpy: NumpyPrinter,
    c: CTemplate = None,
    derivative: Derivative = None,
    samples: Any = None,
    **details: Unpack[Details],
) -> Op:
    """Declare an op of any other kind; its loops in C come from the kind."""
    return register(
        Op(
            name=name,
            kind=kind,
            operands=tuple(part.strip() for part in operands.split(",") if part.strip()),
            infer=infer,
            evaluate=evaluate,
            numpy=numpy,
            c=c,
            derivative=derivative,
            samples=samples,
            traces=tuple(details.get("traces", ())),
            params=details.get("params", ()),
            precedence=details.get("precedence", 100),
            doc=details.get("doc", ""),
            tags=frozenset(details.get("tags", ())),
            routine=details.get("routine"),
            helpers=tuple(details.get("helpers", ())),
        )
    )
