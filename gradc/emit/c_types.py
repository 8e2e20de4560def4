"""C's types, literals and operators' binding strengths."""

import math
import re
from typing import Any, NamedTuple

import numpy as np

from gradc.ir.dims import Dim, DimExpr, Symbol

__all__ = [
    "ATOM",
    "COMPARE",
    "EITHER",
    "PRODUCT",
    "SUM",
    "TERNARY",
    "UNARY",
    "Text",
    "commented",
    "dim_text",
    "literal",
    "measure",
    "memory_type",
    "suffix",
    "value_type",
]

ATOM, UNARY, PRODUCT, SUM, SHIFT, COMPARE, EQUAL = 100, 80, 70, 60, 55, 50, 45
BOTH_BITS, XOR_BITS, EITHER_BITS, BOTH, EITHER, TERNARY = 40, 35, 30, 25, 20, 10


class Text(NamedTuple):
    """A C expression and how strongly its outermost operator binds."""

    text: str
    precedence: int = ATOM

    def within(self, least: int) -> str:
        """Return the text for a place that takes ``least``, in parentheses where it binds less."""
        return self.text if self.precedence >= least else f"({self.text})"


_SUFFIXES = {"b1": "b8", "f4": "f32", "f8": "f64"} | {
    f"{kind}{size}": f"{kind}{8 * size}" for kind in "iu" for size in (1, 2, 4, 8)
}
_VALUES = {"b1": "bool", "f4": "float", "f8": "double"} | {
    f"{kind}{size}": f"{'u' * (kind == 'u')}int{8 * size}_t"
    for kind in "iu"
    for size in (1, 2, 4, 8)
}
_LEAST = {1: "INT8_MIN", 2: "INT16_MIN", 4: "INT32_MIN", 8: "INT64_MIN"}
_LONGEST_DECIMAL = 14


_NUMBER = re.compile(r"(?<![\w.])(?:\d[\w.]*(?:(?<=p)[+-]\d+|(?<=e)[+-]\d+)?)(?: /\* \S+ \*/)?")
_DIGITS, _SHORT, _LONG = 3, 4, 12
"""For how many characters an integer, a short and any other float count."""


def measure(text: str) -> int:
    """Return the length of a text in which every number is taken for one of usual length.

    Where lines are broken then does not depend on how large the arrays are.

    >>> measure("x[i * 7 + 1]") == measure("x[i * 12288 + 192]")
    True
    >>> measure("a + b"), measure("a + 0x1.999999999999ap-4 /* 0.1 */"), measure("a + 0.5")
    (5, 16, 7)
    """
    numbers = _NUMBER.findall(text)
    return len(text) + sum(_usual(number) - len(number) for number in numbers)


def _usual(number: str) -> int:
    if number.isdecimal():
        return _DIGITS
    return len(number) if len(number) <= _SHORT else _LONG


def _code(dtype: np.dtype) -> str:
    return f"{dtype.kind}{dtype.itemsize}"


def suffix(dtype: np.dtype) -> str:
    """Return the ending that support functions for this dtype carry.

    >>> suffix(np.dtype("f4")), suffix(np.dtype("i8"))
    ('f32', 'i64')
    """
    return _SUFFIXES[_code(dtype)]


def value_type(dtype: np.dtype) -> str:
    """Return the C type of a scalar variable."""
    return _VALUES[_code(dtype)]


def memory_type(dtype: np.dtype) -> str:
    """Return the C type of array elements: booleans are bytes, as whoever wrote them left them."""
    return "uint8_t" if dtype.kind == "b" else value_type(dtype)


def literal(value: Any, dtype: np.dtype) -> Text:
    """Write a number of a dtype.

    Decimals stand where they are exact and short, hexadecimal floats elsewhere.

    >>> [literal(x, np.dtype("f8")).text for x in (0.5, -2, 0.1, np.inf)]
    ['0.5', '-2.0', '0x1.999999999999ap-4', '(double)INFINITY']
    >>> literal(0.1, np.dtype("f4")).text, literal(3, np.dtype("u4")).text
    ('0x1.99999ap-4f', '3u')
    """
    if dtype.kind == "f":
        return _float(float(dtype.type(value)), dtype.itemsize == 4)
    if dtype.kind == "b":
        return Text("true" if value else "false")
    return _integer(int(value), dtype)


