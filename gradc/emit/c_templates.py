"""Op templates made ready for C: names completed, and what each operand place takes.

    "exp@({x})"      f4, libm      expf( x )            any operand
                     f4, portable  gradc_expf( x )
    "1.0@ / {x}"     f4            1.0f / x             x must bind more than a product
    "gradc_add_{t}"  i2            gradc_add_i32        computed wider, then cast

How strongly the result binds follows from the operators of the template itself, because C's table
differs from Python's: a comparison binds more than ``&``.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from gradc.emit.c_support import portable_names
from gradc.emit.c_types import suffix, value_type
from gradc.errors import UnsupportedError
from gradc.ir.op import Op
from gradc.records import dataclass

__all__ = ["Hole", "Prepared", "prepare", "routine_name"]

_TOKEN = re.compile(
    r"\s*(?P<hole>\{\w+\})|\s*(?P<word>[A-Za-z_]\w*|\d[\w.]*(?:[eEpP][-+]\d+)?\w*)"
    r"|\s*(?P<op>&&|\|\||<<|>>|[<>=!]=|[-+*/%<>&^|?:!~(),])"
)
_CAST = re.compile(r"\((?:u?int(?:8|16|32|64)_t|double|float|bool)\)\s*$")
_MATH = re.compile(r"\b(\w+)@\(")
_LITERAL = re.compile(r"(?<=[\d.])@")
_WORD = re.compile(r"[A-Za-z_]\w*(?=\()")
# operator: how strongly it binds, what it takes on the left and on the right.  Places that a
# compiler warns about without parentheses ask for more than the grammar does.
_INFIX = {
    "*": (70, 70, 71), "/": (70, 70, 71), "%": (70, 70, 71),
    "+": (60, 60, 61), "-": (60, 60, 61),
    "<<": (55, 80, 80), ">>": (55, 80, 80),
    "<": (50, 55, 55), "<=": (50, 55, 55), ">": (50, 55, 55), ">=": (50, 55, 55),
    "==": (45, 55, 55), "!=": (45, 55, 55),
    "&": (40, 80, 80), "^": (35, 80, 80), "|": (30, 80, 80),
    "&&": (25, 45, 45), "||": (20, 45, 45),
    "?": (10, 20, 11), ":": (10, 11, 11),
}  # fmt: skip
_UNARY_TAKES = 81


class Hole(NamedTuple):
    """A place for an operand, which takes what binds at least that much."""

    slot: int
    least: int


@dataclass(frozen=True, slots=True)
class Prepared:
    """A template for given dtypes: literal texts and holes in turn.

    ``widen`` is the type that operands are cast to before, ``narrow`` the one the result is cast to
    (empty: none).  ``passes`` says that the result is the operand itself; ``repeats`` holds the
    operands that are read more than once.
    """

    pieces: tuple[str | Hole, ...]
    precedence: int
    names: tuple[str, ...]
    widen: str = ""
    narrow: str = ""
    passes: bool = False
    repeats: frozenset[int] = frozenset()


@lru_cache(maxsize=4096)
def prepare(op: Op, operand: np.dtype, result: np.dtype, math: str) -> Prepared:
    """Make an op's template ready for its first operand's dtype, its result's, and a math mode.

    Raises
    ------
    UnsupportedError
        The op has no C template for this dtype.
    """
    template = _bare(_template_for(op, operand))
    wide = _wide(operand)
    text = template.replace("{t}", suffix(wide))
    text = _complete(text, operand if operand.kind == "f" else result, math)
    pieces, precedence = _parse(text, op)
    infix = precedence < 100
    widen, narrow = _casts(operand, result, wide, infix, "{t}" in template)
    slots = [piece.slot for piece in pieces if isinstance(piece, Hole)]
    passes = pieces == (Hole(0, 0),)
    return Prepared(
        pieces,
        precedence,
        names=tuple(_WORD.findall(text)),
        widen="" if passes else widen,
        narrow="" if passes else narrow,
        passes=passes,
        repeats=frozenset(slot for slot in slots if slots.count(slot) > 1),
    )


def routine_name(op: Op, dtype: np.dtype, *, blocked: bool = False) -> str:
    """Return the support function of a routine whose first operand has this dtype.

    ``blocked``: the one that makes matrix products of blocks.
    """
    name = _template_for(op, dtype).replace("{t}", suffix(_wide(dtype)))
    name = name.replace("@", "_blocked@") if blocked else name
    return name.replace("@", "f" if dtype.itemsize == 4 else "")


def _template_for(op: Op, operand: np.dtype) -> str:
    template = op.c.get(operand.kind) if isinstance(op.c, Mapping) else op.c
    if template is None:
        raise UnsupportedError(
            f"{op.name} of {operand} has no C form", repair='use the option backend="numpy"'
        )
    return template


def _bare(template: str) -> str:
    """Drop parentheses around a whole template: the printer adds those that are needed."""
    depth = 0
    for place, char in enumerate(template):
        depth += (char == "(") - (char == ")")
        if depth == 0 and place < len(template) - 1:
            return template
    return _bare(template[1:-1])


def _wide(dtype: np.dtype) -> np.dtype:
    """Return the dtype in which support functions compute: narrow integers are widened."""
    if dtype.kind == "i":
        return np.dtype("i8" if dtype.itemsize == 8 else "i4")
    return np.dtype("u8") if dtype.kind == "u" else dtype


def _complete(text: str, dtype: np.dtype, math: str) -> str:
    ending = "f" if dtype.kind == "f" and dtype.itemsize == 4 else ""

    def function(match: re.Match[str]) -> str:
        name = match.group(1) + ending
        own = f"gradc_{name}"
        return f"{own if math == 'portable' and own in portable_names() else name}("

    return _LITERAL.sub(ending, _MATH.sub(function, text))


def _casts(
    operand: np.dtype, result: np.dtype, wide: np.dtype, infix: bool, support: bool
) -> tuple[str, str]:
    """Return the types that operands and result are cast to: C computes nothing below int."""
    if result.kind not in "iu" or result.kind != operand.kind:
        narrow = value_type(result) if result.kind in "iu" and infix and result.itemsize < 4 else ""
        return "", narrow
    if support:
        return "", value_type(result) if result != wide else ""
    if not infix or result.itemsize > 2:
        return "", ""
    return "uint32_t" if result.kind == "u" else "", value_type(result)


def _parse(text: str, op: Op) -> tuple[tuple[str | Hole, ...], int]:
    """Cut a template at its holes and find what each takes and how strongly the whole binds."""
    slots = {name: slot for slot, name in enumerate(op.operands)}
    tokens = [m for m in _TOKEN.finditer(text) if m.group().strip()]
    pieces: list[str | Hole] = []
    done = 0
    for number, token in enumerate(tokens):
        if token["hole"]:
            pieces.append(text[done : token.start("hole")])
            pieces.append(Hole(slots[token["hole"][1:-1]], _least(text, tokens, number)))
            done = token.end("hole")
    pieces.append(text[done:])
    return tuple(piece for piece in pieces if piece != ""), _strength(text, tokens)


def _symbol(tokens: list[re.Match[str]], number: int) -> str:
    """Return the operator at a place, parentheses beyond the ends, nothing for a value."""
    if not 0 <= number < len(tokens):
        return "(" if number < 0 else ")"
    return tokens[number]["op"] or ""


def _is_unary(text: str, tokens: list[re.Match[str]], number: int) -> bool:
    symbol = _symbol(tokens, number)
    if symbol in ("!", "~"):
        return True
    before = _symbol(tokens, number - 1)
    return symbol == "-" and before not in ("", ")") and number < len(tokens)


def _least(text: str, tokens: list[re.Match[str]], number: int) -> int:
    """Return how strongly an operand must bind between its neighbours."""
    left, right = _symbol(tokens, number - 1), _symbol(tokens, number + 1)
    if _is_unary(text, tokens, number - 1):
        least = _UNARY_TAKES
    elif left == ")":
        least = 80
    else:
        least = _INFIX[left][2] if left in _INFIX else 0
    return max(least, _INFIX[right][1] if right in _INFIX else 0)


def _strength(text: str, tokens: list[re.Match[str]]) -> int:
    """Return the binding strength of the loosest operator outside parentheses."""
    depth, least = 0, 100
    for number, token in enumerate(tokens):
        symbol = token["op"] or ""
        if symbol in "()" and symbol:
            depth += 1 if symbol == "(" else -1
            cast = symbol == ")" and depth == 0 and _CAST.search(text[: token.end()])
            least = min(least, 80) if cast else least
        elif depth == 0 and _is_unary(text, tokens, number):
            least = min(least, 80)
        elif depth == 0 and symbol in _INFIX:
            least = min(least, _INFIX[symbol][0])
    return least
