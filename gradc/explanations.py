"""``explain`` and ``norms``: the chain rule of one gradient, on the user's own graph."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from gradc.api import Function
from gradc.arguments import choose_arguments
from gradc.autodiff import Joint, reverse
from gradc.capture.trace import Recording, is_traced_leaf, trace
from gradc.errors import GradcError, LimitError, TraceError
from gradc.options import Options
from gradc.passes import simplify
from gradc.rules import Gradient
from gradc.trees import flatten
from gradc.view.explain import explain as text_of_explain
from gradc.view.norms import norms as text_of_norms

__all__ = ["explain", "norms"]

_STEPS = 20_000
"""So many operations are shown one by one."""


class _Case(NamedTuple):
    """The joint graph of a gradient before simplification, and values for its inputs."""

    joint: Joint
    arguments: list[np.ndarray]


def explain(function: Function, args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
    """Return, for each named value, its adjoint as the sum of its children's contributions."""
    case = _case(function, args, kwargs)
    return text_of_explain(case.joint.graph, case.joint.adjoints, case.arguments)


def norms(function: Function, args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
    """Return the norms of the adjoints of all named values, from the result backwards."""
    case = _case(function, args, kwargs)
    return text_of_norms(case.joint.graph, case.joint.adjoints, case.arguments)


def _case(function: Function, args: Sequence[Any], kwargs: Mapping[str, Any]) -> _Case:
    rule = function.derived
    if not isinstance(rule, Gradient):
        raise GradcError(
            f"{function.__name__} is not a gradient",
            repair="ask gradc.grad(f) or gradc.value_and_grad(f) to explain itself",
        )
    recording = _turn_by_turn(rule.fn, tuple(args), kwargs, function.options)
    leaves, _ = flatten((tuple(args), dict(kwargs)))
    chosen, _ = choose_arguments(rule.fn, rule.argnums, args, kwargs)
    wanted = {leaf for c in chosen for leaf in c.leaves if is_traced_leaf(leaves[leaf])}
    joint = reverse(simplify(recording.graph), _positions(recording, wanted))
    return _Case(joint, [np.asarray(value) for value in recording.gather(leaves)])


def _turn_by_turn(
    fn: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any], options: Options
) -> Recording:
    """Record with every turn of a loop apart, each with values of its own to look at.

    Where that is too long, or a condition decides, loops stay what they are compiled as.
    """
    straight = options.but(regions=False, max_nodes=min(options.max_nodes, _STEPS))
    try:
        return trace(fn, args, kwargs, options=straight)
    except (LimitError, TraceError):
        return trace(fn, args, kwargs, options=options)


def _positions(recording: Recording, wanted: set[int]) -> list[int]:
    return [i for i, one in enumerate(recording.inputs) if one.leaf in wanted]
