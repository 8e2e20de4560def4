"""Every kind of array in every layout and every place of a call: NumPy's answer, or an error.

Run as a script with the number of a part and of parts, it tries its share of the matrix and prints
how many calls it made; a crash is seen by its exit code.
"""

import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

import gradc

SUPPORTED = ("f8", "f4", "i8", "i4", "u1", "b1", ">f8", ">i4")
REFUSED = ("f2", "g", "c16", "O", "U3", "M8[s]", [("a", "f8")])
DTYPES: tuple[Any, ...] = (*SUPPORTED, *REFUSED)


def plain(a: np.ndarray) -> np.ndarray:
    return a


def fortran(a: np.ndarray) -> np.ndarray:
    return np.array(a, order="F")


def strided(a: np.ndarray) -> np.ndarray:
    return np.repeat(a, 2, axis=-1)[..., ::2] if a.ndim else a


def backwards(a: np.ndarray) -> np.ndarray:
    return np.flip(np.flip(a).copy()) if a.ndim else a


def transposed(a: np.ndarray) -> np.ndarray:
    return a.T.copy().T


def repeated(a: np.ndarray) -> np.ndarray:
    return np.broadcast_to(a.flat[0], a.shape) if a.size else a


def unaligned(a: np.ndarray) -> np.ndarray:
    if a.dtype.hasobject:
        return a
    made = np.ndarray(a.shape, a.dtype, np.zeros(a.nbytes + 1, np.uint8)[1:].data)
    made[...] = a
    return made


def frozen(a: np.ndarray) -> np.ndarray:
    a = a.copy()
    a.flags.writeable = False
    return a


def mapped(a: np.ndarray) -> np.ndarray:
    if a.dtype.hasobject or not a.size:
        return a
    with tempfile.NamedTemporaryFile() as file:
        made = np.memmap(file.name, a.dtype, "w+", shape=a.shape)
        made[...] = a
        return made


def window(a: np.ndarray) -> np.ndarray:
    """A part of a larger array whose other elements must stay."""
    around = np.zeros(tuple(n + 2 for n in a.shape), a.dtype)
    inside = around[(..., *(slice(1, -1) for _ in a.shape))]
    inside[...] = a
    return inside


def masked(a: np.ndarray) -> np.ndarray:
    return np.ma.masked_array(a)


LAYOUTS = (
    plain, fortran, strided, backwards, transposed, repeated, unaligned, frozen, mapped, window,
    masked,
)  # fmt: skip

SHAPES = ((), (0,), (1,), (7,), (3, 4))


def twice(x):
    return x * 2 + 1


def second(one, x):
    return x * one + x


def in_a_tree(tree):
    return {"y": tree["x"] + tree["x"]}


def named(*, x):
    return np.where(x > 1, x, x * 3)


def written(x):
    x[...] = x * 2
    return x


def loss(x):
    return np.sum(x * x)


def both(x, y):
    return x * 2 + y


Place = Callable[[Any], tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]]
PLACES: dict[str, Place] = {
    "first": lambda x: (twice, (x,), {}),
    "second": lambda x: (second, (3, x), {}),
    "tree": lambda x: (in_a_tree, ({"x": x},), {}),
    "keyword": lambda x: (named, (), {"x": x}),
    "written": lambda x: (written, (x,), {}),
    "bound": lambda x: (twice, (x,), {}),
    "gradient": lambda x: (loss, (x,), {}),
    "overlapping": lambda x: (both, (x, x[::-1] if x.ndim else x), {}),
}


def filled(dtype: Any, shape: tuple[int, ...]) -> np.ndarray:
    counted = (np.arange(np.prod(shape, dtype=int)) % 5).reshape(shape)
    if isinstance(dtype, list):
        return np.zeros(shape, dtype)
    return counted.astype("i8").astype(dtype)


COMPILED: dict[tuple[str, str], Any] = {}


def compiled(place: str, function: Callable[..., Any], backend: str) -> Any:
    key = (place, backend)
    if key not in COMPILED:
        make = gradc.grad if place == "gradient" else gradc.compile
        COMPILED[key] = make(function, backend=backend)
    return COMPILED[key]


def leaves_of(result: Any) -> list[Any]:
    return list(result.values()) if isinstance(result, dict) else [result]


def expected(place: str, value: np.ndarray) -> Any:
    """Return what NumPy gives, or the error that it raises."""
    function, args, kwargs = PLACES[place](value)
    try:
        if place == "gradient":
            return [2 * value]
        return [np.array(leaf) for leaf in leaves_of(function(*args, **kwargs))]
    except (TypeError, ValueError, AttributeError) as error:  # masked objects fail oddly
        return error


def found(place: str, value: np.ndarray, backend: str) -> Any:
    function, args, kwargs = PLACES[place](value)
    call = compiled(place, function, backend)
    try:
        if place == "bound":
            call = call.bind(*args)
            args = ()
        return [np.array(leaf) for leaf in leaves_of(call(*args, **kwargs))]
    except gradc.GradcError as error:
        return error


def judge(dtype: Any, layout: Any, shape: tuple[int, ...], place: str, backend: str) -> str | None:
    """Make one call; return what is wrong with it."""
    mine, theirs = (layout(filled(dtype, shape)) for _ in range(2))
    got = found(place, mine, backend)
    want = expected(place, theirs)
    if isinstance(got, Exception):
        if "x" not in str(got) or "\n" not in str(got):
            return f"the message does not help: {got}"
        excused = dtype not in SUPPORTED or layout is masked or isinstance(want, Exception)
        excused = excused or (place == "gradient" and np.dtype(dtype).kind != "f")
        excused = excused or (place == "written" and np.dtype(dtype) == bool)
        excused = excused or (place == "bound" and "cannot be bound where it is" in str(got))
        return None if excused else f"refused: {got}"
    if isinstance(want, Exception):
        return f"NumPy refuses it: {want!r}"
    for a, b in zip(got, want, strict=True):
        b = b.astype(b.dtype.newbyteorder("="))
        if a.dtype != b.dtype or a.shape != b.shape or not np.array_equal(a, b):
            return f"got {a!r}, expected {b!r}"
    if not np.array_equal(np.asarray(mine), np.asarray(theirs)):
        return f"the argument is {mine!r} afterwards, expected {theirs!r}"
    around = getattr(mine, "base", None)
    if layout is window and isinstance(around, np.ndarray) and around.ndim:
        edge = around.copy()
        edge[tuple(slice(1, -1) for _ in shape)] = np.zeros((), around.dtype)
        if edge.tobytes() != np.zeros_like(edge).tobytes() and not around.dtype.hasobject:
            return "wrote outside the argument"
    return None


def matrix() -> Iterator[tuple[Any, ...]]:
    for dtype in DTYPES:
        for shape in SHAPES:
            for layout in LAYOUTS:
                for place in PLACES:
                    yield dtype, layout, shape, place


def main(part: int, parts: int, backend: str) -> int:
    calls, wrong = 0, []
    for number, case in enumerate(matrix()):
        # Calls of one type share a compilation, so a part takes whole types.
        if (number // (len(LAYOUTS) * len(PLACES))) % parts != part:
            continue
        calls += 1
        reason = judge(*case, backend)
        if reason is not None:
            dtype, layout, shape, place = case
            wrong.append(f"{dtype} {layout.__name__} {shape} {place}: {reason}")
    print(*wrong, sep="\n")
    print(f"{calls} calls, {len(wrong)} wrong")
    return int(bool(wrong))


if __name__ == "__main__":
    assert Path(gradc.__file__).exists()
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]))
