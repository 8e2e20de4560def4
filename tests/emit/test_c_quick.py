"""What is declared in place of standard headers is what these declare, and all that is used."""

import re
from pathlib import Path

import pytest

from gradc.emit import c_quick
from gradc.emit.c_names import MATH
from gradc.emit.c_quick import quick
from gradc.emit.c_support import HEADERS
from gradc.emit.render import support_text
from gradc.ir.op import REGISTRY
from gradc.native.cache import Cache
from gradc.native.compiler import find_toolchain
from tests.backends import HAS_COMPILER

_TOP = "#include <math.h>\n#include <stddef.h>\n#include <stdint.h>\n\n"
_REAL = "#include <math.h>\n#include <stdint.h>\n#include <string.h>\n"


def test_only_what_is_named_is_declared() -> None:
    text = quick(f"{_TOP}/* cos(x) */ int64_t f(double x) {{ return (int64_t)expf(x); }}\n")
    short, _, rest = text.partition("#else\n")
    assert "float expf(float x);" in short
    assert "typedef __INT64_TYPE__ int64_t;" in short
    assert "cos" not in short
    assert "#include <math.h>" not in short
    assert rest.startswith("#include <math.h>\n#include <stdint.h>\n#endif\n")


@pytest.mark.parametrize(
    "unknown", ["modf(x, &y)", "isnormal(x)", "fabsl(x)", "int_fast8_t", "M_PI"]
)
def test_with_something_else_the_headers_stay(unknown: str) -> None:
    text = f"{_TOP}void f(double x) {{ {unknown}; }}\n"
    assert quick(text) == text


def test_what_support_code_and_operations_name_is_known() -> None:
    texts = [support_text(header) for header in HEADERS]
    for op in REGISTRY.values():
        forms = op.c.values() if hasattr(op.c, "values") else [op.c]
        texts += [form.replace("@", suffix) for form in forms if form for suffix in ("", "f")]
    for text in texts:
        code = re.sub(r"^#include.*|^#if.*", "", text, flags=re.MULTILINE)
        assert quick(_TOP + code) != _TOP + code, code


@pytest.mark.skipif(not HAS_COMPILER, reason="no C compiler on this machine")
def test_the_declarations_are_those_of_the_headers(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    names = [*MATH & c_quick._DECLARED.keys(), "memcpy", "memmove", "memset"]
    types = [f"{u}int{n}_t" for u in ("", "u") for n in (8, 16, 32, 64, "ptr")]
    body = "".join(f"    (void)sizeof({name});\n" for name in types)
    text = quick(
        f"{_TOP}void f(void);\nvoid f(void) {{\n{body}    (void)({', '.join(names)});\n}}\n"
    )
    assert text.count(");\n") >= len(names)
    toolchain = find_toolchain(cache)
    with cache.building("x") as folder:
        source = folder / "one.c"
        source.write_text(_REAL + text)
        assert toolchain.objects([(source, folder / "one.o", 4)])
