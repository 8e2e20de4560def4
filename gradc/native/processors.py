"""How many processors this process may use.

Public: ``processors() -> int``.
"""

import os
from contextlib import suppress
from pathlib import Path

__all__ = ["processors"]

_QUOTA = Path("/sys/fs/cgroup/cpu.max")


def processors() -> int:
    """Return how many processors this process may use, a container's share included."""
    if hasattr(os, "sched_getaffinity"):
        found = len(os.sched_getaffinity(0))
    else:
        found = os.cpu_count() or 1
    with suppress(OSError, ValueError):
        quota, period = map(int, _QUOTA.read_text().split())
        found = min(found, max(1, -(-quota // period)))
    return found
