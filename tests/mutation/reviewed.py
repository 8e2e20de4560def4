"""Changes that are no mistakes: programs that mean the same, each with the reason.

Keys are `Mutant.key`: one key, one mutant, and the number in brackets tells which of several that
read the same in one function.
"""

_ALGEBRA = "gradc.passes.algebra"
_ARITHMETIC = "gradc.ops.arithmetic"
_COMPARISON = "gradc.ops.comparison _extreme_partials.partials"
_EXPONENTIAL = "gradc.ops.exponential"
_INDEX = "gradc.ops.index_rules"
_LINALG = "gradc.ops.linalg"
_SCANS = "gradc.ops.scans"
_SAME_TYPE = "only the type and the graph are asked for, and both have the same"
_SAME_SHAPE = "only the shape is asked for, and both have the same"
_WINS = "the larger of two is larger than one of them where the other is; so with smaller"
_EQUALS = "where the first operand does not win, the result is the second"
_SYMMETRIC = "equality is symmetric, and the types are the same"
_NOBODY = "any negative number is the number of no element"
EQUIVALENT: dict[str, str] = {
    f"{_ARITHMETIC} <lambda>: y  ->  z  [6]": "copysign's result has the sign of y",
    f"{_COMPARISON}: x  ->  z  [1]": _WINS,
    f"{_COMPARISON}: x  ->  z  [5]": _WINS,
    f"{_COMPARISON}: x  ->  z  [6]": _EQUALS,
    f"{_COMPARISON}: y  ->  z  [3]": _WINS,
    f"{_COMPARISON}: y  ->  z  [4]": _EQUALS,
    f"{_COMPARISON}: y  ->  z  [7]": _WINS,
    f"{_COMPARISON}: _halved(x, y, wins(x, y))  ->  _halved(y, x, wins(x, y))  [1]": _SYMMETRIC,
    f"{_COMPARISON}: _halved(y, x, wins(y, x))  ->  _halved(x, y, wins(y, x))  [1]": _SYMMETRIC,
    f"{_EXPONENTIAL} _by_base: 1.0  ->  2.0  [1]": "taken where the factor y is 0, as x is",
    f"{_EXPONENTIAL} _by_exponent: 1.0  ->  2.0  [1]": "its logarithm is multiplied by 0",
    f"{_EXPONENTIAL} _by_exponent: 0.0  ->  1.0  [2]": "multiplied by log(1), which is 0",
    f"{_EXPONENTIAL} _logaddexp_partials: 0.0  ->  1.0  [1]": "exp(-inf - 1) is 0 as exp(-inf) is",
    f"{_INDEX} _turned: 0  ->  1  [1]": "steps are 1 or -1 here",
    f"{_INDEX} _turn: 0  ->  1  [1]": "steps are 1 or -1 here",
    f"{_INDEX} _turn: 0  ->  1  [2]": "turning one element is no change",
    f"{_INDEX} _turn: extent  ->  item  [1]": "turning no element is no change",
    f"{_INDEX} put_transpose: x  ->  out  [1]": _SAME_TYPE,
    f"{_INDEX} _winners_only: 1  ->  2  [1]": _NOBODY,
    f"{_INDEX} _winners: 1  ->  2  [1]": _NOBODY,
    f"{_LINALG} _mul: a  ->  b  [1]": "ranks are the same where there is a stack",
    f"{_LINALG} _outer: a  ->  b  [1]": "two matrices or two vectors",
    f"{_LINALG} _det_jvp: out  ->  tangents  [1]": "what is called does not read it",
    f"{_LINALG} _lower_half: 1  ->  2  [1]": "matrices are square",
    f"{_SCANS} recurrence: a  ->  b  [1]": _SAME_SHAPE,
    f"{_SCANS} _recurrence_by_pairs: a  ->  b  [1]": _SAME_SHAPE,
    f"{_ALGEBRA} divide_by_power_of_two: 100  ->  101  [1]": "exact up to 126, in float32 too",
    "gradc.passes.boxes disjoint: common(a, b)  ->  common(b, a)  [1]": "empty both ways",
}
