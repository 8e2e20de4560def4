"""One entry of the cache: a folder with ``kernel.so``, ``kernel.c`` and ``meta.json``.

Public: ``write_meta``, ``read_entry(folder, key) -> Stored``, ``Damaged``.  Nothing read here is
trusted: sizes are bounded, JSON is checked field by field, and both files must have the recorded
hash, owner and mode.  The hash finds damage; it cannot stop somebody who already has our user id.
"""

import json
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gradc.later import sha256
from gradc.native.private import Refused, check_owned
from gradc.records import dataclass

__all__ = ["FORMAT", "LIBRARY", "META", "SOURCE", "Damaged", "Stored", "read_entry", "write_meta"]

FORMAT = 1
LIBRARY, SOURCE, META = "kernel.so", "kernel.c", "meta.json"

_MAX_META = 64 << 20
_MAX_FILE = 1 << 30
_FIELDS: Mapping[str, type] = {
    "format": int, "key": str, "symbol": str, "optimise": int, "compiler": str,
    "so_sha256": str, "so_size": int, "c_sha256": str, "c_size": int, "meta": dict, "sha256": str,
}  # fmt: skip


class Damaged(Exception):
    """An entry that is not what its name says."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A verified entry: where its library is, the C text, and what the maker wrote about it."""

    library: Path
    text: str
    meta: dict[str, Any]
    symbol: str


def write_meta(folder: Path, key: str, about: Mapping[str, Any]) -> int:
    """Describe the two files in ``folder`` and make all three private; return their total size."""
    library, source = (folder / LIBRARY).read_bytes(), (folder / SOURCE).read_bytes()
    record = {
        "format": FORMAT,
        "key": key,
        **about,
        "so_sha256": sha256(library).hexdigest(),
        "so_size": len(library),
        "c_sha256": sha256(source).hexdigest(),
        "c_size": len(source),
    }
    text = json.dumps(record | {"sha256": _hash_of(record)}, sort_keys=True)
    (folder / META).write_text(text)
    (folder / LIBRARY).chmod(0o700)
    for name in (SOURCE, META):
        (folder / name).chmod(0o600)
    return len(library) + len(source) + len(text)


def read_entry(folder: Path, key: str) -> Stored:
    """Verify the entry in ``folder`` from its owner to its last byte.

    Raises
    ------
    FileNotFoundError
        When there is no such folder.
    Damaged
        When it is not exactly the entry ``key``.
    """
    handle = _open_folder(folder)
    try:
        record = _parse(_read(handle, META, _MAX_META))
        if record["format"] != FORMAT or record["key"] != key:
            raise Damaged("another format or key")
        _verified(handle, LIBRARY, record["so_sha256"], record["so_size"])
        text = _verified(handle, SOURCE, record["c_sha256"], record["c_size"])
    finally:
        os.close(handle)
    return Stored(folder / LIBRARY, text.decode(), record["meta"], record["symbol"])


def _open_folder(folder: Path) -> int:
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise Damaged(f"not a folder: {error.strerror}") from error
    try:
        check_owned(os.fstat(handle), folder.name)
    except Refused as refused:
        os.close(handle)
        raise Damaged(str(refused)) from refused
    return handle


def _read(folder: int, name: str, limit: int) -> bytes:
    """Read a regular file of ours, not through a link, at most ``limit`` bytes."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        handle = os.open(name, flags, dir_fd=folder)
        with os.fdopen(handle, "rb") as stream:
            status = os.fstat(handle)
            if not stat.S_ISREG(status.st_mode) or status.st_size > limit:
                raise Damaged(f"{name} is not a plain file of a sensible size")
            check_owned(status, name)
            return stream.read(limit + 1)
    except (OSError, Refused) as error:
        raise Damaged(f"{name}: {error}") from error


def _parse(raw: bytes) -> dict[str, Any]:
    try:
        record = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise Damaged(f"{META}: {error}") from error
    if not isinstance(record, dict) or set(record) != set(_FIELDS):
        raise Damaged(f"{META} has other fields")
    wrong = [name for name, kind in _FIELDS.items() if type(record[name]) is not kind]
    if wrong:
        raise Damaged(f"{META}: {wrong[0]} has another type")
    if record.pop("sha256") != _hash_of(record):
        raise Damaged(f"{META} has another content")
    return record


def _hash_of(record: Mapping[str, Any]) -> str:
    return sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()


def _verified(folder: int, name: str, wanted: str, size: int) -> bytes:
    content = _read(folder, name, _MAX_FILE)
    if len(content) != size or sha256(content).hexdigest() != wanted:
        raise Damaged(f"{name} has another content")
    return content
