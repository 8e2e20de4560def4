"""Loops that threads share: one function for what all of them do in a chunk.

    for i in chunks of 1000:      typedef struct { int64_t part; const double *x; ... } f_shared;
        y[i] = a * x[i]      ->   static void f_part(const double *restrict x, ...,
    for i in chunks of 50: ...                       const f_shared *shared, int64_t chunk) {
                                      if (shared->part == 1) {
                                          const double a = shared->a;
                                          ... the turns of one chunk
                                      } else if (shared->part == 2) { ...
                                  static void f_chunk(void *arguments, int64_t chunk)
                                  ...
                                  f_shared shared = {0, x, y, 0};
                                  shared.part = 1;
                                  shared.a = a;
                                  gradc_parallel_for(env, 64, f_chunk, &shared);

The parameters of ``f_part`` are the memory, with the names it has outside and ``restrict``, so that
a compiler knows as much as in one function.  ``f_chunk`` hands over what lies in the structure: the
function's arguments, which loop it is, and the numbers that loops take from the code around them.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import chain, count

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
from gradc.records import dataclass

__all__ = [
    "CHUNK",
    "Captured",
    "Field",
    "Parts",
    "arena_place",
    "captured",
    "chunks_text",
    "least_text",
    "limits",
    "memory_fields",
    "temporary_lines",
]

CHUNK = "chunk"
"""What the number of a chunk is called; nothing else in a function is."""
_CHUNK = Symbol("chunk", "chunk")
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


def limits(loop: Loop, symbols: dict[Symbol, str]) -> tuple[str, str]:
    """Print where a chunk begins and ends."""
    share = loop.chunk * loop.step
    first: Dim = loop.start + _CHUNK.expr() * share
    names = {**symbols, _CHUNK: CHUNK}
    begin, end = dim_text(first, names).text, dim_text(first + share, names)
    length = loop.stop - loop.start
    if isinstance(length, int) and length % share == 0:
        return begin, end.within(SHIFT)
    return begin, least_text(end, dim_text(loop.stop, symbols))


def least_text(a: Text, b: Text) -> str:
    """Print the smaller one of two."""
    return f"gradc_least({a.text}, {b.text})"


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


class Parts:
    """All loops of one function that threads share: ``bodies`` holds what each does in a chunk.

    ``several`` says whether there will be more than one, so that it must be told which.
    """

    def __init__(self, name: str, scope: Scope) -> None:
        names = chain(["part"], (f"part_{number}" for number in count(1)))
        self._which = next(name for name in names if name not in scope.buffers.values())
        self.bodies: list[Lines] = []
        self.several = False
        self._type = f"{name}_shared"
        self._part, self._chunk = f"{name}_part", f"{name}_chunk"
        self._kinds: dict[str, str] = {self._which: ""}
        self._used: set[Buffer] = set()

    def add(self, numbers: Sequence[Field], used: set[Buffer], body: Lines) -> Iterator[str]:
        """Take what one loop does; print what to set before its chunks are done.

        ``numbers`` come from outside, ``used`` is the memory that it works on.
        """
        members = [self._member(field) for field in numbers]
        pairs = list(zip(numbers, members, strict=True))
        lines = Lines()
        for _ in range(self.depth):
            lines.indent()
        lines.add(*(f"const {field.declared()} = shared->{name};" for field, name in pairs))
        lines.join(body)
        self.bodies.append(lines)
        self._used |= used
        if self.several:
            yield f"shared.{self._which} = {len(self.bodies)};"
        yield from (f"shared.{name} = {field.name};" for field, name in pairs)

    @property
    def depth(self) -> int:
        """How deep the body of a loop stands in the function."""
        return 2 if self.several else 1

    def call(self, chunks: str) -> str:
        """Print the statement that has the chunks done."""
        return f"gradc_parallel_for(env, {chunks}, {self._chunk}, &shared);"

    def uses_arena(self) -> bool:
        """Tell whether a part works on temporaries."""
        return any(buffer.kind == "temporary" for buffer in self._used)

    def variable(self, scope: Scope) -> list[str]:
        """Print the structure's variable, in which numbers wait for their values."""
        fields = self._fields(scope)
        values = [field.name if field.pointer else "0" for field in fields]
        return packed_lines(f"{self._type} shared = {{", values, "};")

    def structure(self, scope: Scope) -> Iterator[str]:
        """Print the structure's type."""
        yield "typedef struct {"
        yield from (f"    {field.declared()};" for field in self._fields(scope))
        yield from (f"}} {self._type};", "")

    def declaration(self) -> str:
        """Print the function of a chunk as another file sees it."""
        return f"void {self._chunk}(void *arguments, int64_t {CHUNK});"

    def functions(self, scope: Scope, plan: BufferPlan) -> Iterator[str]:
        """Print the function with all parts, and the one of a chunk."""
        fields = self._fields(scope)
        memory = [field for field in fields if field.pointer]
        extra = [] if len(fields) == len(memory) else [Field(f"const {self._type} *", "shared")]
        parameters = [f.declared("restrict ") for f in memory] + [f.declared() for f in extra]
        parameters.append(f"int64_t {CHUNK}")
        yield from packed_lines(f"static void {self._part}(", parameters, ") {")
        yield from (f"    {line}" for line in temporary_lines(scope, self._used, plan))
        yield from self._alternatives()
        yield from ("}", "", f"static {self.declaration()[:-1]} {{")
        yield f"    const {self._type} *shared = arguments;"
        handed = [f"shared->{f.name}" for f in memory] + [f.name for f in extra] + [CHUNK]
        yield from (f"    {line}" for line in packed_lines(f"{self._part}(", handed, ");"))
        yield "}"

    def _fields(self, scope: Scope) -> list[Field]:
        """Return the members: which part, the memory, the numbers."""
        numbers = [Field(kind, name) for name, kind in self._kinds.items() if kind]
        which = [Field("int64_t", self._which)] if self.several else []
        return [*which, *memory_fields(scope, self._used), *numbers]

    def _alternatives(self) -> Iterator[str]:
        """Print one body after the other, of which one is done."""
        if not self.several:
            yield from self.bodies[0].texts
            return
        for number, body in enumerate(self.bodies, 1):
            start = "} else if" if number > 1 else "if"
            yield f"    {start} (shared->{self._which} == {number}) {{"
            yield from body.texts
        yield "    }"

    def _member(self, field: Field) -> str:
        """Return what a number is called in the structure; another kind takes another place."""
        member, number = field.name, 1
        while self._kinds.setdefault(member, field.kind) != field.kind:
            number += 1
            member = f"{field.name}_{number}"
        return member
