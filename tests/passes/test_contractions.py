"""Products with repeated elements."""

import numpy as np
import pytest

import gradc
from gradc import ops
from gradc.ir import ArrayType, Origin
from gradc.ir.interpret import interpret
from gradc.passes import simplify
from tests.ops.graphs import generator
from tests.passes.cases import Case, check, draw, graph_of, registered, rewritten, term


def product(a, b, labels):
    a_labels, b_labels, out = labels.replace("->", ",").split(",")
    number = [tuple(map(ord, part)) for part in (a_labels, b_labels, out)]
    return ops.contract(a, b, a_labels=number[0], b_labels=number[1], out_labels=number[2])


def by_axes(a, b, a_labels, b_labels, out_labels):
    """Return a product with the axes of the repeated operands as labels."""
    return ops.contract(a, b, a_labels=a_labels, b_labels=b_labels, out_labels=out_labels)


def spread(x, *shape):
    return ops.broadcast_to(x, shape=shape)


def f8(*shape):
    return ArrayType.of("f8", *shape)


def summed(a, b, labels, axes, *, adjoint=True, negated=False):
    """Return the sum of a product over some axes; the product is an adjoint."""
    with a.graph.at(Origin(None, adjoint_of=a.id if adjoint else None)):
        whole = product(a, b, labels)
    return (-whole if negated else whole).sum(axes)


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
    Case(
        "contract_broadcast",
        lambda a, s: product(a, spread(s, 2, 3), "ij,ij->ji"),
        lambda a, s: product(a, s, "ij,->ji"),
        (f8(2, 3), f8()),
    ),
    Case(
        "contract_broadcast",
        lambda a, v: product(a, spread(v, 2, 3), "ij,ij->ij"),
        lambda a, v: product(a, v.reshape((2,)), "ij,i->ij"),
        (f8(2, 3), f8(2, 1)),
    ),
    Case(
        "contract_broadcast",
        lambda a, v: product(a, spread(v, 2, 3, 4), "bij,bjk->bik"),
        lambda a, v: product(a.sum((2,)), v.reshape((4,)), "bi,k->bik"),
        (f8(2, 5, 3), f8(1, 1, 4)),
        ulps=8,
    ),
    Case(
        "sum_of_repeated",
        lambda a, b: (spread(a, 2, 4, 3) * spread(b, 2, 4, 3)).sum((2,)),
        lambda a, b: by_axes(a.reshape((2, 3)), b, (0, 2), (1, 2), (0, 1)),
        (f8(2, 1, 3), f8(4, 3)),
        ulps=8,
    ),
    Case(
        "sum_of_repeated",
        lambda a, b: (spread(a, 1, 3, 4, 5) * spread(b, 1, 3, 4, 5)).sum((2,)),
        lambda a, b: by_axes(a.reshape((4, 5)), b.reshape((3, 4)), (2, 3), (1, 2), (1, 3)).reshape(
            (1, 3, 5)
        ),
        (f8(1, 1, 4, 5), f8(3, 4, 1)),
        ulps=8,
    ),
    Case(
        "contract_number",
        lambda a: product(a.graph.literal(2.0, a.dtype), a, ",ij->ji"),
        lambda a: a.transpose((1, 0)) * 2.0,
        (f8(3, 5),),
        ulps=1,
    ),
    Case(
        "contract_number",
        lambda a: product(a, a.graph.literal(0.3, a.dtype), "i,->i"),
        lambda a: a * 0.3,
        (f8(3),),
        ulps=1,
    ),
    Case(
        "sum_before_product",
        lambda a, b: summed(a, b, "j,i->ji", (1,)),
        lambda a, b: a * b.sum((0,)),
        (f8(4), f8(3)),
        ulps=8,
    ),
    Case(
        "sum_before_product",
        lambda a, b: summed(a, b, "jk,ki->ji", (0,)),
        lambda a, b: product(a.sum((0,)), b, "k,ki->i"),
        (f8(4, 3), f8(3, 5)),
        ulps=16,
    ),
    Case(
        "sum_before_product",
        lambda a, b: summed(a, b, "kj,ki->ij", (1,), negated=True),
        lambda a, b: -product(a.sum((1,)), b, "k,ki->i"),
        (f8(3, 4), f8(3, 5)),
        ulps=16,
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case))
def test_rule(case):
    check(case)


