"""Corpus: loops that end when the values say so."""

import numpy as np

from tests.programs import normals, positives, program


@program(normals(8), "kept", "real")
def continue_early(x):
    total = x[0]
    for v in x:
        if v < 0:
            continue
        if v > 1:
            total = total + 1.0
            continue
        total = total + v**2
    return total


@program(normals(8), "kept", "real")
def break_at_a_total(x):
    total = 0.0
    for v in x:
        total = total + v * v
        if total > 2.0:
            break
    return total


@program(normals(8), "kept", "real")
def break_before_the_update(x):
    total, k = 1.0, 0
    for i in range(8):
        if total > 1.5:
            break
        total, k = total + np.abs(x[i]), i
    return total * (k + 1)


@program(normals(8), "kept", "real")
def break_and_continue(x):
    y = np.zeros(8)
    for i in range(8):
        if x[i] < -0.2:
            continue
        y[i] = np.exp(x[i])
        if np.sum(y) > 4.0:
            break
        y[i] *= 2.0
    return y


@program(normals(6), "kept", "real")
def return_from_a_loop(x):
    total = 0.0
    for i in range(6):
        total = total + np.abs(x[i])
        if total > 2.0:
            return total * x[i]
    return total - 1.0


@program(normals((4, 4)), "kept", "real")
def return_from_two_loops(a):
    for i in range(4):
        for j in range(4):
            if a[i, j] > 0.8:
                return a[i, j] ** 2 * a[j, i]
    return a[0, 0]


@program(normals(4), "kept", "real")
def early_returns(x):
    if x[0] > 1.0:
        return x * 2
    y = np.sin(x)
    if np.sum(y) > 0.0:
        return y * y
    return y - x**3


@program(normals(6), "kept", "real")
def a_helper_with_early_returns(x):
    def soft(v):
        if v > 1.0:
            return 2 * v - 1.0
        if v < -1.0:
            return 0.0
        return v * v

    total = 0.0
    for v in x:
        total = np.sin(total) + soft(v)
    return total


@program(normals(6), "kept", "real")
def for_else_that_breaks(x):
    for v in x:
        if v > 0.5:
            found = v**2
            break
    else:
        found = x[0]
    return found * x[1]


@program(normals(6), "kept", "real")
def for_else_that_does_not_break(x):
    total = 0.0
    for v in x:
        if v > 100.0:
            break
        total = total + v**3
    else:
        total = total * 2.0
    return total


@program(positives(2), "kept", "real")
def a_root_by_newton(x):
    y = x[0]
    while abs(y * y - x[1]) > 1e-5:
        y = 0.5 * (y + x[1] / y)
    return y


@program(positives(2), "kept", "real")
def while_true_with_break(x):
    y, n = x[0], 0
    while True:
        y = y * 1.3 + x[1]
        n += 1
        if y > 20.0:
            break
    return y * n


@program(positives(3), "kept", "real")
def while_with_several_exits(x):
    y, t = x[0], 0.0
    while t < 5.0:
        y = y + 0.3 * np.sin(y * x[1])
        if y > 6.0:
            return y * t
        t = t + 0.25
        if y * x[2] > 4.0:
            break
        if y < 1.0:
            continue
        t = t + 0.1 * x[2]
    return y + t


@program(positives(3), "kept", "real")
def while_with_else(x):
    y = x[0]
    while y < 10.0:
        y = y * (1.2 + x[1])
        if y > 1000.0:
            break
    else:
        y = y * x[2]
    return y


@program(positives(2), "kept", "real")
def while_and_a_counter(x):
    n, y = 0, x[0]
    while y < 12.0 and n < 50:
        y = y * (1.1 + x[1])
        n += 1
    return y / n


@program(positives(4), "kept", "real")
def while_over_an_array(x):
    y = x.copy()
    while np.max(y) > 0.1:
        y *= 0.5
        y[1:] += 0.1 * y[:-1]
    return y


