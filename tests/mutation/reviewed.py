"""Changes that are no mistakes: programs that mean the same, each with the reason.

Keys are `Mutant.key`.
"""

EQUIVALENT: dict[str, str] = {}
