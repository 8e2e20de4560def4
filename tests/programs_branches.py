"""Corpus: conditions inside and outside of loops."""

import numpy as np

from tests.programs import normals, positives, program


@program(normals(5), "kept")
def a_branch_on_the_index(x):
    total = 0.0
    for i in range(5):
        if i < 2:  # noqa: SIM108
            total = total + x[i] ** 2
        else:
            total = total * x[i]
    return total


@program(normals(6), "kept")
def a_branch_on_the_parity(x):
    y = np.zeros(6)
    for i in range(6):
        if i % 2 == 0:
            y[i] = np.sin(x[i])
        else:
            y[i] = y[i - 1] * x[i]
    return y


@program(normals(6), "kept", "real")
def if_elif_else(x):
    y = np.zeros(6)
    for i in range(6):
        if x[i] < -0.5:
            y[i] = x[i] ** 2
        elif x[i] < 0.0:
            y[i] = np.sin(x[i])
        elif x[i] < 0.5:
            y[i] = x[i] * x[i - 1]
        else:
            y[i] = 1.0
    return y


@program(normals(3), "kept", "real")
def if_without_else(x):
    y = x * 2
    if y[0] > 0:
        y = y * x
    return y


@program(normals(3), "kept", "real")
def branches_bind_different_names(x):
    a, b = x[0], x[1]
    if x[2] > 0:
        a = a * b
    else:
        b = a + np.exp(b)
    return a * b


@program(normals(3), "kept", "real")
def branches_inside_branches(x):
    if x[0] > 0:
        y = x[1] ** 2 if x[1] > 0 else np.sin(x[2])
    elif x[1] > x[2]:
        y = x[0] * x[1]
    else:
        y = x[2] if x[2] > -1 else -x[0] * x[2]
    return y


@program(normals(4), "kept", "real")
def branches_write(x):
    y = x.copy()
    if np.sum(x) > 0:
        y[1] *= 3.0
        y[2:] += y[0]
    else:
        y[0] = y[1] * y[2]
    return y


@program(normals((4, 4)), "kept", "real")
def clipped_element_by_element(a):
    y = a * 2
    for i in range(4):
        for j in range(4):
            if y[i, j] > 1.0:
                y[i, j] = 1.0
            elif y[i, j] < -1.0:
                y[i, j] = -1.0 + 0.1 * y[i, j]
    return y


@program(normals(6), "kept", "real")
def and_or_not(x):
    y = np.zeros(6)
    for i in range(1, 6):
        if (x[i] > 0 and x[i - 1] > 0) or not x[i] > -1:
            y[i] = x[i] * x[i - 1]
        elif not (x[i] > 0 or x[i - 1] > 0):
            y[i] = x[i]
    return y


@program(normals(6), "kept", "real")
def chained_comparisons(x):
    total = 0.0
    for v in x:
        if -1.0 < v <= 0.2:
            total = total + v * v
        elif 0.2 < v < x[0] < 5.0:
            total = total - v
    return total


@program(positives(4), "kept", "real")
def the_second_test_is_not_asked(x):
    y = np.zeros(4)
    for i in range(4):
        if i > 0 and x[i - 1] > 1.0:
            y[i] = np.log(x[i])
    return y


@program(normals(5), "kept", "real")
def conditional_expressions(x):
    y = np.zeros(5)
    for i in range(5):
        y[i] = x[i] ** 2 if x[i] > 0 else (x[i - 1] if i > 0 else 1.0)
    return y


@program(positives(3), "kept", "real")
def a_pole_in_the_other_branch(x):
    total = 0.0
    for i in range(3):
        d = x[i] - x[1]
        total = total + (np.sin(d) / d if abs(d) > 1e-8 else 1.0)
    return total


@program(normals(4), "kept", "real")
def maximum_by_hand(x):
    best, where = x[0], 0
    for i in range(1, 4):
        if x[i] > best:
            best, where = x[i], i
    return best * (where + 1)
