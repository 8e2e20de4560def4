"""Python expressions with as few parentheses as their meaning allows.

An op's `numpy` template is ordinary Python, so Python's own parser says how tightly each operand
must bind where it is put in: ``1.0 / (1.0 + np.exp(-{x}))`` wants a unary operand for ``x`` and is
itself a quotient.  Templates are parsed once and kept.

    Expression = text strength
    Template   = piece (hole piece)*        hole = (operand, least strength)
"""

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from gradc.ir import ArrayType, Op
from gradc.records import dataclass

__all__ = ["ANY", "ATOM", "NUMBER", "UNARY", "Expression", "Template", "fill", "op_template"]

ANY, BOOLEAN, NOT, COMPARE, UNARY, POWER, NUMBER, ATOM = 0, 30, 35, 40, 80, 90, 95, 100
"""Binding strengths; a number binds less than a name, because ``2.x`` is no attribute."""

_BINARY: dict[type[ast.operator], int] = {
    ast.BitOr: 45,
    ast.BitXor: 46,
    ast.BitAnd: 47,
    ast.LShift: 50,
    ast.RShift: 50,
    ast.Add: 60,
    ast.Sub: 60,
    ast.Mult: 70,
    ast.Div: 70,
    ast.FloorDiv: 70,
    ast.Mod: 70,
    ast.MatMult: 70,
    ast.Pow: POWER,
}
_HOLE = re.compile(r"_hole(\d+)_")


class Expression(NamedTuple):
    """Python text and how tightly it binds."""

    text: str
    strength: int = ATOM

    def at_least(self, strength: int) -> str:
        """Return the text, in parentheses if it binds less than `strength`."""
        return self.text if self.strength >= strength else f"({self.text})"


@dataclass(frozen=True, slots=True)
class Template:
    """Text with holes for operands.

    Parameters
    ----------
    pieces : tuple of str
        The text between the holes, one more than there are holes.
    holes : tuple of (int, int)
        Number of the operand and the least strength it needs there.
    strength : int
        How tightly the whole binds.
    """

    pieces: tuple[str, ...]
    holes: tuple[tuple[int, int], ...]
    strength: int


def fill(template: Template, operands: Sequence[Expression]) -> Expression:
    """Put operands into the holes of a template."""
    if len(template.holes) == 1 and template.pieces == ("", ""):
        return operands[template.holes[0][0]]
    parts = [template.pieces[0]]
    for (operand, strength), piece in zip(template.holes, template.pieces[1:], strict=True):
        parts += (operands[operand].at_least(strength), piece)
    return Expression("".join(parts), template.strength)


def op_template(op: Op, types: Sequence[ArrayType], params: Mapping[str, Any]) -> Template:
    """Return the template of one use of an op, by its `numpy` text or printer."""
    if not isinstance(op.numpy, str):
        return parse(op.numpy([f"_hole{i}_" for i in range(len(types))], types, params))
    if not params and not op.variadic:
        return _plain(op)
    return parse(op.numpy.format(**_named_holes(op, len(types)), **params))


@lru_cache(maxsize=1024)
def _plain(op: Op) -> Template:
    assert isinstance(op.numpy, str)
    return parse(op.numpy.format(**_named_holes(op, len(op.operands))))


def _named_holes(op: Op, count: int) -> dict[str, str]:
    """Name the holes of a text template as its operands are named."""
    holes = [f"_hole{i}_" for i in range(count)]
    names = [name for name in op.operands if not name.startswith("*")]
    named = dict(zip(names, holes, strict=False))
    if op.variadic:
        named[op.operands[-1][1:]] = ", ".join(holes[len(names) :])
    return named


@lru_cache(maxsize=4096)
def parse(text: str) -> Template:
    """Parse text with holes named ``_hole0_``, ``_hole1_``, ... into a template."""
    tree = ast.parse(text, mode="eval").body
    raw = text.encode()
    found = sorted((name.col_offset, name, least) for name, least in _holes(tree))
    pieces, holes, done = [], [], 0
    for start, name, least in found:
        pieces.append(raw[done:start].decode())
        holes.append((int(name.id[len("_hole") : -1]), least))
        done = name.end_col_offset or start
    pieces.append(raw[done:].decode())
    return Template(tuple(pieces), tuple(holes), strength_of(tree))


def strength_of(tree: ast.expr) -> int:
    """Return how tightly an expression binds."""
    match tree:
        case ast.BinOp(op=op):
            return _BINARY[type(op)]
        case ast.UnaryOp(op=op):
            return NOT if isinstance(op, ast.Not) else UNARY
        case ast.Compare():
            return COMPARE
        case ast.BoolOp():
            return BOOLEAN
        case ast.Lambda() | ast.IfExp() | ast.NamedExpr() | ast.Starred():
            return ANY
        case ast.Constant(value=int() | float()):
            return NUMBER
    return ATOM


def _holes(tree: ast.expr) -> Iterator[tuple[ast.Name, int]]:
    """Find the holes of a template and how tightly each must bind."""
    open_: list[tuple[ast.AST, int]] = [(tree, ANY)]
    while open_:
        node, least = open_.pop()
        if isinstance(node, ast.Name) and _HOLE.fullmatch(node.id):
            yield node, least
        else:
            open_ += _parts(node)


def _parts(node: ast.AST) -> list[tuple[ast.AST, int]]:
    """Return the operands of a syntax node with the strength that each place wants."""
    match node:
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            return [(left, POWER + 1), (right, UNARY)]
        case ast.BinOp(left=left, op=op, right=right):
            return [(left, _BINARY[type(op)]), (right, _BINARY[type(op)] + 1)]
        case ast.UnaryOp(operand=operand):
            return [(operand, strength_of(node))]
        case ast.Compare(left=left, comparators=rest):
            return [(part, COMPARE + 1) for part in (left, *rest)]
        case ast.Call(func=func, args=args, keywords=keywords):
            return [(func, ATOM), *((part, ANY) for part in (*args, *(k.value for k in keywords)))]
        case ast.Subscript(value=value, slice=index):
            return [(value, ATOM), (index, ANY)]
        case ast.Tuple(elts=elements) | ast.List(elts=elements):
            return [(part, ANY) for part in elements]
    return [(part, ATOM) for part in ast.iter_child_nodes(node)]
