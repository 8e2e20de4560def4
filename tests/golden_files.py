"""Golden files: texts that generated code must equal to the letter."""

import difflib
from pathlib import Path

TESTS = Path(__file__).resolve().parent


def folder_of(module: Path) -> Path:
    """Return the folder of a test module's golden files: ``golden/emit/test_x`` for one of them."""
    return TESTS / "golden" / module.resolve().relative_to(TESTS).with_suffix("")


def compare(folder: Path, name: str, text: str, *, update: bool) -> None:
    """Fail with a unified diff unless `text` is what the file `name` holds.

    With `update` the file is written instead, and only if it differs.
    """
    if not name or name == ".." or Path(name).name != name:
        raise ValueError(f"a golden file's name is one plain file name, got {name!r}")
    path = folder / name
    expected = path.read_bytes().decode() if path.exists() else None
    if expected == text:
        return
    if update:
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
        return
    raise AssertionError(_difference(path, expected, text))


def _difference(path: Path, expected: str | None, text: str) -> str:
    shown = path.relative_to(TESTS.parent) if path.is_relative_to(TESTS.parent) else path
    advice = "read the difference, then run pytest with --update-golden"
    if expected is None:
        return f"there is no golden file {shown}; {advice}\n{text}"
    lines = difflib.unified_diff(
        expected.splitlines(), text.splitlines(), str(shown), "now", lineterm=""
    )
    body = "\n".join(lines) or "the texts differ only in their line ends"
    return f"generated text has changed; {advice}\n{body}"
