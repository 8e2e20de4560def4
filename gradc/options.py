"""The choices a user can make, in one frozen record."""

import re
from dataclasses import dataclass, fields, replace
from typing import Literal, TypeAlias

from gradc.errors import ArgumentError, GradcError

__all__ = ["Backend", "Donate", "MathMode", "Options"]

Backend = Literal["auto", "c", "numpy"]
MathMode = Literal["fast", "portable", "libm"]
Donate: TypeAlias = "int | str | tuple[int | str, ...]"

_SIZE = r"\s*(\d+(?:\.\d*)?|\.\d+)\s*([kKMGT]?)(i?)B?\s*"
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
        a loop or a branch, or writes into an array of more than 16 elements or adds to one, or
        more than 2,000 operations come of it; 0 keeps all loops.
    max_turns : int
        How many turns a loop with a condition may make.
    memory : str or int, optional
        What a call may take beside its arguments, as text with a unit (``"64 MiB"``, ``"1.5 GB"``)
        or as bytes.  Loops whose reverse would keep more are run again, segment by segment;
        :class:`LimitError` if that does not do.
    threads : int, optional
        How many threads large loops of one call may use: by default what ``GRADC_THREADS`` says,
        else as many as there are processors.  The result is the same to the last bit.
    donate : int, str or sequence of those
        Arguments, by position or name, that the caller does not need afterwards: a result of the
        same shape and dtype is made in the memory of each of their arrays, and the array that is
        returned for it is the one that was passed.
    """

    backend: Backend = "auto"
    math: MathMode = "fast"
    fast_math: bool = False
    blas: bool = True
    max_nodes: int = 1_000_000
    regions: bool = True
    unroll: int = 3
    max_turns: int = 1_000_000
    memory: str | int | None = None
    threads: int | None = None
    donate: Donate = ()

    def __post_init__(self) -> None:
        """Refuse choices that do not exist."""
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                raise GradcError(
                    f"option {name}={getattr(self, name)!r} is not known",
                    repair="choose one of " + ", ".join(repr(choice) for choice in choices),
                )

        if self.memory is not None:
            _bytes(self.memory)
        if self.threads is not None and not _counts(self.threads):
            raise ArgumentError(
                f"option threads={self.threads!r} is not a number of threads",
                repair="write 1 or more, or None for as many as there are processors",
            )
        object.__setattr__(self, "donate", _donated(self.donate))

    @property
    def memory_bytes(self) -> int | None:
        """The bytes that ``memory`` stands for."""
        return None if self.memory is None else _bytes(self.memory)

    def but(self, **changes: object) -> "Options":
        """Return a copy with some choices changed; unknown names are refused."""
        known = {field.name for field in fields(self)}
        unknown = sorted(set(changes) - known)
        if unknown:
            raise GradcError(
                f"unknown option {unknown[0]!r}", repair="options are " + ", ".join(sorted(known))
            )
        return replace(self, **changes)  # type: ignore[arg-type]


def _donated(donate: object) -> Donate:
    """Check what is donated; a list becomes a tuple, and None is nothing."""
    if isinstance(donate, int | str) and not isinstance(donate, bool):
        return donate
    found = () if donate is None else donate
    if isinstance(found, list | tuple) and all(type(one) in (int, str) for one in found):
        return tuple(found)
    raise ArgumentError(
        f"option donate={donate!r} names no arguments",
        repair='give positions or names of arguments: donate=0, donate=("w", "velocity")',
    )


def _counts(threads: object) -> bool:
    return isinstance(threads, int) and not isinstance(threads, bool) and threads >= 1


def _bytes(memory: str | int) -> int:
    """Read a size: bytes, or text with a unit."""
    if isinstance(memory, int) and not isinstance(memory, bool) and memory >= 0:
        return memory
    found = re.fullmatch(_SIZE, memory) if isinstance(memory, str) else None
    if found is None:
        raise ArgumentError(
            f"option memory={memory!r} is not a size",
            repair='write a number and a unit, such as "64 MiB", or give the bytes as an int',
        )
    prefix, binary = (found[2] or "").upper(), found[3]
    return int(float(found[1]) * (1024 if binary else 1000) ** " KMGT".index(prefix or " "))
