"""``donate=``: which result lies in the memory of which argument."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from gradc.arguments import choose_arguments
from gradc.capture.trace import Recording
from gradc.capture.tracer import Kind
from gradc.errors import ArgumentError
from gradc.options import Donate

__all__ = ["with_donations"]


def with_donations(
    recording: Recording,
    fn: Any,
    donate: Donate,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
) -> Recording:
    """Return the recording with a result for every array of the donated arguments.

    An argument gets the result that the function calls by the same name where there is one of its
    shape and dtype, else the first of those that are left.

    Raises
    ------
    ArgumentError
        When something donated is no array, is overwritten by the function itself, or no result of
        its shape and dtype is left.
    """
    if donate == ():
        return recording
    chosen, _ = choose_arguments(fn, donate, args, kwargs, "donate")
    leaves = {
        leaf: path for one in chosen for leaf, path in zip(one.leaves, one.paths, strict=True)
    }
    wanted = [_input(recording, leaf, path) for leaf, path in leaves.items()]
    taken: dict[int, int] = {}
    for position in wanted:
        found = _called_alike(recording, position, taken)
        if found is not None:
            taken[found] = position
    for position in wanted:
        if position not in taken.values():
            taken[_first_left(recording, position, taken)] = position
    return replace(recording, donated=tuple(sorted(taken.items())))


def _input(recording: Recording, leaf: int, path: str) -> int:
    """Return which input a donated leaf is."""
    for position, one in enumerate(recording.inputs):
        if one.role == "argument" and one.leaf == leaf and one.kind is Kind.ARRAY:
            if any(written.input == position for written in recording.written):
                raise ArgumentError(
                    f"{recording.name} overwrites {path} itself, so it cannot be donated",
                    span=recording.span,
                    repair=f"leave {path} out of donate",
                )
            return position
    raise ArgumentError(
        f"{recording.name} donates {path}, which is no array",
        span=recording.span,
        repair=f"pass {path} as an array, or leave it out of donate",
    )


def _fitting(recording: Recording, position: int, taken: Mapping[int, int]) -> Iterator[int]:
    """Yield the results of an input's type that are arrays and still have memory of their own."""
    graph, wanted = recording.graph, recording.inputs[position].type
    for leaf in recording.results:
        if leaf.output < 0 or leaf.output in taken or leaf.kind is not Kind.ARRAY:
            continue
        if graph[graph.outputs[leaf.output]].type == wanted:
            yield leaf.output


def _called_alike(recording: Recording, position: int, taken: Mapping[int, int]) -> int | None:
    graph, name = recording.graph, recording.inputs[position].name
    return next(
        (
            k
            for k in _fitting(recording, position, taken)
            if graph.names.get(graph.outputs[k]) == name
        ),
        None,
    )


def _first_left(recording: Recording, position: int, taken: Mapping[int, int]) -> int:
    for output in _fitting(recording, position, taken):
        return output
    one = recording.inputs[position]
    raise ArgumentError(
        f"{recording.name} donates {one.name} {one.type}, "
        "but no result of this shape and dtype is left to take its memory",
        span=recording.span,
        repair=f"leave {one.name} out of donate, or return an array like it",
    )
