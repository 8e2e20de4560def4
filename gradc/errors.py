"""Every error that gradc raises, and how it is shown.

A message answers four questions: what failed (in the user's names), where (the user's line with a
caret), with what (the operands and their types) and what to do about it.  The rendered form is::

    matmul needs x.shape[1] == w.shape[0], got 5 and 4
      model.py:12 in loss
        h = np.tanh(x @ w)
                    ~~^~~
      x: f8[2, 5] (argument)    w: f8[4, 3] (argument)
      pass w with 5 rows, or transpose it

Each class also derives from the builtin that NumPy users expect, so ``except ValueError`` works.
"""

import warnings
from collections.abc import Iterable

import numpy as np

from gradc.spans import Span, caller_span

__all__ = [
    "ArgumentError",
    "CompileError",
    "CompileTimeout",
    "CompilerNotFound",
    "DTypeError",
    "DerivativeError",
    "GradcError",
    "GradcWarning",
    "IndexBoundsError",
    "LimitError",
    "ShapeError",
    "SingularError",
    "TraceError",
    "UnsupportedError",
    "warn",
    "warnings_told",
]


class GradcWarning(UserWarning):
    """Something works, but not in the way the caller may think."""


def warn(message: str) -> None:
    """Warn at the user's line, however deep inside gradc the reason was found."""
    _told.append(None)
    span = caller_span()
    if span is None:
        warnings.warn(message, GradcWarning, stacklevel=2)
    else:
        warnings.warn_explicit(message, GradcWarning, span.filename, span.line)


_told: list[None] = []


def warnings_told() -> int:
    """Return how many warnings this process has issued."""
    return len(_told)


class GradcError(Exception):
    """Base of all gradc errors.

    Parameters
    ----------
    headline : str
        What failed, in one sentence, in the user's names.
    span : Span, optional
        The place in the user's source.
    operands : iterable of (str, str)
        Names and descriptions of the values involved.
    repair : str, optional
        What to write instead.
    """

    def __init__(
        self,
        headline: str,
        *,
        span: Span | None = None,
        operands: Iterable[tuple[str, str]] = (),
        repair: str | None = None,
    ) -> None:
        self.headline = headline
        self.span = span
        self.operands = tuple(operands)
        self.repair = repair
        super().__init__(headline)

    def __str__(self) -> str:
        """Render the message as shown at the top of this module."""
        lines = [self.headline]
        if self.span is not None:
            lines += ["  " + line for line in self.span.excerpt()]
        if self.operands:
            lines.append("  " + "    ".join(f"{name}: {text}" for name, text in self.operands))
        if self.repair:
            lines.append(f"  {self.repair}")
        return "\n".join(lines)


class TraceError(GradcError, TypeError):
    """The function asks a traced value for something only a number can answer.

    Example: ``if x > 0:`` or ``float(x)`` on a traced ``x``.  Repair: stay with arrays, for
    instance ``np.where(x > 0, a, b)``.
    """


class UnsupportedError(GradcError, NotImplementedError):
    """A NumPy function, keyword or Python construct that gradc does not translate.

    Example: ``np.unique(x)`` of a traced ``x``.  Repair: the message names the nearest spelling.
    """


class ShapeError(GradcError, ValueError):
    """Shapes do not fit together.

    Example: ``np.ones((2, 5)) @ np.ones((4, 3))``.  Repair: transpose or reshape an operand.
    """


class DTypeError(GradcError, TypeError):
    """A data type that the operation, or gradc, does not take.

    Example: an argument of dtype ``object``.  Repair: ``np.asarray(x, dtype=float)``.
    """


class IndexBoundsError(GradcError, IndexError):
    """An index lies outside its axis.

    Example: ``x[5]`` of an array of length 3.
    """


class SingularError(GradcError, np.linalg.LinAlgError):
    """A matrix that has no inverse, or no Cholesky factor.

    Example: ``np.linalg.inv(np.zeros((2, 2)))``.  It is a ``numpy.linalg.LinAlgError`` as well.
    """


class DerivativeError(GradcError, ValueError):
    """A derivative that does not exist or is not defined.

    Example: ``grad`` of a function whose result is not a scalar, or that does not depend on the
    argument asked for.
    """


class ArgumentError(GradcError, TypeError, ValueError):
    """A compiled function was called with an argument it cannot take.

    Example: an array of dtype ``complex128``.  The message names the argument, what was wanted
    and what came.
    """


class LimitError(GradcError, RuntimeError):
    """A bound on nodes, sizes or turns was reached.

    Example: a Python loop that unrolls into more than a million operations.
    """


class CompileError(GradcError, RuntimeError):
    """The C compiler failed.

    Attributes
    ----------
    command : tuple of str
        The command line, as an argument list.
    stderr_tail : str
        The last 40 lines that the compiler wrote.
    source_path : str
        Where the source was kept.
    """

    def __init__(
        self,
        headline: str,
        *,
        command: Iterable[str] = (),
        stderr_tail: str = "",
        source_path: str = "",
        repair: str | None = None,
    ) -> None:
        super().__init__(headline, repair=repair)
        self.command = tuple(command)
        self.stderr_tail = stderr_tail
        self.source_path = source_path

    def __str__(self) -> str:
        """Render the message, then the command and what the compiler wrote."""
        parts = [super().__str__()]
        if self.command:
            parts.append("  command: " + " ".join(self.command))
        if self.source_path:
            parts.append("  source: " + self.source_path)
        if self.stderr_tail:
            parts += ["  | " + line for line in self.stderr_tail.splitlines()]
        return "\n".join(parts)


class CompilerNotFound(CompileError):
    """No C compiler is on this machine, or the one asked for cannot be run."""


class CompileTimeout(CompileError):
    """The C compiler did not end in time and was stopped with all its children."""
