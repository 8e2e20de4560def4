"""Which support code a generated file needs, cut out of the headers in ``templates/c/support``.

A header is read as a list of parts: functions, macros, types, conditional blocks.  A part is taken
only when something that is taken names it, so that the file shows nothing it does not use (and no
compiler has an unused function to complain about).  C declares before use; hence the first part
that mentions a name is the one that defines it.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import field, replace
from functools import cache

from gradc.emit.render import support_text
from gradc.records import dataclass

__all__ = [
    "APART",
    "HEADERS",
    "Support",
    "apart_names",
    "apart_text",
    "portable_names",
    "product_name",
]

APART = {"gradc_matmul": ("gradc_gemm",), "gradc_matmulf": ("gradc_gemmf",)}
"""Large functions that owe nothing to the program, and those that they call in turn: they may be
compiled once, each by itself, and linked."""

HEADERS = (
    "gradc_env.h",
    "gradc_math_portable.h",
    "gradc_sigmoid.h",
    "gradc_numeric.h",
    "gradc_integer.h",
    "gradc_convert.h",
    "gradc_index.h",
    "gradc_reduce.h",
    "gradc_serial.h",
    "gradc_fused.h",
    "gradc_apart.h",
    "gradc_step.h",
    "gradc_parallel.h",
    "gradc_matmul.h",
    "gradc_sort.h",
    "gradc_linalg.h",
    "gradc_linalg_blocked.h",
    "gradc_adjugate.h",
)
_PRODUCTS = 4
"""Matrix routines in ``gradc_env``."""
_FAST = "gradc_math_fast.h"
_APART = "gradc_math_apart.h"
_PAIRS = ({"sin", "cos"}, {"sinf", "cosf"})
_BY_MACRO = {
    "gradc_sigmoid": ("GRADC_EXP", "gradc_exp"),
    "gradc_sigmoidf": ("GRADC_EXPF", "gradc_expf"),
    "gradc_lu_log": ("GRADC_LOG", "gradc_log"),
    "gradc_lu_logf": ("GRADC_LOGF", "gradc_logf"),
}
"""By which macro a function takes another, and which one portable math gives it."""
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_WORD = re.compile(r"[A-Za-z_]\w*")
_INCLUDE = re.compile(r'#include\s+([<"])([^>"]+)[>"]')
_PROTOTYPE = re.compile(r"GRADC_SIMD_ extern \w+ (\w+)\(")
_RENAMED = re.compile(r"(?:#define \w+|GRADC_APART_ \w+) gradc_apart_(\w+)")


@dataclass(frozen=True, slots=True)
class _Part:
    """Some lines of a header, the comment above them and the words in them."""

    header: str
    comment: str
    text: str
    words: frozenset[str]

    @property
    def own(self) -> frozenset[str]:
        """The words that belong to gradc; a part without any comes with its header."""
        return frozenset(word for word in self.words if word.startswith(("gradc_", "GRADC_")))


@dataclass(frozen=True, slots=True)
class _Library:
    """All parts in order, where each name is defined, and the standard headers of each header."""

    parts: tuple[_Part, ...]
    owner: dict[str, int]
    standard: dict[str, tuple[str, ...]]


@dataclass(slots=True)
class Support:
    """What one generated file asks of the support code.

    Code without loops takes the C library's functions as they are: a compiler then makes one call
    of the sine and the cosine of a value, where those of many values would stand in its way.

    Code without products that declares to nobody what it is lent (``lent``) leaves the types of the
    matrix routines out of ``gradc_env``.
    """

    math: str
    straight: bool = False
    lent: bool = False
    names: set[str] = field(default_factory=set)

    def need(self, names: Iterable[str]) -> None:
        """Ask for functions by name: gradc's own, or the C library's."""
        self.names.update(names)

    @property
    def apart(self) -> list[str]:
        """The functions asked for that may be compiled apart."""
        return sorted(self.names & APART.keys())

    def text(self, *, apart: bool = False) -> tuple[list[str], list[str]]:
        """Return the names of the standard headers and the lines of support code.

        With ``apart`` functions that may be compiled apart are declared only.
        """
        library = _library(frozenset(self.apart)) if apart else _library()
        if not self.lent and not self.apart:
            library = _without_products()
        taken, words = _closure(library, self.names | self._settings_names())
        used = [library.parts[i] for i in sorted(taken)]
        standard = {name for part in used for name in library.standard[part.header]}
        lines = [*_fast_lines(words), *_apart_lines(words)] if self._in_lanes() else []
        lines += self._settings(words)
        lines += _lines(library, taken)
        return sorted(standard), lines

    def _in_lanes(self) -> bool:
        return self.math == "fast" and not self.straight

    def _settings(self, words: set[str]) -> list[str]:
        if self.math != "portable":
            return []
        chosen = (pair for name, pair in _BY_MACRO.items() if name in words)
        lines = [f"#define {macro} {function}" for macro, function in chosen]
        return [*lines, ""] if lines else []

    def _settings_names(self) -> set[str]:
        if self.math != "portable":
            return set()
        return {function for name, (_, function) in _BY_MACRO.items() if name in self.names}


def product_name(itemsize: int) -> str:
    """Return the function that multiplies matrices of such items."""
    return "gradc_matmulf" if itemsize == 4 else "gradc_matmul"


def apart_names(names: Iterable[str]) -> list[str]:
    """Return functions that may be compiled apart with those that they call, in order."""
    return [one for name in sorted(names) for one in (name, *APART[name])]


def apart_text(name: str) -> str:
    """Return a complete C file that defines one of the functions that may be compiled apart."""
    library = _library(frozenset(APART.get(name, ())))
    taken, _ = _closure(library, {name})
    place = library.owner[name]
    headers = {found for i in taken for found in library.standard[library.parts[i].header]}
    lines = [f"#include <{header}>" for header in sorted(headers)]
    lines += ["", *_lines(library, taken - {place})]
    lines += [_declared(library.parts[place]).text, "", _exported(library.parts[place].text)]
    return "\n".join(lines) + "\n"


def _declared(part: _Part) -> _Part:
    """Return the declaration of a function for its definition."""
    head = _exported(part.text).partition("{")[0].rstrip() + ";"
    return replace(part, text=head, words=frozenset(_WORD.findall(head)))


def _exported(text: str) -> str:
    return text.removeprefix("static inline ")


@cache
def portable_names() -> frozenset[str]:
    """Return the functions of the portable math library, such as ``gradc_expf``."""
    names = re.compile(r"\b(?:double|float) (gradc_\w+[^_\W])\(")
    return frozenset(
        name
        for part in _library().parts
        if part.header.startswith("gradc_portable")
        for name in names.findall(part.text)
    )


@cache
def _library(declared: frozenset[str] = frozenset()) -> _Library:
    """Read all headers; of some functions only the declaration."""
    if declared:
        whole = _library()
        places = {whole.owner[name] for name in declared}
        parts = (_declared(p) if i in places else p for i, p in enumerate(whole.parts))
        return replace(whole, parts=tuple(parts))
    found: list[_Part] = []
    standard: dict[str, tuple[str, ...]] = {}
    for header in HEADERS:
        _read(header, found, standard)
    owner: dict[str, int] = {}
    for number, part in enumerate(found):
        for word in part.own:
            owner.setdefault(word, number)
    return _Library(tuple(found), owner, standard)


@cache
def _without_products() -> _Library:
    """Return the library with a ``gradc_env`` of the same layout that types no matrix routine."""
    whole = _library()
    place = whole.owner["gradc_env"]
    lines = [line for line in whole.parts[place].text.splitlines() if "gem" not in line]
    lines.insert(2, f"    void (*products[{_PRODUCTS}])(void);")
    text = "\n".join(lines)
    part = replace(whole.parts[place], text=text, words=frozenset(_WORD.findall(text)))
    return replace(whole, parts=(*whole.parts[:place], part, *whole.parts[place + 1 :]))


def _read(header: str, parts: list[_Part], standard: dict[str, tuple[str, ...]]) -> None:
    """Append a header's parts after those of the headers that it includes."""
    if header in standard:
        return
    text = _without_guard(support_text(header))
    included = _INCLUDE.findall(text)
    standard[header] = tuple(name for bracket, name in included if bracket == "<")
    for bracket, name in included:
        if bracket == '"':
            _read(name, parts, standard)
    body = "\n".join(line for line in text.splitlines() if not _INCLUDE.match(line))
    for comment, lines in _split(body.splitlines()):
        code = "\n".join(lines)
        words = frozenset(_WORD.findall(_COMMENT.sub(" ", code) if "/*" in code else code))
        parts.append(_Part(header, comment, code, words))


