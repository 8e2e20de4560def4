"""What loops keep for their reverse: as little as is needed, whatever the number of turns."""

import numpy as np
import pytest

from gradc import ops
from gradc.autodiff import Cut
from gradc.autodiff.activity import find_cut
from gradc.autodiff.derive import reverse
from gradc.errors import DerivativeError, LimitError, UnsupportedError
from gradc.ir import Graph
from gradc.ir.digest import digest
from gradc.ir.interpret import interpret
from gradc.ir.text import dump
from gradc.ir.verify import verify
from gradc.passes import simplify
from tests.region_graphs import build, draw, get, loop, loops_of, put, whilst, zeros
from tests.region_programs import PROGRAMS, graph_of


def joint_of(graph: Graph) -> Graph:
    return verify(simplify(reverse(simplify(graph), range(len(graph.inputs))).graph))


def tapes(graph: Graph) -> list[str]:
    """Return the types of all tapes, inner ones too."""
    found = []
    for node in loops_of(graph):
        if node.op.name == "cond":
            continue
        body = node.regions[-1]
        carried = body.inputs[-node.params["carries"] :]
        found += [str(body[k].type) for k in carried if body.names.get(k, "").endswith("_tape")]
    return found


KEPT = {
    "jacobi": [],
    "seidel": [],
    "strided": [],
    "accumulate_rows": [],
    "doubling_while": [],
    "lu": [],
    "lu_in_steps": [],
    "cholesky": [],
    "triangular_solve": [],
    "euler": ["f8[7, 3]"],
    "recurrent": ["f8[5, 2]"],
    "swapped_carries": ["f8[6]"],
    "jacobi_squares": ["f8[3, 6]"],
    "growing_rows": ["f8[10]"],
    "branch_on_elements": ["f8[3, 2]", "f8[3, 2]", "f8[2]", "f8[2]"],
    "newton": ["f8[50]"],
}


@pytest.mark.parametrize("name", KEPT)
def test_tapes(name):
    assert tapes(joint_of(graph_of(name))) == KEPT[name]


def test_a_linear_loop_has_no_second_forward_sweep():
    loops = [node for node in joint_of(graph_of("jacobi")).nodes if node.op.name == "loop"]
    assert [node.params["reverse"] for node in loops] == [False, True]


@pytest.mark.parametrize("name", ["seidel", "lu_in_steps", "accumulate_rows", "triangular_solve"])
def test_adjoints_are_updated_in_place(name):
    """No array is padded, filled with zeros or added whole inside a loop."""
    for node in loops_of(joint_of(graph_of(name))):
        for inner in node.regions[0].nodes:
            assert inner.op.name not in ("pad", "broadcast_to")
            assert inner.op.name != "add" or inner.type.ndim < 2


def euler_of(turns: int) -> Graph:
    def program(y):
        return loop("i", turns, lambda i, y: y + 0.1 * ops.sin(y), [], [y])[0].sum()

    return build(program, (3,))


def test_graphs_do_not_grow_with_the_number_of_turns():
    lengths = [[len(line.split()) for line in dump(joint_of(euler_of(n))).splitlines()]
               for n in (10, 1000)]  # fmt: skip
    assert lengths[0] == lengths[1]


@pytest.mark.parametrize("name", ["lu", "while_in_a_loop", "branch_on_elements"])
def test_deterministic(name):
    assert digest(joint_of(graph_of(name))) == digest(joint_of(graph_of(name)))


@pytest.mark.parametrize("name", ["recurrent", "lu", "durbin", "branches"])
def test_single_precision(name):
    """Dtypes are kept, and results are as good as single precision allows."""
    at = draw(5, *PROGRAMS[name][1], dtype="f4")
    single = interpret(joint_of(graph_of(name, dtype="f4")), *at)
    double = interpret(joint_of(graph_of(name)), *[a.astype("f8") for a in at])
    for one, other in zip(single, double, strict=True):
        assert one.dtype == np.float32
        np.testing.assert_allclose(one, other, rtol=2e-4, atol=2e-4)


