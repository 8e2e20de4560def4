"""The hash of gradc's own files: read once for all processes, and again after any change."""

import os
import time
from pathlib import Path

import pytest

from gradc.native import identity


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package of two files that were changed long ago, as far as the clock tells."""
    folder = tmp_path / "package"
    folder.mkdir()
    (folder / "one.py").write_text("one = 1\n")
    (folder / "two.h").write_text("int two;\n")
    monkeypatch.setattr(identity, "_PACKAGE", folder)
    later = time.time_ns() + 10**10
    monkeypatch.setattr(time, "time_ns", lambda: later)
    return folder


@pytest.fixture
def memory(tmp_path: Path) -> Path:
    folder = tmp_path / "memory"
    folder.mkdir()
    return folder


def in_a_new_process(memory: Path | None, monkeypatch: pytest.MonkeyPatch) -> tuple[str, int]:
    """Return the hash, and how many files were read for it."""
    monkeypatch.setattr(identity, "_known", [])
    read = []
    plain = identity._hash
    monkeypatch.setattr(identity, "_hash", lambda files: plain(read.append(f) or f for f in files))
    found = identity.own_source(memory)
    monkeypatch.setattr(identity, "_hash", plain)
    return found, len(read)


def test_a_second_process_reads_no_file(package, memory, monkeypatch):
    first, read = in_a_new_process(memory, monkeypatch)
    assert read == 2
    assert in_a_new_process(memory, monkeypatch) == (first, 0)
    assert in_a_new_process(None, monkeypatch) == (first, 2)


def test_every_change_is_noticed(package, memory, monkeypatch):
    seen = {in_a_new_process(memory, monkeypatch)[0]}
    old = (package / "one.py").stat()
    (package / "one.py").write_text("one = 2\n")  # as long as before,
    os.utime(package / "one.py", ns=(old.st_atime_ns, old.st_mtime_ns))  # and as old, so it says
    seen.add(in_a_new_process(memory, monkeypatch)[0])
    (package / "three.c").write_text("")
    seen.add(in_a_new_process(memory, monkeypatch)[0])
    (package / "two.h").rename(package / "zwei.h")
    seen.add(in_a_new_process(memory, monkeypatch)[0])
    assert len(seen) == 4


def test_a_file_that_changed_just_now_is_read_again(package, memory, monkeypatch):
    monkeypatch.setattr(time, "time_ns", lambda: (package / "one.py").stat().st_ctime_ns + 10**9)
    assert in_a_new_process(memory, monkeypatch)[1] == 2
    assert in_a_new_process(memory, monkeypatch)[1] == 2


@pytest.mark.parametrize("text", [b"", b"x", b"\xff\xfe", b"a b c", b"a b"])
def test_a_damaged_memory_is_replaced(package, memory, monkeypatch, text):
    found, _ = in_a_new_process(memory, monkeypatch)
    (kept,) = memory.iterdir()
    sound = kept.read_bytes()
    kept.write_bytes(text)
    assert in_a_new_process(memory, monkeypatch) == (found, 2)
    assert kept.read_bytes() == sound


def test_a_memory_that_cannot_be_written_is_done_without(package, tmp_path, monkeypatch):
    missing = tmp_path / "missing"
    first = in_a_new_process(missing, monkeypatch)
    assert first[1] == 2
    assert in_a_new_process(missing, monkeypatch) == first
