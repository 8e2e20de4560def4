"""Values of one turn are made once, unless something changes what they are made of."""

from collections.abc import Sequence

import numpy as np

from gradc import ops
from gradc.ir import ArrayType, Symbol
from gradc.kernels.nest import Accumulate, Apply, Buffer, Expr, Let, Load, Local, Ref, Stmt, Store
from gradc.kernels.once import made_once

F8 = np.dtype(float)
i = Symbol("i", "index").expr()
X, Y, Z = (Buffer("temporary", ArrayType(F8, (9,)), name) for name in "xyz")


def negative(expr: Expr) -> Expr:
    return Apply(ops.negative, (expr,), F8, F8)


def lets(*values: Expr) -> list[Let]:
    return [Let(Local(F8), value) for value in values]


def plain(body: Sequence[Stmt]) -> list[object]:
    """Return what statements do, to be compared."""
    return [
        (s.local, s.value) if isinstance(s, Let) else (type(s), s.value)  # type: ignore[union-attr]
        for s in body
    ]


def test_equal_values_are_one():
    a, b, c = lets(*[negative(Load(Ref(X, i)))] * 2, negative(Load(Ref(X, i + 1))))
    end = Store(Ref(Y, i), negative(b.local))
    renamed = Store(Ref(Y, i), negative(a.local))
    assert plain(made_once([a, b, c, end])) == plain([a, c, renamed])


def test_what_is_written_between_them_is_read_again():
    a, b = lets(*[negative(Load(Ref(X, i)))] * 2)
    for write in (Store(Ref(X, i + 3), a.local), Accumulate(Ref(X, i), "sum", a.local)):
        assert plain(made_once([a, write, b])) == plain([a, write, b])
    total = Local(F8)
    c, d = lets(*[negative(total)] * 2)
    add = Accumulate(total, "sum", a.local)
    assert plain(made_once([c, add, d])) == plain([c, add, d])


def test_what_is_stored_is_not_read_back():
    store = Store(Ref(Y, i), negative(Load(Ref(X, i))))
    copy = Store(Ref(Z, i), Load(Ref(Y, i)))
    let, first, second = made_once([store, copy])
    assert isinstance(let, Let)
    assert isinstance(first, Store)
    assert isinstance(second, Store)
    assert first.value is second.value is let.local
    other = Store(Ref(Y, i + 1), let.local)
    last = made_once([store, other, copy])[-1]
    assert isinstance(last, Store)
    assert last.value == Load(Ref(Y, i))
