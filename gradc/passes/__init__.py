"""Passes: pure functions from graph to graph."""

from gradc.passes.simplify import Step, simplify

__all__ = ["Step", "simplify"]
