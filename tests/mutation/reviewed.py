"""Changes that are no mistakes: programs that mean the same, each with the reason.

Keys are `Mutant.key`: one key, one mutant, and the number in brackets tells which of several that
read the same in one function.
"""

_ADJUGATE = "gradc.ops.adjugate"
_ARITHMETIC = "gradc.ops.arithmetic"
_COMPARISON = "gradc.ops.comparison _extreme_partials.partials"
_EXPONENTIAL = "gradc.ops.exponential"
_INDEX = "gradc.ops.index_rules"
_LINALG = "gradc.ops.linalg"
_MATRICES = "gradc.ops.matrices"
_SCANS = "gradc.ops.scans"
_SAME_TYPE = "only the type and the graph are asked for, and both have the same"
_SAME_SHAPE = "only the shape is asked for, and both have the same"
_TRACE = "the trace of a product does not depend on the order of two factors"
_WINS = "the larger of two is larger than one of them where the other is; so with smaller"
_TIES = "ties are asked for where the first does not win: there it is the result only at a tie"
_NOBODY = "any negative number is the number of no element"
EQUIVALENT: dict[str, str] = {
    f"{_ARITHMETIC} <lambda>: y  ->  z  [6]": "copysign's result has the sign of y",
    f"{_COMPARISON}: z  ->  x  [1]": _WINS,
    f"{_COMPARISON}: x  ->  z  [3]": _SAME_TYPE,
    f"{_COMPARISON}: x  ->  z  [4]": _WINS,
    f"{_COMPARISON}: y  ->  z  [4]": _TIES,
    f"{_EXPONENTIAL} _by_exponent: 1.0  ->  2.0  [1]": "its logarithm is multiplied by 0",
    f"{_EXPONENTIAL} _by_exponent: 0.0  ->  1.0  [2]": "multiplied by log(1), which is 0",
    f"{_INDEX} _winners_only: 1  ->  2  [2]": _NOBODY,
    f"{_ADJUGATE} _twice: trace(out, c)  ->  trace(c, out)  [1]": _TRACE,
    f"{_LINALG} _det_jvp: trace(adjugate(a), dot)  ->  trace(dot, adjugate(a))  [1]": _TRACE,
    f"{_LINALG} _log_det_jvp: trace(inv(a), dot)  ->  trace(dot, inv(a))  [1]": _TRACE,
    f"{_MATRICES} multiplied: a  ->  b  [1]": "ranks are the same where there is a stack",
    f"{_MATRICES} outer: a  ->  b  [1]": "two matrices or two vectors",
    f"{_LINALG} _lower_half: 1  ->  2  [1]": "matrices are square",
    f"{_SCANS} recurrence: a  ->  b  [1]": _SAME_SHAPE,
    f"{_SCANS} _recurrence_by_pairs: a  ->  b  [1]": _SAME_SHAPE,
    "gradc.passes.boxes disjoint: common(a, b)  ->  common(b, a)  [1]": "empty both ways",
}
