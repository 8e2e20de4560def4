"""The C printer: one self-contained C99 translation unit, and its header.

    Unit -> signature, names -> statements -> frame (templates/c/module.c.j2) -> Source

Exported names: ``symbol`` (typed), ``symbol_arena`` and, for gradc's own loader, ``symbol_call`` of
the generic signature.
"""

from collections.abc import Iterator
from dataclasses import replace

from gradc.emit.c_comments import comment, origin_of
from gradc.emit.c_halves import Body, halves
from gradc.emit.c_parts import arena_place, temporary_lines
from gradc.emit.c_pieces import Shared, divided
from gradc.emit.c_quick import quick
from gradc.emit.c_scope import Scope
from gradc.emit.c_signature import Signature, function_lines, packed_lines, signature
from gradc.emit.c_statements import Statements
from gradc.emit.c_support import Support
from gradc.emit.c_tables import table_lines
from gradc.emit.c_types import dim_text
from gradc.emit.filters import c_comment
from gradc.emit.lines import framed
from gradc.emit.render import render, support_text
from gradc.emit.source import Source
from gradc.kernels.nest import Buffer, Unit
from gradc.kernels.walk import is_straight, uses_loan
from gradc.options import Options

__all__ = ["print_c", "print_header"]

_ALWAYS = {"math.h", "stdbool.h", "stddef.h", "stdint.h"}


def print_c(
    unit: Unit, options: Options, *, symbol: str, entry: bool = True, lent: bool = False
) -> Source:
    """Print a lowered program as C.

    Parameters
    ----------
    unit : Unit
        The loop-level program.
    options : Options
        ``math`` chooses which functions stand for ``exp`` and its kin.
    symbol : str
        Name of the exported function, a plain C identifier.
    entry : bool
        Print the generic entry ``symbol_call`` too, by which gradc's own loader calls.
    lent : bool
        Export ``symbol_with`` too where the program can use what a caller lends: threads for its
        large loops, a library for its products.

    Returns
    -------
    Source
        The text, and which lines compute which nodes.
    """
    face = signature(unit.program, symbol)
    scope = _scope(unit, face)
    support = Support(options.math, is_straight(unit.stages), lent)
    printer = Statements(scope, support, symbol, unit.plan)
    printer.lines.indent()
    printer.function(unit.stages)
    headers, helpers = support.text()
    shared = _shared(unit, scope, printer)
    whole = _whole(unit, face, scope, printer, lent)
    text = render(
        "c/module.c.j2",
        about=_about(unit, face),
        headers=sorted(_ALWAYS | printer.headers | set(headers)),
        support=helpers,
        tables=list(_tables(scope)),
        prototypes=[*_prototypes(face), *(_lent(face, ";") if lent and printer.needs_env else [])],
        arena=whole.arena,
        parts=list(shared.lines()),
        head=whole.head,
        opening=whole.opening,
        body=printer.lines.texts,
        wrapper=_wrapper(face) if printer.needs_env else [],
        entry=_entry(face, printer.needs_env) if entry else [],
    )
    source = framed(text, *printer.parts.bodies, *printer.steps.bodies, printer.lines)
    return _in_pieces(source, helpers, support, shared, whole)


def _shared(unit: Unit, scope: Scope, printer: Statements) -> Shared:
    """Print what threads share, or the steps of a straight line, if there is something."""
    parts = printer.parts
    if not parts.bodies:
        return printer.steps.halves(scope, unit.plan)
    structure, functions = parts.structure(scope), parts.functions(scope, unit.plan)
    return Shared(tuple(structure), tuple(functions), (parts.declaration(),))


def _in_pieces(
    source: Source, helpers: list[str], support: Support, shared: Shared, whole: Body
) -> Source:
    """Add the same for a compiler alone, in pieces where there is reason to."""
    brief, beside = divided(_brief(source.text, helpers, support), shared, whole.arena)
    if not shared.functions:
        brief, beside = halves(brief, whole)
    brief = quick(brief)
    brief = brief if brief != source.text else ""
    return replace(source, brief=brief, beside=quick(beside), apart=tuple(support.apart))


