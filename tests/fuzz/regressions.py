"""Recipes that were wrong once, kept for as long as their generator makes the same programs."""

from tests.fuzz.recipes import Recipe

__all__ = ["REGRESSIONS"]

REGRESSIONS = [
    Recipe(103251, dtype="f4"),  # a constant inside the loop that sets lanes
    Recipe(106152),  # gcc 12: half a row of constants moved twice
    Recipe(109396),  # gcc 12: several additions a turn, out of order
    Recipe(114307, dtype="f4"),  # the same, by a table
    Recipe(114584),
    Recipe(117804),
]
