"""Long straight lines as several functions, which the one that is exported calls in turn.

    static GRADC_STEP void f_step_1(const double *restrict x, void *restrict arena) {
        double *kept = (double *)arena;
        ...
    }

    f_step_1(x, arena);
    f_step_2(x, total, arena);

``kernels/steps.py`` says why, and cuts.
"""

from collections.abc import Iterator

from gradc.emit.c_parts import memory_fields, temporary_lines
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
        handed = [field.name for field in memory_fields(scope, used)]
        return packed_lines(f"{self._called(len(self.bodies))}(", handed, ");")

    def uses_arena(self) -> bool:
        """Tell whether a step works on temporaries."""
        return any(buffer.kind == "temporary" for used in self._used for buffer in used)

    def functions(self, scope: Scope, plan: BufferPlan) -> Iterator[str]:
        """Print all functions."""
        for number, (body, used) in enumerate(zip(self.bodies, self._used, strict=True), 1):
            parameters = [field.declared("restrict ") for field in memory_fields(scope, used)]
            head = f"static GRADC_STEP void {self._called(number)}("
            yield from ([""] if number > 1 else [])
            yield from packed_lines(head, parameters, ") {")
            yield from (f"    {line}" for line in temporary_lines(scope, used, plan))
            yield from (*body.texts, "}")

    def _called(self, number: int) -> str:
        return f"{self._name}_step_{number}"
