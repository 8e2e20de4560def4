"""Loops that threads share, as functions of their own.

    for i in chunks of 1000:      typedef struct { const double *x; ... } f_shared;
        y[i] = a * x[i]      ->   static void f_part_1(const double *restrict x, ..., int64_t chunk)
                                  static void f_chunk_1(void *arguments, int64_t chunk)
                                  ...
                                  f_shared shared = {x, y, 0};
                                  shared.a = a;
                                  gradc_parallel_for(env, 64, f_chunk_1, &shared);

A part has the loop over the turns of one chunk; its parameters carry the names they have outside,
and ``restrict``, so that a compiler knows as much as in one function.  ``f_chunk_1`` hands it what
lies in the structure, which all parts of a function have in common: its arguments, and the numbers
that parts take from the code around them.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from gradc.emit.c_scope import Scope
from gradc.emit.c_signature import packed_lines
from gradc.emit.c_types import (
    PRODUCT,
    SHIFT,
    SUM,
    UNARY,
    Text,
    dim_text,
    memory_type,
    value_type,
)
from gradc.emit.lines import Lines
from gradc.ir.dims import Dim, DimExpr, Symbol
from gradc.kernels.nest import Buffer, BufferPlan, Declare, Lane, Least, Let, Local, Loop, Round
from gradc.kernels.walk import expressions, map_statement, statements, subexpressions

__all__ = [
    "Captured",
    "Field",
    "Part",
    "Shared",
    "arena_place",
    "captured",
    "chunks_text",
    "limits",
    "memory_fields",
    "temporary_lines",
]

_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Field:
    """One thing that a part works on: its type and its name outside and inside."""

    kind: str
    name: str

    @property
    def pointer(self) -> bool:
        """Whether it is memory."""
        return self.kind.endswith("*")

    def declared(self, restrict: str = "") -> str:
        """Print its declaration."""
        return f"{self.kind}{restrict}{self.name}" if self.pointer else f"{self.kind} {self.name}"


@dataclass(frozen=True, slots=True)
class Captured:
    """Scalars and symbols from outside that a loop may read."""

    locals: tuple[Local, ...]
    symbols: tuple[Symbol, ...]

    def fields(self, scope: Scope, lines: Sequence[str]) -> list[Field]:
        """Return those that some lines name."""
        named = {word for line in lines for word in _WORD.findall(line)}
        numbers = [
            Field(value_type(local.dtype), scope.locals[local])
            for local in self.locals
            if local in scope.locals
        ]
        numbers += [Field("int64_t", scope.symbols[symbol]) for symbol in self.symbols]
        return [field for field in numbers if field.name in named]


def captured(loop: Loop) -> Captured:
    """Find what a loop reads of the code around it, beside memory."""
    own: set[Local] = set()
    read: dict[Local, None] = {}
    bound: set[Symbol] = set()
    seen: dict[Symbol, None] = {}

    def note(dim: Dim) -> Dim:
        if isinstance(dim, DimExpr):
            seen.update(dict.fromkeys(sorted(dim.symbols)))
        return dim

    map_statement(loop, note)
    for statement in statements([loop]):
        if isinstance(statement, Let | Declare):
            own.add(statement.local)
        if isinstance(statement, Loop | Round | Least):
            bound.add(statement.symbol)
        for expr in expressions(statement):
            parts = (part for part in subexpressions(expr) if isinstance(part, Local))
            read.update(dict.fromkeys(parts))
        bound.update(part.symbol for part in _lanes(statement))
    return Captured(
        tuple(local for local in read if local not in own),
        tuple(symbol for symbol in seen if symbol not in bound),
    )


def _lanes(statement: object) -> Iterator[Lane]:
    target = getattr(statement, "target", None)
    if isinstance(target, Lane):
        yield target


def chunks_text(loop: Loop, symbols: dict[Symbol, str]) -> str:
    """Print how many chunks a loop has."""
    length, share = loop.stop - loop.start, loop.chunk * loop.step
    if isinstance(length, int):
        return str(-(-length // share))
    text = dim_text(length + (share - 1), symbols)
    return f"{text.within(PRODUCT)} / {share}" if share > 1 else text.text


def limits(
    loop: Loop, symbols: dict[Symbol, str], chunk: str, first: str, last: str
) -> Iterator[str]:
    """Print where a chunk begins and ends."""
    share = loop.chunk * loop.step
    start, stop = dim_text(loop.start, symbols), dim_text(loop.stop, symbols)
    begin = f"{chunk} * {share}" if share > 1 else chunk
    begin = begin if loop.start == 0 else f"{start.within(SUM)} + {begin}"
    yield f"const int64_t {first} = {begin};"
    length = loop.stop - loop.start
    if isinstance(length, int) and length % share == 0:
        yield f"const int64_t {last} = {first} + {share};"
        return
    reach = f"{first} + {share}"
    yield f"const int64_t {last} = {reach} < {stop.within(SHIFT)} ? {reach} : {stop.text};"


def memory_fields(scope: Scope, used: set[Buffer]) -> Iterator[Field]:
    """Return the arguments of the whole function that a part works on, in their order."""
    for buffer, name in scope.buffers.items():
        if buffer in used and buffer.kind in ("input", "output"):
            const = "const " if buffer.kind == "input" else ""
            yield Field(f"{const}{memory_type(buffer.type.dtype)} *", name)
    if any(buffer.kind == "temporary" for buffer in used):
        yield Field("void *", "arena")


def temporary_lines(scope: Scope, used: set[Buffer], plan: BufferPlan) -> Iterator[str]:
    """Print where the temporaries lie that are used."""
    for buffer, name in scope.buffers.items():
        if buffer.kind == "temporary" and buffer in used:
            kind = memory_type(buffer.type.dtype)
            place = arena_place(dim_text(plan.offsets[buffer], scope.symbols).text)
            yield f"{kind} *{name} = ({kind} *){place.within(UNARY)};"


def arena_place(offset: str) -> Text:
    """Print an address in the arena."""
    return Text("arena") if offset == "0" else Text(f"(char *)arena + {offset}", SUM)


class Shared:
    """The structure of what the parts of one function work on."""

    def __init__(self, name: str) -> None:
        self.name = f"{name}_shared"
        self._kinds: dict[str, str] = {}

    def member(self, field: Field) -> str:
        """Return what a field is called in the structure; another kind takes another place."""
        member, number = field.name, 1
        while self._kinds.setdefault(member, field.kind) != field.kind:
            number += 1
            member = f"{field.name}_{number}"
        return member

    def holds(self, name: str) -> bool:
        """Tell whether a part works on something of this name."""
        return name in self._kinds

    def structure(self) -> Iterator[str]:
        """Print the type."""
        yield "typedef struct {"
        for name, kind in self._kinds.items():
            yield f"    {Field(kind, name).declared()};"
        yield f"}} {self.name};"

    def variable(self) -> list[str]:
        """Print the variable, in which numbers wait for their values."""
        fields = [Field(kind, name) for name, kind in self._kinds.items()]
        values = [field.name if field.pointer else "0" for field in fields]
        return packed_lines(f"{self.name} shared = {{", values, "};")


@dataclass(frozen=True, slots=True)
class Part:
    """The functions for the chunks of one loop; ``chunk`` is what their number is called."""

    name: str
    number: int
    fields: Sequence[Field]
    chunk: str
    shared: Shared

    def functions(self, places: Iterable[str], body: Lines) -> Lines:
        """Print the part and the chunk."""
        part, chunk = f"{self.name}_part_{self.number}", f"{self.name}_chunk_{self.number}"
        parameters = [*(f.declared("restrict ") for f in self.fields), f"int64_t {self.chunk}"]
        lines = Lines()
        lines.add(*packed_lines(f"static void {part}(", parameters, ") {"))
        with lines.indented():
            lines.add(*places)
        lines.extend(body)
        lines.add("}", "", f"static void {chunk}(void *arguments, int64_t chunk) {{")
        with lines.indented():
            lines.add(f"const {self.shared.name} *shared = arguments;")
            members = [f"shared->{self.shared.member(field)}" for field in self.fields]
            lines.add(*packed_lines(f"{part}(", [*members, "chunk"], ");"))
        lines.add("}")
        return lines

    def call(self, chunks: str) -> Iterator[str]:
        """Print the statements that have the chunks done."""
        for field in self.fields:
            if not field.pointer:
                yield f"shared.{self.shared.member(field)} = {field.name};"
        yield f"gradc_parallel_for(env, {chunks}, {self.name}_chunk_{self.number}, &shared);"
