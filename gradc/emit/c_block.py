"""A block in braces, as the printer of statements opens and closes it.

Public: ``Block(lines, flush, opening, closing)``, a context.
"""

from collections.abc import Callable

from gradc.emit.lines import Lines

__all__ = ["Block"]


class Block:
    """A block in braces whose pending constants are written before it ends."""

    def __init__(self, lines: Lines, flush: Callable[[], None], opening: str, closing: str) -> None:
        self._lines, self._flush = lines, flush
        self._opening, self._closing = opening, closing

    def __enter__(self) -> None:
        """Open it."""
        self._lines.add(self._opening)
        self._lines.indent()

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self._flush()
        self._lines.dedent()
        if self._closing:
            self._lines.add(self._closing)
