"""The golden files' mechanics."""

import pytest

from tests import golden_files


def test_equal_text_passes(tmp_path):
    (tmp_path / "a.py").write_text("x = 1\n", newline="\n")
    golden_files.compare(tmp_path, "a.py", "x = 1\n", update=False)


def test_changed_text_fails_with_a_diff(tmp_path):
    (tmp_path / "a.py").write_text("x = 1\n")
    with pytest.raises(AssertionError, match=r"(?s)--update-golden.*-x = 1\n\+x = 2"):
        golden_files.compare(tmp_path, "a.py", "x = 2\n", update=False)


def test_missing_file_fails(tmp_path):
    with pytest.raises(AssertionError, match="there is no golden file"):
        golden_files.compare(tmp_path, "a.py", "x = 1\n", update=False)
    assert not (tmp_path / "a.py").exists()


def test_line_ends_count(tmp_path):
    (tmp_path / "a.c").write_bytes(b"int x;\n")
    with pytest.raises(AssertionError, match="line ends"):
        golden_files.compare(tmp_path, "a.c", "int x;\r\n", update=False)


def test_update_writes(tmp_path):
    golden_files.compare(tmp_path / "new", "a.py", "y = 'é'\n", update=True)
    assert (tmp_path / "new" / "a.py").read_bytes() == "y = 'é'\n".encode()


@pytest.mark.parametrize("name", ["../a", "b/c", "", ".."])
def test_name_stays_in_the_folder(tmp_path, name):
    with pytest.raises((ValueError, AssertionError)):
        golden_files.compare(tmp_path, name, "", update=False)


def test_folder_mirrors_the_tests():
    folder = golden_files.folder_of(golden_files.TESTS / "emit" / "test_printer.py")
    assert folder.relative_to(golden_files.TESTS).as_posix() == "golden/emit/test_printer"


def test_fixture_compares(golden, request):
    if not request.config.getoption("--update-golden"):
        with pytest.raises(AssertionError, match="no golden file tests/golden/test_golden_files"):
            golden("never_written.txt", "text")
