"""Programs with branches, conditions and loops that end when they will."""

import numpy as np


def early_return(x):
    if x[0] > 1.0:
        return x * 2
    y = np.sin(x)
    if np.sum(y) > 3.0:
        return y
    return y - 1.0


def branch_assigns(x):
    if np.sum(x) > 5.0:
        y = x * 2
        z = 1.0
    else:
        y = np.sin(x)
        z = 0.0
    return y + z


def branch_writes(x):
    y = x.copy()
    if y[0] > 1.0:
        y[1] = 0.0
    else:
        y[2:] *= 3.0
    return y


def chain(x):
    s = np.sum(x)
    if s < 4.0:
        r = 1.0 * s
    elif s < 5.0:
        r = 2.0 * s
    elif s < 6.0:
        r = 3.0 * s
    else:
        r = 4.0 * s
    return r


def conditional_expression(x):
    return x * (2.0 if x[0] > 1.0 else x[1])


def short_circuit(x):
    s = 0.0
    if (x[0] > 0.9 and x[1] > 0.9) or not x[2] > 0.9:
        s = s + 1.0
    return s * x


def between(x):
    total, low = x[0] * 0.0, 0.2
    for i in range(5):
        v = x[i]
        if low < v < 1.3:
            total = total + v
    return total


def newton(x):
    y = x[0]
    while abs(y * y - x[1]) > 1e-12:
        y = 0.5 * (y + x[1] / y)
    return y


def newton_from_a_number(x):
    err, y = 1.0, x[0]
    while err > 1e-10:
        new = 0.5 * (y + x[1] / y)
        err = abs(new - y)
        y = new
    return y


def with_break(x):
    total = 0.0
    for i in range(5):
        total = total + x[i]
        if total > 2.0:
            break
    return total


def with_continue(x):
    total = 0.0
    for i in range(5):
        if x[i] < 1.0:
            continue
        total = total + x[i]
    return total


def with_return(x):
    total = 0.0
    for i in range(5):
        total = total + x[i]
        if total > 2.0:
            return total * 10
    return total


def forever(x):
    y = x[0]
    while True:
        y = y * 1.5
        if y > 20.0:
            break
    return y


def nested_break(a):
    total = 0.0
    for i in range(4):
        for j in range(5):
            if a[i, j] > 1.3:
                break
            total = total + a[i, j]
    return total


def while_with_counter(x):
    n, y = 0, x[0]
    while y < 30.0 and n < 100:
        y = y * 1.7
        n += 1
    return y * n


def static_while(x):
    n = 0
    while n < 5:
        x = np.sin(x)
        n += 1
    return x
