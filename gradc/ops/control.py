"""Inputs, constants, and values that only steer differentiation."""

from typing import Any

import numpy as np

from gradc.ir.node import Literal
from gradc.ir.op import ZERO_DERIVATIVE, Kind, Linear
from gradc.ir.types import ArrayType
from gradc.ops.declare import elementwise, operation, reals

__all__ = ["barrier", "blank", "constant", "input_", "stop_gradient"]


def _infer_input(**params: Any) -> ArrayType:
    kind: ArrayType = params["type"]
    return kind


def _evaluate_input(**params: Any) -> np.ndarray:
    raise LookupError(f"input {params['name']} has no value of its own")


input_ = operation(
    "input",
    Kind.INPUT,
    "",
    infer=_infer_input,
    evaluate=_evaluate_input,
    numpy="{name}",
    params=("name", "position", "type"),
    doc="A value handed in by the caller.",
)


def _infer_constant(value: Literal) -> ArrayType:
    return value.type


constant = operation(
    "constant",
    Kind.CONSTANT,
    "",
    infer=_infer_constant,
    evaluate=lambda value: value.array,
    numpy="{value}",
    params=("value",),
    doc="A literal array or number.",
)

blank = operation(
    "blank",
    Kind.CONSTANT,
    "",
    infer=_infer_constant,
    evaluate=lambda value: value.array,
    numpy="{value}",
    params=("value",),
    doc="A number that is never read: broadcast, it is memory that a tape begins with.",
)

stop_gradient = elementwise(
    "stop_gradient",
    "x",
    numpy="{x}",
    c="{x}",
    evaluate=np.positive,
    derivative=ZERO_DERIVATIVE,
    takes="fiub",
    samples=reals(),
    doc="The operand itself, as a constant for differentiation.",
)

barrier = operation(
    "barrier",
    Kind.MOVEMENT,
    "x, after",
    infer=lambda x, after, number: x,
    evaluate=lambda x, after, number: x,
    numpy="{x}",
    derivative=Linear(lambda ct, out, x, after, number: (ct, None), slots=(0,)),
    samples=reals(),
    params=("number",),
    doc="The first operand; what is computed from it is computed after the second, and again.",
)
