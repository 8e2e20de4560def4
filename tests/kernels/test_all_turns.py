"""Sums that every turn of a loop adds to are combined once, after the last turn."""

import re

import numpy as np
import pytest

import gradc

RNG = np.random.default_rng(5)


def decay(y, p):
    y = y.copy()
    for _ in range(7):
        y += 0.1 * (p[0] * np.sin(y) - p[1] * y)
    return np.sum(y * y)


def read_in_turns(y, p):
    """What a turn has added up is read in the next one."""
    y, s = y.copy(), 0.0
    for _ in range(7):
        s += np.sum(y * p[0])
        y += 0.001 * s * np.sin(y * p[1])
    return np.sum(y * y)


def nested(y, p):
    y, s = y.copy(), 0.0
    for _ in range(3):
        for k in range(4):
            s += np.sum(y[k] * y * p[0])
        y *= p[1]
    return s


@pytest.mark.parametrize("loss", [decay, read_in_turns, nested])
def test_c_gives_what_numpy_gives(loss):
    arguments = RNG.random(37), RNG.random(2)
    value, grads = gradc.value_and_grad(loss, argnums=(0, 1), backend="c")(*arguments)
    one, other = gradc.value_and_grad(loss, argnums=(0, 1), backend="numpy")(*arguments)
    assert value == pytest.approx(one, rel=1e-12)
    for found, expected in zip(grads, other, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-11)


def combined_in(text: str, loop: str) -> int:
    """Count the lanes that are combined inside a loop of the outermost level."""
    body = re.search(rf"\n    for \(int64_t {loop}.*?\n    }}\n", text, re.DOTALL)
    assert body
    return body[0].count("gradc_lanes_sum(")


def test_turns_add_in_lanes():
    source = gradc.value_and_grad(decay, argnums=(0, 1)).source("c", np.ones(37), np.ones(2))
    reverse = source.partition("/* adjoint */")[2]
    assert combined_in(reverse, "turn = 6") == 0
    assert reverse.count("gradc_lanes_sum(") == 2
    assert combined_in(gradc.compile(nested).source("c", np.ones(37), np.ones(2)), "turn") == 0


def test_what_turns_read_is_combined_in_turns():
    text = gradc.compile(read_in_turns).source("c", np.ones(37), np.ones(2))
    assert combined_in(text, "turn") == 1