def commented(number: Text, value: Any) -> Text:
    """Add the decimal to a hexadecimal float.

    >>> commented(literal(0.1, np.dtype("f8")), 0.1).text
    '0x1.999999999999ap-4 /* 0.1 */'
    """
    if "0x" not in number.text:
        return number
    return Text(f"{number.text} /* {float(value):.6g} */", number.precedence)


def _integer(value: int, dtype: np.dtype) -> Text:
    if dtype.kind == "u":
        return Text(f"{value}u")
    if value == np.iinfo(dtype).min:
        return Text(_LEAST[dtype.itemsize])
    return Text(str(value), UNARY if value < 0 else ATOM)


def _float(value: float, single: bool) -> Text:
    ending = "f" if single else ""
    if not math.isfinite(value):
        return _special(value, single)
    text = _decimal(value) or _hexadecimal(value)
    return Text(text + ending, UNARY if text.startswith("-") else ATOM)


def _special(value: float, single: bool) -> Text:
    name = "NAN" if math.isnan(value) else "INFINITY"
    sign = "-" if math.copysign(1.0, value) < 0 else ""
    if single:
        return Text(sign + name, UNARY if sign else ATOM)
    return Text(f"{sign}(double){name}", UNARY)


def _decimal(value: float) -> str:
    """Return the decimal if it is short and equals the value exactly."""
    text = repr(value)
    if len(text) > _LONGEST_DECIMAL or not _exact(text, value):
        return ""
    return text


def _exact(text: str, value: float) -> bool:
    digits, _, exponent = text.lstrip("-").partition("e")
    whole, _, fraction = digits.partition(".")
    power = int(exponent or 0) - len(fraction)
    if not -40 < power < 40:
        return False
    numerator, denominator = abs(value).as_integer_ratio()
    left, right = int(whole + fraction) * denominator, numerator
    scale = int(10 ** abs(power))
    return left * scale == right if power >= 0 else left == right * scale


def _hexadecimal(value: float) -> str:
    mantissa, _, exponent = value.hex().partition("p")
    whole, _, fraction = mantissa.partition(".")
    fraction = fraction.rstrip("0")
    return f"{whole}{'.' if fraction else ''}{fraction}p{exponent}"


def dim_text(dim: Dim, names: dict[Symbol, str]) -> Text:
    """Write an index polynomial as 64-bit integer arithmetic.

    >>> i, j = Symbol("i", "index"), Symbol("j", "index")
    >>> dim_text(i.expr() * 32 + j.expr() - 1, {i: "i", j: "j"}).text
    'i * 32 + j - 1'
    """
    if not isinstance(dim, DimExpr):
        return Text(str(int(dim)), UNARY if dim < 0 else ATOM)
    whole, part, divisor = dim.split()
    if divisor > 1:
        quotient = f"({dim_text(part, names).text}) / {divisor}"
        rest = [text for signed in _signed_terms(whole, names) for text in signed]
        return Text(" ".join([quotient, *rest]), SUM if rest else PRODUCT)
    (sign, first), *others = _signed_terms(dim, names)
    if sign == "-":
        first = f"-{first}"
    if others:
        return Text(" ".join([first, *(text for signed in others for text in signed)]), SUM)
    least = PRODUCT if " " in first else ATOM
    return Text(first, min(least, UNARY) if sign == "-" else least)


def _signed_terms(dim: Dim, names: dict[Symbol, str]) -> list[tuple[str, str]]:
    """Return sign and text of each term, the positive ones first."""
    if not isinstance(dim, DimExpr):
        return [("-" if dim < 0 else "+", str(abs(dim)))] if dim else []
    terms = sorted(dim.terms, key=lambda term: (not term[0], term[1] < 0, -abs(term[1])))
    if terms[0][1] < 0:
        terms.sort(key=lambda term: term[1] < 0)
    return [("-" if f < 0 else "+", _term(monomial, abs(f), names)) for monomial, f in terms]


def _term(monomial: Any, size: int, names: dict[Symbol, str]) -> str:
    factors = [names[symbol] for symbol, power in monomial for _ in range(power)]
    if size != 1 or not factors:
        factors.append(str(size))
    return " * ".join(factors)
