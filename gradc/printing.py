"""From a program to text and call plan: everything that a cache hit does without."""

import importlib
from collections.abc import Callable, Iterable, Sequence

from gradc.emit.c_quick import quick
from gradc.emit.c_source import print_c, print_header
from gradc.emit.c_support import apart_names, apart_text, product_name
from gradc.emit.source import Source
from gradc.ir import Port, Program
from gradc.kernels.lower import lower
from gradc.kernels.nest import Unit as Loops
from gradc.kernels.packing import makes_products, result_dtype
from gradc.kernels.short_rows import has_short_rows
from gradc.kernels.walk import is_shared, is_straight, statements_in
from gradc.native.library import Unit
from gradc.native.objects import Apart
from gradc.options import Options
from gradc.passes.for_c import for_c
from gradc.passes.vectorize import vectorized
from gradc.runtime.failures import check_of
from gradc.runtime.plan import BufferSlot, CallPlan

__all__ = ["c_header", "c_source", "call_plan", "native_unit", "numpy_source"]

_LONG = 3000
"""Statements above which a unit is compiled with less optimisation: it would take minutes.

One without loops is as quick either way, and takes a compiler two thirds of the time.
"""
_MANY = 16
"""Stages from which each has a small share of the time, and the compiler a large one."""


def numpy_source(program: Program) -> Source:
    """Print a program as a NumPy module."""
    printer = importlib.import_module("gradc.emit.numpy_source")  # C is printed without it
    source: Source = printer.print_numpy(vectorized(program))
    return source


def c_source(program: Program, options: Options) -> Source:
    """Print a program as a C translation unit."""
    return print_c(_loops(program, options), options, symbol=program.name)


def c_header(program: Program, options: Options) -> str:
    """Print the header that goes with :func:`c_source`."""
    return print_header(_loops(program, options), program.name)


def native_unit(
    program: Program,
    written: Sequence[tuple[int, int]],
    options: Options,
    prepare: Callable[[Sequence[Apart]], None] | None = None,
) -> Unit:
    """Lower and print a program, with the plan by which it is called.

    ``prepare`` is told which functions it will call that are compiled apart, before it is printed.
    """
    loops = _loops(program, options)
    narrow = has_short_rows(loops.stages)
    if prepare is not None and not narrow:
        prepare(_aparts(_products(loops)))
    source = print_c(loops, options, symbol=program.name)
    plan = call_plan(program, written, loops)
    aparts = _aparts(source.apart)
    return Unit(
        source.text,
        f"{program.name}_call",
        {"plan": plan.to_json()},
        _level(loops),
        source.brief,
        aparts,
        narrow,
        beside=source.beside,
    )


def _products(loops: Loops) -> set[str]:
    """Return the functions by which matrices are multiplied."""
    products = (s for s in statements_in(loops.stages) if makes_products(s))
    return {product_name(result_dtype(s).itemsize) for s in products}


def _aparts(names: Iterable[str]) -> tuple[Apart, ...]:
    return tuple(Apart(name, quick(apart_text(name))) for name in apart_names(names))


def _level(loops: Loops) -> int:
    """Choose the level of optimisation, see :meth:`Toolchain.flags`."""
    if is_straight(loops.stages) or _statements(loops) > _LONG:
        return 1
    return 2 if len(loops.stages) >= _MANY else 4


def _loops(program: Program, options: Options) -> Loops:
    """Lower a program as it is best for C."""
    return lower(for_c(program, sparing=options.memory is not None), options)


def call_plan(
    program: Program, written: Sequence[tuple[int, int]], loops: Loops | None = None
) -> CallPlan:
    """Return how a program is called, in C when its loops are given."""
    checks = {
        code: check_of(message, span, kind)
        for code, (message, span, kind) in enumerate(loops.failures if loops else (), 1)
    }
    return CallPlan(
        program.name,
        tuple(_slot(port) for port in program.inputs),
        tuple(_slot(port) for port in program.outputs),
        arena_bytes=loops.plan.arena_bytes if loops else 0,
        checks=checks,
        write_back=tuple(written),
        donated=program.donated,
        environment=loops is not None and _calls_blas(loops),
        parallel=loops is not None and _has_chunks(loops),
        lent_arena_bytes=loops.plan.lent_bytes if loops else 0,
    )


def _slot(port: Port) -> BufferSlot:
    kind = port.type
    return BufferSlot(port.name, kind.dtype.str[1:], kind.extents, port.role, path=port.path)


def _calls_blas(loops: Loops) -> bool:
    return any(makes_products(s) for s in statements_in(loops.stages))


def _has_chunks(loops: Loops) -> bool:
    return any(map(is_shared, statements_in(loops.stages)))


def _statements(loops: Loops) -> int:
    return sum(1 for _ in statements_in(loops.stages))
