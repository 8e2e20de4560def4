"""How often each local of a function is read, and the nodes each statement computes."""

from collections import Counter
from collections.abc import Iterator

from gradc.kernels import nest
from gradc.kernels.nest import Expr, Local, Stmt

__all__ = ["child_blocks", "children", "count_uses", "node_of", "operands", "set_by"]


def children(expr: Expr) -> tuple[Expr, ...]:
    """Return the direct parts of an expression."""
    if isinstance(expr, nest.Apply):
        return expr.args
    if isinstance(expr, nest.Choose):
        return (expr.condition, expr.a, expr.b)
    if isinstance(expr, nest.Load):
        return tuple(gather for gather, _ in expr.ref.gathers)
    return ()


def operands(stmt: Stmt) -> tuple[Expr, ...]:
    """Return the expressions that a statement evaluates itself, not those of its blocks."""
    parts: list[Expr] = []
    if isinstance(stmt, nest.Let | nest.Declare | nest.Store | nest.Accumulate | nest.Assign):
        parts.append(stmt.value)
    if isinstance(stmt, nest.Check):
        parts.append(stmt.value)
    if isinstance(stmt, nest.If | nest.Break):
        parts.append(stmt.condition)
    if isinstance(stmt, nest.Store):
        parts += [gather for gather, _ in stmt.ref.gathers]
    if isinstance(stmt, nest.Accumulate) and isinstance(stmt.target, nest.Ref):
        parts += [gather for gather, _ in stmt.target.gathers]
    if isinstance(stmt, nest.MatMul):
        parts += [g for matrix in (stmt.a, stmt.b, stmt.c) for g, _ in matrix.ref.gathers]
    return tuple(parts)


def child_blocks(stmt: Stmt) -> tuple[list[Stmt], ...]:
    """Return the blocks inside a statement."""
    if isinstance(stmt, nest.Loop | nest.While):
        return (stmt.body,)
    return (stmt.then, stmt.otherwise) if isinstance(stmt, nest.If) else ()


def node_of(stmt: Stmt) -> int:
    """Return the graph node that a statement computes, -1 for none."""
    if isinstance(stmt, nest.Let | nest.Declare | nest.Assign):
        return stmt.local.node
    if (
        isinstance(stmt, nest.Accumulate)
        and stmt.node < 0
        and not isinstance(stmt.target, nest.Ref)
    ):
        target = stmt.target
        return target.node if isinstance(target, Local) else target.local.node
    return getattr(stmt, "node", -1)


def count_uses(blocks: list[list[Stmt]]) -> Counter[Local]:
    """Count the reads of every local, last statement first, passing over scalars nobody reads."""
    ordered = list(_backwards(blocks))
    mutable = {local for stmt in ordered if (local := set_by(stmt)) is not None}
    live = mutable
    while True:
        uses = _count(ordered, live)
        read = {local for local in mutable if uses[local]}
        if read >= live:
            return uses
        live = read


def _count(ordered: list[Stmt], live: set[Local]) -> Counter[Local]:
    """Count reads, last statement first, by statements that do more than set a dead scalar."""
    uses: Counter[Local] = Counter()
    for stmt in ordered:
        target = set_by(stmt)
        dead = isinstance(stmt, nest.Let) and not uses[stmt.local]
        if not dead and (target is None or target in live):
            uses.update(_read_by(stmt))
    return uses


def set_by(stmt: Stmt) -> Local | None:
    """Return the mutable scalar that a statement does nothing but set."""
    if isinstance(stmt, nest.Declare | nest.Assign):
        return stmt.local
    target = stmt.target if isinstance(stmt, nest.Accumulate) else None
    return target if isinstance(target, Local) else None


def _read_by(stmt: Stmt) -> Iterator[Local]:
    waiting = list(operands(stmt))
    while waiting:
        expr = waiting.pop()
        if isinstance(expr, Local):
            yield expr
        elif isinstance(expr, nest.Lane | nest.Combine):
            yield expr.local
        else:
            waiting.extend(children(expr))


def _backwards(blocks: list[list[Stmt]]) -> Iterator[Stmt]:
    """Walk all statements from the last to the first, a block's before the statement it is in."""
    waiting: list[tuple[Stmt, bool]] = [(stmt, False) for block in blocks for stmt in block]
    while waiting:
        stmt, opened = waiting.pop()
        blocks_inside = child_blocks(stmt)
        if opened or not blocks_inside:
            yield stmt
            continue
        waiting.append((stmt, True))
        waiting.extend((inner, False) for block in blocks_inside for inner in block)
