"""Errors in units in the last place against 64-bit significands, and the arguments to try."""

from collections.abc import Callable

import numpy as np

Wide = np.longdouble
COUNT = 40_000
UNARY: dict[str, Callable] = {
    "exp": np.exp, "exp2": np.exp2, "expm1": np.expm1, "log": np.log, "log2": np.log2,
    "log10": np.log10, "log1p": np.log1p, "sin": np.sin, "cos": np.cos, "tan": np.tan,
    "asin": np.arcsin, "acos": np.arccos, "atan": np.arctan, "sinh": np.sinh, "cosh": np.cosh,
    "tanh": np.tanh, "asinh": np.arcsinh, "acosh": np.arccosh, "atanh": np.arctanh,
    "cbrt": np.cbrt,
}  # fmt: skip
BINARY: dict[str, Callable] = {"pow": np.power, "atan2": np.arctan2, "hypot": np.hypot}


def error(got: np.ndarray, exact: np.ndarray) -> np.ndarray:
    """Distance of every item of `got` from `exact`; infinite where only one is finite or NaN."""
    rounded = exact.astype(got.dtype)
    tiny = np.finfo(got.dtype).smallest_normal
    finite = np.isfinite(rounded) & np.isfinite(got)
    unit = np.spacing(np.maximum(np.abs(np.where(finite, rounded, 1)), tiny)).astype(Wide)
    distance = np.abs(np.where(finite, got, 0) - np.where(finite, exact, 0)) / unit
    same = (got == rounded) | (np.isnan(got) & np.isnan(rounded))
    return np.where(finite, distance, np.where(same, 0, np.inf)).astype(np.float64)


class Draw:
    """Random arguments: uniform, log-uniform, signed."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)

    def flat(self, low: float, high: float) -> np.ndarray:
        return self.rng.uniform(low, high, COUNT)

    def scaled(self, low: float, high: float) -> np.ndarray:
        return np.exp2(self.rng.uniform(low, high, COUNT))

    def signed(self, low: float, high: float) -> np.ndarray:
        return self.scaled(low, high) * self.rng.choice([-1, 1], COUNT)


def unary_arguments(name: str, d: Draw) -> list[np.ndarray]:
    logs = [d.scaled(-1074, 1023), d.flat(0.5, 2), 1 + d.signed(-52, -1)]
    angles = [d.flat(-100, 100), d.signed(-60, 1023), np.round(d.flat(1, 6e5)) * np.pi / 2]
    arcs = [d.flat(-1, 1), 1 - d.scaled(-53, 0), d.signed(-60, 0)]
    hyper = [d.flat(-711, 711), d.flat(-3, 3), d.signed(-60, 1)]
    table = {
        "exp": [d.flat(-745, 710), d.flat(-1, 1), d.signed(-60, 9)],
        "exp2": [d.flat(-1074, 1024), d.flat(-1, 1), d.signed(-60, 9)],
        "expm1": [d.flat(-50, 710), d.flat(-2, 2), d.signed(-60, 5)],
        "log1p": [d.scaled(-1074, 1023), d.flat(-1, 2), d.signed(-60, -1)],
        "atan": [d.flat(-5, 5), d.signed(-60, 60), d.flat(-1, 1)],
        "tanh": [d.flat(-20, 20), d.flat(-1, 1), d.signed(-60, 1)],
        "asinh": [d.flat(-5, 5), d.signed(-60, 1023), d.flat(-1, 1)],
        "acosh": [d.flat(1, 5), 1 + d.scaled(-52, 1), d.scaled(0, 1023)],
        "cbrt": [d.flat(-10, 10), d.signed(-1074, 1023), d.flat(-1, 1)],
        "erf": [d.flat(-6, 6), d.flat(-1.5, 1.5), d.signed(-60, 1)],
    }
    groups = {"log": logs, "log2": logs, "log10": logs, "sin": angles, "cos": angles, "tan": angles}
    groups |= {"asin": arcs, "acos": arcs, "atanh": arcs, "sinh": hyper, "cosh": hyper}
    return (table | groups)[name]


def binary_arguments(name: str, d: Draw) -> list[tuple[np.ndarray, np.ndarray]]:
    if name == "pow":
        return [
            (d.scaled(-1074, 1023), d.flat(-3, 3)),
            (d.flat(0.5, 2), d.flat(-1000, 1000)),
            (1 + d.signed(-40, -2), d.signed(0, 30)),
        ]
    return [
        (d.flat(-1, 1), d.flat(-1, 1)),
        (d.signed(-1074, 1023), d.signed(-1074, 1023)),
        (d.signed(-4, 4), d.signed(-4, 4)),
    ]


def specials(dtype: np.dtype) -> np.ndarray:
    """Zeros, limits, subnormals, NaN, and where functions overflow, underflow or change method."""
    info = np.finfo(dtype)
    values = [0.0, 1.0, 0.5, 2.0, 3.0, 0.25, 1.5, 10.0, 20.0, 100.0, 709.0, 710.0, 745.0, 746.0]
    values += [800.0, 2000.0, 7.0, 88.0, 89.0, 104.0, 1e5, 1 / 3, 2.0**52 + 1, 2.0**53 - 1, 2.0**54]
    values += [info.tiny, info.smallest_subnormal, info.smallest_subnormal * 3, info.max, info.eps]
    values += [1 - info.eps, 1 + info.eps, np.inf, np.nan]
    values += [1e300, 1e-300] if dtype == np.float64 else [1e38, 1e-38]
    return np.array(values + [-x for x in values]).astype(dtype)
