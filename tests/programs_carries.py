"""Corpus: what goes from turn to turn, indices, and Python around loops."""

import math

import numpy as np

from tests.programs import normals, positives, program


@program(normals(6), "kept")
def accumulators_that_start_as_ints(x):
    total, product, count = 0, 1, 0
    for v in x:
        total = total + v
        product = product * v
        count = count + 1
    return total * product / count


@program(normals(6), "kept")
def accumulator_given_by_the_loop(x):
    last = None
    for v in x:
        last = v * 2.0 if last is None else np.sin(last) * v
    return last


@program(normals(5), "kept", "single", "real")
def single_precision_carry(x):
    s = np.float32(0.0)
    for i in range(5):
        s = s * np.float32(0.5) + x.astype(np.float32)[i]
    return s


@program(normals(5), "kept", "real")
def carries_of_four_types(x):
    count, seen, low, total = 0, False, np.inf, 0.0
    for v in x:
        if v > 0:
            count += 1
            seen = True
        low = min(low, v)
        total += v
    return total * count + low, seen, count


@program(normals(6), "kept", "real")
def flag_that_stays_up(x):
    up = False
    y = np.zeros(6)
    for i in range(6):
        up = up or x[i] > 0.3
        if up:
            y[i] = x[i] ** 2
    return y


@program(normals(6), "kept", "real")
def flag_that_alternates(x):
    plus, total = True, 0.0
    for i in range(6):
        if plus:  # noqa: SIM108
            total = total + x[i] ** 2
        else:
            total = total - np.exp(x[i])
        plus = not plus
    return total


@program(normals(5), "kept")
def integer_array_carry(x):
    counts = np.zeros(5, dtype=np.int64)
    y = np.zeros(5)
    for i in range(5):
        counts[i:] += 1
        y += x * counts
    return y


@program(normals(5), "kept")
def fibonacci(x):
    a, b = x[0], x[1]
    for _ in range(6):
        a, b = b, a * b + 0.1
    return a, b


@program(normals(3, 3), "kept")
def arrays_change_places(x, y):
    a, b = x, y
    for _ in range(5):
        a, b = b, np.sin(a) * b
    return a - b


@program(normals(3, 3, 3), "kept")
def arrays_go_round(x, y, z):
    a, b, c = x.copy(), y.copy(), z.copy()
    for _ in range(4):
        a, b, c = b, c, a
        a *= 1.5
        b += a * c
    return a, b, c


@program(normals((2, 3)), "kept")
def state_in_a_dict(x):
    state = {"h": x[0], "c": np.zeros(3), "n": 0}
    for _ in range(4):
        h, c = state["h"], state["c"]
        c = 0.5 * c + np.tanh(h * x[1])
        state = {"h": c * h, "c": c, "n": state["n"] + 1}
    return state["h"] * state["n"] + state["c"]


@program(normals((2, 3)), "kept")
def state_in_nested_tuples(x):
    state = ((x[0], x[1]), 1.0)
    for i in range(4):
        (a, b), s = state
        state = ((b, a * s), s * 0.5 + i)
    return state[0][0] * state[1] + state[0][1]


@program(normals(5), "kept")
def value_of_the_last_turn(x):
    for i in range(5):
        v = x[i] ** 2
        w = v * i
    return v + w + i


@program(normals(5), "kept")
def names_bound_only_inside(x):
    total = 0.0
    for i in range(5):
        square = x[i] * x[i]
        cube = square * x[i]
        total = total + cube - square
    return total


@program(normals(4), "kept")
def index_in_arithmetic(x):
    y = np.zeros(4)
    for i in range(4):
        y[i] = x[i] ** (i + 1) * math.sqrt(i + 1.0) + i / 3 - i // 2 + (-1) ** i
    return y


@program(normals(5), "kept")
def indices_by_remainder(x):
    y = np.zeros(5)
    for i in range(5):
        y[i] = x[(i + 2) % 5] * x[i % 3] - x[(3 * i) % 5]
    return y


