"""The command line: ``gradc build inspect check cache coverage doctor``.

Each command is a function ``run(options) -> int`` in a module of its own, loaded when it is called:
``gradc --help`` loads neither graphs nor templates.
"""

import argparse
import importlib
import os
import sys
import traceback
import warnings
from collections.abc import Callable, Sequence
from typing import Any

from gradc import __version__
from gradc.errors import GradcError, GradcWarning

__all__ = ["main"]

_ARGUMENTS = """\
TARGET is module:function or path/to/file.py:function.

ARGS describes the arguments, by name or in order, separated by commas:
  w:f8[3], x:f8[4,3]                arrays: f4 f8, i1 i2 i4 i8, u1 u2 u4 u8, bool
  rows:i8[30]<100                   integers; random ones are drawn below 100
  params={w1:f8[3,4], b1:f8[4]}     trees: {} dict, () tuple, [] list
  lr:float, lr=0.01                 a Python float
  n=3, mode='mean', flag=true       fixed values
  rng:generator                     a NumPy random generator
"""
_COMMANDS = ("build", "inspect", "check", "cache", "coverage", "doctor")
_MODULES = {name: f"gradc.cli_{name}" for name in _COMMANDS}
_STAGES = ("report", "source", "graph", "adjoint", "numpy", "c", "dot", "svg", "explain")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns
    -------
    int
        0: done.  1: ``check``, ``cache verify`` or ``doctor`` found something.  2: an error.
    """
    options = _parser().parse_args(argv)
    with warnings.catch_warnings():
        warnings.simplefilter("always", GradcWarning)
        warnings.showwarning = _show_warning(options.command)
        return _run(options)


def _run(options: argparse.Namespace) -> int:
    try:
        code = int(importlib.import_module(_MODULES[options.command]).run(options))
        sys.stdout.flush()  # here, where a reader that has gone is no fault, not at exit
        return code
    except GradcError as error:
        print(f"gradc {options.command}: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # such as in `gradc inspect ... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception:  # raised by the user's own function, where its traceback is what helps
        traceback.print_exc()
        return 2


def _show_warning(command: str) -> Callable[..., None]:
    """Print our own warnings in one line, without a place in gradc's code."""
    usual = warnings.showwarning

    def show(message: Warning | str, category: type[Warning], *place: Any, **more: Any) -> None:
        if issubclass(category, GradcWarning):
            print(f"gradc {command}: warning: {message}", file=sys.stderr)
        else:
            usual(message, category, *place, **more)

    return show


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="gradc", description="Compile plain NumPy functions to gradient code, in NumPy and C."
    )
    parser.add_argument("--version", action="version", version=f"gradc {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_build(commands)
    _add_inspect(commands)
    _add_check(commands)
    cache = commands.add_parser("cache", help="look after the folder of compiled code")
    cache.add_argument("action", choices=("path", "list", "verify", "clear"))
    commands.add_parser("coverage", help="say which NumPy functions may be called")
    commands.add_parser("doctor", help="say what this machine offers and whether it works")
    return parser


def _add_build(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    build = _add_command(
        commands, "build", "write C, header, libraries, manifest and Python loader"
    )
    _add_derivative(build)
    build.add_argument("--out", default="build", metavar="FOLDER", help="default: build")
    build.add_argument("--name", help="of the C function and the files")
    build.add_argument("--math", choices=("portable", "libm", "fast"), default="portable")
    build.add_argument("--no-overwrite", action="store_true", help="keep files that are there")
    build.add_argument("--no-libraries", action="store_true", help="run no C compiler")


def _add_inspect(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    inspect = _add_command(commands, "inspect", "show the graph, the code and figures about them")
    _add_derivative(inspect)
    inspect.add_argument("--stage", choices=_STAGES, default="report", help="default: report")
    inspect.add_argument("--html", metavar="FILE", help="write one page with everything")
    inspect.add_argument("--json", action="store_true", help="print JSON")
    inspect.add_argument("--seed", type=int, default=0, help="of the numbers in explain")
    inspect.add_argument("--math", choices=("fast", "portable", "libm"), default="fast")
    inspect.add_argument("--backend", choices=("auto", "c", "numpy"), default="auto")


def _add_check(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    check = _add_command(commands, "check", "compare derivatives with differences")
    check.add_argument("--order", type=int, default=2, help="how often to differentiate, default 2")
    check.add_argument("--rtol", type=float, default=1e-6, help="relative error, default 1e-6")
    check.add_argument("--seed", type=int, default=0, help="of the random arguments")
    check.add_argument("--backend", choices=("auto", "c", "numpy"), default="auto")


def _add_command(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, about: str
) -> argparse.ArgumentParser:
    command = commands.add_parser(
        name,
        help=about,
        description=about[0].upper() + about[1:] + ".",
        epilog=_ARGUMENTS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("target", metavar="TARGET", help="module:function or file.py:function")
    command.add_argument("--args", nargs="+", default=[], help="types of the arguments")
    return command


def _add_derivative(command: argparse.ArgumentParser) -> None:
    """Add the choice of what is compiled: a derivative, or the function itself."""
    what = command.add_mutually_exclusive_group()
    what.add_argument("--grad", metavar="W,B", help="the gradient by these arguments")
    what.add_argument(
        "--value-and-grad",
        metavar="W,B",
        help="value and gradient by these arguments; the default, by all of floats",
    )
    what.add_argument("--primal", action="store_true", help="the function itself")
