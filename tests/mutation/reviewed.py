"""Changes that are no mistakes: programs that mean the same, each with the reason.

Keys are `Mutant.key`.
"""

_EXPONENTIAL = "gradc.ops.exponential"
EQUIVALENT: dict[str, str] = {
    f"{_EXPONENTIAL} _by_base: 1.0  ->  2.0": "taken where the factor y is 0",
    f"{_EXPONENTIAL} _by_exponent: 1.0  ->  2.0": "its logarithm is multiplied by 0",
    f"{_EXPONENTIAL} _by_exponent: 0.0  ->  1.0": "multiplied by log(1), which is 0",
    f"{_EXPONENTIAL} _logaddexp_partials: 0.0  ->  1.0": "exp(-inf - 1) is 0 as exp(-inf) is",
}