@program(normals(7), "kept")
def indices_by_halves(x):
    y = np.zeros(7)
    for i in range(7):
        y[i] = x[i // 2] * x[i] + y[(i - 1) // 2]
    return y


@program(normals(5), "kept")
def indices_from_the_end(x):
    y = np.zeros(5)
    for i in range(5):
        y[-1 - i] = x[i] * x[-i]
        y[i] += x[4 - i]
    return y


@program(normals(5), "kept")
def indices_that_wrap_below_zero(x):
    y = np.zeros(5)
    for i in range(5):
        y[i] = x[i - 2] * x[i] + x[i - 1]
    return y


@program(normals(6), "kept")
def indices_kept_inside(x):
    y = np.zeros(6)
    for i in range(6):
        y[i] = x[max(i - 1, 0)] - 2 * x[i] ** 2 + x[min(i + 1, 5)]
    return y


@program(lambda r: (r.standard_normal(6), r.permutation(6)), "kept")
def indices_from_a_table(x, order):
    y = np.zeros(6)
    for i in range(6):
        y[order[i]] = x[i] * x[order[i]] + y[i]
    return y


@program(lambda r: (r.standard_normal(4), np.array([0, 2, 2, 1, 2, 0])), "kept")
def a_table_with_repeats(x, place):
    y = np.ones(3)
    for i in range(6):
        y[place[i]] = y[place[i]] * x[i % 4] + 0.5
    return y


@program(lambda r: (r.standard_normal((4, 3)), np.array([3, 0, 3, 2])), "kept")
def rows_from_a_table(a, rows):
    h = np.zeros(3)
    for k in rows:
        h = np.tanh(h + a[k])
    return h


@program(lambda r: (r.standard_normal((3, 4)), r.integers(0, 4, (3, 2))), "kept")
def columns_from_a_table(a, columns):
    y = a.copy()
    for i in range(3):
        y[i, columns[i]] *= 2.0
        y[i, columns[i, 0]] += y[i, columns[i, 1]]
    return y


@program(normals(4), "kept")
def a_list_that_grows(x):
    states = [x[0]]
    for i in range(1, 4):
        states.append(np.sin(states[-1]) * x[i])
    return np.stack(states)


@program(normals((3, 4)), "kept")
def a_dict_that_grows(x):
    found = {}
    for i in range(3):
        found[f"row {i}"] = x[i] * (i + 1)
    return sum(found.values()) * found["row 1"]


@program(lambda r: ([r.standard_normal((3, 3)) for _ in range(3)], r.standard_normal(3)), "kept")
def a_list_of_layers(weights, x):
    for w in weights:
        x = np.tanh(w @ x)
    return x


@program(lambda r: ({k: r.standard_normal(3) for k in "abc"}, r.standard_normal(3)), "kept")
def a_dict_of_layers(weights, x):
    for name, w in weights.items():
        x = np.sin(x * w) + (0.5 if name == "b" else 0.0)
    return x


@program(lambda r: ([(r.standard_normal(3), k) for k in range(3)],), "kept", "flat")
def pairs_with_numbers(pairs):
    total = 0.0
    for vector, power in pairs:
        total = total + np.sum(vector**power)
    return total


@program(normals((3, 4)), "kept")
def a_list_popped_in_a_loop(x):
    rows = [x[0], x[1], x[2]]
    total = np.zeros(4)
    while rows:
        row = rows.pop()
        total = np.tanh(total + row)
    return total


@program(normals(4), "kept")
def a_loop_inside_a_helper(x):
    def horner(v):
        total = 0.0
        for k in range(4):
            total = total * v + x[k]
        return total

    y = np.zeros(3)
    for i in range(3):
        y[i] = horner(0.3 * i)
    return y


@program(normals(5), "kept")
def a_helper_that_writes(x):
    def smooth(values, k):
        values[k] = 0.5 * (values[k - 1] + values[k + 1])

    y = x**2
    for i in range(1, 4):
        smooth(y, i)
    return y


@program(normals(4), "kept")
def a_closure_with_nonlocal(x):
    total, scale = 0.0, 1.0

    def add(v):
        nonlocal total, scale
        total = total + scale * v
        scale = scale * 0.5

    for v in x:
        add(v * v)
    return total


@program(normals(4), "kept")
def a_function_made_in_each_turn(x):
    total = 0.0
    for i in range(4):

        def power(v, k=i):
            return v ** (k + 1)

        total = total + power(x[i])
    return total


@program(normals(4), "kept")
def recursion_over_halves(x):
    def norm(v):
        if len(v) == 1:
            return v[0] ** 2
        middle = len(v) // 2
        return np.sin(norm(v[:middle])) + norm(v[middle:])

    return norm(x)


@program(normals(3), "kept")
def recursion_with_a_loop(x):
    def nested(v, depth):
        for _ in range(2):
            v = np.sin(v) + (nested(v * 0.5, depth - 1) if depth else x)
        return v

    return nested(x, 2)


@program(normals(4), "kept")
def comprehension_in_a_loop(x):
    h = x
    for _ in range(3):
        h = np.stack([h[k] * h[(k + 1) % 4] for k in range(4)])
    return h


@program(normals(4), "kept")
def sum_of_a_generator(x):
    total = 0.0
    for i in range(4):
        total += sum(x[k] * x[i] for k in range(3))
    return total


@program(positives(5), "kept")
def math_of_scalars(x):
    total = 0.0
    for i in range(5):
        total += math.exp(-0.3 * i) * np.sqrt(x[i]) + abs(math.sin(i) - 0.1)
    return total


@program(normals((3, 4), (4, 2)), "kept")
def product_written_out(a, b):
    c = np.zeros((3, 2))
    for i in range(3):
        for j in range(2):
            for k in range(4):
                c[i, j] += a[i, k] * b[k, j]
    return c


@program(normals((4, 4), 4), "kept")
def powers_in_a_loop(a, x):
    for _ in range(4):
        x = a @ x
        x = x / np.sqrt(np.sum(x * x))
    return x @ a @ x


@program(normals((3, 4)), "kept")
def argument_replaced(x):
    for _ in range(3):
        x = np.sin(x) * x[0]
    return x


@program(normals(4), "kept")
def loop_with_else(x):
    total = 0.0
    for i in range(4):
        total = total + x[i] ** 2
    else:
        total = total * 2.0
    return total


@program(normals((3, 2, 2)), "kept")
def tuples_of_arrays_zipped(x):
    left, right = x[:, 0], x[:, 1]
    out = np.zeros((3, 2))
    for i, (u, v) in enumerate(zip(left, right, strict=True)):
        out[i] = u * v[::-1] + out[i - 1]
    return out


@program(normals(4), "kept")
def a_number_that_becomes_one_of_numpy(x):
    """``np.tanh(known[1] + t)`` is a number of NumPy's, known while it is recorded."""
    known, s, t, k = np.zeros(3, x.dtype), x[0], 0.5, 0
    while k < 3 and s < 4.0:
        t += 0.3 * np.tanh(known[1] + t)
        s += t * x[k]
        k += 1
    return s * t
