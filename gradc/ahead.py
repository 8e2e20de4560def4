"""Ahead of time: ``build`` writes C, header, libraries, manifest and a Python loader.

    fn, arguments --trace--> Recording --simplify--> Program --lower--> loops --> C, header
                                       C --compiler--> lib.a, lib.so          --> loader, manifest

What is written needs neither gradc nor Python, only C99 and its math library.  The function is
``int name(const double *w, ..., double *result, double *w_bar, ..., void *arena)``: inputs in the
order of the arguments, then closed-over arrays and random draws, then results, then working memory
of ``name_arena()`` bytes, aligned to 64.  It returns 0, or what the header says.  Arrays are in C
order, numbers are arrays of one element, and results overlap nothing else.  Integers, truth values
and texts among the arguments are fixed.

It works alone, in one thread.  With ``threads=2`` or more there is ``name_with`` too, which takes
what its caller lends (``gradc_env`` in the header): with a ``parallel_for`` large loops are shared
by the caller's threads, however many there are, and the result is the same to the last bit.
"""

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path, PurePath
from typing import Any, NamedTuple

from gradc import __version__
from gradc.ahead_files import drop_files, write_files
from gradc.ahead_loader import loader_text
from gradc.ahead_manifest import manifest_text
from gradc.ahead_names import build_name
from gradc.ahead_native import Libraries, compile_libraries, library_name
from gradc.ahead_specs import examples, parse_array
from gradc.api import Function, compile
from gradc.arguments import choose_arguments
from gradc.capture.trace import Recording
from gradc.emit.c_signature import Signature, signature
from gradc.emit.c_source import print_c, print_header
from gradc.errors import ArgumentError, CompilerNotFound, GradcWarning, LimitError
from gradc.fitting import fitted
from gradc.ir import Program
from gradc.kernels.lower import lower
from gradc.kernels.nest import Failure, Unit
from gradc.native.compiler import Toolchain, find_toolchain
from gradc.options import MathMode, Options
from gradc.passes.for_c import for_c
from gradc.pipeline import function_name, make_program, plain_name
from gradc.records import dataclass
from gradc.rules import Gradient
from gradc.spans import definition_span
from gradc.trees import map_tree

__all__ = ["Built", "build"]

_TEXTS = (".c", ".h", ".py", ".json")


@dataclass(frozen=True, slots=True)
class Built:
    """What a build wrote.

    Parameters
    ----------
    name : str
        Of the C function, which is also that of the files.
    source, header, loader, manifest : Path
        ``name.c``, ``name.h``, ``name.py`` and ``name.json``.
    archive, shared : Path or None
        ``libname.a`` and ``libname.so`` (``.dylib``, ``.dll``); None without a C compiler.
    """

    name: str
    source: Path
    header: Path
    loader: Path
    manifest: Path
    archive: Path | None = None
    shared: Path | None = None

    @property
    def files(self) -> tuple[Path, ...]:
        """All files that there are."""
        found = (getattr(self, field.name) for field in fields(self))
        return tuple(path for path in found if isinstance(path, Path))


def build(
    fn: Callable[..., Any],
    args: Sequence[Any] = (),
    kwargs: Mapping[str, Any] | None = None,
    *,
    out: str | Path = "build",
    name: str | None = None,
    overwrite: bool = True,
    libraries: bool | None = None,
    math: MathMode = "portable",
    **options: Any,
) -> Built:
    """Compile a function ahead of time, for arguments of these types and sizes.

    The module's docstring describes the C function.

    Parameters
    ----------
    fn : callable
        A plain NumPy function, or a gradc one such as ``gradc.value_and_grad(loss)``.
    args, kwargs : sequence, mapping
        Example arguments.  Texts such as ``"f8[4, 3]"`` stand for arrays of that type.
    out : path
        Folder for the files.
    name : str, optional
        Of the C function and the files; that of ``fn`` by default.  A ``_`` is added to a name that
        C, its library or Python use themselves.
    overwrite : bool
        Replace the files of an earlier build.  Texts that no build wrote are never replaced.
    libraries : bool, optional
        True demands them, False leaves them out; by default they are left out, with a warning,
        where there is no C compiler.
    math, **options
        As in :class:`gradc.Options`.

    Raises
    ------
    ArgumentError
        When the name cannot be used, or a file must not be replaced.
    CompileError
        When the compiler fails, or (``CompilerNotFound``) is missing and ``libraries`` is True.
    """
    function = compile(fn, math=math, **options)
    plan = _plan(function, _described(tuple(args)), _described(dict(kwargs or {})), name)
    return _write(plan, _toolchain(libraries), Path(out), overwrite)


def _write(plan: "_Plan", toolchain: Toolchain | None, folder: Path, overwrite: bool) -> Built:
    """Compile the libraries and write all files."""
    made = None if toolchain is None else compile_libraries(plan.name, plan.texts[".c"], toolchain)
    files = _files(plan, toolchain, made)
    paths = {path.name: path for path in write_files(folder, files, overwrite=overwrite)}
    source, header, loader, manifest = (paths[plan.name + ending] for ending in _TEXTS)
    built = Built(plan.name, source, header, loader, manifest)
    if toolchain is None:
        drop_files(folder, (f"lib{plan.name}{end}" for end in (".a", ".so", ".dylib", ".dll")))
        return built
    shared = library_name(plan.name, toolchain.machine)
    return replace(built, archive=paths[f"lib{plan.name}.a"], shared=paths[shared])


