import copy
import json
import random

import numpy as np
import pytest

from gradc.runtime.plan import BufferSlot, CallPlan, Check, PlanError, dtype_code

PLAN = CallPlan(
    "loss_call",
    (BufferSlot("x", "f8", (4, 3)), BufferSlot("i", "int64", (2,), "hidden", path="self.i")),
    (BufferSlot("y", "f4", (), "result", scalar=True), BufferSlot("x_1", "f8", (4, 3), "written")),
    arena_bytes=128,
    checks={2: "index out of bounds", 5: Check("too many turns", "limit")},
    write_back=((1, 0),),
    environment=True,
)


def test_round_trip() -> None:
    assert CallPlan.from_json(json.loads(json.dumps(PLAN.to_json()))) == PLAN
    assert PLAN.checks[2] == Check("index out of bounds", "index")


def test_slots() -> None:
    slot = BufferSlot("x", "float64", (4, 3))
    assert (slot.dtype, slot.nbytes, slot.label, slot.describe()) == ("f8", 96, "x", "f8[4, 3]")
    assert BufferSlot("i", "i8", (), path="p['i']").label == "p['i']"
    assert [dtype_code(name) for name in ("bool", "?", "int8", "u4")] == ["b1", "b1", "i1", "u4"]


@pytest.mark.parametrize("dtype", ["complex128", "f2", "O", "U3", "longdouble", "M8[s]"])
def test_unsupported_dtypes(dtype: str) -> None:
    with pytest.raises(PlanError):
        BufferSlot("x", dtype, ())


@pytest.mark.parametrize(
    "change",
    [
        {"symbol": "a b"},
        {"arena_bytes": -1},
        {"arena_bytes": 1.0},
        {"arena_bytes": True},
        {"write_back": [[9, 0]]},
        {"write_back": [[0, 0]]},
        {"write_back": [["1", 0]]},
        {"checks": [[0, "fine", "index"]]},
        {"checks": [[1, "text", "other"]]},
        {"checks": {"1": "text"}},
        {"inputs": None},
        {"inputs": [{}]},
        {"extra": 1},
    ],
)
def test_refused(change: dict[str, object]) -> None:
    with pytest.raises(PlanError):
        CallPlan.from_json(PLAN.to_json() | change)


@pytest.mark.parametrize(
    "change",
    [{"dtype": "c16"}, {"dtype": "float64"}, {"shape": [-1]}, {"shape": ["2"]}, {"shape": [1] * 65},
     {"shape": [True]}, {"role": "other"}, {"scalar": 1}, {"name": None}, {"shape": "3"}],
)  # fmt: skip
def test_refused_slots(change: dict[str, object]) -> None:
    record = PLAN.to_json()
    record["inputs"][0] |= change
    with pytest.raises(PlanError):
        CallPlan.from_json(record)


def test_malformed_records_never_do_anything_else() -> None:
    draw, junk = random.Random(1), [None, 0, -1, 2**70, 1.5, "x", [], {}, True, [[]], [0, 0, 0]]
    for _ in range(2000):
        record = copy.deepcopy(PLAN.to_json())
        target = draw.choice([record, *record["inputs"], *record["outputs"]])
        target[draw.choice(list(target))] = draw.choice(junk)
        try:
            assert CallPlan.from_json(record).to_json() == record
        except PlanError:
            continue


def test_numpy_dtypes_are_native() -> None:
    assert BufferSlot("x", np.dtype(">f8"), ()).numpy_dtype == np.float64  # type: ignore[arg-type]
