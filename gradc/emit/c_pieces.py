"""One translation unit as two, which two processors compile at the same time.

Public: ``Shared`` (what threads share, as printed), ``divided(text, shared, arena)``.

Where threads share large loops, these stand in a function of their own, and the rest calls it by
its address alone: nothing is lost when each is compiled without the other.
"""

from collections.abc import Sequence

from gradc.records import dataclass

__all__ = ["Shared", "divided"]

_WORTH = 60
"""Lines of the smaller piece from which two compilers are done sooner than one."""


@dataclass(frozen=True, slots=True)
class Shared:
    """The lines of a structure's type and of the functions that work on it, and a declaration."""

    structure: tuple[str, ...] = ()
    functions: tuple[str, ...] = ()
    declaration: str = ""


def divided(text: str, shared: Shared, arena: Sequence[str]) -> tuple[str, str]:
    """Return the text without the functions that threads share, and a text with only these.

    The second is empty, and the first whole, where one of them is too short.  ``arena`` is the
    definition of the function that stands before them.
    """
    functions = "\n".join(shared.functions)
    before, _, after = text.partition(functions) if functions else (text, "", "")
    if min(len(shared.functions), after.count("\n")) < _WORTH:
        return text, ""
    declared = f"{shared.declaration}\n"
    exported = functions.replace(f"static {shared.declaration[:-1]}", shared.declaration[:-1], 1)
    alone = before.replace("\n".join([*arena, "", ""]), "", 1)
    return f"{before}{declared}{after.lstrip()}", f"{alone}{declared}\n{exported}\n"