class _Plan(NamedTuple):
    """All that is known before a compiler runs."""

    name: str
    face: Signature
    arena: int
    failures: tuple[Failure, ...]
    texts: dict[str, str]
    user: dict[str, str | int]
    options: Options


def _described(tree: Any) -> Any:
    """Replace texts such as ``"f8[3]"`` by arrays of zeros that take no memory."""

    def example(leaf: Any) -> Any:
        return (parse_array(leaf) or leaf) if isinstance(leaf, str) else leaf

    return examples(map_tree(example, tree))


def _plan(
    function: Function, args: tuple[Any, ...], kwargs: dict[str, Any], wanted: str | None
) -> _Plan:
    """Trace, simplify, lower and print."""
    name = build_name(function_name(str(function.__name__)) if wanted is None else wanted)
    options = function.options
    if options.donate != ():
        raise ArgumentError(
            "a build takes no donate=",
            repair="leave it out: who calls the C function says where each result goes",
        )
    recording = fitted(function.fn, args, kwargs, options)
    program = _program(recording, name, options, _gradient_paths(function, args, kwargs))
    loops = lower(for_c(program, sparing=options.memory is not None), options)
    failures = tuple(loops.failures)
    arena = _arena(loops)
    user = _user(function)
    lent = options.threads is not None and options.threads > 1
    source = print_c(loops, options, symbol=name, entry=False, lent=lent).text
    loader = loader_text(
        recording, program, name=name, c_text=source, arena=arena, failures=failures,
        about=f" from {user['name']} in {user['file']}" if user["file"] else "",
    )  # fmt: skip
    texts = {".c": source, ".h": print_header(loops, name, lent=lent), ".py": loader}
    return _Plan(name, signature(program, name), arena, failures, texts, user, options)


def _program(
    recording: Recording, name: str, options: Options, gradients: Mapping[int, str]
) -> Program:
    """Return the program; outputs are called after the arguments they belong to."""
    program = make_program(recording, name, options)
    wanted: dict[int, tuple[str, str]] = {}
    for leaf, path in gradients.items():
        output = recording.results[leaf].output
        if output >= 0:
            wanted[output] = (f"{plain_name(path)}_bar", f"gradient by {path}")
    for one in recording.written:
        port = program.inputs[one.input]
        wanted[one.output] = (f"{port.name}_out", f"{port.path} afterwards")
    taken = {port.name for k, port in enumerate(program.outputs) if k not in wanted}
    outputs = list(program.outputs)
    for output, (called, path) in wanted.items():
        free = called if called not in taken else outputs[output].name
        taken.add(free)
        outputs[output] = replace(outputs[output], name=free, path=path)
    return replace(program, name=name, outputs=tuple(outputs))


def _gradient_paths(
    function: Function, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> dict[int, str]:
    """Return which leaf of the result is the gradient by which argument."""
    rule = function.derived
    if not isinstance(rule, Gradient):
        return {}
    chosen, _ = choose_arguments(rule.fn, rule.argnums, args, kwargs)
    paths = [path for one in chosen for path in one.paths]
    return {k - len(paths) * rule.with_value: path for k, path in enumerate(paths)}


def _arena(loops: Unit) -> int:
    size = loops.plan.arena_bytes
    if not isinstance(size, int):
        raise LimitError("the working memory has no fixed size", repair="build for fixed sizes")
    return size


def _user(function: Function) -> dict[str, str | int]:
    """Name the user's function and its file, without the folders."""
    inner = function.fn if function.derived is None else function.derived.fn
    while isinstance(inner, Function):
        inner = inner.fn if inner.derived is None else inner.derived.fn
    span = definition_span(inner)
    name = getattr(inner, "__name__", "function")
    if span is None:
        return {"name": name, "file": "", "line": 0}
    return {"name": name, "file": PurePath(span.filename).name, "line": span.line}


def _toolchain(libraries: bool | None) -> Toolchain | None:
    """Return the compiler for the libraries; None to leave them out."""
    if libraries is False:
        return None
    try:
        return find_toolchain()
    except CompilerNotFound as error:
        if libraries:
            raise
        warnings.warn(f"no libraries were built: {error.headline}", GradcWarning, stacklevel=3)
        return None


def _files(plan: _Plan, toolchain: Toolchain | None, made: Libraries | None) -> dict[str, bytes]:
    """Return all files by name; the manifest comes last and names the others."""
    files = {plan.name + ending: text.encode() for ending, text in plan.texts.items()}
    if toolchain is not None and made is not None:
        files[f"lib{plan.name}.a"] = made.archive
        files[library_name(plan.name, toolchain.machine)] = made.shared
    manifest = manifest_text(
        plan.face,
        user=plan.user,
        options=plan.options,
        arena=plan.arena,
        failures=[failure.message for failure in plan.failures],
        version=__version__,
        toolchain=toolchain,
        libraries=made,
        files=files,
    )
    return {**files, f"{plan.name}.json": manifest.encode()}
