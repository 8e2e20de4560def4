"""What a call needs to know about a compiled function: its buffers, its scratch memory, its errors.

Public::

    BufferSlot(name, dtype, shape, role="argument", scalar=False, path="")
    Check(text, kind="index")                   # kind: index | linalg | value | limit | error
    CallPlan(symbol, inputs, outputs, arena_bytes=0, checks={}, write_back=(), environment=False,
             parallel=False)
      .to_json() -> dict         CallPlan.from_json(dict) -> CallPlan      # raises PlanError

A plan is kept beside its library as JSON.  Reading it back accepts exactly what writing produces
and nothing else.
"""

from collections.abc import Iterable, Mapping
from dataclasses import field
from math import prod
from typing import Any, NamedTuple

import numpy as np

from gradc.records import dataclass

__all__ = ["ALIGNMENT", "BufferSlot", "CallPlan", "Check", "PlanError", "dtype_code"]

ALIGNMENT = 64
"""Bytes to which the arena is aligned."""

_DTYPES = {
    "b1": np.dtype(np.bool_),
    **{f"i{size}": np.dtype(f"i{size}") for size in (1, 2, 4, 8)},
    **{f"u{size}": np.dtype(f"u{size}") for size in (1, 2, 4, 8)},
    "f4": np.dtype(np.float32),
    "f8": np.dtype(np.float64),
}
_ROLES = ("argument", "hidden", "random", "result", "written")
_MAX_BUFFERS = 100_000
_MAX_DIMS = 64


class PlanError(ValueError):
    """A record that is not a plan."""


def dtype_code(dtype: np.dtype[Any] | str) -> str:
    """Return the short name of a supported dtype, as ``"f8"``.

    >>> dtype_code("float64"), dtype_code(np.dtype(bool))
    ('f8', 'b1')
    """
    code = np.dtype(dtype).str[1:]
    if code not in _DTYPES:
        raise PlanError(f"dtype {dtype} has no place in a call")
    return code


