"""What matrix products pack their operands into, with and without a library that does the product.

The rules are those of ``templates/c/support/gradc_gemm.h`` and ``gradc_matmul.h``.
"""

from collections.abc import Sequence
from typing import TypeGuard

import numpy as np

from gradc.ir import Dim
from gradc.kernels.nest import Call, MatMul, Matrix, Stage, Stmt
from gradc.kernels.walk import statements_in

__all__ = ["makes_products", "matmul_scratch", "packing", "result_dtype"]

_ALIGNMENT = 64
_SMALL = 4096
"""Multiplications of a product that is done without packing."""
_ROWS, _DEPTH, _COLUMNS = 128, 256, 512
_TILE_ROWS, _TILE_COLUMNS = 4, 16


def packing(stages: Sequence[Stage]) -> tuple[int, int]:
    """Return the bytes that the products of some stages pack into, one after the other.

    The second number holds where the caller lends a library: for what does not suit that.
    """
    found = [s for s in statements_in(stages) if makes_products(s)]
    alone = max((matmul_scratch(product) for product in found), default=0)
    others = (matmul_scratch(product) for product in found if not _suits_library(product))
    return alone, max(others, default=0)


def makes_products(statement: Stmt) -> TypeGuard[MatMul | Call]:
    """Tell whether a statement is a matrix product, or calls a routine that makes some."""
    if isinstance(statement, Call):
        return statement.product is not None
    return isinstance(statement, MatMul)


def result_dtype(product: MatMul | Call) -> np.dtype:
    """Return the dtype of a product, or of those that a routine makes."""
    return product.dtype if isinstance(product, Call) else product.c.ref.buffer.type.dtype


def _extents(product: MatMul | Call) -> tuple[Dim, Dim, Dim]:
    if isinstance(product, Call):
        assert product.product is not None, f"{product.op} makes no products"
        return product.product
    return product.m, product.n, product.k


def matmul_scratch(product: MatMul | Call) -> int:
    """Return the bytes that the blocked product packs its operands into.

    At least what ``gradc_gemm_scratch`` says: strips of both operands, their edges filled up to
    whole tiles.  Small products, and those by a vector, pack nothing.
    """
    m, n, k = _extents(product)
    if not (isinstance(m, int) and isinstance(n, int) and isinstance(k, int)):
        raise ValueError("the sizes of a product are not known before the call")
    if m * n * k <= _SMALL or m == 1 or n == 1:
        return 0
    larger, depth = max(m, n), min(k, _DEPTH)
    rows, cols = min(larger, _ROWS) + _TILE_ROWS, min(larger, _COLUMNS) + _TILE_COLUMNS
    return (rows + cols) * depth * result_dtype(product).itemsize + _ALIGNMENT


def _suits_library(product: MatMul | Call) -> bool:
    """Tell whether a library takes the product as it is stored, or its transpose.

    A routine's blocks are stored by rows or by columns, all of them.
    """
    if isinstance(product, Call):
        return True
    m, n, k, c = product.m, product.n, product.k, product.c
    if not (_has_layout(product.a, m, k) and _has_layout(product.b, k, n)):
        return False
    return _walks(c.column, c.row, n) or _walks(c.row, c.column, m)


def _has_layout(matrix: Matrix, rows: Dim, columns: Dim) -> bool:
    """Tell whether a matrix of at least two rows and columns is stored by rows or by columns."""
    return _walks(matrix.column, matrix.row, columns) or _walks(matrix.row, matrix.column, rows)


def _walks(along: Dim, across: Dim, length: Dim) -> bool:
    return along == 1 and isinstance(across, int) and isinstance(length, int) and across >= length
