"""Names in generated code: the user's where they are safe, and nothing of the user's elsewhere."""

import keyword
import random
import re
import string

import pytest

from gradc.emit.c_names import C
from gradc.emit.names import LONGEST, PYTHON, Namer

PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
HOSTILE = [
    "π", "ñ", "変数", "🙂", "", " ", "a b", "x;y", "*/", '"', "'", "\\", "??/", "{{7*7}}", "%n",
    "\0", "x\ny", "\u202eabc", "#define", "9lives", "-", "()", "__", "_", "x" * 10_000, "é" * 500,
    "a.b", "a-b", "gradc_env", "GRADC_API", "gradc", "Gradc_x", '*/ system("x"); /*',
]  # fmt: skip
RESERVED = ["double", "char", "linux", "I", "errno", "main", "NULL", "exp", "tanhf", "class", "NAN"]


@pytest.mark.parametrize("language", [C, PYTHON], ids=["c", "python"])
@pytest.mark.parametrize("wanted", HOSTILE + RESERVED, ids=lambda w: ascii(w)[:20])
def test_every_name_is_plain_and_free(language, wanted):
    name = Namer(language).user(wanted)
    assert PLAIN.fullmatch(name)
    assert len(name) <= LONGEST
    assert name not in language.reserved
    assert not name.lower().startswith("gradc")


def test_reserved_words_cover_the_languages():
    assert set(keyword.kwlist) <= PYTHON.reserved
    assert {"int", "restrict", "nullptr", "template", "INFINITY", "memcpy", "atan2f"} <= C.reserved
    assert not {"x", "h", "loss", "w1", "y0", "y1", "j0", "index_1"} & C.reserved


def test_plain_names_stay():
    namer = Namer(C)
    for name in ("x", "h_bar", "w1", "_hidden", "Total"):
        assert namer.user(name) == name.lstrip("_")


def test_taken_names_are_numbered():
    namer = Namer(C, taken=("arena",))
    names = [namer.user(n) for n in ("h", "h", "h_1", "h", "arena", "log", "log_", "λ", "v1")]
    assert names == ["h", "h_1", "h_1_1", "h_2", "arena_1", "log_", "log__1", "v1", "v1_1"]


def test_a_scope_gives_its_names_back():
    namer = Namer(C)
    namer.user("x")
    with namer.scope():
        assert [namer.user("x"), namer.fresh("t"), namer.user("y")] == ["x_1", "t_1", "y"]
    assert [namer.user("y"), namer.user("x"), namer.fresh("t")] == ["y", "x_1", "t_1"]


def test_long_names_stay_apart():
    namer = Namer(C)
    first, second = namer.user("a" * 200), namer.user("a" * 300)
    assert first != second
    assert max(len(first), len(second)) <= LONGEST


def test_names_are_unique_and_repeatable():
    rng = random.Random(3)
    wanted = [
        "".join(rng.choices(string.ascii_letters + "_1é", k=rng.randint(1, 2))) for _ in range(3000)
    ]
    runs = [[namer.user(name) for name in wanted] for namer in (Namer(C), Namer(C))]
    assert runs[0] == runs[1]
    assert len(set(runs[0])) == len(wanted)


def test_a_lasting_name_is_in_no_scope_before_or_after():
    namer = Namer(C)
    with namer.scope():
        assert namer.fresh("table") == "table_1"
    with namer.scope():
        assert namer.lasting("", "table") == "table_2"
        assert namer.lasting("h", "table") == "h"
    with namer.scope():
        assert [namer.fresh("table"), namer.fresh("table")] == ["table_1", "table_3"]
        assert namer.user("h") == "h_1"
