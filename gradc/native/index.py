"""Small records beside the entries of the cache: which entry serves what is known by other means.

Public: ``read(cache, key) -> dict | None``, ``write(cache, key, record)``, ``forget(cache, key)``.

A record is JSON, never code.  It is read only from a plain file of this user that nobody else can
write to, of a sensible size, whose hash is the one it bears; anything else counts as missing.  As
with entries the hash finds damage, not an attacker who has our user id.
"""

import json
import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import Any

from gradc.later import sha256
from gradc.native.cache import Cache
from gradc.native.private import Refused, check_owned

__all__ = ["forget", "read", "write"]

FORMAT = 1
MAX_RECORDS = 10_000
_MAX_BYTES = 1 << 20
_FLAGS = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)


def read(cache: Cache, key: str) -> dict[str, Any] | None:
    """Return the record ``key``; None where there is none, or none that can be trusted."""
    path = _path(cache, key)
    try:
        record = json.loads(_content(path))
    except (OSError, ValueError, RecursionError, Refused):
        return None
    if not isinstance(record, dict) or record.get("format") != FORMAT or record.get("key") != key:
        return None
    if record.pop("sha256", None) != _hash(record):
        return None
    with suppress(OSError):
        os.utime(path)
    return record


def _content(path: Path) -> bytes:
    handle = os.open(path, _FLAGS | getattr(os, "O_CLOEXEC", 0))
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode) or status.st_size > _MAX_BYTES:
            raise Refused(f"{path.name} is no plain file of a sensible size")
        check_owned(status, path.name)
        return os.read(handle, _MAX_BYTES)
    finally:
        os.close(handle)


def write(cache: Cache, key: str, record: dict[str, Any]) -> None:
    """Keep a record; that this fails is no harm."""
    whole = {**record, "format": FORMAT, "key": key}
    try:
        text = json.dumps(whole | {"sha256": _hash(whole)})
    except (ValueError, RecursionError):
        return
    path = _path(cache, key)
    aside = path.with_suffix(f".{os.getpid()}")
    with suppress(OSError):
        aside.unlink(missing_ok=True)
        handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as stream:
            stream.write(text)
        aside.replace(path)
        _trim(path.parent)


def forget(cache: Cache, key: str) -> None:
    """Remove a record."""
    with suppress(OSError):
        _path(cache, key).unlink(missing_ok=True)


def _trim(folder: Path) -> None:
    """Keep the records that were used last."""
    with os.scandir(folder) as listing:
        files = list(listing)
    if len(files) > MAX_RECORDS:
        files.sort(key=lambda one: one.stat(follow_symlinks=False).st_mtime)
        for one in files[: len(files) - MAX_RECORDS * 3 // 4]:
            Path(one.path).unlink(missing_ok=True)


def _path(cache: Cache, key: str) -> Path:
    return cache.root / "index" / f"{key}.json"


def _hash(record: dict[str, Any]) -> str:
    return sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()
