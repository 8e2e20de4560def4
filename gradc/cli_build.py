"""``gradc build``."""

import argparse

from gradc.ahead import build
from gradc.cli_target import derived, find_target

__all__ = ["run"]


def run(options: argparse.Namespace) -> int:
    """Build, and print the files."""
    target = find_target(options)
    built = build(
        derived(target, options),
        target.args,
        target.kwargs,
        out=options.out,
        name=options.name,
        overwrite=not options.no_overwrite,
        libraries=False if options.no_libraries else None,
        math=options.math,
    )
    for path in built.files:
        print(path)
    return 0
