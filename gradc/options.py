"""The choices a user can make, in one frozen record."""

from dataclasses import dataclass, fields, replace
from typing import Literal

from gradc.errors import GradcError

__all__ = ["Backend", "MathMode", "Options"]

Backend = Literal["auto", "c", "numpy"]
MathMode = Literal["fast", "portable", "libm"]

_CHOICES = {"backend": ("auto", "c", "numpy"), "math": ("fast", "portable", "libm")}


@dataclass(frozen=True, slots=True)
class Options:
    """How a function is compiled.

    Parameters
    ----------
    backend : {"auto", "c", "numpy"}
        ``"auto"`` compiles C where a compiler is found and prints NumPy source otherwise.
    math : {"fast", "portable", "libm"}
        ``"fast"`` uses the C library's vector functions where there are any (at most 4 ULP);
        ``"portable"`` gives the same bits on every compiler and processor; ``"libm"`` calls the
        plain C library.
    fast_math : bool
        Allow rewrites that may change NaN, infinities or the sign of zero, such as ``x * 0 -> 0``.
    blas : bool
        Let large matrix products call the BLAS that NumPy has loaded.
    max_nodes : int
        How many operations one function may record before gradc refuses.
    regions : bool
        Keep loops and branches on traced values what they are.
    unroll : int
        A loop of at most so many turns is run turn by turn while recording, unless its body holds
        a loop or a branch or writes into an array of more than 16 elements, or more than 2,000
        operations come of it; 0 keeps all loops.
    max_turns : int
        How many turns a loop with a condition may make.
    """

    backend: Backend = "auto"
    math: MathMode = "fast"
    fast_math: bool = False
    blas: bool = True
    max_nodes: int = 1_000_000
    regions: bool = True
    unroll: int = 3
    max_turns: int = 1_000_000

    def __post_init__(self) -> None:
        """Refuse choices that do not exist."""
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                raise GradcError(
                    f"option {name}={getattr(self, name)!r} is not known",
                    repair="choose one of " + ", ".join(repr(choice) for choice in choices),
                )

    def but(self, **changes: object) -> "Options":
        """Return a copy with some choices changed; unknown names are refused."""
        known = {field.name for field in fields(self)}
        unknown = sorted(set(changes) - known)
        if unknown:
            raise GradcError(
                f"unknown option {unknown[0]!r}", repair="options are " + ", ".join(sorted(known))
            )
        return replace(self, **changes)  # type: ignore[arg-type]
