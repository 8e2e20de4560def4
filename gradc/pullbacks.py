"""``vjp``: a forward function that keeps what the backward function needs."""

from collections.abc import Sequence
from typing import Any

from gradc.api import Function
from gradc.autodiff import Split, reverse_seeded, split
from gradc.capture.trace import inline_call
from gradc.capture.tracer import Kind, Tracer, wrap
from gradc.derivatives import TracedCall, memory_budget, operand_of, record
from gradc.errors import ArgumentError, DerivativeError
from gradc.ir import ArrayType, is_float
from gradc.options import Options
from gradc.passes import simplify
from gradc.records import dataclass
from gradc.rules import AnyFunction
from gradc.trees import TreeDef, flatten, unflatten

__all__ = ["Pullback", "pullback_function"]


def pullback_function(fn: AnyFunction, options: Options) -> Function:
    """Return the function of the primals that gives ``(value, residuals, pullback)``."""
    name = f"{getattr(fn, '__name__', 'function')}_forward"
    rule = _ForwardPart(fn, options)
    return Function(rule, options, name=name, derived=rule)


@dataclass(frozen=True, slots=True)
class _ForwardPart:
    """Records the forward half of a joint graph."""

    fn: AnyFunction
    options: Options

    def __call__(self, *primals: Any) -> Any:
        wrt = tuple(i for i, primal in enumerate(primals) if _has_float(primal))
        traced = record(self.fn, wrt, primals, {})
        if not any(is_float(traced.graph[id].type.dtype) for id in traced.graph.outputs):
            raise DerivativeError(
                f"{getattr(self.fn, '__name__', 'the function')} returns nothing floating-point",
                span=traced.span,
                repair="return a floating-point array",
            )
        joint = reverse_seeded(traced.graph, traced.wrt, memory_budget())
        primal_inputs = len(traced.graph.inputs)
        seeds = range(primal_inputs, len(joint.graph.inputs))
        parts = split(simplify(joint.graph), joint.values, seeds)
        results = inline_call(parts.forward, traced.operands)
        value = traced.sub.assemble(results[: joint.values])
        pullback = Pullback(parts, _Result.of(value), traced, self.options, len(primals), wrt)
        return value, tuple(wrap(r, Kind.ARRAY) for r in results[joint.values :]), pullback


def _has_float(primal: Any) -> bool:
    return any(
        isinstance(leaf, float) or getattr(getattr(leaf, "dtype", None), "kind", "") == "f"
        for leaf in flatten(primal)[0]
    )


@dataclass(frozen=True, slots=True)
class _Result:
    """The structure of a value, with the types of its leaves (None: no derivative)."""

    tree: TreeDef
    types: tuple[ArrayType | None, ...]

    @classmethod
    def of(cls, value: Any) -> "_Result":
        leaves, tree = flatten(value)
        return cls(tree, tuple(_type_of(leaf) for leaf in leaves))

    def cotangents(self, ct: Any) -> list[Any]:
        """Return the floating-point leaves of a cotangent given in the structure of the value."""
        leaves, tree = flatten(ct)
        if len(leaves) != len(self.types) and tree != self.tree:
            raise ArgumentError(
                f"the cotangent has {len(leaves)} leaves, the value has {len(self.types)}",
                repair="pass a cotangent in the structure of the value",
            )
        return [leaf for leaf, kind in zip(leaves, self.types, strict=True) if kind is not None]

    @property
    def seeds(self) -> list[ArrayType]:
        return [kind for kind in self.types if kind is not None]


def _type_of(leaf: Any) -> ArrayType | None:
    if isinstance(leaf, Tracer) and is_float(leaf.dtype):
        return ArrayType(leaf.dtype, tuple(leaf.shape))
    return None


class Pullback:
    """The backward half: ``(residuals, cotangent) -> one derivative for each primal``.

    Primals without floating-point leaves get None.
    """

    def __init__(
        self,
        parts: Split,
        result: _Result,
        traced: TracedCall,
        options: Options,
        count: int,
        wrt: Sequence[int],
    ) -> None:
        self.parts = parts
        self._result = result
        self._chosen = traced.chosen
        self._count, self._wrt = count, tuple(wrt)
        name = f"{traced.graph.name}_pullback"
        self._backward = Function(self._record, options, name=name)

    def __call__(self, residuals: Sequence[Any], ct: Any) -> tuple[Any, ...]:
        """Pull a cotangent back."""
        found = iter(self._backward(tuple(residuals), tuple(self._result.cotangents(ct))))
        trees: list[Any] = [None] * self._count
        for position, chosen in zip(self._wrt, self._chosen, strict=True):
            trees[position] = unflatten(chosen.tree, [next(found) for _ in chosen.leaves])
        return tuple(trees)

    def _record(self, residuals: Sequence[Any], cts: Sequence[Any]) -> tuple[Any, ...]:
        seeds = [
            operand_of(ct, kind, "the cotangent")
            for ct, kind in zip(cts, self._result.seeds, strict=True)
        ]
        kept = [
            operand_of(r, node.type, "a residual")
            for r, node in zip(residuals, self.parts.residuals, strict=True)
        ]
        found = inline_call(self.parts.backward, [*kept, *seeds])
        return tuple(wrap(bar, Kind.ARRAY if bar.ndim else Kind.SCALAR) for bar in found)

    def residual_report(self) -> list[tuple[str, ArrayType]]:
        """Return names and types of the values kept between the two halves."""
        names = self.parts.forward.names
        ids = self.parts.forward.outputs[self.parts.values :]
        return [(names.get(id, f"%{id}"), self.parts.forward[id].type) for id in ids]
