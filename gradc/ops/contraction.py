"""Sums of products over labelled axes: matmul, dot, outer, einsum are all this one op.

    out[out_labels] = sum over the other labels of a[a_labels] * b[b_labels]

Every label of an operand is in the other operand or in the result, so the transpose is one too.
Known patterns are printed and evaluated as ``a @ b``, ``np.outer`` or ``np.tensordot``.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradc.errors import DTypeError, ShapeError
from gradc.ir.dims import Dim
from gradc.ir.op import Kind, Linear, op_named
from gradc.ir.types import ArrayType
from gradc.ir.value import Value
from gradc.ops.contraction_forms import Labels, find_form
from gradc.ops.declare import operation, reals

__all__ = ["contract"]


def _infer(
    a: ArrayType, b: ArrayType, a_labels: Labels, b_labels: Labels, out_labels: Labels
) -> ArrayType:
    if a.dtype != b.dtype:
        raise DTypeError(f"a product needs equal dtypes, got {a} and {b}")
    _check_labels(a, b, a_labels, b_labels, out_labels)
    extents: dict[int, Dim] = dict(zip(a_labels, a.shape, strict=True))
    for label, extent in zip(b_labels, b.shape, strict=True):
        if extents.setdefault(label, extent) != extent:
            raise ShapeError(f"the summed axes of {a} and {b} differ in length")
    return a.with_shape(extents[label] for label in out_labels)


def _check_labels(
    a: ArrayType, b: ArrayType, a_labels: Labels, b_labels: Labels, out_labels: Labels
) -> None:
    for name, labels, rank in (("a", a_labels, a.ndim), ("b", b_labels, b.ndim)):
        if len(labels) != rank or len(set(labels)) != rank:
            raise ShapeError(f"{name} has {rank} axes and the labels {labels}")
    known, result = {*a_labels, *b_labels}, set(out_labels)
    if len(result) != len(out_labels) or not result <= known:
        raise ShapeError(f"the labels {out_labels} of a product do not come from its operands")
    alone = set(a_labels) ^ set(b_labels)
    if not alone <= result:
        raise ShapeError(f"the labels {sorted(alone - result)} stand in one operand only")


def _evaluate(
    a: np.ndarray, b: np.ndarray, a_labels: Labels, b_labels: Labels, out_labels: Labels
) -> np.ndarray:
    return np.asarray(find_form(a_labels, b_labels, out_labels).evaluate(a, b))


def _numpy(texts: Sequence[str], types: Sequence[ArrayType], params: dict[str, Any]) -> str:
    form = find_form(params["a_labels"], params["b_labels"], params["out_labels"])
    (a, b), (left, right) = texts, types
    return form.text(a, b, left.ndim, right.ndim)


def _transpose(
    ct: Value,
    out: Value,
    a: Value,
    b: Value,
    a_labels: Labels,
    b_labels: Labels,
    out_labels: Labels,
) -> Sequence[Value | None]:
    contract = op_named("contract")
    return (
        contract(ct, b, a_labels=out_labels, b_labels=b_labels, out_labels=a_labels),
        contract(a, ct, a_labels=a_labels, b_labels=out_labels, out_labels=b_labels),
    )


contract = operation(
    "contract",
    Kind.CONTRACTION,
    "a, b",
    infer=_infer,
    evaluate=_evaluate,
    numpy=_numpy,
    derivative=Linear(_transpose, slots=(0, 1)),
    samples=reals(),
    params=("a_labels", "b_labels", "out_labels"),
    precedence=70,
    doc="The sum of products over the labels that the result does not have.",
)
