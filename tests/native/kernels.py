"""Hand-written C units for the tests of this folder and of `tests/runtime`."""

import time
from pathlib import Path
from textwrap import dedent

import pytest

from gradc.native.library import Unit

FRAME = """\
#include <stdint.h>
#include <stddef.h>

static int32_t {symbol}(void *const *b, const int64_t *dims)
{{
    (void)dims;
    {body}
    return 0;
}}
"""


def unit(body: str, symbol: str = "kernel_call", before: str = "", **meta: object) -> Unit:
    """Make a unit whose entry runs `body` on the block `b`."""
    return Unit(before + FRAME.format(symbol=symbol, body=body), symbol, dict(meta))


def doubling(size: int = 8, **meta: object) -> Unit:
    """b[1][i] = 2 b[0][i]."""
    return unit(
        "const double *x = b[0]; double *y = b[1];"
        f" for (ptrdiff_t i = 0; i < {size}; i++) y[i] = 2.0 * x[i];",
        **meta,
    )


def program(path: Path, text: str) -> Path:
    """Write an executable script."""
    path.write_text(dedent(text))
    path.chmod(0o755)
    return path


def assert_gone(pid: int) -> None:
    """The process is gone or only waits to be reaped by init."""
    for _ in range(200):
        status = Path(f"/proc/{pid}/stat")
        if not status.exists() or status.read_text().rpartition(")")[2].split()[0] == "Z":
            return
        time.sleep(0.005)
    pytest.fail("the compiler's child still runs")