@program(normals(8), "kept", "real")
def while_by_an_index(x):
    i, total = 0, 0.0
    while i < 8 and total < 3.0:
        total = total + x[i] ** 2
        i += 1
    return total * i


@program(normals(9), "kept", "real")
def while_by_two_indices(x):
    i, j, total = 0, 8, 0.0
    while i < j:
        total = total + x[i] * x[j]
        if x[i] < x[j]:
            i += 1
        else:
            j -= 1
    return total


@program(positives(3), "kept", "real")
def bisection(x):
    low, high = 0.0, 4.0
    for _ in range(6):
        middle = 0.4 * (low + high) + 0.1 * x[1]
        if middle**3 > x[0] + x[1]:
            high = middle
        else:
            low = middle
    return (low + high) * x[2]


@program(positives(3), "kept", "real")
def a_condition_in_a_loop_in_a_while(x):
    y, total = x.copy(), 0.0
    while np.sum(y) < 20.0:
        for i in range(3):
            if y[i] > 2.0:
                total = total + np.sqrt(y[i])
            else:
                y[i] = y[i] * 1.5
        y = y * 1.1
    return total + y


@program(positives(4), "kept", "real")
def a_while_in_a_loop(x):
    total = 0.0
    for i in range(4):
        v = x[i]
        while v < 3.0:
            v = v * 1.4 + 0.1 * x[0]
        total = total + v * (i + 1)
    return total


@program(positives((3, 4)), "kept", "real")
def break_from_the_inner_loop(a):
    total = 0.0
    for i in range(3):
        for j in range(4):
            if a[i, j] > 1.5:
                break
            total = total * 0.5 + a[i, j] ** 2
        total = total + i
    return total


@program(positives((3, 4)), "kept", "real")
def break_from_both_loops(a):
    total = 0.0
    for i in range(3):
        for j in range(4):
            total = total + a[i, j] ** 2
            if total > 6.0:
                break
        if total > 6.0:
            break
        total = total * 1.1
    return total


@program(positives(2), "kept", "real")
def adaptive_steps(x):
    t, h, y = 0.0, 0.4, x[0]
    while t < 1.0:
        full = y + h * -x[1] * y
        half = y + 0.5 * h * -x[1] * y
        twice = half + 0.5 * h * -x[1] * half
        if abs(twice - full) > 1e-2:
            h = h * 0.5
            continue
        t, y = t + h, twice
        h = h * 1.1
    return y


@program(positives(4), "kept", "real")
def while_over_numbers_then_values(x):
    n, y = 1, x
    while n < 8:
        y = np.sin(y) + n
        n *= 2
        if y[0] > 100.0:
            break
    return y


@program(normals(6), "kept", "real")
def insertion_sort(x):
    y = x.copy()
    for i in range(1, 6):
        for j in range(i, 0, -1):
            if y[j] < y[j - 1]:
                y[j], y[j - 1] = y[j - 1], y[j]
    return y * np.arange(1.0, 7.0)


@program(normals(6), "kept", "real")
def insertion_sort_with_a_while(x):
    y = x.copy()
    for i in range(1, 6):
        key = y[i]
        j = i - 1
        while j >= 0 and y[j] > key:
            y[j + 1] = y[j]
            j = j - 1
        y[j + 1] = key
    return y * np.arange(1.0, 7.0)


@program(normals(6), "kept", "real")
def elements_found_are_packed(x):
    y = np.zeros(6)
    k = 0
    for i in range(6):
        if x[i] > 0:
            y[k] = x[i] ** 2
            k += 1
    return y * k


@program(normals((3, 3)), "kept", "real")
def elimination_with_pivots(a):
    a = a.copy()
    for k in range(2):
        p = k
        for i in range(k + 1, 3):
            if abs(a[i, k]) > abs(a[p, k]):
                p = i
        row = a[k].copy()
        a[k] = a[p]
        a[p] = row
        for i in range(k + 1, 3):
            f = a[i, k] / a[k, k]
            a[i] -= f * a[k]
    return a


