"""Stores to temporaries that nobody reads are left out."""

import numpy as np

from gradc.ir import ArrayType, Symbol
from gradc.kernels.nest import Accumulate, Buffer, Fill, Load, Loop, Number, Ref, Stage, Store
from gradc.kernels.unread import drop_unread

AXIS = Symbol("i", "index")
i = AXIS.expr()
ONE = Number(1.0, np.dtype(float))


def test_only_what_nobody_reads_goes():
    kind = ArrayType(float, (9,))
    unread, read, added = (Buffer("temporary", kind) for _ in range(3))
    result = Buffer("output", kind)
    kept = [
        Store(Ref(read, i), ONE),
        Store(Ref(result, i), Load(Ref(read, i))),
        Accumulate(Ref(added, i), "sum", ONE),
    ]
    first = Loop(AXIS, 0, 9, [Store(Ref(unread, i), ONE), *kept])
    second = Loop(AXIS, 0, 9, [Store(Ref(unread, i), ONE)])
    (stage,) = drop_unread([Stage([Fill(unread, ONE), first, second])])
    assert len(stage.body) == 1
    (loop,) = stage.body
    assert isinstance(loop, Loop)
    assert loop.body == kept
