"""``gradc check``."""

import argparse

from gradc.checks import check_grads
from gradc.cli_target import find_target
from gradc.errors import ArgumentError, DerivativeError

__all__ = ["run"]


def run(options: argparse.Namespace) -> int:
    """Check derivatives at random arguments; 1 when one is off."""
    if not 1 <= options.order <= 6:
        raise ArgumentError(f"--order {options.order}", repair="choose 1 to 6")
    function, args, kwargs = find_target(options, options.seed)
    name = getattr(function, "__name__", "the function")

    def of_positions(*given: object) -> object:
        return function(*given, **kwargs)

    of_positions.__name__ = name
    checked = of_positions if kwargs else function
    try:
        check_grads(
            checked, args, order=options.order, rtol=options.rtol, seed=options.seed,
            backend=options.backend,
        )  # fmt: skip
    except DerivativeError as error:
        print(f"{name}: {error}")
        return 1
    orders = "order 1" if options.order == 1 else f"orders 1 to {options.order}"
    print(f"{name}: derivatives of {orders} agree with differences within {options.rtol:g}")
    return 0
