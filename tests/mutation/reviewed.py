"""Changes that are no mistakes: programs that mean the same, each with the reason.

Keys are `Mutant.key`.
"""

_ALGEBRA = "gradc.passes.algebra"
_COMPARISON = "gradc.ops.comparison _extreme_partials.partials"
_EXPONENTIAL = "gradc.ops.exponential"
_INDEX = "gradc.ops.index_rules"
_SAME_TYPE = "only the type and the graph are asked for, and both have the same"
_OUTPUT = "an extreme is greater than an operand where the other operand is"
EQUIVALENT: dict[str, str] = {
    "gradc.ops.arithmetic <lambda>: y  ->  z": "copysign's result has the sign of y",
    f"{_COMPARISON}: y  ->  z": _OUTPUT,
    f"{_COMPARISON}: x  ->  z": _OUTPUT,
    f"{_COMPARISON}: _halved(x, y, wins(x, y))  ->  _halved(y, x, wins(x, y))": (
        "equality is symmetric, and the types are the same"
    ),
    f"{_COMPARISON}: _halved(y, x, wins(y, x))  ->  _halved(x, y, wins(y, x))": (
        "equality is symmetric, and the types are the same"
    ),
    f"{_EXPONENTIAL} _by_base: 1.0  ->  2.0": "taken where the factor y is 0",
    f"{_EXPONENTIAL} _by_base: x  ->  y": "where y is 0, the derivative is multiplied by it",
    f"{_EXPONENTIAL} _by_exponent: 1.0  ->  2.0": "its logarithm is multiplied by 0",
    f"{_EXPONENTIAL} _by_exponent: 0.0  ->  1.0": "multiplied by log(1), which is 0",
    f"{_EXPONENTIAL} _logaddexp_partials: 0.0  ->  1.0": "exp(-inf - 1) is 0 as exp(-inf) is",
    f"{_EXPONENTIAL} _power_partials: y  ->  z": "a partial by a constant that nobody asks for",
    f"{_INDEX} _turned: 0  ->  1": "steps are 1 or -1 here",
    f"{_INDEX} _turn: 0  ->  1": "steps are 1 or -1, and turning one or no element is no change",
    f"{_INDEX} _turn: extent  ->  item": "turning no element is no change",
    f"{_INDEX} put_transpose: x  ->  out": _SAME_TYPE,
    f"{_INDEX} _winners_only: v  ->  taken": _SAME_TYPE,
    f"{_INDEX} _winners_only: 1  ->  2": "any negative number is the number of no element",
    f"{_INDEX} _winners: 1  ->  2": "any negative number is the number of no element",
    f"{_INDEX} _winners_only: _known_shapes(x, v)  ->  _known_shapes(v, x)": "asks for both",
    f"{_ALGEBRA} _is_zero: 1.0  ->  2.0": "only the sign is asked for",
    f"{_ALGEBRA} _is_zero: 0  ->  1": "the number compared is 1 or -1",
    f"{_ALGEBRA} divide_by_power_of_two: 100  ->  101": "exact up to 1021",
}
