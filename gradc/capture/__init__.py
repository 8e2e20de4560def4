"""Record plain NumPy functions as graphs."""

from gradc import ops
from gradc.capture import callbacks, numpy_map
from gradc.capture.dispatch import supported_names
from gradc.capture.trace import (
    Input,
    Recording,
    ResultLeaf,
    Subgraph,
    Written,
    inline_call,
    is_traced_leaf,
    is_tracing,
    leaf_type,
    leaf_values,
    subtrace,
    trace,
)
from gradc.capture.tracer import Kind, Tracer

__all__ = [
    "Input",
    "Kind",
    "Recording",
    "ResultLeaf",
    "Subgraph",
    "Tracer",
    "Written",
    "callbacks",
    "inline_call",
    "is_traced_leaf",
    "is_tracing",
    "leaf_type",
    "leaf_values",
    "numpy_map",
    "ops",
    "subtrace",
    "supported_names",
    "trace",
]
