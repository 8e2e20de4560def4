"""Arguments whose memory a result is made in: what they must be.

Public: ``check_donated(plan, values)``, ``given(plan, arrays)``, ``shares(array, other)``.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradc.errors import ArgumentError
from gradc.runtime.arguments import Array, exact, refusal
from gradc.runtime.plan import BufferSlot, CallPlan

__all__ = ["check_donated", "given", "shares"]


def given(plan: CallPlan, arrays: Sequence[Array]) -> dict[int, Array]:
    """Return the results that are made in an argument's memory, by their number."""
    return {output: arrays[argument] for output, argument in plan.donated}


def check_donated(plan: CallPlan, values: Sequence[Any]) -> None:
    """Refuse donated arguments that cannot become results as they are.

    Raises
    ------
    ArgumentError
        One is no array of the planned type in C order that may be written to, or shares memory with
        another argument.
    """
    for _, argument in plan.donated:
        slot, value = plan.inputs[argument], values[argument]
        _check(slot, value)
        for other, found in enumerate(values):
            if other != argument and shares(value, found):
                label = plan.inputs[other].label
                raise ArgumentError(
                    f"{slot.label} is donated, but shares memory with {label}",
                    repair=f"pass {label}.copy(), or leave {slot.label} out of donate",
                )


def _check(slot: BufferSlot, value: Any) -> None:
    if type(value) is not np.ndarray or not value.dtype.isnative:
        raise refusal(slot, value, f"{slot.label} is donated: pass an array of this very type")
    if not exact(value, slot):
        raise ArgumentError(
            f"{slot.label} is donated, but its elements do not lie one after the other",
            repair=f"pass {slot.label}.copy(), and use what is returned",
        )
    if not value.flags.writeable:
        raise ArgumentError(
            f"{slot.label} is donated, but read-only",
            repair=f"pass {slot.label}.copy(), or leave {slot.label} out of donate",
        )


def shares(array: Array, other: object) -> bool:
    """Tell whether two arguments have an element in common."""
    if not isinstance(other, np.ndarray) or not np.may_share_memory(array, other):
        return False
    return bool(np.shares_memory(array, other))