def _whole(unit: Unit, face: Signature, scope: Scope, printer: Statements, lent: bool) -> Body:
    """Return the definition of the exported function."""
    env = printer.needs_env
    return Body(
        face.symbol,
        _arena(unit, face, scope),
        _head(face, env, lent),
        list(_opening(unit, face, scope, printer)),
        printer.lines.texts,
        [*face.parameters("restrict "), *(["const gradc_env *env"] if env else [])],
        [*face.arguments, *(["env"] if env else [])],
    )


def _brief(text: str, helpers: list[str], support: Support) -> str:
    """Return the text with support code that may be compiled apart left out."""
    if not support.apart:
        return text
    _, declared = support.text(apart=True)
    return text.replace("\n".join(helpers), "\n".join(declared), 1)


def print_header(unit: Unit, symbol: str, *, lent: bool = False) -> str:
    """Print the header of a unit: C99, also C++, with every argument described.

    ``lent`` as in :func:`print_c`.
    """
    face = signature(unit.program, symbol)
    arena = dim_text(unit.plan.arena_bytes, dict(face.sizes)).text
    declarations = [comment("Bytes of working memory, aligned to 64; pass NULL where it is 0.")]
    if not face.sizes:
        declarations.append(f"#define {symbol.upper()}_ARENA {arena}")
    declarations += function_lines(f"size_t {symbol}_arena", face.size_parameters, ";")
    declarations += ["", *_described(unit, face)]
    declarations += function_lines(f"int {symbol}", face.parameters(), ";")
    if lent and uses_loan(unit.stages):
        text = "With what the caller lends; loops that threads share give the same bits."
        declarations += ["", *support_text("gradc_env.h").splitlines(), "", comment(text)]
        declarations += _lent(face, ";", "")
    about = [comment(f"{symbol}: generated by gradc{_from(unit)}.")]
    guard = f"GRADC_{symbol[:50].upper()}_H"
    return render("c/module.h.j2", about=about, guard=guard, declarations=declarations)


def _scope(unit: Unit, face: Signature) -> Scope:
    """Name everything that is visible in the whole function: parameters first."""
    scope = Scope(unit.program.graph, face.namer)
    scope.symbols.update(face.sizes)
    for buffer in unit.buffers:
        if buffer.kind in ("input", "output"):
            among = face.inputs if buffer.kind == "input" else face.outputs
            scope.keep_buffer(buffer, among[buffer.position].name)
    for buffer in unit.buffers:
        if buffer.kind in ("constant", "temporary"):
            scope.add_buffer(buffer)
    return scope


def _used(scope: Scope, kind: str) -> list[Buffer]:
    return [buffer for buffer in scope.buffers if buffer.kind == kind and buffer in scope.used]


def _tables(scope: Scope) -> Iterator[str]:
    for buffer in _used(scope, "constant"):
        yield from table_lines(buffer, scope.buffers[buffer])


def _from(unit: Unit) -> str:
    origin = origin_of(unit.program)
    return f" from {origin}" if origin else ""


def _about(unit: Unit, face: Signature) -> list[str]:
    return _described(unit, face, f"Generated by gradc{_from(unit)}.")


def _described(unit: Unit, face: Signature, first: str = "") -> list[str]:
    """Print a comment with the meaning of every argument and of the result."""
    rows = _columns([p.about for p in face.arrays])
    rows += [f"{name}  size" for _, name in face.sizes]
    codes = [f"{code} {message}" for code, (message, *_) in enumerate(unit.failures, 1)]
    body = [*rows, "", "Returns 0 when all went well." if not codes else "Returns 0, or:", *codes]
    lines = [f"{face.symbol}", "", *([first, ""] if first else []), *body]
    return ["/* " + lines[0], *(f" * {c_comment(text)}".rstrip() for text in lines[1:]), " */"]


