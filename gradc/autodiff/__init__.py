"""Derivatives of graphs by the chain rule: reverse mode, forward mode, and their split."""

from gradc.autodiff.activity import Cut
from gradc.autodiff.adjoint import Adjoints, Term, adjoints
from gradc.autodiff.derive import Joint, check_differentiable, forward, reverse, reverse_seeded
from gradc.autodiff.split import Split, split
from gradc.autodiff.tangent import tangents

__all__ = [
    "Adjoints",
    "Cut",
    "Joint",
    "Split",
    "Term",
    "adjoints",
    "check_differentiable",
    "forward",
    "reverse",
    "reverse_seeded",
    "split",
    "tangents",
]