def _without_guard(text: str) -> str:
    """Drop the comment that describes the header, and the guard around it."""
    lines = text.strip().splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("#ifndef"))
    return "\n".join(lines[start + 2 : -1])


def _split(lines: list[str]) -> Iterator[tuple[str, list[str]]]:
    """Cut a header's body where nothing is open, each part with the comment above its group."""
    comment, part, depth, in_comment = "", list[str](), 0, False
    for line in lines:
        if not part and (in_comment or line.startswith("/*")):
            comment = f"{comment}\n{line}" if in_comment else line
            in_comment = "*/" not in line
            continue
        if not part and not line:
            comment = ""
            continue
        part.append(line)
        depth += _opened(line)
        if depth == 0 and _ends(line):
            yield comment, part
            part = []
    if part:
        raise ValueError(f"a support header ends inside {part[0]!r}")


def _opened(line: str) -> int:
    bare = _COMMENT.sub(" ", line) if "/*" in line else line
    if bare.startswith(("#if", "#endif")):
        return 1 if bare.startswith("#if") else -1
    return bare.count("{") + bare.count("(") - bare.count("}") - bare.count(")")


def _ends(line: str) -> bool:
    if line.startswith("#"):
        return not line.endswith("\\")
    return line.rstrip().endswith(("}", ";", ")"))


