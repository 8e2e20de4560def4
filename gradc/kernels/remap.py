"""Statements that touch other memory than before, and are the same otherwise."""

from collections.abc import Sequence

from gradc.ir import Symbol
from gradc.kernels import retarget
from gradc.kernels.nest import Copy, Fill, Load, Loop, Ref, Stmt, Store
from gradc.kernels.retarget import RefMap

__all__ = ["with_refs"]

_AT = Symbol("at", "index")


def with_refs(body: Sequence[Stmt], change: RefMap) -> list[Stmt]:
    """Return statements with every reference sent through ``change``.

    Whole buffers that are filled or copied become loops where ``change`` moves them.
    """

    def whole(statement: Stmt) -> Stmt:
        return _whole(statement, change) if isinstance(statement, Fill | Copy) else statement

    return [retarget.with_refs(statement, change, whole) for statement in body]


def _whole(statement: Fill | Copy, change: RefMap) -> Stmt:
    target = statement.buffer if isinstance(statement, Fill) else statement.target
    touched = [target] if isinstance(statement, Fill) else [target, statement.source]
    old = [Ref(buffer, _AT.expr()) for buffer in touched]
    new = [change(ref) for ref in old]
    if new == old:
        return statement
    value = statement.value if isinstance(statement, Fill) else Load(new[1])
    store: Stmt = Store(new[0], value, statement.node)
    return Loop(_AT, 0, target.type.size, [store], apart=True)
