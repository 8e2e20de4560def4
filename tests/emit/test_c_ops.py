"""Every op that has a C template, for every dtype and math mode, against its own ``evaluate``."""

import numpy as np
import pytest

from gradc.emit.c_source import print_c
from gradc.errors import GradcError
from gradc.ir.op import REGISTRY, Kind, Op
from gradc.ir.types import SUPPORTED_DTYPES, ArrayType
from gradc.kernels import nest
from gradc.options import Options
from tests.emit.c_units import COMPILERS, Maker, compile_c, index, load, run, store

COUNT = 67
ULPS = 16


def signatures(op: Op) -> list[tuple[tuple[np.dtype, ...], dict, ArrayType]]:
    """Return the operand dtypes, parameters and result that the op accepts."""
    found = []
    parameters = [{"dtype": to} for to in SUPPORTED_DTYPES] if op.name == "cast" else [{}]
    for dtype in SUPPORTED_DTYPES:
        if not isinstance(op.c, str) and dtype.kind not in op.c:
            continue
        for first in dict.fromkeys((dtype, np.dtype(bool))):
            dtypes = (first, *[dtype] * (len(op.operands) - 1))
            for params in parameters:
                try:
                    result = op.infer(*(ArrayType(d, (COUNT,)) for d in dtypes), **params)
                except GradcError:
                    continue
                found.append((dtypes, params, result))
    return list(
        {(dtypes, str(params)): (dtypes, params, r) for dtypes, params, r in found}.values()
    )


def draws(op: Op, dtypes: tuple[np.dtype, ...]) -> list[np.ndarray]:
    rng = np.random.default_rng(7)
    out = []
    for slot, dtype in enumerate(dtypes):
        low, high = op.samples.each[slot] if op.samples.each else (op.samples.low, op.samples.high)
        if dtype.kind in "iub":
            low = 0 if dtype.kind in "ub" or (op.name == "power" and slot) else -9
            out.append(rng.integers(low, 2 if dtype.kind == "b" else 10, COUNT).astype(dtype))
            continue
        values = rng.uniform(low, high, COUNT).astype(dtype)
        values[:8] = np.round(values[:8])
        out.append(values)
    return out


def meaning(op: Op, arrays: list[np.ndarray], params: dict) -> np.ndarray | None:
    """Return NumPy's result, None where its function does not take the dtype."""
    try:
        with np.errstate(all="ignore"):
            return np.asarray(op.evaluate(*arrays, **params))
    except TypeError:
        return None


def plan(math: str) -> tuple[nest.Unit, str, list[np.ndarray], list[tuple[str, np.ndarray]]]:
    """Make one function with a loop for every op and dtype."""
    maker, inputs, wanted = Maker(f"ops_{math}"), [], []
    i = index("i")
    ops = [op for op in REGISTRY.values() if op.kind is Kind.ELEMENTWISE]
    cases = [(op, *case) for op in ops for case in signatures(op)]
    if math == "fast":  # differs from libm in the vector functions only
        cases = [case for case in cases if "@(" in str(case[0].c) and case[1][0].kind == "f"]
    for number, (op, dtypes, params, result) in enumerate(cases):
        arrays = draws(op, dtypes)
        expected = meaning(op, arrays, params)
        if expected is None:
            continue
        buffers = [maker.input(f"x{number}_{s}", d.str, COUNT) for s, d in enumerate(dtypes)]
        out = maker.output(f"y{number}", result.dtype.str, COUNT)
        args = tuple(load(buffer, i.expr()) for buffer in buffers)
        value = nest.Apply(op, args, result.dtype, dtypes[0], tuple(params.items()))
        maker.stage(nest.Loop(i, 0, COUNT, [store(out, i.expr(), value)]))
        inputs += arrays
        wanted.append((f"{op.name} {[d.str for d in dtypes]} {params}", expected))
    unit = maker.unit()
    return unit, print_c(unit, Options(math=math), symbol="ops").text, inputs, wanted


def agree(label: str, got: np.ndarray, expected: np.ndarray) -> None:
    assert got.dtype == expected.dtype, label
    if got.dtype.kind != "f":
        np.testing.assert_array_equal(got, expected, label)
        return
    eps = float(np.finfo(got.dtype).eps)
    np.testing.assert_allclose(got, expected, ULPS * eps, ULPS * eps, err_msg=label)


@pytest.mark.skipif(not COMPILERS, reason="needs a C compiler")
@pytest.mark.parametrize("math", ["libm", "fast", "portable"])
def test_every_op_equals_numpy(math, tmp_path):
    unit, text, inputs, wanted = plan(math)
    flags = ("-O3", "-march=native") if math == "fast" else ("-O1",)
    outputs = run(compile_c(tmp_path, text, *flags, compiler=COMPILERS[0]), "ops", unit, *inputs)
    assert len(wanted) > 50
    for (label, expected), got in zip(wanted, outputs, strict=True):
        agree(label, got, expected)


@pytest.mark.skipif(len(COMPILERS) < 2, reason="needs a second C compiler")
def test_every_op_is_clean_for_the_other_compiler(tmp_path):
    text = plan("libm")[1]
    compile_c(tmp_path, text, "-O0", compiler=COMPILERS[1])
