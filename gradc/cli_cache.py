"""``gradc cache``."""

import argparse
import time

from gradc.native.cache import Cache, default_cache
from gradc.native.call_library import folder
from gradc.view.text import bytes_text, count_text, table

__all__ = ["run"]


def run(options: argparse.Namespace) -> int:
    """Look after the cache; ``verify`` returns 1 when an entry is damaged."""
    cache = default_cache()
    return _ACTIONS[options.action](cache)


def _path(cache: Cache) -> int:
    print(cache.root)
    return 0


def _list(cache: Cache) -> int:
    entries = sorted(cache.entries(), key=lambda one: one.used, reverse=True)
    rows = [(one.key[:16], bytes_text(one.size), _day(one.used)) for one in entries]
    if rows:
        print("\n".join(table([("key", "size", "last used"), *rows], right=(1,))))
    total = bytes_text(sum(one.size for one in entries))
    print(f"{count_text(len(rows), 'kernel')}, {total}, in {cache.root}")
    return 0


def _day(used: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(used))


def _verify(cache: Cache) -> int:
    damaged = [*cache.verify(), *folder(cache).verify()]
    for key, reason in damaged:
        print(f"{key[:16]}  {reason}")
    checked = count_text(len(cache.entries()), "kernel")
    print(f"{checked} checked, {len(damaged)} damaged (built again when next needed)")
    return 1 if damaged else 0


def _clear(cache: Cache) -> int:
    folder(cache).clear()
    print(f"{count_text(cache.clear(), 'kernel')} removed from {cache.root}")
    return 0


_ACTIONS = {"path": _path, "list": _list, "verify": _verify, "clear": _clear}
