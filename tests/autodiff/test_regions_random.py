"""Random loops that read and overwrite parts of one array: whatever is read late must be right."""

import numpy as np
import pytest

from gradc import ops
from gradc.autodiff.derive import reverse
from gradc.ir.interpret import interpret
from gradc.ir.verify import verify
from gradc.passes import simplify
from tests.autodiff.test_regions import check
from tests.region_graphs import build, draw, get, loop, put

SIZE = 9


def place(rng, i, j):
    """Return a position inside the array, affine in two indices below 3."""
    choices = [i, j, i + j, i + j + 2, 2 * 1 - i, 4 - j, i + 5, 2 * j + i, i - j + 3, 8 - i - j]
    choices.append(int(rng.integers(SIZE)))
    return choices[rng.integers(len(choices))]


def step(rng, i, j, a):
    """Overwrite an element or a slice by a product of others."""
    read, other = get(a, place(rng, i, j)), get(a, place(rng, i, j))
    if rng.random() < 0.4:
        start, length = [(0, i + 1), (i + 1, 3), (j, 2), (i + j, 4 - i)][rng.integers(4)]
        part = get(a, (start, length))
        return put(a, ops.sin(part) * read, (start, length))
    if rng.random() < 0.5:
        return put(a, ops.sin(read * other) + read, place(rng, i, j))
    return put(a, read + 0.5 * other, place(rng, i, j))


def program(seed):
    def built(a):
        rng = np.random.default_rng(seed)
        turned = rng.random(3) < 0.5

        def outer(i, a):
            a = step(rng, i, i, a)
            count = [3, i + 1, 3 - i][rng.integers(3)]

            def inner(j, a):
                a = step(rng, i, j, a)
                return step(rng, i, j, a) if rng.random() < 0.5 else a

            (a,) = loop("j", count, inner, [], [a], reverse=bool(turned[0]))
            return step(rng, i, i, a) if rng.random() < 0.5 else a

        (a,) = loop("i", 3, outer, [], [a], reverse=bool(turned[1]))
        return (a * a).sum()

    return built


@pytest.mark.parametrize("seed", range(40))
def test_random_updates(seed):
    graph, at = build(program(seed), (SIZE,)), draw(seed, (SIZE,))
    joint = reverse(graph, [0])
    for found in (joint.graph, simplify(joint.graph)):
        check(graph, interpret(verify(found), *at)[joint.values :], at)
