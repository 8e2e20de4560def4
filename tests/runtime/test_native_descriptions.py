"""What a call in C is made of: descriptions that are none are refused."""

import numpy as np
import pytest

from gradc.api import MISS
from gradc.dispatch import made_in_c
from gradc.errors import ArgumentError
from gradc.runtime.native_calls import STATE
from gradc.runtime.quick import Form
from tests.backends import HAS_COMPILER

pytestmark = pytest.mark.skipif(not HAS_COMPILER, reason="no C compiler on this machine")

F8 = np.dtype(float)


@pytest.mark.parametrize(
    "wrong",
    [
        {"inputs": ((F8, 3, False),)},
        {"inputs": ((F8, ("a",), False),)},
        {"inputs": ((F8, (2,), True),)},
        {"inputs": ((np.dtype("f4"), (), True),)},
        {"inputs": (("f8", (2,), False),)},
        {"inputs": ((F8, (2,)),)},
        {"inputs": ((F8, (1,) * 65, False),)},
        {"inputs": []},
        {"outputs": ((np.dtype("c16"), (), True), (F8, (2**70,), False))},
        {"scratch": -1},
        {"tree": 1},
        {"tree": (-1,)},
        {"tree": 2**70},
        {"tree": {1: 0}},
        {"tree": {0}},
        {"tree": True},
        {"forms": [(Form.INPUT, 0)]},
        {"forms": ()},
        {"forms": ((Form.INPUT, 1),)},
        {"forms": ((Form.INPUT, 0), (Form.INPUT, 0))},
        {"forms": ((Form.INPUT, 0), (Form.DICT, ("a",)))},
        {"forms": ((Form.DICT, (1,), (Form.INPUT, 0)),)},
        {"forms": ((Form.DICT,), (Form.INPUT, 0))},
        {"forms": ((Form.INPUT, 0), (Form.TUPLE, 3))},
        {"forms": ((Form.INPUT,),)},
        {"forms": ((Form.INPUT, 0), (6, 0))},
        {"forms": ((Form.PLACE, 0, {}, "x"),)},
        {"forms": ((Form.PLACE, 0, {}, 1, ()),)},
        {"forms": ((Form.PLACE, 0, [], "x", ()),)},
        {"forms": ((Form.PLACE, 0, {}, "x", (0,)),)},
        {"forms": ((Form.PLACE, 0, {}, "x", (0, 1)),)},
        {"forms": ((Form.PLACE, 0, {}, "x", (2, "a")),)},
        {"forms": ((Form.PLACE, 1, {}, "x", ()),)},
        {"forms": ((Form.PLACE, 0, {}, "x", ()), (Form.FIXED, 1))},
        {"forms": ((Form.TUPLE, (Form.PLACE, 0, {}, "x", ())),)},
        {"pins": ({}, "x", ())},
        {"pins": ({}, 1, (), None)},
        {"pins": ({}, "x", [], None)},
        {"pins": []},
        {"names": []},
        {"names": (1,)},
    ],
    ids=str,
)
def test_what_is_no_description_is_refused(wrong):
    given = {
        "entry": 0,
        "environment": 0,
        "inputs": ((F8, (2,), False),),
        "outputs": ((F8, (2,), False),),
        "scratch": 0,
        "fits": None,
        "failed": ArgumentError,
        "miss": MISS,
        "tree": 0,
        "kept": None,
        "forms": None,
        "pins": (),
        "names": (),
    }
    assert STATE.load(made_in_c)
    assert type(STATE.parts.call(*given.values())).__name__ == "NativeCall"
    with pytest.raises((TypeError, ValueError, SystemError, OverflowError)):
        STATE.parts.call(*(given | wrong).values())