@dataclass(frozen=True, slots=True)
class BufferSlot:
    """One array that goes into or comes out of a call.

    Parameters
    ----------
    name : str
        Unique identifier.
    dtype : str
        Code such as ``"f8"``; longer names are shortened.
    shape : tuple of int
        Exact shape, C order.
    role : str
        Inputs: ``argument``, ``hidden``, ``random``; outputs: ``result``, ``written`` (only copied
        into an argument, not returned).
    scalar : bool
        Return a NumPy scalar instead of a 0-d array.
    path : str
        How messages name it, such as ``params['w1']``; the name if empty.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    role: str = "argument"
    scalar: bool = False
    path: str = ""

    def __post_init__(self) -> None:
        """Shorten the dtype and refuse what is no slot."""
        object.__setattr__(self, "dtype", dtype_code(self.dtype))
        object.__setattr__(self, "shape", tuple(int(size) for size in self.shape))
        if self.role not in _ROLES:
            raise PlanError(f"unknown role {self.role!r}")
        if len(self.shape) > _MAX_DIMS or any(size < 0 for size in self.shape):
            raise PlanError(f"{self.shape} is no shape")
        if self.scalar and self.shape:
            raise PlanError("only a 0-d result can be a scalar")

    @property
    def numpy_dtype(self) -> np.dtype[Any]:
        """The dtype, in native byte order."""
        return _DTYPES[self.dtype]

    @property
    def nbytes(self) -> int:
        """Size in bytes."""
        return self.numpy_dtype.itemsize * prod(self.shape)

    @property
    def label(self) -> str:
        """How messages name it."""
        return self.path or self.name

    def describe(self) -> str:
        """Return the type as ``f8[4, 3]``."""
        return f"{self.dtype}[{', '.join(map(str, self.shape))}]"


class Check(NamedTuple):
    """What a return code means: the whole message, and the kind of error it becomes."""

    text: str
    kind: str = "index"


_KINDS = ("index", "linalg", "value", "limit", "error")


@dataclass(frozen=True, slots=True)
class CallPlan:
    """The calling agreement of one kernel.

    The block handed to the kernel is ``[*inputs, *outputs, arena, environment]``; the last two may
    be NULL.  It returns 0, or a code of ``checks``.

    Parameters
    ----------
    symbol : str
        The C function, or the Python function of the NumPy backend.
    inputs, outputs : tuple of BufferSlot
        In order.
    arena_bytes : int
        Scratch memory, aligned to 64 bytes, uninitialised.
    lent_arena_bytes : int, optional
        The same where the environment has matrix routines; ``arena_bytes`` if left out.
    checks : dict of int to Check or str
        What a non-zero return code means, in the user's words; a bare text is an index error.
    write_back : tuple of (int, int)
        Output and input numbers: after the call, the output is copied into that argument.
    donated : tuple of (int, int)
        Output and input numbers: the output is made in that argument's own memory.
    environment : bool
        Whether the kernel makes use of the matrix routines in ``struct gradc_env``.
    parallel : bool
        Whether it has loops for several threads, which are lent there as well.
    """

    symbol: str
    inputs: tuple[BufferSlot, ...]
    outputs: tuple[BufferSlot, ...]
    arena_bytes: int = 0
    checks: Mapping[int, Check] = field(default_factory=dict)
    write_back: tuple[tuple[int, int], ...] = ()
    environment: bool = False
    parallel: bool = False
    lent_arena_bytes: int = -1
    donated: tuple[tuple[int, int], ...] = ()

    def __post_init__(self) -> None:
        """Refuse what is no plan."""
        if not (self.symbol.isascii() and self.symbol.isidentifier()):
            raise PlanError(f"{self.symbol!r} is not a name")
        checks = {code: _check(check) for code, check in self.checks.items()}
        object.__setattr__(self, "checks", checks)
        if self.lent_arena_bytes == -1:
            object.__setattr__(self, "lent_arena_bytes", self.arena_bytes)
        if self.arena_bytes < 0 or 0 in checks:
            raise PlanError("a negative arena, or a meaning for success")
        if not 0 <= self.lent_arena_bytes <= self.arena_bytes:
            raise PlanError("an arena that grows by what is lent")
        for output, argument in (*self.write_back, *self.donated):
            if not (0 <= output < len(self.outputs) and 0 <= argument < len(self.inputs)):
                raise PlanError("write_back names a buffer that is not there")
            if self.outputs[output].shape != self.inputs[argument].shape:
                raise PlanError("write_back between different shapes")
        if any(self.outputs[k].dtype != self.inputs[i].dtype for k, i in self.donated):
            raise PlanError("a donation between different dtypes")

    def to_json(self) -> dict[str, Any]:
        """Return a plain record for ``json.dumps``."""
        return {
            "symbol": self.symbol,
            "inputs": [_slot_record(slot) for slot in self.inputs],
            "outputs": [_slot_record(slot) for slot in self.outputs],
            "arena_bytes": self.arena_bytes,
            "checks": [[code, *check] for code, check in sorted(self.checks.items())],
            "write_back": [list(pair) for pair in self.write_back],
            "environment": self.environment,
            "parallel": self.parallel,
            "lent_arena_bytes": self.lent_arena_bytes,
            "donated": [list(pair) for pair in self.donated],
        }

    @classmethod
    def from_json(cls, record: object) -> "CallPlan":
        """Read a record that ``to_json`` wrote, checking every field.

        Raises
        ------
        PlanError
            When anything is missing, unknown, of another type or out of bounds.
        """
        found = _fields(record, _PLAN_FIELDS)
        if found["lent_arena_bytes"] < 0:
            raise PlanError("a negative arena")
        return cls(
            found["symbol"],
            tuple(_slot(slot) for slot in found["inputs"]),
            tuple(_slot(slot) for slot in found["outputs"]),
            found["arena_bytes"],
            {code: Check(*rest) for code, *rest in _rows(found["checks"], int, str, str)},
            tuple(_rows(found["write_back"], int, int)),
            found["environment"],
            found["parallel"],
            found["lent_arena_bytes"],
            tuple(_rows(found["donated"], int, int)),
        )


_SLOT_FIELDS: Mapping[str, type] = {
    "name": str, "dtype": str, "shape": list, "role": str, "scalar": bool, "path": str,
}  # fmt: skip
_PLAN_FIELDS: Mapping[str, type] = {
    "symbol": str, "inputs": list, "outputs": list, "arena_bytes": int, "checks": list,
    "write_back": list, "environment": bool, "parallel": bool, "lent_arena_bytes": int,
    "donated": list,
}  # fmt: skip


def _slot_record(slot: BufferSlot) -> dict[str, Any]:
    return {name: getattr(slot, name) for name in _SLOT_FIELDS} | {"shape": list(slot.shape)}


def _fields(record: object, wanted: Mapping[str, type]) -> dict[str, Any]:
    if not isinstance(record, dict) or set(record) != set(wanted):
        raise PlanError("a record has other fields than a plan")
    for name, kind in wanted.items():
        if type(record[name]) is not kind:
            raise PlanError(f"field {name} has another type")
        if kind is list and len(record[name]) > _MAX_BUFFERS:
            raise PlanError(f"field {name} is too long")
    return record


def _slot(record: object) -> BufferSlot:
    found = _fields(record, _SLOT_FIELDS)
    if found["dtype"] not in _DTYPES or any(type(size) is not int for size in found["shape"]):
        raise PlanError("a slot has an unknown dtype or no shape")
    return BufferSlot(**found | {"shape": tuple(found["shape"])})


def _rows(items: Iterable[object], *kinds: type) -> Iterable[tuple[Any, ...]]:
    """Yield each item as a tuple, after checking the type of each of its members."""
    for item in items:
        if not isinstance(item, list) or [type(member) for member in item] != list(kinds):
            raise PlanError("a row has another type")
        yield tuple(item)


def _check(check: Check | str) -> Check:
    made = Check(check) if isinstance(check, str) else check
    if made.kind not in _KINDS:
        raise PlanError(f"unknown kind of check {made.kind!r}")
    return made
