"""Remainders and quotients of loop indices, and the loops that are taken apart for them.

``(i + c) % 2`` is no polynomial of the index, so what starts there or is looked up there would be
known only when the code runs.  Of every second turn it is one number: the loop is recorded again,
several turns at once, and the index is ``2 * i`` in the first of them and ``2 * i + 1`` in the
second::

    for i in range(n):                  for i in range(n // 2):
        turn(i)                             turn(2 * i)
                                            turn(2 * i + 1)
                                        turn(n - 1)                  # where n is odd
"""

from collections.abc import Sequence
from math import gcd

from gradc.capture.context import maybe_current
from gradc.capture.ranges import Fact
from gradc.ir import Dim, Graph, Symbol
from gradc.ir.dims import DimExpr

__all__ = ["MOST", "NODES", "Split", "nodes_in", "parts_of", "turns_at_once", "want_parts"]

MOST = 4
"""Turns at most that are recorded at once."""

NODES = 1000
"""Operations at most in turns recorded at once, those of inner loops among them."""


class Split(BaseException):
    """Raised inside the body of a loop that should be recorded ``size`` turns at once."""

    def __init__(self, symbol: Symbol, size: int) -> None:
        super().__init__(f"{size} turns of {symbol.name} at once")
        self.symbol, self.size = symbol, size


def parts_of(dim: DimExpr, size: int) -> tuple[Dim, int] | None:
    """Return quotient and remainder of an expression by a number; None where they are not plain.

    >>> i = Symbol("i", "index").expr()
    >>> [str(part) for part in parts_of(i * 4 - 3, 2)]
    ['2*i - 2', '1']
    """
    if any(monomial and factor % size for monomial, factor in dim.terms):
        return None
    rest = sum(int(factor) for monomial, factor in dim.terms if not monomial) % size
    whole = dim - rest
    assert isinstance(whole, DimExpr)
    return DimExpr(tuple((monomial, factor // size) for monomial, factor in whole.terms)), rest


def want_parts(dim: DimExpr, size: int, facts: Sequence[Fact]) -> None:
    """Ask for a loop to be taken apart, if that is what makes quotient and remainder plain."""
    factors = _in_the_way(dim, size)
    if factors is None:
        return
    known = {fact.symbol: fact for fact in facts}
    sizes = {symbol: size // gcd(size, factor) for symbol, factor in factors.items()}
    if not all(s in known and wanted <= known[s].spare for s, wanted in sizes.items()):
        return
    symbol = next(fact.symbol for fact in facts if fact.symbol in sizes)
    signal = Split(symbol, sizes[symbol])
    trace = maybe_current()
    if trace is not None and trace.region and trace.demanded is None:
        trace.demanded = signal
    raise signal


def _in_the_way(dim: DimExpr, size: int) -> dict[Symbol, int] | None:
    """Return the indices whose factors are no multiples; None where products of indices are."""
    found: dict[Symbol, int] = {}
    for monomial, factor in dim.terms:
        if not monomial or not factor % size:
            continue
        if len(monomial) > 1 or monomial[0][1] > 1 or not isinstance(factor, int):
            return None
        found[monomial[0][0]] = factor
    return found


def turns_at_once(total: Dim, size: int) -> int:
    """Return how often so many turns at once are made out of a known number of turns."""
    assert isinstance(total, int)
    return total // size


def nodes_in(graph: Graph) -> int:
    """Return the number of operations, those of regions among them."""
    inner = (region for node in graph.nodes for region in node.regions)
    return len(graph.nodes) + sum(map(nodes_in, inner))
