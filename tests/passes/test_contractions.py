"""Products with repeated elements."""

import numpy as np
import pytest

from gradc import ops
from gradc.ir import ArrayType
from gradc.ir.interpret import interpret
from gradc.passes import simplify
from tests.ops.graphs import generator
from tests.passes.cases import Case, check, draw, graph_of, registered, rewritten, term


def product(a, b, labels):
    a_labels, b_labels, out = labels.replace("->", ",").split(",")
    number = [tuple(map(ord, part)) for part in (a_labels, b_labels, out)]
    return ops.contract(a, b, a_labels=number[0], b_labels=number[1], out_labels=number[2])


def spread(x, *shape):
    return ops.broadcast_to(x, shape=shape)


def f8(*shape):
    return ArrayType.of("f8", *shape)


CASES = [
    Case(
        "contract_broadcast",
        lambda a, s: product(a, spread(s, 3), "ij,j->i"),
        lambda a, s: a.sum((1,)) * s,
        (f8(2, 3), f8()),
        ulps=8,
    ),
    Case(
        "contract_broadcast",
        lambda a, s: product(spread(s, 2), a, "i,ij->j"),
        lambda a, s: a.sum((0,)) * s,
        (f8(2, 3), f8()),
        ulps=8,
    ),
    Case(
        "contract_broadcast",
        lambda a, v: product(a, spread(v, 3, 4), "ij,jk->ik"),
        lambda a, v: product(a.sum((1,)), v, "i,k->ik"),
        (f8(2, 3), f8(4)),
        ulps=8,
    ),
    Case(
        "contract_broadcast",
        lambda a, v: product(a, spread(v, 3, 4), "ij,jk->ik"),
        lambda a, v: spread(product(a, v.reshape((3,)), "ij,j->i").reshape((2, 1)), 2, 4),
        (f8(2, 3), f8(3, 1)),
        ulps=8,
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case))
def test_rule(case):
    check(case)


@pytest.mark.parametrize("labels", ["ij,jk->ik", "ij,kj->ki", "ji,jk->ik", "bij,bjk->bik"])
@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("narrow", [(), (1, 3), (3, 1), (3,)])
def test_every_way_to_repeat(labels, which, narrow):
    """All sizes are 3; the value is that of the full product to a few last places."""
    rank = len(labels.split(",")[0])
    full = f8(*(3,) * rank)

    def build(a, b):
        wide = spread(b, *full.shape)
        return product(*((wide, a) if which else (a, wide)), labels)

    before = graph_of(build, (full, f8(*narrow)))
    after, fired = rewritten(before, registered("contract_broadcast"))
    assert fired["contract_broadcast"]
    rng = generator(labels, which, narrow)
    arrays = [np.abs(draw(rng, kind, 0.0)) for kind in (full, f8(*narrow))]
    np.testing.assert_allclose(interpret(after, *arrays)[0], interpret(before, *arrays)[0], 1e-14)


def test_integers_and_empty_arrays_are_left_alone():
    whole = (ArrayType.of("i8", 2, 3), ArrayType.of("i8"))
    empty = (f8(2, 0), f8())
    for types in (whole, empty):
        before = graph_of(lambda a, s: product(a, spread(s, a.shape[1]), "ij,j->i"), types)
        assert term(simplify(before)) == term(before)


def test_what_is_not_a_number_stays_so():
    """A NaN stays, and so does an infinity that a finite factor meets.

    The sum is taken first, as it is for any reassociation: an infinite factor times a sum that
    holds a zero gives an infinity where the sum of the products has a NaN.
    """
    before = graph_of(lambda a, s: product(a, spread(s, 3), "ij,j->i"), (f8(6, 3), f8()))
    after = simplify(before)
    a = np.array(
        [[1, np.nan, 2], [np.inf, 0, 1], [-np.inf, 1, 1], [np.inf, -np.inf, 0], [1, 2, 3], [0] * 3]
    )
    for s in (2.0, -1.0, 0.0, np.nan):
        one, other = (interpret(g, a, np.float64(s))[0] for g in (before, after))
        np.testing.assert_array_equal(one, other)
