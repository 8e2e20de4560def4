"""gradc: plain NumPy in, gradient code out.

    @gradc.compile                        the function itself, native
    gradc.grad, gradc.value_and_grad      derivatives, as compiled functions
    gradc.build                           C source, header and library, without Python

Imported with the package is what calls a function whose code is on disk.  What records, derives
and prints is loaded by the first function that is compiled anew.
"""

import importlib
from typing import TYPE_CHECKING, Any

import gradc.dispatch  # noqa: F401  the first call of every function needs it
from gradc.api import Function, compile, stop_gradient
from gradc.errors import (
    ArgumentError,
    CompileError,
    CompilerNotFound,
    CompileTimeout,
    DerivativeError,
    DTypeError,
    GradcError,
    GradcWarning,
    IndexBoundsError,
    LimitError,
    ShapeError,
    SingularError,
    TraceError,
    UnsupportedError,
)
from gradc.options import Options
from gradc.transforms import (
    checkpoint,
    grad,
    hessian,
    hvp,
    jacobian,
    jvp,
    value_and_grad,
    vjp,
    vmap,
)

if TYPE_CHECKING:
    from gradc.ahead import build
    from gradc.artifact import Artifact
    from gradc.checks import check_grads
    from gradc.control import cond, loop, scan, while_loop

__version__ = "0.1.0"

__all__ = [
    "ArgumentError",
    "Artifact",
    "CompileError",
    "CompileTimeout",
    "CompilerNotFound",
    "DTypeError",
    "DerivativeError",
    "Function",
    "GradcError",
    "GradcWarning",
    "IndexBoundsError",
    "LimitError",
    "Options",
    "ShapeError",
    "SingularError",
    "TraceError",
    "UnsupportedError",
    "build",
    "check_grads",
    "checkpoint",
    "compile",
    "cond",
    "grad",
    "hessian",
    "hvp",
    "jacobian",
    "jvp",
    "loop",
    "scan",
    "stop_gradient",
    "value_and_grad",
    "vjp",
    "vmap",
    "while_loop",
]

_LATER = {
    "Artifact": "gradc.artifact",
    "build": "gradc.ahead",
    "check_grads": "gradc.checks",
    "cond": "gradc.control",
    "loop": "gradc.control",
    "scan": "gradc.control",
    "while_loop": "gradc.control",
}
"""Where the names are that record or derive: imported when they are first used."""


def __getattr__(name: str) -> Any:
    module = _LATER.get(name)
    if module is None:
        raise AttributeError(f"module 'gradc' has no attribute {name!r}")
    value = getattr(importlib.import_module(module), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_LATER])
