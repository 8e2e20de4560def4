"""From a key to a callable kernel: found in memory, on disk, or built now.

Public::

    Unit(text, symbol, meta, optimise=3)    # what to compile, made only when it is not there yet
    Unit.brief, .aparts, .beside            # the same in pieces, some of them compiled once
    Loaded.entry .meta .text .symbol        # a kernel ready to be called
    library(key, make_unit, toolchain=None, cache=None) -> Loaded
    find(key, toolchain, cache) -> Loaded | None        # without building it
    stored(name, cache) -> Loaded | None                # by the name of its entry

``Unit.symbol`` names the function of ``text`` with the generic signature
``int32_t symbol(void *const *buffers, const int64_t *dims)``.  ``text`` is complete: every header
but the standard ones is part of it.  ``Unit.meta`` is any JSON object, usually a call plan.
"""

import errno
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from gradc.errors import CompileError
from gradc.later import later, log, sha256
from gradc.native import entry, identity, locks
from gradc.native.cache import Cache, default_cache, temporary_cache
from gradc.native.compiler import Toolchain, find_toolchain
from gradc.native.ffi import ABI, Entry, LoadError, load_entry
from gradc.records import dataclass

if TYPE_CHECKING:
    from gradc.native.objects import Apart

__all__ = ["Loaded", "Unit", "find", "library", "stored", "stored_key"]

_log = log("gradc.cache")
objects, available = later("gradc.native.objects"), later("gradc.native.processors")

_UNUSABLE = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG, errno.EACCES, errno.EPERM}
_SCARCE_BYTES = 1 << 20

_MARK = "\n/* ---- the names under which gradc loads this unit ---- */\n"
_TRAILER = """\
#if defined(_WIN32)
#define GRADC_LOADED __declspec(dllexport)
#elif defined(__GNUC__)
#define GRADC_LOADED __attribute__((visibility("default")))
#else
#define GRADC_LOADED
#endif
GRADC_LOADED int32_t gradc_entry_call(void *const *buffers, const int64_t *dims);
GRADC_LOADED int32_t gradc_abi(void);
GRADC_LOADED const char *gradc_key(void);
GRADC_LOADED int32_t gradc_entry_call(void *const *buffers, const int64_t *dims)
{
    return SYMBOL(buffers, dims);
}
GRADC_LOADED int32_t gradc_abi(void) { return ABI; }
GRADC_LOADED const char *gradc_key(void) { return "KEY"; }
"""


@dataclass(frozen=True, slots=True)
class Unit:
    """One C file to compile.

    Parameters
    ----------
    text : str
        Complete C99 text.
    symbol : str
        The function to call, of the generic signature.
    meta : dict
        Kept with the library and handed back on every later hit.
    optimise : int
        1 for very long straight-line units, 2 for many different loops, 4 for other loops, 3 for
        all that a compiler can do.
    brief : str
        The same for a compiler alone, without the functions in ``aparts`` and ``beside``, which it
        declares; empty where there is nothing to leave out.
    aparts : tuple of Apart
        Functions that are compiled once for all units that call them.
    beside : str
        What is compiled at the same time as ``brief``, if anything.
    narrow : bool
        Whether registers of half the greatest width suit its loops better.
    extra : tuple of str
        Further arguments for the compiler, such as folders of headers.
    """

    text: str
    symbol: str
    meta: dict[str, Any]
    optimise: int = 3
    brief: str = ""
    aparts: "tuple[Apart, ...]" = ()
    narrow: bool = False
    extra: tuple[str, ...] = ()
    beside: str = ""

    def __post_init__(self) -> None:
        """Refuse a symbol that is not a C name."""
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", self.symbol):
            raise ValueError(f"{self.symbol!r} is not a C name")


@dataclass(frozen=True, weakref_slot=True, slots=True)
class Loaded:
    """A kernel in memory; its library is unloaded when nobody refers to ``entry`` any more."""

    entry: Entry
    meta: dict[str, Any]
    text: str
    symbol: str


_loaded: WeakValueDictionary[str, Loaded] = WeakValueDictionary()


def library(
    key: str,
    make_unit: Callable[[], Unit],
    toolchain: Toolchain | None = None,
    cache: Cache | None = None,
) -> Loaded:
    """Return the kernel for ``key``, calling ``make_unit`` and the compiler only if there is none.

    Parameters
    ----------
    key : str
        Says everything about the graph and the options; what concerns compiler, machine and
        gradc's own code is added here.
    make_unit : callable
        Makes the C text.

    Raises
    ------
    CompileError
        When it cannot be compiled or loaded; nothing broken stays in the cache.
    """
    cache = cache or default_cache()
    toolchain = toolchain or find_toolchain(cache)
    name = stored_key(key, toolchain, cache)
    with locks.single(name):
        loaded = _loaded.get(name) or _find(name, cache)
        if loaded is None:
            loaded = _build_somewhere(name, make_unit, toolchain, cache)
        _loaded[name] = loaded
    return loaded


def find(key: str, toolchain: Toolchain, cache: Cache) -> Loaded | None:
    """Return the kernel for ``key`` if it is in memory or on disk."""
    name = stored_key(key, toolchain, cache)
    return _loaded.get(name) or _find(name, cache)


def stored(name: str, cache: Cache) -> Loaded | None:
    """Return the kernel of the entry ``name`` if it is in memory or on disk."""
    with locks.single(name):
        loaded = _loaded.get(name) or _find(name, cache)
        if loaded is not None:
            _loaded[name] = loaded
    return loaded


