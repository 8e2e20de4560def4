"""What only C gains by, once no derivative will be taken any more."""

from gradc.ir import Program
from gradc.passes.factors import factored
from gradc.passes.powers import whole_powers
from gradc.passes.vectorize import vectorized

__all__ = ["for_c"]


def for_c(program: Program, *, sparing: bool = False) -> Program:
    """Return the program as it is lowered to loops.

    Maps with large products are products of matrices (with ``sparing`` only as far as that keeps
    nothing more), systems go by factors of their matrices, and whole powers are multiplied out.
    """
    return whole_powers(factored(vectorized(program, heavy=True, sparing=sparing)))
