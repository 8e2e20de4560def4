"""One long function as two, which two processors compile at the same time.

    int f(x, arena) {                     int f(x, arena) {             int f_rest(x, arena, h) {
        const double h = ...;                 const double h = ...;         ... the later half
        ... the earlier half        ->        ... the earlier half          return 0;
        ... the later half                    return f_rest(x, arena, h);   }
        return 0;                         }
    }

Public: ``Body`` (the lines of a function), ``halves(text, body)``.

What a user reads is the function as a whole; only a compiler gets the halves.  They have the same
statements in the same order, and memory under the same names, so nothing else comes out.  A scalar
that the earlier half made is handed over: what the later one adds to it, nobody reads afterwards.
"""

import heapq
import re
from collections.abc import Iterator, Sequence

from gradc.emit.c_signature import function_lines, packed_lines
from gradc.records import dataclass

__all__ = ["Body", "halves"]

_WORTH = 24
"""Statements of the smaller half from which two compilers are done sooner than one."""
_TRIED = 8
_HANDED = 16
_BEGINS = re.compile(r"    [^\s}]")
_ENDS = re.compile(r"[;}]$|^$")
_NO_CODE = re.compile(r"\s*(/\*.*\*/|GRADC_APART|)$")
_MADE = re.compile(r"    (?:const )?(\w+(?: \w+)*) (\w+)(\[\d+\])?(?: =.*)?;")
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Body:
    """The lines of a function's definition, and what it takes.

    ``arena`` defines the function above it; ``head`` opens it, ``opening`` declares its memory,
    ``lines`` are indented statements;
    ``parameters`` and ``arguments`` are what a function with the same memory takes and is handed.
    """

    name: str
    arena: Sequence[str]
    head: Sequence[str]
    opening: Sequence[str]
    lines: Sequence[str]
    parameters: Sequence[str]
    arguments: Sequence[str]


def halves(text: str, body: Body) -> tuple[str, str]:
    """Return ``text`` with the later half of a function called, and a text that defines that half.

    The second is empty, and the first ``text`` as it is, where a half would be too short.
    """
    found = _cut(body.lines)
    if found is None:
        return text, ""
    place, made = found
    before, _, after = text.partition("\n".join([*body.head, ""]))
    later = "\n".join([*body.lines[place:], "    return 0;", "}"])
    start, _, end = after.partition(later)
    parameters = [*body.parameters, *(f"{kind} {name}" for kind, name in made)]
    declared = function_lines(f"int {body.name}_rest", parameters)
    call = packed_lines(
        f"    return {body.name}_rest(", [*body.arguments, *(name for _, name in made)], ");"
    )
    prototype = [*declared[:-1], f"{declared[-1]};", "", ""]
    first = "\n".join([*prototype, *body.head, ""]) + start + "\n".join([*call, "}"]) + end
    opening = [f"    {line}" for line in body.opening]
    second = "\n".join([*prototype, *declared[:-1], declared[-1] + " {", *opening, later, ""])
    alone = before.replace("\n".join([*body.arena, "", ""]), "", 1)
    return before + first, alone + second


def _cut(lines: Sequence[str]) -> tuple[int, list[tuple[str, str]]] | None:
    """Choose where to cut so that both halves have much to do, and what has to be handed over."""
    for place in _places(lines):
        made = _handed(lines[:place], lines[place:])
        if made is not None:
            return place, made
    return None


def _places(lines: Sequence[str]) -> list[int]:
    """Return a few places between outermost statements, those nearest to the middle first."""
    found, done = [], 0
    total = sum(not _NO_CODE.match(line) for line in lines)
    for place, line in enumerate(lines):
        share = min(done, total - done)
        if share >= _WORTH and _BEGINS.match(line) and _ENDS.search(lines[place - 1]):
            found.append((share, place))
        done += not _NO_CODE.match(line)
    return [place for _, place in heapq.nlargest(_TRIED, found)]


def _handed(before: Sequence[str], after: Sequence[str]) -> list[tuple[str, str]] | None:
    """Return types and names of scalars that later lines name; None for many, or an array."""
    named = {word for line in after for word in _WORD.findall(line)}
    found = [one for one in _made(before) if one[1] in named]
    if len(found) > _HANDED or any(size for *_, size in found):
        return None
    return [(kind, name) for kind, name, _ in found]


def _made(lines: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    for line in lines:
        made = _MADE.fullmatch(line)
        if made and made[1] != "return":
            yield made[1], made[2], made[3] or ""
