"""The typed filters: the only way a value gets into a template's output.

Each takes one kind of value, checks it, and gives `Rendered` text.  A template that prints a value
without a filter is refused when it runs (`gradc.emit.render`), so no text of the user's reaches
generated code except escaped, inside a comment or a string literal.
"""

import json
import re
import unicodedata
from collections.abc import Callable, Iterable

__all__ = ["FILTERS", "Rendered"]

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}", re.ASCII)
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_HTML = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"}


class Rendered(str):
    """Text that a filter has checked or escaped."""

    __slots__ = ()


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"a template filter wants text, got {type(value).__name__}")
    return value


def _visible(text: str) -> str:
    """Replace line breaks, control, bidirectional and unassigned characters by ``?``."""
    return "".join("?" if unicodedata.category(char) in _HIDDEN else char for char in text)


def code(value: object) -> Rendered:
    """Accept one line of code that a printer wrote."""
    text = _text(value)
    if len(text.splitlines()) > 1 or text.endswith(("\n", "\r")):
        raise ValueError("a line of code holds a line break")
    return Rendered(text)


def lines(value: Iterable[object], indent: int = 0) -> Rendered:
    """Join lines of code, each indented by `indent` blanks; empty lines stay empty."""
    if isinstance(value, str):
        raise TypeError("the filter `lines` wants a sequence of lines, got one text")
    margin = " " * indent
    return Rendered("\n".join(margin + line if line else line for line in map(code, value)))


def text(value: object) -> Rendered:
    """Accept a whole block that gradc wrote itself, such as a support header."""
    return Rendered(_text(value))


def identifier(value: object) -> Rendered:
    """Accept a name of plain ASCII letters, digits and underscores, 63 characters at most."""
    name = _text(value)
    if not _IDENTIFIER.fullmatch(name):
        raise ValueError(f"{name!r} is not a plain identifier")
    return Rendered(name)


def integer(value: object) -> Rendered:
    """Print an integer in decimal."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"the filter `integer` wants an int, got {type(value).__name__}")
    return Rendered(value)


def c_comment(value: object) -> Rendered:
    """Escape text for one line of a C comment: no comment mark, splice or trigraph is left."""
    shown = _visible(_text(value)).replace("\\", "?")
    shown = re.sub(r"(?<=\*)(?=/)|(?<=/)(?=\*)", " ", shown)
    return Rendered(re.sub(r"\?(?=\?)", "? ", shown))


def py_comment(value: object) -> Rendered:
    """Escape text for the rest of a line after ``#``."""
    return Rendered(_visible(_text(value)))


def c_string(value: object) -> Rendered:
    """Write a C string literal; all but plain letters, digits and blanks are octal escapes."""
    units = (
        chr(byte) if (chr(byte).isalnum() and byte < 128) or byte == 32 else f"\\{byte:03o}"
        for byte in _text(value).encode("utf-8", "replace")
    )
    return Rendered('"' + "".join(units) + '"')


def py_string(value: object) -> Rendered:
    """Write an ASCII Python string literal."""
    return Rendered(ascii(_text(value)))


def html(value: object) -> Rendered:
    """Escape text for an HTML or SVG element or a quoted attribute."""
    shown = "".join(char if char in "\n\t" else _visible(char) for char in _text(value))
    return Rendered("".join(_HTML.get(char, char) for char in shown))


def json_text(value: object) -> Rendered:
    """Write JSON that is inert inside an HTML ``script`` element."""
    shown = json.dumps(value, sort_keys=True, ensure_ascii=True, allow_nan=False)
    for char in "<>&":
        shown = shown.replace(char, f"\\u{ord(char):04x}")
    return Rendered(shown)


FILTERS: dict[str, Callable[..., Rendered]] = {
    "code": code,
    "lines": lines,
    "text": text,
    "identifier": identifier,
    "integer": integer,
    "c_comment": c_comment,
    "py_comment": py_comment,
    "c_string": c_string,
    "py_string": py_string,
    "html": html,
    "json": json_text,
}
