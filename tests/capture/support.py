"""Run a function under NumPy and as its recorded graph, and compare everything."""

import copy

import numpy as np

from gradc import capture
from gradc.capture.trees import flatten
from gradc.ir import interpret as interpreter
from gradc.ir.verify import verify


def record(function, *args, **kwargs):
    return capture.trace(function, args, kwargs)


def play(recording, *args, **kwargs):
    """Return the result of the graph, and write back what the function writes."""
    leaves, _ = flatten((args, kwargs))
    assert recording.fits(leaves)
    outputs = interpreter.interpret(recording.graph, *recording.gather(leaves))
    values = recording.gather(leaves) if recording.written else []
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


def check(function, *args, **tolerance):
    """Record, verify, interpret and compare with NumPy, including written arguments."""
    recording = record(function, *copy.deepcopy(args))
    verify(recording.graph)
    mine, theirs = copy.deepcopy(args), copy.deepcopy(args)
    with np.errstate(all="ignore"):
        got, want = play(recording, *mine), function(*theirs)
    same(got, want, **tolerance)
    same(mine, theirs, **tolerance)
    return recording
