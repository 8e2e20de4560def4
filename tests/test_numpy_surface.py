"""Every name, operator, method, index and keyword of NumPy's first tier, in both backends."""

import inspect
import json
import re

import numpy as np
import pytest

import gradc
from gradc.capture.dispatch import TABLE
from gradc.coverage import RESULTS, coverage_table, function_named
from tests.backends import BACKENDS, HAS_COMPILER
from tests.numpy_surface import (
    ARGUMENTS,
    NAMES,
    PARTS,
    arguments,
    expressions,
    keyword_expressions,
)
from tests.surface_sweep import CLOSE, call, difference, functions, leaves, value

EVERY = {**NAMES, **PARTS}
KINDS = ("f8", "f4", "i8", "?")
every_part = pytest.mark.parametrize("part", EVERY)
backends = pytest.mark.parametrize("backend", BACKENDS)


def right(part, kind, tmp_path):
    """Return the expressions that gradc takes, after checking that it is right about the rest."""
    found = []
    written = expressions(EVERY[part])
    each, _ = functions([text for _, text in written], tmp_path)
    for (name, text), function in zip(written, each, strict=True):
        outcome = value(function, kind, "numpy")
        assert outcome in ("", "refused"), f"{text} of {kind}: {outcome}"
        if not outcome:
            found.append((name, text))
    return found


@every_part
@pytest.mark.parametrize("kind", KINDS)
def test_values(part, kind, tmp_path):
    """What NumPy takes is right or refused at the user's line; nothing is refused of reals."""
    taken = right(part, kind, tmp_path)
    if kind in ("f8", "f4"):
        assert taken == expressions(EVERY[part])
    each, whole = functions([text for _, text in taken], tmp_path)
    args = arguments(kind)
    if HAS_COMPILER:
        found = call(gradc.compile(whole, backend="c"), args)
        assert not isinstance(found, Exception), found
        for (_, text), function, a in zip(taken, each, found, strict=True):
            assert not difference(a, call(function, args), CLOSE[kind]), f"{text} of {kind}"


def differentiable(part, tmp_path):
    """Return the expressions with a real result, and the arguments that they read."""
    args = arguments("f8")
    written = [text for _, text in expressions(EVERY[part])]
    each, _ = functions(written, tmp_path)
    real = [any(leaf.dtype.kind == "f" for leaf in leaves(call(f, args))) for f in each]
    chosen = [t for t, r in zip(written, real, strict=True) if r and "float32" not in t]
    used = [n for n in ARGUMENTS if re.search(rf"\b{n}\b", " ".join(chosen))]
    return chosen, used


@backends
@every_part
def test_derivatives_to_second_order(part, backend, tmp_path):
    """All expressions of a part at once: forward and reverse mode against differences."""
    chosen, used = differentiable(part, tmp_path)
    if not chosen:
        pytest.skip(f"{part} has no real results")
    _, whole = functions(chosen, tmp_path)
    args = arguments("f8")
    rest = {name: args[name] for name in ARGUMENTS if name not in used}

    def of_used(*moved):
        return whole(**dict(zip(used, moved, strict=True)), **rest)

    gradc.check_grads(of_used, [args[n] for n in used], order=2, backend=backend)


def keywords_of(name):
    """Return the keywords of NumPy's own signature."""
    function = function_named(name)
    if isinstance(function, np.ufunc):
        core = ["axes", "axis", "keepdims"] if function.signature else []
        return ["out", "where", "casting", "order", "dtype", "subok", "signature", *core]
    try:
        given = inspect.signature(function).parameters.values()
    except ValueError:
        return ["dtype", "copy", "order", "subok", "ndmin", "like"]
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return [p.name for p in given if p.kind in named]


@pytest.mark.parametrize("part", NAMES)
def test_every_keyword_is_right_or_refused(part, tmp_path):
    """A refusal names the line and the repair; where NumPy refuses, so does gradc."""
    texts = [
        text
        for name, first in ((name, texts[0]) for name, texts in NAMES[part].items())
        if first.startswith(f"np.{name}(")
        for text in keyword_expressions(name, first, keywords_of(name))
    ]
    each, _ = functions(texts, tmp_path)
    outcomes = {t: value(f, "f8", "numpy") for t, f in zip(texts, each, strict=True)}
    assert {t: o for t, o in outcomes.items() if o not in ("", "refused")} == {}
    taken = [t for t, o in outcomes.items() if not o]
    if HAS_COMPILER and taken:
        _, whole = functions(taken, tmp_path)
        args = arguments("f8")
        found = call(gradc.compile(whole, backend="c"), args)
        assert not isinstance(found, Exception), found
        for text, a, b in zip(taken, found, call(whole, args), strict=True):
            assert not difference(a, b, CLOSE["f8"]), text


# the coverage table


def results(tmp_path):
    """Return, for each name, the kinds of operands it takes and whether it has derivatives."""
    rows = {}
    for part, names in NAMES.items():
        taken = {kind: {n for n, _ in right(part, kind, tmp_path)} for kind in KINDS}
        smooth, _ = differentiable(part, tmp_path)
        each, _ = functions([texts[0] for texts in names.values()], tmp_path)
        for (name, texts), function in zip(names.items(), each, strict=True):
            kinds = [kind for kind in KINDS if name in taken[kind]]
            real = bool({*texts} & {*smooth})
            rows[name] = {"group": part, "kinds": kinds, "real": real, "ops": recorded(function)}
    return rows


def recorded(function):
    """Return the ops that a function records, without what every graph has."""
    artifact = gradc.compile(function, backend="numpy").artifact(**arguments("f8"))
    found = [node.op.name for node in artifact.program.nodes]
    return [name for name in dict.fromkeys(found) if name not in ("input", "constant")]


def test_the_results_are_those_of_today(tmp_path, request):
    """Rewrite them with ``--update-golden``."""
    text = "".join(f"{json.dumps({n: row})[1:-1]},\n" for n, row in results(tmp_path).items())
    text = "{\n" + text.removesuffix(",\n") + "\n}\n"
    if request.config.getoption("--update-golden"):
        RESULTS.write_text(text)
    assert RESULTS.read_text() == text


def test_every_name_of_the_first_tier_is_in_the_table():
    table = coverage_table()
    assert len(NAMES) == 11
    assert sum(map(len, NAMES.values())) == 166
    for names in NAMES.values():
        for name in names:
            assert re.search(rf"`{re.escape(name)}`", table), name
    assert np.linalg.solve in TABLE