def test_a_reverse_that_needs_too_much_is_refused():
    def program(y):
        def body(y):
            return ops.sin(y)

        return whilst(
            lambda y: ops.less(y.sum(), 1.0), body, [], [y], limit=1_000_000
        )[0].sum()  # fmt: skip

    with pytest.raises(LimitError, match="MiB for 1000000 turns"):
        reverse(build(program, (10_000_000,)), [0])


def test_extents_that_are_not_bounded_are_refused():
    def program(x):
        def inner(i, j, x):
            part = get(x, (0, 2), (0, i * (j - i)))
            return put(x, part * part, (0, 2), (0, i * (j - i)))

        def outer(j, x):
            return loop("i", j, lambda i, x: inner(i, j, x), [], [x])[0]

        return loop("j", 4, outer, [], [x])[0].sum()

    with pytest.raises(UnsupportedError, match="whose largest value is not known"):
        reverse(build(program, (2, 5)), [0])


def test_extents_that_rise_and_fall_are_tried_one_by_one():
    def program(x):
        def body(i, x):
            part = get(x, (0, 2), (0, i * (3 - i)))
            return put(x, ops.sin(part), (0, 2), (0, i * (3 - i)))

        return loop("i", 4, body, [], [x])[0].sum()

    assert tapes(joint_of(build(program, (2, 5)))) == ["f8[4, 2, 2]"]


def test_rows_lie_one_behind_the_other():
    """A tape of rows of length ``i * (3 - i)`` holds 0 + 2 + 2 + 0 elements."""

    def program(x):
        def body(i, x):
            part = get(x, (0, i * (3 - i)))
            return put(x, ops.sin(part), (0, i * (3 - i)))

        return loop("i", 4, body, [], [x])[0].sum()

    assert tapes(joint_of(build(program, (5,)))) == ["f8[4]"]


def test_tapes_of_triangles_in_a_loop_are_pyramids():
    """Rows of length j + 1 for j < i, for i < 5: 0 + 1 + 3 + 6 + 10 elements."""

    def program(x):
        def inner(i, j, x):
            part = get(x, (0, j + 1))
            return put(x, ops.sin(part), (0, j + 1))

        def outer(i, x):
            return loop("j", i, lambda j, x: inner(i, j, x), [], [x])[0]

        return loop("i", 5, outer, [], [x])[0].sum()

    joint = joint_of(build(program, (6,)))
    assert "f8[20]" in tapes(joint)
    x = np.linspace(0.1, 0.9, 6)
    step = 1e-30j
    wanted = [_pyramid(x + step * unit).imag / 1e-30 for unit in np.eye(6)]
    np.testing.assert_allclose(interpret(joint, x)[1], wanted, rtol=1e-13)


def _pyramid(x):
    for i in range(5):
        for j in range(i):
            x[: j + 1] = np.sin(x[: j + 1])
    return x.sum()


def test_cuts_inside_loops():
    def stopped(x):
        return loop(
            "i", 3, lambda i, x, s: s + ops.stop_gradient(get(x, i)), [x], [zeros(x)]
        )[0]  # fmt: skip

    def rounded(x):
        return loop("i", 3, lambda i, x, s: s + ops.floor(get(x, i)), [x], [zeros(x)])[0]

    def unused(x, y):
        return loop("i", 3, lambda i, x, s, t: (s * get(x, i), t + get(x, i)), [x], [y, y])[0]

    for program, shapes, cut in (
        (stopped, [(3,)], Cut.STOPPED),
        (rounded, [(3,)], Cut.CONSTANT),
    ):
        graph = build(program, *shapes)
        found, node = find_cut(graph, graph.inputs[0], graph.outputs)
        assert found is cut
        assert node.op.name in ("stop_gradient", "floor")
        joint = reverse(graph, [0])
        assert joint.cuts[0][0] is cut
    graph = build(unused, (3,), ())
    assert reverse(graph, [0, 1]).cuts == (None, None)


def test_integers_inside_loops_are_refused():
    def program(x):
        def body(i, x, s):
            whole = get(x, i).cast(np.dtype("i8"))
            return s + whole.cast(x.dtype)

        return loop("i", 3, body, [x], [zeros(x)])[0]

    with pytest.raises(DerivativeError, match="int64"):
        reverse(build(program, (3,)), [0])
