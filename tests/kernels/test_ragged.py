"""Sums in lanes know whether what is left over of a row has a fixed length."""

import numpy as np

import gradc


def rows(x):
    total = 0.0
    for i in range(x.shape[0]):
        total += x[i, :i] @ x[i, :i]
    return total


def source(function, *arguments):
    return gradc.compile(function, backend="numpy", unroll=0).artifact(*arguments).source("c")


def test_rows_of_many_lengths_are_ragged():
    assert "= gradc_ragged_sum(" in source(rows, np.ones((60, 60))).replace("+= ", "= ")
    assert "= gradc_ragged_sumf(" in source(rows, np.ones((60, 60), "f4")).replace("+= ", "= ")


def test_rows_of_one_length_are_not():
    text = source(lambda x, y: np.sum(x * y), np.ones(1003), np.ones(1003))
    assert "+= gradc_lanes_sum(" in text
    assert "+= gradc_ragged_sum(" not in text