def _columns(rows: list[tuple[str, ...]]) -> list[str]:
    """Align the cells of all rows."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(f"{c:{w}}" for c, w in zip(row, widths, strict=True)) for row in rows]


def _prototypes(face: Signature) -> list[str]:
    arena = function_lines(f"GRADC_API size_t {face.symbol}_arena", face.size_parameters, ";")
    return [*arena, *function_lines(f"GRADC_API int {face.symbol}", face.parameters(), ";")]


def _arena(unit: Unit, face: Signature, scope: Scope) -> list[str]:
    text = dim_text(unit.plan.arena_bytes, scope.symbols).text
    size = text if isinstance(unit.plan.arena_bytes, int) else f"(size_t)({text})"
    head = function_lines(f"size_t {face.symbol}_arena", face.size_parameters, " {")
    unread = (f"    (void){name};" for _, name in face.sizes)
    return [*head, *unread, f"    return {size};", "}"]


def _head(face: Signature, library: bool, lent: bool) -> list[str]:
    """Print the definition's head; one that has a use for it takes what the caller lends."""
    parameters = face.parameters("restrict ")
    if library:
        start = f"{'' if lent else 'static '}int {face.symbol}_with"
        return function_lines(start, [*parameters, "const gradc_env *env"], " {")
    return function_lines(f"int {face.symbol}", parameters, " {")


def _lent(face: Signature, ending: str, export: str = "GRADC_API ") -> list[str]:
    """Print the prototype of the function that takes what the caller lends."""
    parameters = [*face.parameters(), "const gradc_env *env"]
    return function_lines(f"{export}int {face.symbol}_with", parameters, ending)


def _opening(unit: Unit, face: Signature, scope: Scope, printer: Statements) -> Iterator[str]:
    """Print where the temporaries lie, and which parameters are not looked at."""
    temporaries = list(temporary_lines(scope, scope.used, unit.plan))
    yield from temporaries
    scratch, size = unit.plan.scratch
    lent = bool(printer.needs_env and size)
    if lent:
        yield f"void *scratch = {arena_place(str(scratch)).text};"
    looked_at = {scope.buffers[buffer] for buffer in scope.used}
    for parameter in face.arrays:
        if parameter.name not in looked_at:
            yield f"(void){parameter.name};"
    if printer.parts.bodies:
        yield from printer.parts.variable(scope)
    elsewhere = printer.parts.uses_arena() or printer.steps.uses_arena()
    if not temporaries and not lent and not elsewhere:
        yield "(void)arena;"
    yield from (f"(void){name};" for _, name in face.sizes)


def _wrapper(face: Signature) -> list[str]:
    head = packed_lines(f"int {face.symbol}(", face.parameters("restrict "), ") {")
    call = packed_lines(f"return {face.symbol}_with(", [*face.arguments, "NULL"], ");")
    return [*head, *(f"    {line}" for line in call), "}"]


def _entry(face: Signature, library: bool) -> list[str]:
    """Print the generic entry: all buffers in one block, then the arena and the environment."""
    count = len(face.inputs) + len(face.outputs)
    arguments = [f"buffers[{place}]" for place in face.places]
    arguments += [f"dims[{number}]" for number in range(len(face.sizes))] + [f"buffers[{count}]"]
    arguments += [f"buffers[{count + 1}]"] if library else []
    name = f"{face.symbol}_with" if library else face.symbol
    call = packed_lines(f"return {name}(", arguments, ");")
    entry = f"int32_t {face.symbol}_call(void *const *buffers, const int64_t *dims)"
    return [
        f"GRADC_API {entry};",
        "",
        entry + " {",
        *([] if face.sizes else ["    (void)dims;"]),
        *(f"    {line}" for line in call),
        "}",
    ]
