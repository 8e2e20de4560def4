"""Compiling leaves the garbage collector as it found it."""

import gc
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import gradc
from gradc.collector import rare_collections


def test_the_collector_looks_less_often_and_then_as_before():
    before = gc.get_threshold()
    with rare_collections():
        inside = gc.get_threshold()
        with rare_collections():
            assert gc.get_threshold() == inside
        assert gc.get_threshold() == inside
    assert inside[0] > before[0]
    assert gc.get_threshold() == before


def test_it_is_restored_after_an_error():
    before = gc.get_threshold()
    with pytest.raises(KeyError), rare_collections():
        raise KeyError
    assert gc.get_threshold() == before


def test_it_stays_off_where_the_user_turned_it_off():
    before = gc.get_threshold()
    gc.set_threshold(0)
    try:
        with rare_collections():
            assert gc.get_threshold()[0] == 0
    finally:
        gc.set_threshold(*before)


def test_threads_that_compile_leave_it_as_it_was():
    before = gc.get_threshold()

    def work(power):
        return gradc.grad(lambda x: np.sum(x**power), backend="numpy")(np.ones(3))[0]

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, range(2, 34))) == list(range(2, 34))
    assert gc.get_threshold() == before
