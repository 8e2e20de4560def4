"""Who won a maximum, and ties, are kept in one byte an element and turn."""

import numpy as np
import pytest

import gradc

STEPS = 6


def shifted(turns):
    def loss(x, w):
        x = x.copy()
        for _ in turns:
            x[:] = np.maximum(x, x[::-1] + w)
            x[:] = np.minimum(x[::-1], x)
        return np.sum(x * x)

    return loss


def by_elements(turns):
    def loss(x, w):
        x = x.copy()
        for _ in turns:
            for i in range(1, x.shape[0]):
                x[i] = max(x[i - 1] + w, x[i])
        return np.sum(x * x)

    return loss


def seen_twice(turns):
    def loss(x, w):
        x = x.copy()
        for _ in turns:
            other = x[::-1] + w
            x[:] = np.where(x > other, 2.0 * x, other) + np.maximum(x, other)
        return np.sum(x * x)

    return loss


X = np.array([0.5, 0.25, 1.0, 0.25, 1.0, 0.75, 0.5])


@pytest.mark.parametrize("make", [shifted, by_elements, seen_twice])
@pytest.mark.parametrize("w", [0.0, 0.25])
def test_shares_are_as_outside_of_loops(make, w):
    """Over a list, turns are written one after the other."""
    _, expected = gradc.value_and_grad(make([*range(STEPS)]), argnums=(0, 1), backend="numpy")(X, w)
    for backend in ("numpy", "c"):
        _, found = gradc.value_and_grad(make(range(STEPS)), argnums=(0, 1), backend=backend)(X, w)
        np.testing.assert_allclose(found[0], expected[0], rtol=1e-12)
        np.testing.assert_allclose(found[1], expected[1], rtol=1e-12)


def tapes(loss) -> list[tuple[str, int]]:
    memory = gradc.value_and_grad(loss, argnums=(0, 1)).artifact(X, 0.0).memory()
    return [(tape.type.partition("[")[0], tape.nbytes) for tape in memory.tapes]


def test_one_byte_an_element():
    size = STEPS * X.size
    assert tapes(shifted(range(STEPS))) == [("i1", size), ("i1", size)]


def test_truth_values_read_elsewhere_stay():
    assert {kind for kind, _ in tapes(seen_twice(range(STEPS)))} == {"bool"}
