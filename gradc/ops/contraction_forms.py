"""How NumPy spells a contraction: ``a @ b.T``, ``np.outer``, ``np.tensordot`` or ``np.einsum``."""

import string
from collections.abc import Iterable
from functools import lru_cache
from typing import TypeAlias

import numpy as np

from gradc.records import dataclass

__all__ = ["Form", "Labels", "find_form"]

Labels: TypeAlias = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Form:
    """One spelling.

    Parameters
    ----------
    how : str
        ``"matmul"``, ``"outer"``, ``"tensordot"`` or ``"einsum"``.
    swapped : bool
        Are the operands exchanged?
    turned : tuple of bool
        matmul: are the last two axes of the operands, after exchanging them, transposed?
    axes : tuple of tuple of int
        tensordot: the summed axes of both.
    subscripts : str
        einsum: such as ``"ij,jk->ik"``.
    """

    how: str
    swapped: bool = False
    turned: tuple[bool, bool] = (False, False)
    axes: tuple[Labels, Labels] = ((), ())
    subscripts: str = ""

    def evaluate(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Apply to arrays."""
        if self.swapped:
            a, b = b, a
        if self.how == "matmul":
            left, right = (
                np.swapaxes(x, -1, -2) if turn else x
                for x, turn in zip((a, b), self.turned, strict=True)
            )
            return np.asarray(left @ right)
        if self.how == "outer":
            return np.outer(a, b)
        if self.how == "tensordot":
            return np.asarray(np.tensordot(a, b, self.axes))
        return np.asarray(np.einsum(self.subscripts, a, b))

    def text(self, a: str, b: str, a_rank: int, b_rank: int) -> str:
        """Write for operands of the given texts and ranks."""
        pairs = ((a, a_rank), (b, b_rank))
        (a, a_rank), (b, b_rank) = pairs[::-1] if self.swapped else pairs
        if self.how == "matmul":
            first, second = self.turned
            return f"{_turned(a, a_rank, first)} @ {_turned(b, b_rank, second)}"
        if self.how == "outer":
            return f"np.outer({a}, {b})"
        if self.how == "tensordot":
            return f"np.tensordot({a}, {b}, {self.axes})"
        return f'np.einsum("{self.subscripts}", {a}, {b})'


def _turned(text: str, rank: int, turn: bool) -> str:
    if not turn:
        return text
    return f"{text}.T" if rank == 2 else f"{text}.swapaxes(-1, -2)"


@lru_cache(maxsize=4096)
def find_form(a: Labels, b: Labels, out: Labels) -> Form:
    """Return the plainest spelling of a contraction."""
    return (
        _matmul(a, b, out, False)
        or _matmul(b, a, out, True)
        or _outer(a, b, out)
        or _tensordot(a, b, out, False)
        or _tensordot(b, a, out, True)
        or Form("einsum", subscripts=_subscripts(a, b, out))
    )


def _matmul(a: Labels, b: Labels, out: Labels, swapped: bool) -> Form | None:
    """Match ``(batch, i, k) @ (batch, k, j)``, either part without its own axis or its batch."""
    shared = [label for label in a if label in b and label not in out]
    if len(shared) != 1:
        return None
    (k,) = shared
    for batch in range(len(out) + 1):
        lead, rest = out[:batch], out[batch:]
        left, right = _side(a, lead, k, 0), _side(b, lead, k, 1)
        if left is None or right is None or rest != left[0] + right[0]:
            continue
        if _batches_fit(a, b, lead):
            return Form("matmul", swapped, (left[1], right[1]))
    return None


def _side(labels: Labels, lead: Labels, k: int, place: int) -> tuple[Labels, bool] | None:
    """Read one operand as batch labels, its own label and k; say whether it must be turned."""
    core = labels[len(lead) :] if labels[: len(lead)] == lead else labels
    if core == (k,):
        return (), False
    if len(core) != 2 or k not in core:
        return None
    own = tuple(label for label in core if label != k)
    straight = core == (*own, k) if place == 0 else core == (k, *own)
    return own, not straight


def _batches_fit(a: Labels, b: Labels, lead: Labels) -> bool:
    """Tell whether NumPy lines the batch axes up by itself."""
    batched = [labels[: len(lead)] == lead for labels in (a, b)]
    if not lead:
        return True
    cores = [len(x) - len(lead) * has for x, has in zip((a, b), batched, strict=True)]
    if all(batched):
        return cores == [2, 2]
    return any(batched) and cores[batched.index(True)] == 2


def _outer(a: Labels, b: Labels, out: Labels) -> Form | None:
    if len(a) != 1 or len(b) != 1 or len(out) != 2:
        return None
    return Form("outer", swapped=out != a + b)


def _tensordot(a: Labels, b: Labels, out: Labels, swapped: bool) -> Form | None:
    """Match products without a batch label whose result keeps the order of the free axes."""
    shared = [label for label in a if label in b]
    free = tuple(x for x in a if x not in shared) + tuple(x for x in b if x not in shared)
    if not shared or out != free:
        return None
    axes = tuple(map(a.index, shared)), tuple(map(b.index, shared))
    return Form("tensordot", swapped, axes=axes)


def _subscripts(a: Labels, b: Labels, out: Labels) -> str:
    letters = dict(zip(dict.fromkeys(a + b), string.ascii_lowercase[8:] + "abcdefgh", strict=False))

    def spell(labels: Iterable[int]) -> str:
        return "".join(letters[label] for label in labels)

    return f"{spell(a)},{spell(b)}->{spell(out)}"
