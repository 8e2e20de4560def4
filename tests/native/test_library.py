import json
import os
import random
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from gradc.native import entry
from gradc.native.cache import Cache
from gradc.native.compiler import find_toolchain
from gradc.native.entry import Damaged, read_entry
from gradc.native.library import Unit, library, stored_key
from tests.native.kernels import doubling


class Maker:
    """Makes a unit and counts how often."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self) -> Unit:
        self.calls += 1
        return doubling(8, answer=42)


def folder_of(cache: Cache, key: str) -> Path:
    return cache.path / stored_key(key, find_toolchain(cache), cache)


def test_built_once_then_found(cache: Cache) -> None:
    maker = Maker()
    first = library("a", maker, cache=cache)
    assert library("a", maker, cache=cache) is first
    assert (first.text, first.meta, first.symbol) == (
        doubling().text,
        {"answer": 42},
        "kernel_call",
    )
    del first
    again = library("a", maker, cache=cache)
    assert (again.text, again.meta) == (doubling().text, {"answer": 42})
    assert maker.calls == 1
    assert sorted(path.name for path in folder_of(cache, "a").iterdir()) == [
        "kernel.c",
        "kernel.so",
        "meta.json",
    ]


def test_the_same_source_gives_the_same_library(cache: Cache, tmp_path: Path) -> None:
    other = Cache(tmp_path)
    for place in (cache, other):
        library("same", doubling, cache=place)
    one, two = (folder_of(place, "same") / "kernel.so" for place in (cache, other))
    assert one.read_bytes() == two.read_bytes()


def test_nothing_else_is_left(cache: Cache) -> None:
    library("tidy", doubling, cache=cache)
    assert not list((cache.root / "building").iterdir())
    assert not list((cache.root / "locks").iterdir())
    modes = {path.name: path.stat().st_mode & 0o777 for path in folder_of(cache, "tidy").iterdir()}
    assert modes == {"kernel.so": 0o700, "kernel.c": 0o600, "meta.json": 0o600}
    assert folder_of(cache, "tidy").stat().st_mode & 0o777 == 0o700


def test_a_symbol_is_a_name() -> None:
    with pytest.raises(ValueError, match="not a C name"):
        Unit("", "f(){}//", {})


def truncate(folder: Path) -> None:
    library_path = folder / "kernel.so"
    library_path.write_bytes(library_path.read_bytes()[:1000])


def empty(folder: Path) -> None:
    (folder / "kernel.so").write_bytes(b"")


def missing(folder: Path) -> None:
    (folder / "meta.json").unlink()


def folder_for_file(folder: Path) -> None:
    (folder / "kernel.c").unlink()
    (folder / "kernel.c").mkdir()


def file_for_folder(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.write_text("no folder")


def dangling(folder: Path) -> None:
    (folder / "kernel.so").unlink()
    (folder / "kernel.so").symlink_to("nowhere")


def shared(folder: Path) -> None:
    (folder / "kernel.so").chmod(0o777)


def newer(folder: Path) -> None:
    meta = json.loads((folder / "meta.json").read_text())
    (folder / "meta.json").write_text(json.dumps(meta | {"format": entry.FORMAT + 1}))


def deep(folder: Path) -> None:
    (folder / "meta.json").write_text("[" * 100_000)


DAMAGE = [
    truncate, empty, missing, folder_for_file, file_for_folder, dangling, shared, newer, deep,
]  # fmt: skip


@pytest.mark.counts("damaged cache entries")
@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_is_built_again(cache: Cache, damage: Callable[[Path], None]) -> None:
    maker = Maker()
    library("b", maker, cache=cache)
    damage(folder_of(cache, "b"))
    if damage is not file_for_folder:
        assert [key for key, _ in cache.verify()] == [folder_of(cache, "b").name]
    assert library("b", maker, cache=cache).meta == {"answer": 42}
    assert maker.calls == 2
    assert cache.verify() == []


def test_swapped_entries(cache: Cache) -> None:
    library("one", lambda: doubling(1, length=1), cache=cache)
    library("two", lambda: doubling(2, length=2), cache=cache)
    one, two, aside = folder_of(cache, "one"), folder_of(cache, "two"), cache.root / "aside"
    one.rename(aside)
    two.rename(one)
    aside.rename(two)
    assert library("one", lambda: doubling(1, length=1), cache=cache).meta == {"length": 1}
    assert library("two", lambda: doubling(2, length=2), cache=cache).meta == {"length": 2}


@pytest.mark.counts("damaged cache entries", 150)
@pytest.mark.parametrize("name", ["kernel.so", "kernel.c", "meta.json"])
def test_every_flipped_bit_and_cut_is_noticed(cache: Cache, name: str) -> None:
    library("c", doubling, cache=cache)
    folder = folder_of(cache, "c")
    sound, draw = (folder / name).read_bytes(), random.Random(7)
    for _ in range(100):
        changed = bytearray(sound)
        changed[draw.randrange(len(sound))] ^= 1 << draw.randrange(8)
        assert_damaged(folder, name, bytes(changed))
    for _ in range(50):
        assert_damaged(folder, name, sound[: draw.randrange(len(sound))])
    (folder / name).write_bytes(sound)
    assert read_entry(folder, folder.name).symbol == "kernel_call"


def assert_damaged(folder: Path, name: str, content: bytes) -> None:
    (folder / name).write_bytes(content)
    with pytest.raises(Damaged):
        read_entry(folder, folder.name)


@pytest.mark.counts("damaged cache entries")
@pytest.mark.parametrize("value", [None, 1.5, "text", [], {}, True, -1])
@pytest.mark.parametrize("field", ["format", "key", "so_sha256", "so_size", "meta", "sha256"])
def test_wrong_json_types(cache: Cache, field: str, value: object) -> None:
    library("d", doubling, cache=cache)
    folder = folder_of(cache, "d")
    record = json.loads((folder / "meta.json").read_text())
    if record[field] == value:
        return
    assert_damaged(folder, "meta.json", json.dumps(record | {field: value}).encode())


def test_planted_library_never_runs(cache: Cache, tmp_path: Path) -> None:
    library("e", doubling, cache=cache)
    marker, source = tmp_path / "marker", tmp_path / "planted.c"
    source.write_text(
        "#include <stdio.h>\n__attribute__((constructor)) static void ran(void)\n"
        f'{{ FILE *f = fopen("{marker}", "w"); if (f) fclose(f); }}\n'
    )
    target = folder_of(cache, "e") / "kernel.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", target, source], check=True)
    library("e", doubling, cache=cache)
    assert not marker.exists()


def test_bounds_and_listing(cache: Cache) -> None:
    for number in range(4):
        library(f"n{number}", lambda: doubling(8), cache=cache)
    assert len(cache.entries()) == 4
    assert all(one.size > 1000 for one in cache.entries())
    small = Cache(cache.root, max_entries=2)
    small.trim()
    assert len(small.entries()) == 2
    Cache(cache.root, max_bytes=1).trim()
    assert cache.entries() == []


def test_clear(cache: Cache) -> None:
    library("f", doubling, cache=cache)
    assert cache.clear() == 1
    assert cache.entries() == []
    maker = Maker()
    library("f", maker, cache=cache)
    assert maker.calls == 1


def test_the_janitor_sweeps_old_abandoned_folders(cache: Cache) -> None:
    old, young, held = (cache.root / "building" / f"{name}.x" for name in ("old", "young", "held"))
    for folder in (old, young, held):
        folder.mkdir()
        (folder / "kernel.c").write_text("half")
    for folder in (old, held):
        os.utime(folder, (1.0, 1.0))
    with cache.lock("held", 1) as has_lock:
        assert has_lock
        cache.trim()
    assert [old.exists(), young.exists(), held.exists()] == [False, True, True]
