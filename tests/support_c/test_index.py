"""Index helpers against NumPy's own indexing."""

import ctypes

import numpy as np
import pytest

from tests.support_c.builds import Loop, build, compilers

PAIRS = ["index_wrap", "index_clip", "index_modulo"]
TEXT = """#include "gradc_index.h"
int64_t first_bad(const int64_t *indices, int64_t count, int64_t n);
int64_t first_bad(const int64_t *indices, int64_t count, int64_t n) {
    return gradc_index_first_bad(indices, count, n);
}
"""


@pytest.fixture(scope="module")
def library(folder):
    loops = [Loop(f"gradc_{name}", "i64", ("i64", "i64")) for name in PAIRS]
    loops.append(Loop("gradc_index_ok", "i32", ("i64", "i64")))
    loops.append(Loop("gradc_slice_start", "i64", ("i64", "i64", "i64")))
    return build(folder, TEXT, loops, compilers()[0], "-O2")


INDICES = np.array([-(2**63), -100, -6, -5, -4, -1, 0, 1, 4, 5, 6, 100, 2**63 - 1])
LENGTH = np.full(INDICES.shape, 5)
VALID = (INDICES >= -5) & (INDICES < 5)


def test_bounds(library):
    assert (library.map("gradc_index_ok", INDICES, LENGTH).astype(bool) == VALID).all()


def test_negative_indices_count_from_the_end(library):
    positions = library.map("gradc_index_wrap", INDICES[VALID], LENGTH[VALID])
    assert (positions == np.arange(5)[INDICES[VALID]]).all()


def test_modes_of_take(library):
    near = np.abs(INDICES.astype(float)) < 1000  # NumPy's mode="wrap" steps by one length at a time
    expected = np.take(np.arange(5), INDICES[near], mode="wrap")
    assert (library.map("gradc_index_modulo", INDICES[near], LENGTH[near]) == expected).all()
    assert (library.map("gradc_index_modulo", INDICES, LENGTH) == INDICES % 5).all()
    expected = np.take(np.arange(5), INDICES, mode="clip")
    assert (library.map("gradc_index_clip", INDICES, LENGTH) == expected).all()


def test_first_bad_index(library):
    function = library.handle.first_bad
    function.restype = ctypes.c_int64
    for values, expected in (([0, 4, -5], 3), ([0, 5, -9], 1), ([], 0), ([-6], 0)):
        indices = np.array(values, np.int64)
        pointer = ctypes.c_void_p(indices.ctypes.data)
        assert function(pointer, ctypes.c_int64(len(values)), ctypes.c_int64(5)) == expected


def test_slices_stay_inside(library):
    start = np.array([-3, 0, 2, 3, 9])
    got = library.map("gradc_slice_start", start, np.full(5, 2), np.full(5, 5))
    assert got.tolist() == [0, 0, 2, 3, 3]
