"""``gradc coverage``: which NumPy functions may be called, and what has been checked of each."""

import argparse

from gradc.coverage import coverage_text

__all__ = ["run"]


def run(options: argparse.Namespace) -> int:
    """Print one line a name."""
    print(coverage_text())
    return 0
