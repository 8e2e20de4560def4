"""What gradc says of wrong programs: whole messages, and never an error from deep inside."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gradc
from gradc import GradcError
from tests import wrong_derivatives, wrong_loops, wrong_programs
from tests.backends import BACKENDS

MISTAKES = wrong_programs.MISTAKES
assert wrong_loops.TWO  # its programs are in the list as well
NO_PLACE = wrong_derivatives.NO_PLACE

mistakes = pytest.mark.parametrize("mistake", MISTAKES, ids=lambda m: m.name)


def error_of(call: Callable[[], Any]) -> GradcError:
    with pytest.raises(GradcError) as caught:
        call()
    return caught.value


@mistakes
def test_the_message(mistake: wrong_programs.Mistake, golden: Callable[[str, str], None]) -> None:
    error = error_of(lambda: mistake.call("numpy"))
    classes = [c.__name__ for c in type(error).__mro__[:-1]]
    kinds = ", ".join(c for c in classes if c not in ("Exception", "BaseException", "GradcError"))
    golden(f"{mistake.name}.txt", f"{kinds}\n\n{error}\n")


@mistakes
@pytest.mark.counts("wrong programs with file, line, caret and repair")
def test_the_message_helps(mistake: wrong_programs.Mistake) -> None:
    error = error_of(lambda: mistake.call("numpy"))
    assert error.repair, "what to do about it"
    if mistake.name not in NO_PLACE:
        assert re.search(r"wrong_\w+\.py:\d+ in [\w<>]+", str(error)), "the user's file and line"
        assert "^" in str(error), "a caret"


@mistakes
@pytest.mark.parametrize("backend", BACKENDS[1:])
def test_both_backends_say_the_same(mistake: wrong_programs.Mistake, backend: str) -> None:
    error = error_of(lambda: mistake.call(backend))
    assert str(error) == str(error_of(lambda: mistake.call("numpy")))


def test_there_are_enough() -> None:
    assert len(MISTAKES) >= 145


def test_every_golden_file_has_its_mistake() -> None:
    folder = Path(__file__).parent / "golden" / "test_errors"
    assert {path.stem for path in folder.glob("*.txt")} == {m.name for m in MISTAKES}


def test_the_users_own_errors_pass_through() -> None:
    def refuse(x):
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        gradc.compile(refuse, backend="numpy")(1.0)


def test_a_refused_function_can_be_called_again() -> None:
    def half(x, n):
        return x / n if n else x @ x[:1]

    compiled = gradc.compile(half, backend="numpy")
    for _ in range(2):
        with pytest.raises(gradc.ShapeError):
            compiled(np.ones(3), 0)
        np.testing.assert_array_equal(compiled(np.ones(3), 2), np.full(3, 0.5))


def unhashable(x):
    return {5.0: 2.0}[x[0]]


def unpack_too_many(x):
    a, b = x
    return a + b


def misspelled(x):
    return x.summ()


def text_of_a_value(x):
    return float(str(x))


def too_few_arguments(x, y):
    return x + y


def endless(x):
    return endless(x + 1)


@pytest.mark.parametrize(
    ("function", "kind"),
    [
        (unhashable, (KeyError, TypeError)),
        (unpack_too_many, ValueError),
        (misspelled, AttributeError),
        (text_of_a_value, ValueError),
        (too_few_arguments, TypeError),
        (endless, RecursionError),
    ],
)
def test_pythons_own_errors_stay(function: Callable[..., Any], kind: Any) -> None:
    with pytest.raises(kind):
        function(np.ones(3))
    with pytest.raises(kind):
        gradc.compile(function, backend="numpy")(np.ones(3))
