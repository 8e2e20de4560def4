"""How NumPy's functions are recorded: one handler each, with NumPy's own signature."""

from gradc.capture import indexing, ufuncs
from gradc.capture.numpy_map import (
    composites,
    convenience,
    creation,
    edits,
    joining,
    linalg,
    missing,
    order_statistics,
    padding,
    products,
    reductions,
    samples,
    search,
    selection,
    shapes,
    sorting,
    statistics,
)

__all__ = [
    "composites",
    "convenience",
    "creation",
    "edits",
    "indexing",
    "joining",
    "linalg",
    "missing",
    "order_statistics",
    "padding",
    "products",
    "reductions",
    "samples",
    "search",
    "selection",
    "shapes",
    "sorting",
    "statistics",
    "ufuncs",
]

ufuncs.enter_declared_ops()
composites.enter_outer_methods()
