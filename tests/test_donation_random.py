"""Random functions with random arguments donated: the same bits, in the arrays that were passed."""

import linecache
import random

import numpy as np
import pytest

import gradc
from gradc.errors import ArgumentError
from tests.backends import BACKENDS

FORMS = (
    "{} + {}",
    "{} * {}",
    "{} - {}",
    "np.tanh({}) * {}",
    "np.concatenate([{}[1:], {}[:1]])",
    "{}[::-1] * 0.5 + {}",
    "np.cumsum({}) * 1e-3 + {}",
    "np.where({0} > 0.1, {0}, {1})",
    "{} / (1.0 + np.sum({} ** 2))",
    "np.maximum({}, 0.0) - {}",
)


def written(seed):
    """Return the text of a function, its arguments, those that are donated, and a length."""
    draw = random.Random(seed)
    names = ["a", "b", "c"][: draw.randint(1, 3)]
    values, lines = list(names), []
    for turn in range(draw.randint(2, 7)):
        form = draw.choice(FORMS).format(draw.choice(values), draw.choice(values))
        name = draw.choice(names) if draw.random() < 0.3 else f"t{turn}"
        lines.append(f"    {name} = {form}")
        values += [name] if name not in values else []
        if draw.random() < 0.2:
            lines.append("    for _ in range(5):")
            lines.append(f"        {name} = {name} * 0.9 + {draw.choice(values)} * 0.1")
    results = [draw.choice(values) for _ in range(draw.randint(1, 3))]
    text = f"def f({', '.join(names)}):\n" + "\n".join(lines)
    text += f"\n    return {', '.join(results)},\n"
    donated = tuple(name for name in names if draw.random() < 0.6) or ("a",)
    return text, names, donated, draw.choice([6, 300, 1500])


def made(seed):
    text, names, donated, length = written(seed)
    place, space = f"<random {seed}>", {"np": np}
    linecache.cache[place] = (len(text), None, text.splitlines(keepends=True), place)
    exec(compile(text, place, "exec"), space)
    rng = np.random.default_rng(seed)
    return space["f"], names, donated, [rng.standard_normal(length) for _ in names]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("seed", range(16))
def test_random_functions(seed, backend):
    f, names, donated, arrays = made(seed)
    print(f"seed {seed}: {written(seed)}")
    want = gradc.compile(f, backend=backend)(*[a.copy() for a in arrays])
    given = gradc.compile(f, backend=backend, donate=donated)
    for _ in range(3):
        mine = [a.copy() for a in arrays]
        try:
            found = given(*mine)
        except ArgumentError as error:
            assert "no result of this shape and dtype is left" in str(error)
            assert len(want) < len(donated)
            return
        for one, other in zip(found, want, strict=True):
            np.testing.assert_array_equal(one, other)
        for name, array, before in zip(names, mine, arrays, strict=True):
            if name in donated:
                assert sum(one is array for one in found) == 1
            else:
                np.testing.assert_array_equal(array, before)
