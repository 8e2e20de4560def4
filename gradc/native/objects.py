"""Support code that is compiled once: large functions that units of many programs call.

Public::

    Apart(name, text)                   # a function, and the C file that defines it
    prepare(aparts, toolchain, cache)   # have them compiled meanwhile
    build_with(folder, pieces, aparts, output, optimise, toolchain, cache, narrow=False) -> bool

A unit that multiplies matrices calls a function of three hundred lines, which has nothing to do
with the program.  Its object is kept as an entry of the cache and linked into every library that
calls it, so a library still stands alone.  Where an object is not there yet it is compiled beside
the unit, at the same time, or even before the unit is printed.  A unit may itself come in pieces,
which are compiled at the same time.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Thread

from gradc.errors import GradcError
from gradc.later import log, sha256
from gradc.native import entry, identity
from gradc.native.cache import Cache
from gradc.native.compiler import Toolchain
from gradc.records import dataclass

__all__ = ["Apart", "build_with", "prepare"]

_log = log("gradc.cache")

_LEVEL = 4
"""Enough for loops over tiles, see :meth:`Toolchain.flags`: as quick as 3 in 0.4 of the time."""


@dataclass(frozen=True, slots=True)
class Apart:
    """A function that may be compiled apart: its name and a complete C file that defines it."""

    name: str
    text: str


def prepare(aparts: Sequence[Apart], toolchain: Toolchain, cache: Cache) -> None:
    """Have objects compiled meanwhile, by another thread, while a unit is still being printed."""
    for one in aparts:
        key = _key(one, toolchain, cache)
        if key not in _underway and _lookup(key, cache) is None:
            thread = Thread(target=_prepare, args=(one, key, toolchain, cache), name="gradc object")
            _underway[key] = thread
            thread.start()


_underway: dict[str, Thread] = {}


def _prepare(one: Apart, key: str, toolchain: Toolchain, cache: Cache) -> None:
    """Compile one object; that it does not come out is told by who needs it."""
    with suppress(GradcError, OSError), cache.building(key) as folder:
        job = _written(one, folder)
        if toolchain.objects([job]):
            _keep(one, job[1], toolchain, cache)


def _prepared(key: str, cache: Cache) -> Path | None:
    """Wait for an object that is being compiled, if it is."""
    thread = _underway.pop(key, None)
    if thread is not None:
        thread.join()
    return _lookup(key, cache)


def build_with(
    folder: Path,
    pieces: Mapping[str, str],
    aparts: Sequence[Apart],
    output: Path,
    optimise: int,
    toolchain: Toolchain,
    cache: Cache,
    *,
    narrow: bool = False,
) -> bool:
    """Build a library of the pieces of a unit that leaves functions out, and of these functions.

    Tells whether it could be built; the whole unit can be compiled at once in any case.  ``narrow``
    suits pieces alone: the functions are compiled alike whoever asks.
    """
    keys = {one: _key(one, toolchain, cache) for one in aparts}
    late = [one for one in aparts if keys[one] in _underway]
    known = {one: _lookup(keys[one], cache) for one in aparts if one not in late}
    missing = [one for one, path in known.items() if path is None]
    own = [_piece(folder, name, text, optimise) for name, text in pieces.items()]
    if len(own) == 1 and not missing and not late:
        inputs = [own[0][0], *filter(None, known.values())]
        return toolchain.link(inputs, output, optimise, narrow=narrow)
    jobs = [*own, *(_written(one, folder) for one in missing)]
    if not toolchain.objects(jobs, narrow=narrow):
        return False
    made = [object for _, object, _ in jobs]
    for one, object in zip(missing, made[len(own) :], strict=True):
        _keep(one, object, toolchain, cache)
    waited = [_prepared(keys[one], cache) for one in late]
    found = [path for path in (*known.values(), *waited) if path is not None]
    complete = len(found) + len(missing) == len(aparts)
    return complete and toolchain.link([*made, *found], output, optimise)


def _piece(folder: Path, name: str, text: str, optimise: int) -> tuple[Path, Path, int]:
    source = folder / f"{name}.c"
    source.write_text(text)
    return source, source.with_suffix(".o"), optimise


def _key(one: Apart, toolchain: Toolchain, cache: Cache) -> str:
    own = identity.own_source(cache.root / "sources")
    parts = ("object", str(entry.FORMAT), own, toolchain.identity, one.name, one.text)
    return sha256("\0".join(parts).encode()).hexdigest()


def _lookup(key: str, cache: Cache) -> Path | None:
    stored = cache.lookup(key)
    return None if stored is None else stored.library


def _written(one: Apart, folder: Path) -> tuple[Path, Path, int]:
    """Write a function's file; it is compiled alike whatever unit asks first."""
    source = folder / f"{one.name}.c"
    source.write_text(one.text)
    return source, source.with_suffix(".o"), _LEVEL


def _keep(one: Apart, object: Path, toolchain: Toolchain, cache: Cache) -> None:
    """Publish an object as an entry; that this fails is no harm, it is compiled again then."""
    key = _key(one, toolchain, cache)
    try:
        with cache.building(key) as place:
            (place / entry.LIBRARY).write_bytes(object.read_bytes())
            (place / entry.SOURCE).write_text(one.text)
            about = {
                "symbol": one.name,
                "optimise": _LEVEL,
                "compiler": toolchain.describe(),
                "meta": {},
            }
            entry.write_meta(place, key, about)
            cache.publish(place, key)
    except OSError as error:
        _log.info("the object of %s is not kept: %s", one.name, error)
