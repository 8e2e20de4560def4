"""What a command works on: the user's function, its arguments, and the derivative asked for."""

import argparse
import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from gradc.ahead_specs import examples, parse_arguments
from gradc.api import Function
from gradc.capture.trace import is_traced_leaf, leaf_type
from gradc.errors import ArgumentError, GradcError
from gradc.transforms import grad, value_and_grad
from gradc.trees import flatten

__all__ = ["Target", "derived", "find_target"]


class Target(NamedTuple):
    """A function with arguments for it."""

    function: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]


def find_target(options: argparse.Namespace, seed: int | None = None) -> Target:
    """Find the function and make arguments: zeros, or random numbers with a seed."""
    function = _find_function(options.target)
    pairs = parse_arguments(", ".join(options.args))
    args, kwargs = _bound(function, pairs)
    args, kwargs = examples((args, kwargs), seed)
    return Target(function, args, kwargs)


def derived(target: Target, options: argparse.Namespace) -> Callable[..., Any]:
    """Return what the options ask for: a gradient, value and gradient, or the function itself."""
    function = target.function
    if options.primal:
        return function
    if options.grad is not None:
        return grad(function, _names(options.grad))
    if options.value_and_grad is not None:
        return value_and_grad(function, _names(options.value_and_grad))
    if isinstance(function, Function) and function.derived is not None:
        return function
    return value_and_grad(function, _of_floats(target))


def _names(text: str) -> Any:
    names: list[str | int] = [
        int(name) if name.isdecimal() else name for name in map(str.strip, text.split(","))
    ]
    return names[0] if len(names) == 1 else tuple(names)


def _of_floats(target: Target) -> Any:
    """Return the positions and names of all arguments that hold floats only; one of them bare."""
    given = (*enumerate(target.args), *target.kwargs.items())
    found = [key for key, value in given if _is_float(value)]
    if not found:
        raise ArgumentError(
            "no argument of floats to differentiate by",
            repair="give types such as x:f8[3], or ask for --primal",
        )
    return found[0] if len(found) == 1 else tuple(found)


def _is_float(value: Any) -> bool:
    leaves = [leaf for leaf in flatten(value)[0] if is_traced_leaf(leaf)]
    return bool(leaves) and all(leaf_type(leaf).dtype.kind == "f" for leaf in leaves)


# arguments


def _bound(
    function: Callable[..., Any], pairs: list[tuple[str, Any]]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Match the described arguments with the function's parameters."""
    names = [name for name, _ in pairs if name]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ArgumentError(f"the argument {twice!r} is described twice")
    label = getattr(function, "__name__", "the function")
    try:
        face = inspect.signature(function)
        bound = face.bind(*(v for n, v in pairs if not n), **{n: v for n, v in pairs if n})
    except (TypeError, ValueError) as error:
        raise ArgumentError(
            f"the arguments do not fit {label}: {error}",
            repair=f"describe them with --args; the function is {label}{_signature(function)}",
        ) from None
    return bound.args, bound.kwargs


def _signature(function: Callable[..., Any]) -> str:
    try:
        return str(inspect.signature(function))
    except (TypeError, ValueError):
        return "(...)"


# the function


def _find_function(text: str) -> Callable[..., Any]:
    place, _, path = text.rpartition(":")
    if not place or not path:
        raise ArgumentError(
            f"{text!r} names no function", repair="write module:function or file.py:function"
        )
    found: Any = _module(place)
    for name in path.split("."):
        try:
            found = getattr(found, name)
        except AttributeError:
            near = ", ".join(_functions(found)) or "none"
            raise ArgumentError(
                f"{place} has no function {path!r}", repair=f"its functions are: {near}"
            ) from None
    if not callable(found):
        raise ArgumentError(f"{text} is a {type(found).__name__}, not a function")
    return found  # type: ignore[no-any-return]


def _functions(owner: Any) -> Iterator[str]:
    for name, value in vars(owner).items():
        own = getattr(value, "__module__", None) == getattr(owner, "__name__", "")
        if callable(value) and own and not name.startswith("_"):
            yield name


def _module(place: str) -> ModuleType:
    """Import a module by dotted name from the working folder or the path, or from a file."""
    is_file = place.endswith(".py")
    folder = Path(place).resolve().parent if is_file else Path.cwd()
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    try:
        return _file_module(Path(place)) if is_file else importlib.import_module(place)
    except GradcError:
        raise
    except ModuleNotFoundError as error:
        if error.name and (place == error.name or place.startswith(f"{error.name}.")):
            raise ArgumentError(
                f"there is no module {place!r}", repair="call gradc in the folder it is in"
            ) from None
        raise _broken(place, error) from error
    except Exception as error:  # whatever the user's module raises
        raise _broken(place, error) from error


def _file_module(path: Path) -> ModuleType:
    if not path.is_file():
        raise ArgumentError(f"there is no file {path}")
    name = f"{path.stem}_" if path.stem in sys.modules else path.stem
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ArgumentError(f"{path} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _broken(place: str, error: Exception) -> GradcError:
    return GradcError(
        f"{place} cannot be imported: {type(error).__name__}: {error}",
        repair="run it with python to see where",
    )
