"""Adjoints that are cleared and then added back to.

The reverse of ``x[s] = f(x[s])`` reads the adjoint of the part, clears it, and adds what flows to
the old part.  Clearing first and adding later is one write, and no write at all where what is added
is what was there::

    index_add(index_put(x_bar, 0, s), x_bar[s], s)      x_bar
    index_add(index_put(x_bar, 0, s), v, s)             index_put(x_bar, v, s)

Sums into other parts that stand between the two are made afterwards.  Only adjoints are treated so:
their sums have no order that a user could see, nor have their zeros a sign.
"""

from typing import NamedTuple

from gradc.ir import IndexSpec, Value, op_named
from gradc.passes.rewrite import literal, rule

__all__ = ["is_cleared"]


class _Sum(NamedTuple):
    value: Value
    spec: IndexSpec


@rule("index_add")
def add_to_cleared(x: Value, v: Value, *arrays: Value, spec: IndexSpec) -> Value | None:
    """Write what is added to a cleared part; leave the part alone where that was there before."""
    if arrays:
        return None
    between: list[_Sum] = []
    at = x
    while at.node.op.name == "index_add" and len(at.node.operands) == 2:
        base, value = at.graph.values(at.node.operands)
        between.append(_Sum(value, at.node.params["spec"]))
        at = base
    if not is_cleared(at, spec):
        return None
    old = at.graph.value(at.node.operands[0])
    back = v.node.op.name == "index" and v.node.operands == (old.id,)
    if back and v.node.params["spec"] == spec:
        result = old
    elif _depends(v, at):
        return None
    else:
        result = op_named("index_put")(old, v, spec=spec)
    for one in reversed(between):
        result = op_named("index_add")(result, one.value, spec=one.spec)
    return result


def is_cleared(x: Value, spec: IndexSpec) -> bool:
    """Tell whether a value is an adjoint that was just cleared in one part."""
    node = x.node
    if node.op.name != "index_put" or len(node.operands) != 2 or node.origin.adjoint_of is None:
        return False
    return node.params["spec"] == spec and literal(x.graph.value(node.operands[1])) == 0


def _depends(v: Value, on: Value) -> bool:
    """Tell whether a value is made from another one; ids grow along the way."""
    seen, stack = {v.id}, [v.id]
    while stack:
        id = stack.pop()
        if id == on.id:
            return True
        fresh = {i for i in v.graph[id].operands if i >= on.id} - seen
        seen |= fresh
        stack.extend(fresh)
    return False
