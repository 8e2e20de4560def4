"""Loops whose index is taken modulo a small number are recorded several turns at once."""

import numpy as np
import pytest

import gradc
from gradc.capture.residues import parts_of
from gradc.ir import Symbol

RNG = np.random.default_rng(23)
i, j = Symbol("i", "index").expr(), Symbol("j", "index").expr()


def chequered(u, f):
    u, n = u.copy(), u.shape[0]
    for _ in range(3):
        for c in range(2):
            for i in range(1, n - 1):
                for j in range(1 + (i + c) % 2, n - 1, 2):
                    u[i, j] = 0.25 * (
                        u[i - 1, j] + u[i + 1, j] + u[i, j - 1] + u[i, j + 1] - f[i, j]
                    )
    return np.sum(u * u)


def two_buffers(u, f):
    both = np.stack([u, f])
    for t in range(9):
        both[(t + 1) % 2, 1:-1] = 0.5 * (both[t % 2, :-2] + both[t % 2, 2:])
    return np.sum(both[1] * both[0])


def every_third(u, f):
    x = u[0].copy()
    for i in range(11):
        x = x * f[i % 4] if i % 3 == 1 else x + u[i // 2] * np.sin(x)
    return np.sum(x)


def last_bit(u, f):
    x = u[0].copy()
    for i in range(10, 0, -1):
        x = x * f[i] if i & 1 else x + u[i]
    return np.sum(x * x)


def pairs_of_elements(u, f):
    y = np.zeros(u.shape[0])
    for i, row in enumerate(f):
        y[i // 2] = y[i // 2] + row[i] * u[i, i - i % 2]
    return np.sum(y * y)


def left_in_the_middle(u, f):
    s = 0.0
    for i in range(12):
        if i % 2 == 1 and f[i, 0] > 1.0:
            break
        s = s + u[i, 0] * f[i, 1]
    return s


def bound_in_the_first_turn(u, f):
    for i in range(12):
        if i == 0:
            x = u[0]
        x = x * f[i] if i % 2 else x + u[i]
    return np.sum(x)


PROGRAMS = [
    chequered,
    two_buffers,
    every_third,
    last_bit,
    pairs_of_elements,
    left_in_the_middle,
    bound_in_the_first_turn,
]


@pytest.mark.parametrize("loss", PROGRAMS)
@pytest.mark.parametrize("backend", ["numpy", "c"])
@pytest.mark.parametrize("unroll", [0, 3])
def test_gradients(loss, backend, unroll):
    at = RNG.standard_normal((12, 12)), RNG.standard_normal((12, 12))
    gradient = gradc.value_and_grad(loss, argnums=(0, 1), backend=backend, unroll=unroll)
    value, found = gradient(*at)
    assert value == pytest.approx(loss(*at), rel=1e-12)
    d = RNG.standard_normal((12, 12)), RNG.standard_normal((12, 12))
    ahead, behind = (loss(*(x + h * t for x, t in zip(at, d, strict=True))) for h in (1e-6, -1e-6))
    along = sum(np.sum(one * t) for one, t in zip(found, d, strict=True))
    assert along == pytest.approx((ahead - behind) / 2e-6, rel=1e-5, abs=1e-7)


@pytest.mark.parametrize("n", [12, 13])
def test_a_chequered_sweep_counts_its_turns(n):
    at = RNG.standard_normal((n, n)), RNG.standard_normal((n, n))
    gradient = gradc.value_and_grad(chequered, argnums=(0, 1))
    source = gradient.source("c", *at)
    assert "while (" not in source
    assert "remainder" not in source
    assert gradient.artifact(*at).memory().tape == 0


def test_its_code_does_not_grow_with_its_turns():
    def lines(n):
        source = gradc.grad(chequered).source("numpy", np.ones((n, n)), np.ones((n, n)))
        return len(source.splitlines())

    assert lines(40) == lines(80)
    assert lines(41) == lines(81)


def test_a_test_of_the_remainder_is_decided_while_recording():
    def loss(x):
        y = np.zeros(64)
        for i in range(64):
            y[i] = x[i] * x[i] if i % 2 == 0 else np.sin(x[i])
        return np.sum(y)

    source = gradc.grad(loss).source("c", np.ones(64))
    assert "if (" not in source
    facts = gradc.compile(loss).artifact(np.ones(64)).facts
    assert [choice for key, choice in facts.items() if "loop at" in key] == [
        "kept, 2 turns at once"
    ]


@pytest.mark.parametrize(
    ("dim", "size", "expected"),
    [
        (i * 4 - 3, 2, ("2*i - 2", 1)),
        (i * 2 + j * 6 + 5, 2, ("i + 3*j + 2", 1)),
        (i + 1, 2, None),
        (i * j * 2, 2, ("i*j", 0)),
        (i * 2 + j, 2, None),
        (i * -2 - 1, 2, ("-i - 1", 1)),
    ],
)
def test_parts(dim, size, expected):
    found = parts_of(dim, size)
    assert (found and (str(found[0]), found[1])) == expected
