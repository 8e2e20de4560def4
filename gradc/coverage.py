"""Which of NumPy's names a compiled function may call, and what has been checked of each.

The rows stand in ``coverage.json`` beside this file.  They are written by the tests, which try
every name in both backends against NumPy itself, and by nobody else; which derivative the recorded
ops have, the registry says.
"""

import json
from collections.abc import Mapping
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np

from gradc import ops
from gradc.ir.op import ZERO_DERIVATIVE, Op, Rule
from gradc.view.text import table

__all__ = ["RESULTS", "coverage_table", "coverage_text", "function_named"]

RESULTS = Path(__file__).with_name("coverage.json")
_KINDS = {"f8": "float64", "f4": "float32", "i8": "int64", "?": "bool"}
_REGISTRY: Mapping[str, Op] = {op.name: op for op in ops.registry()}


def function_named(name: str) -> Any:
    """Return NumPy's function of that name, such as ``linalg.inv``."""
    return reduce(getattr, name.split("."), np)


def _rows() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = json.loads(RESULTS.read_text(encoding="utf-8"))
    return found


def _derivative(row: Mapping[str, Any]) -> str:
    """Say what derivative a name has: by its ops, where its result is real."""
    recorded = [_REGISTRY[name] for name in row["ops"]]
    if not row["real"]:
        return "no real result"
    flat = any(op.derivative is ZERO_DERIVATIVE for op in recorded)
    if flat and not any(isinstance(op.derivative, Rule) for op in recorded):
        return "zero by rule"
    return "any order"


def coverage_text() -> str:
    """Return one line a name: operands, derivative, and the ops that record it."""
    rows = [("name", "operands", "derivative", "recorded as")]
    for name, row in _rows().items():
        kinds = " ".join(_KINDS[kind] for kind in row["kinds"])
        rows.append((f"np.{name}", kinds, _derivative(row), " ".join(row["ops"]) or "nothing new"))
    head = f"{len(rows) - 1} names, each checked against NumPy in the NumPy and the C backend"
    return "\n".join([head, "", *table(rows)])


def coverage_table() -> str:
    """Return the names by group, for people: a Markdown table."""
    groups: dict[tuple[str, str], list[str]] = {}
    for name, row in _rows().items():
        groups.setdefault((row["group"], _derivative(row)), []).append(f"`{name}`")
    lines = ["| group | derivative | names |", "| --- | --- | --- |"]
    lines += [
        f"| {group} | {derivative} | {' '.join(names)} |"
        for (group, derivative), names in groups.items()
    ]
    return "\n".join(lines) + "\n"