@pytest.mark.parametrize(
    "function",
    [
        lambda a, b: (a * spread(b, 2, 3)).sum((1,)),
        lambda a, b: (spread(a.reshape((2, 3, 1)), 2, 3, 3) * spread(b, 2, 3, 3)).sum((0,)),
    ],
    ids=["one operand is the whole", "one operand alone is summed"],
)
def test_what_is_no_product_of_repeated_operands(function):
    graph = graph_of(function, (f8(2, 3), f8(3)))
    assert not any(node.op.name == "contract" for node in simplify(graph, final=True).nodes)


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
    before = graph_of(lambda a, s: product(a, spread(s, 0), "i,j->ij"), (f8(3), f8()))
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


# sums of products that are adjoints


def product_sizes(graph):
    """Return the elements of the results of all products that are needed."""
    live = zip(graph.nodes, graph.live(), strict=True)
    return [node.type.size for node, needed in live if needed and node.op.name == "contract"]


SUMS = [
    ("jk,ki->ji", (7, 3), (3, 3), (0,)),
    ("jk,ki->ji", (3, 3), (3, 7), (1,)),
    ("bjk,bik->bji", (2, 7, 3), (2, 4, 3), (1,)),
    ("bjk,bik->jbi", (2, 7, 3), (2, 4, 3), (0,)),
    ("j,i->ji", (7,), (5,), (0,)),
    ("j,i->ji", (7,), (5,), (1,)),
    ("jk,li->jkli", (7, 2), (3, 4), (0, 2)),
]


@pytest.mark.parametrize("negated", [False, True])
@pytest.mark.parametrize(("labels", "left", "right", "axes"), SUMS)
def test_an_operand_is_added_up_instead_of_the_product(labels, left, right, axes, negated):
    """No product with the axis of the sum is left, and values are those of before."""
    before = graph_of(
        lambda a, b: summed(a, b, labels, axes, negated=negated), (f8(*left), f8(*right))
    )
    after, fired = rewritten(before, registered("sum_before_product"))
    assert fired["sum_before_product"] == 1
    assert all(size < product_sizes(before)[0] for size in product_sizes(after))
    rng = generator(labels, axes, negated)
    arrays = [rng.standard_normal(shape) for shape in (left, right)]
    np.testing.assert_allclose(interpret(after, *arrays)[0], interpret(before, *arrays)[0], 1e-12)


@pytest.mark.parametrize(
    ("labels", "left", "right", "axes", "adjoint"),
    [
        ("jk,ki->ji", (7, 3), (3, 3), (0,), False),
        ("bjk,bki->bji", (2, 7, 3), (2, 3, 3), (0,), True),
        ("jk,ki->ji", (7, 9), (9, 3), (0,), True),
    ],
    ids=["the user's own", "an axis of both", "a longer operand"],
)
def test_other_sums_stay(labels, left, right, axes, adjoint):
    before = graph_of(
        lambda a, b: summed(a, b, labels, axes, adjoint=adjoint), (f8(*left), f8(*right))
    )
    _, fired = rewritten(before, registered("sum_before_product"))
    assert not fired["sum_before_product"]


def test_a_mean_that_all_points_share_costs_no_product():
    """The gradient of a shift is the sum of what comes back, times the matrix once."""

    def loss(shift, q, x):
        return np.sum(np.tanh((x - shift) @ q))

    rng = np.random.default_rng(4)
    args = [rng.standard_normal(shape) for shape in ((5,), (5, 4), (90, 5))]
    grad = gradc.compile(gradc.grad(loss), backend="numpy")
    graph = grad.artifact(*args).program.graph
    assert product_sizes(graph) == [90 * 4, 5]
    y = np.tanh((args[2] - args[0]) @ args[1])
    np.testing.assert_allclose(grad(*args), -((1 - y * y) @ args[1].T).sum(0), 1e-12)
