import os
import threading
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

from gradc.errors import CompileError, GradcWarning
from gradc.native import private
from gradc.native.cache import default_cache
from gradc.native.library import library
from gradc.native.private import Refused, cache_candidates, make_private
from tests.native.kernels import doubling

SOMEBODY = 54321
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="makes folders of another user")


def world(base: Path) -> Path:
    (base / "c").mkdir()
    (base / "c").chmod(0o777)
    return base / "c"


def group(base: Path) -> Path:
    (base / "c").mkdir()
    (base / "c").chmod(0o770)
    return base / "c"


def sticky(base: Path) -> Path:
    (base / "c").mkdir()
    (base / "c").chmod(0o1777)
    return base / "c"


def parent_writable(base: Path) -> Path:
    (base / "p" / "c").mkdir(parents=True, mode=0o700)
    (base / "p").chmod(0o777)
    return base / "p" / "c"


def link_at_the_end(base: Path) -> Path:
    (base / "real").mkdir(mode=0o700)
    (base / "c").symlink_to(base / "real")
    return base / "c"


def link_into_the_open(base: Path) -> Path:
    (base / "open" / "c").mkdir(parents=True)
    (base / "open").chmod(0o777)
    (base / "way").symlink_to("open")
    return base / "way" / "c"


def link_circle(base: Path) -> Path:
    (base / "a").symlink_to("b")
    (base / "b").symlink_to("a")
    return base / "a" / "c"


def a_file(base: Path) -> Path:
    (base / "c").write_text("no folder")
    return base / "c"


def file_on_the_way(base: Path) -> Path:
    (base / "f").write_text("no folder")
    return base / "f" / "c"


def dangling(base: Path) -> Path:
    (base / "c").symlink_to("nowhere")
    return base / "c"


LAYOUTS = [
    world, group, sticky, parent_writable, link_at_the_end, link_into_the_open, link_circle, a_file,
    file_on_the_way, dangling,
]  # fmt: skip


@pytest.mark.counts("folder layouts refused")
@pytest.mark.parametrize("layout", LAYOUTS)
def test_refused(tmp_path: Path, layout: Callable[[Path], Path]) -> None:
    with pytest.raises(Refused):
        make_private(layout(tmp_path))


@needs_root
@pytest.mark.counts("folder layouts refused")
@pytest.mark.parametrize("name", ["c", "p/c"])
def test_foreign_owner(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.mkdir(parents=True)
    os.chown(tmp_path / name.split("/")[0], SOMEBODY, SOMEBODY)
    with pytest.raises(Refused, match="belongs to another user"):
        make_private(path)


@needs_root
@pytest.mark.counts("folder layouts refused")
def test_foreign_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "way").symlink_to("real")
    os.chown(tmp_path / "way", SOMEBODY, SOMEBODY, follow_symlinks=False)
    with pytest.raises(Refused, match="belongs to another user"):
        make_private(tmp_path / "way" / "c")


def test_made_private(tmp_path: Path) -> None:
    found = make_private(tmp_path / "a" / "b")
    assert [path.stat().st_mode & 0o777 for path in (found, found.parent)] == [0o700, 0o700]
    (tmp_path / "link").symlink_to("a")
    assert make_private(tmp_path / "link" / "b") == found
    assert make_private(tmp_path / "link" / ".." / "a" / "b") == found


def test_swapping_a_link_gains_nothing(tmp_path: Path) -> None:
    """While one thread swaps the folder for a link, no answer lies outside what was checked."""
    (tmp_path / "evil").mkdir()
    (tmp_path / "evil").chmod(0o777)
    (tmp_path / "good").mkdir(mode=0o700)
    ended = threading.Event()

    def swap() -> None:
        while not ended.is_set():
            for target in ("evil", "good"):
                new = tmp_path / "new"
                new.symlink_to(target)
                new.rename(tmp_path / "way")

    (tmp_path / "way").symlink_to("good")
    swapper = threading.Thread(target=swap)
    swapper.start()
    try:
        answers = [attempt(tmp_path / "way" / "c") for _ in range(2000)]
    finally:
        ended.set()
        swapper.join()
    assert set(answers) <= {None, tmp_path / "good" / "c"}


def attempt(path: Path) -> Path | None:
    try:
        return make_private(path)
    except Refused:
        return None


@pytest.mark.parametrize(
    ("variables", "last"),
    [
        ({"GRADC_CACHE_DIR": "/x/y", "XDG_CACHE_HOME": "/z"}, ["/x/y"]),
        ({"XDG_CACHE_HOME": "/z", "HOME": "/h"}, ["/z/gradc", "/h/.cache/gradc"]),
        ({"XDG_CACHE_HOME": "relative", "HOME": "/h"}, ["/h/.cache/gradc"]),
    ],
)
def test_candidates(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], last: list[str]
) -> None:
    for name in ("GRADC_CACHE_DIR", "XDG_CACHE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(private.sys, "platform", "linux")
    assert [str(path) for path in cache_candidates()] == last


def test_private_temporary_with_one_warning(
    tmp_path: Path, fresh_process: pytest.MonkeyPatch
) -> None:
    fresh_process.setenv("GRADC_CACHE_DIR", str(world(tmp_path)))
    with pytest.warns(GradcWarning, match="can be written by other users"):
        found = default_cache()
    assert found.temporary
    assert found.root.stat().st_mode & 0o777 == 0o700
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert default_cache() is found
        assert library("temporary", doubling).meta == {}
    assert list((tmp_path / "c").iterdir()) == []


def test_noexec_goes_to_the_next(tmp_path: Path, fresh_process: pytest.MonkeyPatch) -> None:
    real = os.statvfs

    class NoExec:
        f_flag = os.ST_NOEXEC

    def statvfs(path: Path) -> object:
        return NoExec() if str(path).startswith(str(tmp_path / "xdg")) else real(path)

    fresh_process.delenv("GRADC_CACHE_DIR")
    fresh_process.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    fresh_process.setenv("HOME", str(tmp_path / "home"))
    fresh_process.setattr(private.os, "statvfs", statvfs)
    assert default_cache().root == tmp_path / "home" / ".cache" / "gradc"


def test_nowhere_at_all(tmp_path: Path, fresh_process: pytest.MonkeyPatch) -> None:
    fresh_process.setenv("GRADC_CACHE_DIR", str(world(tmp_path)))

    def refuse() -> Path:
        raise Refused("nowhere")

    fresh_process.setattr("gradc.native.cache.private_temporary", refuse)
    with pytest.raises(CompileError, match="no folder to build in"):
        default_cache()


def test_full_disk_builds_elsewhere(tmp_path: Path, fresh_process: pytest.MonkeyPatch) -> None:
    fresh_process.setenv("GRADC_CACHE_DIR", str(tmp_path / "full"))
    full = default_cache()
    real = Path.write_text

    def write_text(self: Path, *args: object, **options: object) -> int:
        if full.root in self.parents and self.name == "kernel.c":
            raise OSError(28, "No space left on device")
        return real(self, *args, **options)  # type: ignore[arg-type]

    fresh_process.setattr(Path, "write_text", write_text)
    with pytest.warns(GradcWarning, match="No space left"):
        assert library("full", doubling).meta == {}
    assert full.entries() == []
