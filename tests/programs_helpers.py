"""Corpus: helpers that bind variables around them, ways out of a turn, zeros under two names."""

import numpy as np

from tests.programs import normals, program


@program(normals(6), "kept", "real")
def the_rest_of_a_turn_after_two_ways_out(x):
    v, k = x.copy(), 0
    for i in range(6):
        if x[i] > -0.5:
            if x[i] > 2.5:
                break
            v[i] *= 1.5
        v = np.roll(v, 1)
        k = k + 1
    return v * k


@program(normals(5), "kept", "real")
def a_result_behind_two_ways_out(x):
    total = 0.0
    for i in range(5):
        if x[i] > -0.5:
            if x[i] > 2.5:
                continue
            total = total + x[i]
        if total > 0.4:
            return total * x
    return x * 2.0


@program(normals(4), "kept", "real")
def a_loop_of_one_turn_that_is_left(x):
    total = x[0]
    for _ in range(1):
        if total > 0.3:
            total = total * 2.0
            break
        total = total + x[1]
    for i in range(1, 2):
        if total > 1.0:
            return total * x[i]
    return total


@program(normals(4), "kept", "real")
def a_helper_that_stops_early(x):
    total = x[0]

    def grow(a):
        nonlocal total
        total = total + a
        if total > 1.0:
            return
        total = np.sin(total)

    for v in x:
        grow(v)
    return total


@program(normals(4), "kept", "real")
def a_helper_that_returns_and_binds_a_variable_around(x):
    total = x[0]

    def grow(a):
        nonlocal total
        total = total + a
        if total > 1.0:
            return 0.5 * a
        total = np.sin(total)
        return a

    y = grow(x[1]) + grow(x[2])
    return total * y


@program(normals(5), "kept", "real")
def helpers_that_bind_a_variable_in_loops_and_branches(x):
    total, last = x[0], 1.0

    def keep(a):
        nonlocal last
        if a > 0.2:
            last = a

    def grow(a):
        nonlocal total
        keep(a)
        total = np.sin(total) + a

    for i in range(5):
        if x[i] > -0.3:
            grow(x[i])
    if total > 0.0:
        keep(total)
    return total * last


@program(normals(5), "kept", "real")
def zeros_under_two_names(x):
    v, w = x.copy(), np.zeros(5)
    y = x.copy()
    for r in (v, w):
        np.sin(r, out=v)
        k = 0
        while k < 2:
            if np.all(v < -0.55):
                break
            y *= x
            k += 1
    w[1] += x[0]
    return np.sum(w) + np.sum(y)
