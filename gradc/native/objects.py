"""Support code that is compiled once: large functions that units of many programs call.

Public::

    Apart(name, text)                   # a function, and the C file that defines it
    build_with(folder, brief, aparts, output, optimise, toolchain, cache) -> bool

A unit that multiplies matrices calls a function of three hundred lines, which has nothing to do
with the program.  Its object is kept as an entry of the cache and linked into every library that
calls it, so a library still stands alone.  Where an object is not there yet it is compiled beside
the unit, at the same time.
"""

import hashlib
import logging
from collections.abc import Sequence
from pathlib import Path

from gradc.native import entry, identity
from gradc.native.cache import Cache
from gradc.native.compiler import Toolchain
from gradc.records import dataclass

__all__ = ["Apart", "build_with"]

_log = logging.getLogger("gradc.cache")

_LEVEL = 4
"""Enough for loops over tiles, see :meth:`Toolchain.flags`: as quick as 3 in 0.4 of the time."""


@dataclass(frozen=True, slots=True)
class Apart:
    """A function that may be compiled apart: its name and a complete C file that defines it."""

    name: str
    text: str


def build_with(
    folder: Path,
    brief: str,
    aparts: Sequence[Apart],
    output: Path,
    optimise: int,
    toolchain: Toolchain,
    cache: Cache,
) -> bool:
    """Build a library of a unit that leaves functions out, and of these functions.

    Tells whether it could be built; the whole unit can be compiled at once in any case.
    """
    source = folder / "brief.c"
    source.write_text(brief)
    known = {one: _lookup(_key(one, toolchain, cache), cache) for one in aparts}
    missing = [one for one in aparts if known[one] is None]
    objects = [path for path in known.values() if path is not None]
    if not missing:
        return toolchain.link([source, *objects], output, optimise)
    jobs = [(source, folder / "brief.o", optimise), *(_written(one, folder) for one in missing)]
    made = [object for _, object, _ in jobs]
    if not toolchain.objects(jobs):
        return False
    for one, object in zip(missing, made[1:], strict=True):
        _keep(one, object, toolchain, cache)
    return toolchain.link([*made, *objects], output, optimise)


def _key(one: Apart, toolchain: Toolchain, cache: Cache) -> str:
    own = identity.own_source(cache.root / "sources")
    parts = ("object", str(entry.FORMAT), own, toolchain.identity, one.name, one.text)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


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
