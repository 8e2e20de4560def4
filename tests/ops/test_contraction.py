"""Contractions: every labelling of small operands against einsum, and how they are spelled."""

import itertools

import numpy as np
import pytest

from gradc import ops
from gradc.errors import DTypeError, ShapeError
from gradc.ir import ArrayType, Symbol
from gradc.ops.contraction_forms import find_form
from tests.ops.graphs import generator

EXTENTS = (2, 3, 4, 5)


def _labellings():
    """All operands of rank 0 to 3 over four labels, up to renaming, with every order of results."""
    for rank_a, rank_b in itertools.product(range(4), repeat=2):
        a = tuple(range(rank_a))
        for b in itertools.permutations(range(min(4, rank_a + rank_b)), rank_b):
            shared = set(a) & set(b)
            alone = (set(a) | set(b)) - shared
            for count in range(len(shared) + 1):
                for kept in itertools.combinations(sorted(shared), count):
                    yield from (
                        (a, b, out) for out in itertools.permutations(sorted({*alone, *kept}))
                    )


def test_every_labelling_means_what_einsum_means():
    rng = generator("contract")
    count = 0
    for a_labels, b_labels, out_labels in _labellings():
        a = rng.standard_normal([EXTENTS[i] for i in a_labels])
        b = rng.standard_normal([EXTENTS[i] for i in b_labels])
        form = find_form(a_labels, b_labels, out_labels)
        wanted = np.einsum(a, list(a_labels), b, list(b_labels), list(out_labels))
        text = form.text("a", "b", a.ndim, b.ndim)
        np.testing.assert_allclose(form.evaluate(a, b), wanted, rtol=1e-12, atol=1e-12)
        printed = eval(text, {"np": np, "a": a, "b": b})
        np.testing.assert_array_equal(form.evaluate(a, b), printed, err_msg=text)
        count += 1
    assert count > 1000


@pytest.mark.parametrize(
    ("a", "b", "out", "wanted"),
    [
        ((0, 1), (1, 2), (0, 2), "a @ b"),
        ((0, 1), (2, 1), (0, 2), "a @ b.T"),
        ((0, 1), (0, 2), (1, 2), "a.T @ b"),
        ((0, 1), (2, 0), (1, 2), "a.T @ b.T"),
        ((0, 1), (1, 2), (2, 0), "b.T @ a.T"),
        ((0, 1), (2, 0), (2, 1), "b @ a"),
        ((0, 1), (1,), (0,), "a @ b"),
        ((0, 1), (0,), (1,), "a.T @ b"),
        ((0,), (0, 1), (1,), "a @ b"),
        ((0,), (1, 0), (1,), "a @ b.T"),
        ((0,), (0,), (), "a @ b"),
        ((0,), (1,), (0, 1), "np.outer(a, b)"),
        ((0,), (1,), (1, 0), "np.outer(b, a)"),
        ((7, 0, 1), (7, 1, 2), (7, 0, 2), "a @ b"),
        ((7, 0, 1), (7, 2, 1), (7, 0, 2), "a @ b.swapaxes(-1, -2)"),
        ((7, 0, 1), (1, 2), (7, 0, 2), "a @ b"),
        ((7, 8, 1), (7, 8, 2), (1, 2), "np.tensordot(a, b, ((0, 1), (0, 1)))"),
        ((7, 8, 1), (7, 8, 2), (2, 1), "np.tensordot(b, a, ((0, 1), (0, 1)))"),
        ((0, 1), (0, 1), (0,), 'np.einsum("ij,ij->i", a, b)'),
        ((3, 0, 4, 1), (3, 2, 4, 1), (3, 4, 0, 2), 'np.einsum("ijkl,imkl->ikjm", a, b)'),
    ],
)
def test_known_patterns_have_their_usual_spelling(a, b, out, wanted):
    assert find_form(a, b, out).text("a", "b", len(a), len(b)) == wanted


def _infer(a, b, a_labels, b_labels, out_labels):
    return ops.contract.infer(a, b, a_labels=a_labels, b_labels=b_labels, out_labels=out_labels)


F23, F34 = ArrayType.of("f8", 2, 3), ArrayType.of("f8", 3, 4)


@pytest.mark.parametrize(
    ("a", "b", "labels", "error", "words"),
    [
        (F23, F23, ((0, 1), (1, 2), (0, 2)), ShapeError, "summed axes"),
        (F23, F34.with_dtype("f4"), ((0, 1), (1, 2), (0, 2)), DTypeError, "equal dtypes"),
        (F23, F34, ((0, 1), (1,), (0,)), ShapeError, "b has 2 axes"),
        (F23, F34, ((0, 0), (1, 2), (1, 2)), ShapeError, "a has 2 axes"),
        (F23, F34, ((0, 1), (1, 2), (0,)), ShapeError, "stand in one operand only"),
        (F23, F34, ((0, 1), (1, 2), (0, 2, 3)), ShapeError, "do not come from"),
        (F23, F34, ((0, 1), (1, 2), (0, 0, 2)), ShapeError, "do not come from"),
    ],
)
def test_what_does_not_fit_is_refused(a, b, labels, error, words):
    with pytest.raises(error, match=words):
        _infer(a, b, *labels)


def test_extents_may_be_symbolic():
    n = Symbol("n").expr()
    result = _infer(ArrayType.of("f8", n, 3), F34, (0, 1), (1, 2), (0, 2))
    assert result == ArrayType.of("f8", n, 4)
