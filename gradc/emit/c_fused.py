"""Where a product is added in one rounding.

A matrix product has no order of additions of its own and no roundings: the libraries that NumPy
calls fuse multiplication and addition as well.  So do small products that are loops along a long
axis, with fast mathematics; the other ways of mathematics give the same bits on every processor.
"""

import numpy as np

from gradc.ir import Graph, Kind
from gradc.kernels.contraction import analyse, long_label
from gradc.kernels.nest import Accumulate, Apply, Expr, Lane

__all__ = ["factors", "function"]


def factors(stmt: Accumulate, graph: Graph, math: str) -> tuple[Expr, Expr] | None:
    """Return what is multiplied and added at once; None where that is done one by one."""
    value = stmt.value
    if math != "fast" or stmt.how != "sum" or not isinstance(stmt.target, Lane):
        return None
    if not isinstance(value, Apply) or value.op.name != "multiply" or value.dtype.kind != "f":
        return None
    node = graph[stmt.node] if stmt.node >= 0 else None
    if node is None or node.op.kind is not Kind.CONTRACTION:
        return None
    first, second = value.args
    return (first, second) if long_label(analyse(graph, node), node) is not None else None


def function(dtype: np.dtype) -> str:
    """Return the function of the support code."""
    return "gradc_fused" if dtype == np.float64 else "gradc_fusedf"