def stored_key(key: str, toolchain: Toolchain, cache: Cache) -> str:
    """Return the name of the entry: a hash of everything that shapes the binary."""
    own = identity.own_source(cache.root / "sources")
    parts = (str(entry.FORMAT), str(ABI), own, toolchain.identity, key)
    return sha256("\0".join(parts).encode()).hexdigest()


def _find(name: str, cache: Cache) -> Loaded | None:
    stored = cache.lookup(name)
    if stored is None:
        return None
    try:
        return _load(stored, name)
    except LoadError as error:
        _log.info("cache entry %s does not load (%s): building it again", name[:16], error)
        cache.discard(name)
        return None


def _load(stored: entry.Stored, name: str) -> Loaded:
    call = load_entry(stored.library, name)
    return Loaded(call, stored.meta, stored.text.rpartition(_MARK)[0], stored.symbol)


def _build_somewhere(
    name: str, make_unit: Callable[[], Unit], toolchain: Toolchain, cache: Cache
) -> Loaded:
    """Build in the cache; if its disk is full or read-only, in a private temporary folder."""
    try:
        return _build(name, make_unit, toolchain, cache)
    except OSError as error:
        if error.errno not in _UNUSABLE or cache.temporary:
            raise CompileError(f"cannot build in {cache.root}: {error.strerror}") from error
        reason = f"{cache.root}: {error.strerror}"
    except CompileError:
        if cache.temporary or not _is_full(cache.root):
            raise
        reason = f"{cache.root}: no space left"
    return _build_somewhere(name, make_unit, toolchain, temporary_cache(reason))


def _is_full(folder: Path) -> bool:
    if not hasattr(os, "statvfs"):
        return False
    status = os.statvfs(folder)
    return status.f_bavail * status.f_frsize < _SCARCE_BYTES


def _build(name: str, make_unit: Callable[[], Unit], toolchain: Toolchain, cache: Cache) -> Loaded:
    with cache.lock(name, toolchain.timeout + 5):
        found = _find(name, cache)
        if found is not None:
            return found
        unit = make_unit()
        with cache.building(name) as folder:
            _compile_into(folder, name, unit, toolchain, cache)
            cache.publish(folder, name)
        return _loaded_or_error(name, cache)


def _compile_into(folder: Path, name: str, unit: Unit, toolchain: Toolchain, cache: Cache) -> None:
    """Fill ``folder`` with the three files of an entry, or raise with the source kept."""
    source, output = folder / entry.SOURCE, folder / entry.LIBRARY
    trailer = _MARK + _trailer(unit.symbol, name)
    text = unit.text + trailer
    source.write_text(text)
    try:
        if not _built_in_pieces(folder, unit, trailer, toolchain, cache):
            toolchain.compile(source, output, unit.optimise, narrow=unit.narrow, extra=unit.extra)
        load_entry(output, name)
    except CompileError as error:
        raise _with_source(error, cache, name, text) from error
    except LoadError as error:
        raise _with_source(_unloadable(error, toolchain), cache, name, text) from error
    about = {
        "symbol": unit.symbol,
        "optimise": unit.optimise,
        "compiler": toolchain.describe(),
        "meta": unit.meta,
    }
    entry.write_meta(folder, name, about)
    for extra in set(folder.iterdir()) - {folder / part for part in _FILES}:
        extra.unlink(missing_ok=True)


def _built_in_pieces(
    folder: Path, unit: Unit, trailer: str, toolchain: Toolchain, cache: Cache
) -> bool:
    """Build a unit in the form that takes a compiler least, if there is one.

    What is compiled apart is for whole registers, so a unit for half of them does without.  One
    processor takes longer for two pieces than for one.
    """
    whole = unit.extra or not unit.brief or (unit.narrow and unit.aparts)
    if whole or (unit.beside and available.processors() == 1) or toolchain.broken is not None:
        return False
    pieces = {"brief": unit.brief + trailer}
    if unit.beside:
        pieces["beside"] = unit.beside
    output = folder / entry.LIBRARY
    made: bool = objects.build_with(
        folder, pieces, unit.aparts, output, unit.optimise, toolchain, cache, narrow=unit.narrow
    )
    return made


_FILES = (entry.SOURCE, entry.LIBRARY, entry.META)


def _trailer(symbol: str, name: str) -> str:
    words = {"SYMBOL": symbol, "ABI": str(ABI), "KEY": name}
    return re.sub(r"\b(SYMBOL|ABI|KEY)\b", lambda match: words[match[0]], _TRAILER)


def _unloadable(error: LoadError, toolchain: Toolchain) -> CompileError:
    return CompileError(
        f"the C compiler wrote something that does not load: {error}",
        command=toolchain.command,
        repair='name another compiler in GRADC_CC, or use backend="numpy"',
    )


def _with_source(error: CompileError, cache: Cache, name: str, text: str) -> CompileError:
    """Point the error to a copy of the source that outlives the build folder."""
    try:
        path = str(cache.keep_failed(name, text))
    except OSError:
        path = ""
    return type(error)(
        error.headline,
        command=error.command,
        stderr_tail=error.stderr_tail,
        source_path=path,
        repair=error.repair,
    )


def _loaded_or_error(name: str, cache: Cache) -> Loaded:
    stored = cache.lookup(name)
    if stored is None:
        raise CompileError("the library just built is gone or was changed")
    try:
        return _load(stored, name)
    except LoadError as error:
        raise CompileError(f"the library just built does not load: {error}") from error
