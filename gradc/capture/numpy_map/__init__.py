"""How NumPy's functions are recorded: one handler each, with NumPy's own signature."""

from gradc.capture import indexing, ufuncs
from gradc.capture.numpy_map import (
    reductions,
)

__all__ = ["indexing", "reductions", "ufuncs"]

ufuncs.enter_declared_ops()
