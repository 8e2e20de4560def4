"""What must run before a root because a ``barrier`` says so."""

from collections.abc import Iterator

from gradc.kernels.placement import Placement

__all__ = ["awaited"]


def awaited(p: Placement) -> dict[int, set[int]]:
    """Return, for each root that sees a value through a barrier, the roots that it waits for."""
    if all(node.op.name != "barrier" for node in p.nodes):
        return {}
    found: dict[int, set[int]] = {}
    for id in p.form:
        for inner in _inside(p, id):
            if p.node(inner).op.name == "barrier":
                after = p.node(inner).operands[1]
                roots = {i for i in (after, *_inside(p, after)) if i in p.form}
                found.setdefault(id, set()).update(roots - {id})
    return found


def _inside(p: Placement, id: int) -> Iterator[int]:
    """Yield what a value is made of, as far as the next roots, and those."""
    seen: set[int] = set()
    stack = list(p.terms.get(id, p.node(id).operands))
    while stack:
        here = stack.pop()
        if here not in seen:
            seen.add(here)
            yield here
            if here not in p.form:
                stack.extend(p.node(here).operands)
