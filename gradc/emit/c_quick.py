"""Standard headers in brief: what a compiler reads of them is most of what it reads at all.

Public: ``quick(text)``.

Only a compiler gets the result.  What a text names of ``math.h``, ``stdint.h`` and ``string.h`` is
declared as these declare it, where the compiler has the means; a text that names something else of
them, or is for another compiler, includes them as before.
"""

import re
from collections.abc import Iterator

from gradc.emit.c_names import MATH

__all__ = ["quick"]

_INCLUDES = re.compile(r"(?:^#include <\w+\.h>\n)+", re.MULTILINE)
_WORD = re.compile(r"[A-Za-z_]\w*")
_LONG = ("#include <math.h>", "#include <stdint.h>", "#include <string.h>")
_KNOWN = """
    acos acosh asin asinh atan atanh cbrt ceil cos cosh erf erfc exp exp2 expm1 fabs floor log log10
    log1p log2 nearbyint rint round sin sinh sqrt tan tanh trunc lgamma tgamma
"""
_OF_TWO = "atan2 copysign fdim fmax fmin fmod hypot nextafter pow remainder"
_OTHERS = {
    "fma": "@ fma@(@ x, @ y, @ z);",
    "frexp": "@ frexp@(@ x, int *e);",
    "ldexp": "@ ldexp@(@ x, int e);",
    "memcpy": "void *memcpy(void *restrict to, const void *restrict from, size_t n);",
    "memmove": "void *memmove(void *to, const void *from, size_t n);",
    "memset": "void *memset(void *to, int c, size_t n);",
}
_BITS = ("8", "16", "32", "64")
_MACROS = {
    "isnan": "(x) __builtin_isnan(x)",
    "isinf": "(x) __builtin_isinf_sign(x)",
    "isfinite": "(x) __builtin_isfinite(x)",
    "signbit": "(x) __builtin_signbit(x)",
    "INFINITY": " (__builtin_inff())",
    "NAN": ' (__builtin_nanf(""))',
    **{f"INT{n}_C": f"(x) __INT{n}_C(x)" for n in _BITS},
    **{f"UINT{n}_C": f"(x) __UINT{n}_C(x)" for n in _BITS},
    **{f"INT{n}_MAX": f" __INT{n}_MAX__" for n in _BITS},
    **{f"INT{n}_MIN": f" (-__INT{n}_MAX__ - 1)" for n in _BITS},
    **{f"UINT{n}_MAX": f" __UINT{n}_MAX__" for n in _BITS},
}
_TYPE = re.compile(r"u?int(?:8|16|32|64|ptr)_t")
_ELSE = re.compile(r"u?int\w+_t|U?INT\w+_(?:C|MIN|MAX)|SIZE_MAX|M_[A-Z0-9_]+|(?:float|double)_t")
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_WHERE = "#if defined(__GNUC__) && defined(__linux__) && defined(__UINT64_C)"


def _functions() -> Iterator[tuple[str, str]]:
    """Yield the names of functions and their declarations."""
    for suffix, kind in (("", "double"), ("f", "float")):
        known = {name: f"@ {name}@(@ x);" for name in _KNOWN.split()}
        known |= {name: f"@ {name}@(@ x, @ y);" for name in _OF_TWO.split()}
        for name, text in (known | _OTHERS).items():
            made = text.replace(f"{name}@", name + suffix).replace("@", kind)
            yield name + suffix if "@" in text else name, made


_DECLARED = dict(_functions())
_NO_MORE = """
    fpclassify isnormal isgreater isgreaterequal isless islessequal islessgreater isunordered
    HUGE_VAL HUGE_VALF HUGE_VALL memcmp memchr strlen strcpy
"""
_UNKNOWN = frozenset((*_NO_MORE.split(), *(MATH - _DECLARED.keys())))


def quick(text: str) -> str:
    """Return a text in which only what it names of long standard headers is declared."""
    found = _INCLUDES.search(text)
    if found is None:
        return text
    words = set(_WORD.findall(_COMMENT.sub(" ", text[found.end() :])))
    if any(word in _UNKNOWN or _is_unknown(word) for word in words):
        return text
    long: list[str] = []
    short: list[str] = []
    for line in found[0].splitlines():
        (long if line in _LONG else short).append(line)
    frame = [_WHERE, *_declarations(words), "#else", *long, "#endif", ""]
    return text[: found.start()] + "\n".join([*short, *frame]) + text[found.end() :]


def _is_unknown(word: str) -> bool:
    return bool(_ELSE.fullmatch(word)) and word not in _MACROS and not _TYPE.fullmatch(word)


def _declarations(words: set[str]) -> Iterator[str]:
    """Print what these words mean; a function that is not declared is an error."""
    if "__GLIBC_PREREQ" in words:
        yield "#include <features.h>"
    yield '#pragma GCC diagnostic error "-Wimplicit-function-declaration"'
    for word in sorted(words):
        if _TYPE.fullmatch(word):
            yield f"typedef __{word[:-2].upper()}_TYPE__ {word};"
        elif word in _MACROS:
            yield f"#define {word}{_MACROS[word]}"
        elif word in _DECLARED:
            yield _DECLARED[word]
