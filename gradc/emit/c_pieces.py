"""One translation unit as two, which two processors compile at the same time.

Public: ``Shared`` (what may be compiled beside the rest), ``divided(text, shared, arena)``.

Where threads share large loops, these stand in a function of their own, and the rest calls it by
its address alone: nothing is lost when each is compiled without the other.  So it is with the later
steps of a long straight line.
"""

from collections.abc import Iterator, Sequence

from gradc.records import dataclass

__all__ = ["Shared", "divided"]

_LINES, _LOOPS = 60, 3
"""Lines or loops of the smaller piece from which two compilers are done sooner than one."""


@dataclass(frozen=True, slots=True)
class Shared:
    """The lines of a structure's type and of some functions, and declarations of those called.

    ``before`` are the lines of functions that stand before these and that they do not call.
    """

    structure: tuple[str, ...] = ()
    functions: tuple[str, ...] = ()
    declarations: tuple[str, ...] = ()
    before: tuple[str, ...] = ()

    def lines(self) -> Iterator[str]:
        """Print it as it stands in the whole text."""
        yield from (*self.structure, *self.before)
        yield from ([""] if self.before else [])
        yield from self.functions


def divided(text: str, shared: Shared, arena: Sequence[str]) -> tuple[str, str]:
    """Return the text without the functions of ``shared``, and a text with only these.

    The second is empty, and the first whole, where one of them is too short.  ``arena`` is the
    definition of the function that stands before them.
    """
    functions = "\n".join(shared.functions)
    before, _, after = text.partition(functions) if functions else (text, "", "")
    lines = min(len(shared.functions), len(shared.before) + after.count("\n"))
    loops = min(functions.count(" for ("), after.count(" for ("))
    if not functions or (lines < _LINES and loops < _LOOPS):
        return text, ""
    declared = "".join(f"{one}\n" for one in shared.declarations)
    exported = functions
    for one in shared.declarations:
        exported = exported.replace(f"static {one[:-1]}", one[:-1], 1)
    alone = before.replace("\n".join([*arena, "", ""]), "", 1)
    alone = alone.replace("\n".join([*shared.before, "", ""]), "", 1) if shared.before else alone
    return f"{before}{declared}{after.lstrip()}", f"{alone}{declared}\n{exported}\n"