@program(normals(3), "kept", "real")
def a_condition_on_a_whole_array(x):
    y = x.copy()
    for _ in range(4):
        if np.all(y < 1.0):
            y = y + 0.4 * np.abs(x)
        elif np.any(y > 1.2):
            y = y * 0.5
    return y


@program(normals(4), "kept", "real")
def a_value_only_one_branch_has(x):
    for i in range(4):
        if i == 0:  # noqa: SIM108
            h = x[0]
        else:
            h = np.sin(h) * x[i]
    return h


@program(normals(5), "kept", "real")
def a_walrus_in_a_test(x):
    total = 0.0
    for i in range(5):
        if (v := x[i] ** 2) > 0.3:
            total = total + v
    return total


@program(normals(4), "kept", "real")
def a_tuple_from_a_branch(x):
    pair = (x[0], x[1]) if x[2] > 0 else (x[1], x[3])
    a, b = pair
    return a * np.sin(b)


@program(normals(4), "kept", "real")
def a_bool_as_a_number(x):
    total = 0.0
    for v in x:
        total = total + (v > 0) * v**2
    return total * np.sum(x > 0)


@program(normals(5), "kept", "real")
def a_lambda_with_a_condition(x):
    def soft(cut):
        return lambda v: v * v if v > cut else (0.0 if v < -1.0 else cut * v)

    f = soft(0.2)
    total = 0.0
    for v in x:
        total = total + f(v)
    return total


@program(normals(5), "kept", "real")
def chains_with_calls_between(x):
    def low(v):
        return 0.5 * v

    total = x[0]
    for i in range(5):
        if low(x[0]) < x[i] + 1.0 <= abs(x[1]) + 1.5 != 7.0:
            total = total + x[i] ** 2
    return total


@program(normals((4, 4)), "kept", "real")
def else_of_nested_loops(a):
    total = 0.0
    for i in range(4):
        for j in range(4):
            if a[i, j] > 1.2:
                break
            total = total + a[i, j] ** 2
        else:
            total = total * 0.5
            continue
        break
    else:
        total = total + 10.0
    return total


@program(lambda rng: (rng.standard_normal(5), np.int64(3)), "kept")
def both_a_limit_that_is_read_and_a_break(x, n):
    t = 0.5
    for i in range(4):
        k = 0
        while k < n:
            t += 0.3 * x[i] * x[i]
            if not x[i] > -0.37:
                break
            k += 1
    return t


@program(normals(6), "real")
def break_out_of_a_tuple(x):
    total = 0.0
    for weight in (1.0, -2.0, 3.0):
        total = total + x[0] * weight
        if total > 0.1:
            break
    return total * x[1] + weight


@program(normals(6), "real")
def break_out_of_arrays_of_several_lengths(x):
    total, y = 0.0, x * 1.0
    for part in (y[:1], y[1:3], y[3:]):
        part *= 2.0
        total = total + np.sum(part**2)
        if total > 3.0:
            break
        part += total
    return total + np.sum(y**3)


@program(normals(6), "real")
def break_out_of_a_list_that_is_rewritten(x):
    total, parts = 0.0, [x[0], x[1], x[2], x[3]]
    for k, part in enumerate(parts):
        total = total + part
        if k < 3:
            parts[k + 1] = parts[k + 1] * 2.0 + total
        if total > 2.0:
            break
    return total * x[4]


@program(normals(6), "real")
def return_out_of_zipped_functions(x):
    y = x[0]
    for function, weight in zip((np.sin, np.exp, np.tanh), [x[1], 2.0, x[2]], strict=False):
        y = function(y) * weight
        if y > 0.5:
            return y * x[3]
        y = y + 0.1
    return y


@program(normals(6), "real")
def an_exit_in_the_turn_that_settles_the_types(x):
    total = 0
    for k in range(5):
        total = total + x[k] ** 2
        if total > 1.5:
            break
    return total * x[5]
