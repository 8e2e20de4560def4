"""What ``Artifact.memory`` counts, against arrays that are known by hand."""

import numpy as np
import pytest

import gradc

X = np.linspace(0.1, 0.9, 5)


def chain(x):
    for _t in range(3000):
        x = np.sin(x) * x
    return np.sum(x)


def linear(x):
    for _t in range(3000):
        x = x[::-1] + 0.5 * x
    return np.sum(x)


def in_place(a):
    for i in range(1, 3000):
        a[i] = a[i - 1] * np.sin(a[i - 1])
    return np.sum(a)


def row_by_row(x):
    total = 0.0
    for _i in range(2500):
        for _j in range(2600):
            x = np.sin(x) * x
        total = total + np.sum(x)
    return total


def memory(fn, *args, backend="numpy"):
    return gradc.grad(fn, backend=backend).artifact(*args).memory()


@pytest.mark.parametrize("backend", ["numpy", "c"])
def test_tape_of_a_chain_has_one_row_a_turn(backend):
    found = memory(chain, X, backend=backend)
    (tape,) = found.tapes
    assert (tape.name, tape.type, tape.depth) == ("x_tape", "f8[3000, 5]", 0)
    assert tape.loop.startswith("test_memory.py:")
    assert found.tape == tape.nbytes == 3000 * 5 * 8
    assert found.results == X.nbytes
    assert found.tape <= found.arena <= found.tape + 1024
    assert found.peak == found.arena + found.results


def test_linear_updates_and_final_values_keep_nothing():
    assert memory(linear, X).tape == 0
    assert memory(in_place, np.ones(3000)).tape == 0


def test_tapes_of_inner_loops_are_counted_once():
    outer, inner = sorted(memory(row_by_row, X).tapes, key=lambda tape: tape.depth)
    assert (outer.depth, inner.depth) == (0, 1)
    assert inner.nbytes == 2600 * X.nbytes


def test_a_primal_has_no_tape():
    found = gradc.compile(chain, backend="numpy").artifact(X).memory()
    assert found.tapes == ()


def test_tapes_are_not_filled_before_the_loop():
    source = gradc.grad(chain, backend="numpy").source("numpy", X)
    assert "x_tape = np.empty((3000, 5))" in source
    c = gradc.grad(chain, backend="numpy").source("c", X)
    assert "memset" not in c


def test_report_names_the_tapes():
    text = gradc.grad(chain, backend="numpy").artifact(X).report()
    assert "memory of a call" in text
    assert "x_tape  f8[3000, 5]  117.2 KiB  every turn  test_memory.py:" in text


def test_the_rows_of_segments_and_of_what_runs_again_are_told_apart():
    found = gradc.grad(chain, backend="numpy", memory="10 kB").artifact(X).memory()
    assert [(tape.depth, tape.why) for tape in found.tapes] == [(0, "every segment"), (1, "again")]


def sweeps(x, w):
    for j in range(40):
        x[j] = np.tanh(w @ x) * x[j]
    return np.sum(x)


def test_parts_that_the_reverse_puts_back_are_named_after_the_array():
    args = np.linspace(0.1, 0.9, 40), np.linspace(-0.2, 0.1, 40)
    found = gradc.grad(sweeps, (0, 1), backend="numpy").artifact(*args).memory()
    assert "x_part_tape" in [tape.name for tape in found.tapes]
    assert max(tape.nbytes for tape in found.tapes) == 40 * 8


def test_loops_of_products_that_are_one_in_c_have_no_tape():
    """The rows before the loop are the argument's; what is counted is what C does."""

    def rows(a, w):
        a = a.copy()
        for r in range(a.shape[0]):
            for q in range(a.shape[1]):
                row = a[r, q, :] @ w
                a[r, q, :] = row
        return np.sum(a * a)

    a, w = np.ones((5, 12, 9)), np.ones((9, 9))
    memory = gradc.value_and_grad(rows, (0, 1), unroll=0).artifact(a, w).memory()
    assert memory.tape == 0