def _closure(library: _Library, names: set[str]) -> tuple[set[int], set[str]]:
    """Return the parts that the names need, and every word in them and in the names."""
    taken: set[int] = set()
    words: set[str] = set()
    waiting = sorted(names)
    while waiting:
        word = waiting.pop()
        if word in words:
            continue
        words.add(word)
        owner = library.owner.get(word)
        if owner is None and word.startswith("gradc_"):
            raise LookupError(f"no support header defines {word}")
        if owner is not None and owner not in taken:
            taken.add(owner)
            waiting.extend(library.parts[owner].words)
    headers = {library.parts[i].header for i in taken}
    taken |= {i for i, part in enumerate(library.parts) if not part.own and part.header in headers}
    return taken, words


def _lines(library: _Library, taken: set[int]) -> Iterator[str]:
    """Print the parts in their order; a comment stands once above the parts of its group."""
    before = ""
    for number in sorted(taken):
        part = library.parts[number]
        if part.comment and part.comment != before:
            yield from part.comment.splitlines()
        before = part.comment
        yield from part.text.splitlines()
        yield ""


def _fast_lines(words: set[str]) -> Iterator[str]:
    """Print the prototypes with vector versions that are wanted, in their conditional frame."""
    lines = _without_guard(support_text(_FAST)).splitlines()
    declared = {found.group(1) for line in lines if (found := _PROTOTYPE.match(line))}
    if not declared & words:
        return
    for line in lines:
        found = _PROTOTYPE.match(line)
        if line and not _INCLUDE.match(line) and (not found or found.group(1) in words):
            yield line
    yield ""


def _apart_lines(words: set[str]) -> Iterator[str]:
    """Print what keeps a sine and a cosine apart where there are both."""
    wanted = {name for pair in _PAIRS if pair <= words for name in pair}
    if not wanted:
        return
    for line in _without_guard(support_text(_APART)).splitlines():
        found = _RENAMED.match(line)
        if line and not _INCLUDE.match(line) and (not found or found.group(1) in wanted):
            yield line
    yield ""
