"""The long way from a call to compiled code: record, derive, simplify, and find or build it.

This module brings in everything that this takes; a call that is served otherwise never loads it.
"""

from typing import Any

from gradc.api import Function
from gradc.artifact import Artifact
from gradc.capture.hooks import call_function
from gradc.capture.trace import Recording, check_arguments, is_traced_leaf, leaf_type
from gradc.collector import rare_collections
from gradc.donation import with_donations
from gradc.fitting import fitted
from gradc.pipeline import compile_recording

__all__ = ["call_function", "check_arguments", "compiled", "is_traced_leaf", "leaf_type"]


def compiled(
    function: Function, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[Recording, Artifact]:
    """Record a function for the types of these arguments, and compile what was recorded."""
    options = function.options
    with rare_collections():
        recording = fitted(function.fn, args, kwargs, options)
        recording = with_donations(recording, function, options.donate, args, kwargs)
        return recording, compile_recording(recording, function.__name__, options)
