"""Turning a failed compilation into an error the user can act on.

Public: ``failure(finished, timeout, source_path, why="") -> CompileError``.
"""

from typing import TYPE_CHECKING

from gradc.errors import CompileError, CompileTimeout

if TYPE_CHECKING:
    from gradc.native.process import Finished

__all__ = ["failure"]


def failure(finished: "Finished", timeout: float, source_path: str, why: str = "") -> CompileError:
    """Describe what happened: the command, the end of what it wrote, and where the source is."""
    kind, headline, repair = _explain(finished, timeout, why)
    return kind(
        headline,
        command=finished.command,
        stderr_tail=finished.stderr_tail,
        source_path=source_path,
        repair=repair,
    )


def _explain(finished: "Finished", timeout: float, why: str) -> tuple[type[CompileError], str, str]:
    other = 'name another compiler in GRADC_CC, or use backend="numpy"'
    if finished.timed_out:
        return CompileTimeout, f"the C compiler did not end within {timeout:g} s", other
    if why:
        return CompileError, f"the C compiler {why}", other
    if finished.code < 0:
        return CompileError, f"the C compiler was ended by signal {-finished.code}", other
    return CompileError, f"the C compiler failed with exit code {finished.code}", other
