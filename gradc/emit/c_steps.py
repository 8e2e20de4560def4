"""Long straight lines as several functions, which the one that is exported calls in turn.

    static GRADC_STEP void f_step_1(const double *restrict x, void *restrict arena) {
        double *kept = (double *)arena;
        ...
    }

    f_step_1(x, arena);
    f_step_2(x, total, arena);

``kernels/steps.py`` says why, and cuts.
"""

from collections.abc import Iterator, Sequence

from gradc.emit.c_parts import memory_fields, temporary_lines
from gradc.emit.c_pieces import Shared
from gradc.emit.c_scope import Scope
from gradc.emit.c_signature import packed_lines
from gradc.emit.lines import Lines
from gradc.kernels.nest import Buffer, BufferPlan

__all__ = ["Steps"]


class Steps:
    """The steps of one function: ``bodies`` holds what each does."""

    def __init__(self, name: str) -> None:
        self.bodies: list[Lines] = []
        self._name = name
        self._used: list[set[Buffer]] = []

    def add(self, scope: Scope, used: set[Buffer], body: Lines) -> list[str]:
        """Take a step that works on some memory; print its call."""
        self.bodies.append(body)
        self._used.append(used)
        handed = [one.name for one in memory_fields(scope, used)]
        return packed_lines(f"{self._called(len(self.bodies))}(", handed, ");")

    def uses_arena(self) -> bool:
        """Tell whether a step works on temporaries."""
        return any(buffer.kind == "temporary" for used in self._used for buffer in used)

    def halves(self, scope: Scope, plan: BufferPlan) -> Shared:
        """Print all functions; the later half of them may be compiled beside the rest."""
        count = len(self.bodies)
        found = [self._function(number, scope, plan) for number in range(count)]
        first = (count + 1) // 2
        heads = ("\n".join(head) for head, _ in found[first:])
        declarations = tuple(f"{head[:-2]};".removeprefix("static ") for head in heads)
        before, after = _separated(found[:first]), _separated(found[first:])
        return Shared((), tuple(after), declarations, tuple(before))

    def _function(self, number: int, scope: Scope, plan: BufferPlan) -> tuple[list[str], list[str]]:
        """Print the head and the body of a function."""
        body, used = self.bodies[number], self._used[number]
        parameters = [one.declared("restrict ") for one in memory_fields(scope, used)]
        head = f"static GRADC_STEP void {self._called(number + 1)}("
        places = (f"    {line}" for line in temporary_lines(scope, used, plan))
        return packed_lines(head, parameters, ") {"), [*places, *body.texts, "}"]

    def _called(self, number: int) -> str:
        return f"{self._name}_step_{number}"


def _separated(functions: Sequence[tuple[list[str], list[str]]]) -> Iterator[str]:
    """Print functions with an empty line between them."""
    for number, (head, body) in enumerate(functions):
        yield from ([""] if number else [])
        yield from (*head, *body)
