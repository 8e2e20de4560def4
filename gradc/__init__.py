"""gradc: plain NumPy in, gradient code out.

    @gradc.compile                        the function itself, native
    gradc.grad, gradc.value_and_grad      derivatives, as compiled functions
    gradc.build                           C source, header and library, without Python

Names are imported when they are first used, so that ``import gradc`` costs next to nothing.
"""

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOME = {
    "gradc.api": ("Function", "compile", "stop_gradient"),
    "gradc.transforms": (
        "checkpoint",
        "grad",
        "hessian",
        "hvp",
        "jacobian",
        "jvp",
        "value_and_grad",
        "vjp",
        "vmap",
    ),
    "gradc.checks": ("check_grads",),
    "gradc.control": ("cond", "loop", "scan", "while_loop"),
    "gradc.ahead": ("build",),
    "gradc.artifact": ("Artifact",),
    "gradc.options": ("Options",),
    "gradc.errors": (
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
    ),
}
_MODULE = {name: module for module, names in _HOME.items() for name in names}

__all__ = [  # noqa: PLE0604, RUF100
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

if TYPE_CHECKING:
    from gradc.ahead import build
    from gradc.api import Function, compile, stop_gradient
    from gradc.artifact import Artifact
    from gradc.checks import check_grads
    from gradc.control import cond, loop, scan, while_loop
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


def __getattr__(name: str) -> Any:
    module = _MODULE.get(name)
    if module is None:
        raise AttributeError(f"module 'gradc' has no attribute {name!r}")
    value = getattr(importlib.import_module(module), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_MODULE])
