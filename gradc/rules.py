"""What a transform is, before anything is recorded: which rule, of which function, how.

A rule is called with traced arguments and records a derivative in the running trace; the code that
does it is loaded then.  A process whose compiled code is on disk makes rules and never calls one.
"""

import importlib
import inspect
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from gradc.records import dataclass

if TYPE_CHECKING:
    from gradc.arguments import Argnums
    from gradc.mapping_axes import Axes

__all__ = ["AnyFunction", "Checkpointed", "Forward", "Gradient", "Hvp", "Jacobian", "Map"]

AnyFunction = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Gradient:
    """Reverse mode of a scalar function."""

    fn: AnyFunction
    argnums: "Argnums" = 0
    has_aux: bool = False
    with_value: bool = False

    @property
    def __signature__(self) -> inspect.Signature:
        """The parameters of the user's function."""
        return inspect.signature(self.fn)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Record value and gradient in the current trace."""
        return _derivatives().gradient(self, args, kwargs)


@dataclass(frozen=True, slots=True)
class Forward:
    """Forward mode: ``(primals, tangents) -> (value, tangent of the value)``."""

    fn: AnyFunction

    def __call__(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        """Record value and tangent in the current trace."""
        return _derivatives().directional(self.fn, tuple(primals), tuple(tangents))


@dataclass(frozen=True, slots=True)
class Hvp:
    """Hessian times vector: forward mode over the gradient by the first argument."""

    fn: AnyFunction

    def __call__(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        """Record the product in the current trace."""
        return Forward(Gradient(self.fn, 0))(primals, tangents)[1]


@dataclass(frozen=True, slots=True)
class Checkpointed:
    """A function whose values the backward part computes again."""

    fn: AnyFunction

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Record the function in the current trace, marked."""
        return _derivatives().checkpointed(self.fn, args, kwargs)


@dataclass(frozen=True, slots=True)
class Jacobian:
    """All partial derivatives of one array result, shape ``result.shape + argument.shape``.

    A ``symmetric`` one is that of a gradient: its columns are its rows.
    """

    fn: AnyFunction
    argnums: "Argnums" = 0
    symmetric: bool = False

    @property
    def __signature__(self) -> inspect.Signature:
        """The parameters of the user's function."""
        return inspect.signature(self.fn)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Record the Jacobian in the current trace."""
        return importlib.import_module("gradc.jacobians").jacobian(self, args, kwargs)


@dataclass(frozen=True, slots=True)
class Map:
    """The function of one element, applied to each element along an axis."""

    fn: AnyFunction
    in_axes: "Axes" = 0
    out_axes: "Axes" = 0

    @property
    def __signature__(self) -> inspect.Signature:
        """The parameters of the user's function."""
        return inspect.signature(self.fn)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Record the loop in the current trace."""
        return importlib.import_module("gradc.mapping").mapped(self, args, kwargs)


def _derivatives() -> Any:
    return importlib.import_module("gradc.derivatives")
