"""Run a function under NumPy and as its recorded graph, and compare everything."""

import copy

import numpy as np

from gradc import capture
from gradc.ir import interpret as interpreter
from gradc.ir.verify import verify
from gradc.options import Options
from gradc.passes import simplify
from gradc.trees import flatten

LOOPS = Options(regions=True, unroll=0)
"""Loops stay loops, however short they are."""


def record(function, *args, options=None, **kwargs):
    return capture.trace(function, args, kwargs, options=options)


def play(recording, *args, graph=None, **kwargs):
    """Return the result of the graph, and write back what the function writes."""
    leaves, _ = flatten((args, kwargs))
    assert recording.fits(leaves)
    values = recording.gather(leaves)
    outputs = interpreter.interpret(graph or recording.graph, *values)
    for written in recording.written:
        values[written.input][...] = outputs[written.output]
    return recording.assemble(outputs)


def same(got, want, **tolerance):
    """Compare trees: structure, Python types, dtypes, shapes and values."""
    (left, left_tree), (right, right_tree) = flatten(got), flatten(want)
    assert left_tree == right_tree
    for a, b in zip(left, right, strict=True):
        assert type(a) is type(b), (a, b)
        if isinstance(b, str):
            assert a == b
            continue
        assert np.asarray(a).dtype == np.asarray(b).dtype
        assert np.shape(a) == np.shape(b)
        np.testing.assert_allclose(a, b, **({"rtol": 1e-13, "atol": 0} | tolerance))


def check(function, *args, options=None, **tolerance):
    """Record, verify, interpret and compare with NumPy, including written arguments."""
    recording = record(function, *copy.deepcopy(args), options=options)
    verify(recording.graph)
    mine, theirs = copy.deepcopy(args), copy.deepcopy(args)
    with np.errstate(all="ignore"):
        got, want = play(recording, *mine), function(*theirs)
    same(got, want, **tolerance)
    same(mine, theirs, **tolerance)
    return recording


def check_loops(function, *args, **tolerance):
    """Check with loops kept, as recorded and simplified; return the simplified graph."""
    recording = check(function, *args, options=LOOPS, **tolerance)
    graph = verify(simplify(recording.graph))
    mine, theirs = copy.deepcopy(args), copy.deepcopy(args)
    with np.errstate(all="ignore"):
        same(play(recording, *mine, graph=graph), function(*theirs), **tolerance)
    return recording, graph


def count(graph):
    """Count the nodes of a graph, regions included."""
    return sum(1 + sum(map(count, node.regions)) for node in graph.nodes)
