"""Corpus: lists that loops put together, by ``append`` or as a comprehension."""

import numpy as np

from tests.programs import normals, program
from tests.programs_sizes import sized, vector


@sized(vector)
def states_put_in_a_list(x):
    states, h = [], np.ones(3)
    for a in x:
        h = np.tanh(h * a)
        states.append(h)
    return np.stack(states, axis=1), np.concatenate(states), np.vstack(states)


@sized(vector)
def states_in_every_way_of_stacking(x):
    states, h = [], np.ones(3)
    for a in x:
        h = np.sin(h + a)
        states.append(h)
    return np.column_stack(states) * 2.0, np.hstack(states), np.array(states).sum(axis=0)


@sized(vector)
def a_list_begins_with_an_element(x):
    y = [x[0]]
    for i in range(1, len(x)):
        y.append(0.5 * y[-1] + x[i] ** 2)
    return np.array(y)


@sized(vector)
def a_list_begins_with_a_number(x):
    y = [0.0]
    for a in x:
        y.append(0.5 * y[-1] + a * a)
    return np.array(y) * y[2] + y[-1]


@sized(vector)
def two_elements_back(x):
    y = [1.0, x[0]]
    for i in range(2, len(x)):
        y.append(0.5 * y[-1] + y[-2] * x[i] + y[i - 1])
    return y[-1]


@sized(vector)
def pairs_in_a_list(x):
    path, p, v = [], x[0], 0.0
    for a in x:
        v = v - 0.1 * p + a
        p = p + 0.1 * v
        path.append((p, v))
    return np.array(path)


@sized(vector)
def two_lists_at_once(x):
    times, places, t, p = [], [], 0.0, x[0]
    for a in x:
        p = p + 0.1 * np.sin(p) * a
        t = t + 0.1
        times.append(t)
        places.append(p)
    return np.array(times) * np.array(places)


@sized(vector)
def a_state_vector_that_is_copied(x):
    y = x[:2].copy()
    path = [y.copy()]
    for a in x:
        y += 0.1 * np.array([y[1], -y[0]]) * a
        path.append(y.copy())
    return np.array(path)


@sized(vector)
def rows_of_lists(x):
    rows = []
    for a in x:
        row = []
        for b in x:
            row.append(np.exp(-((a - b) ** 2)))  # noqa: PERF401
        rows.append(row)
    return np.array(rows) @ x


@sized(vector)
def one_list_in_two_loops(x):
    y = []
    for a in x:
        for b in x:
            y.append(a * np.exp(-b))  # noqa: PERF401
    return np.array(y).reshape(len(x), len(x)) @ x


@sized(vector)
def a_comprehension(x):
    return np.array([a * b for a, b in zip(x[1:], x[:-1], strict=True)])


@sized(vector)
def a_comprehension_in_a_comprehension(x):
    n = len(x)
    return np.array([[np.exp(-((x[i] - x[j]) ** 2)) for j in range(n)] for i in range(n)]) @ x


@sized(vector)
def a_comprehension_with_a_condition(x):
    return np.array([a if a > 1 else a * a for a in x])


@sized(vector)
def the_length_of_the_list(x):
    y = []
    for a in x:
        y.append(a * len(y))
    return np.array(y)


@sized(vector)
def a_list_that_is_empty_at_first(x):
    y, total = [], 0.0
    for a in x:
        if y:
            total = total + y[-1] * a
        y.append(a * a)
    return total


@program(normals(12), "kept")
def a_sum_of_a_generator(x):
    return sum(np.sin(a) * b for a, b in zip(x, x[::-1], strict=True))


@program(normals(12), "kept")
def a_loop_over_the_list(x):
    y, h, total = [], x[0], 0.0
    for a in x:
        h = np.sin(h) * a
        y.append(h)
    for k, a in enumerate(y):
        total = total * 0.5 + a * k
    return total + sum(y)


@program(normals(12))
def functions_that_see_the_last_index(x):
    times = [lambda a: a * i for i in range(12)]  # noqa: B023
    places = [lambda a, i=i: a * x[i] * i for i in range(12)]
    sums = [(x[j] * a for a in x) for j in range(12)]
    found = [f(x[0]) for f in times] + [f(x[1]) for f in places]
    return sum(found) + sum([sum(terms) for terms in sums])


# what shares memory


@program(normals(4), "kept")
def one_array_in_all_elements(x):
    y, path = x[:2].copy(), []
    for a in x:
        y += 0.1 * np.array([y[1], -y[0]]) * a
        path.append(y)
    return np.array(path)


@program(normals(4), "kept")
def the_last_element_is_written(x):
    h, y = np.ones(3), []
    for a in x:
        h = np.tanh(h * a) + 1.0
        y.append(h)
    h += 1.0
    return np.array(y)


@program(normals(4), "kept")
def the_element_before_is_written(x):
    h, y = np.ones(3), []
    for a in x:
        h[0] = h[0] * 1.1
        h = np.tanh(h * a) + 1.0
        y.append(h)
    return np.array(y)


@program(normals(4), "kept")
def elements_are_written_and_replaced(x):
    y = [x * a for a in x]
    y[1][2] = 0.0
    y[0] = y[1]
    return np.array(y)


@program(normals(4), "kept")
def the_element_of_before_is_written(x):
    first = x * 1.0
    y = [first]
    for a in x:
        first[0] = first[0] * 0.5
        y.append(y[-1] * a + y[0])
    return np.array(y)


@program(normals(4), "kept")
def another_name_of_the_list(x):
    y = []
    z, total = y, 0.0
    for a in x:
        y.append(a * a)
        total = total + z[-1]
    return total + len(z)


@program(normals(4), "kept")
def rows_of_an_array_in_a_list(x):
    a, y = np.outer(x, x), []
    for i in range(4):
        y.append(a[i])  # noqa: PERF401
    a[0, 0] = 0.0
    return np.array(y)


@program(normals(4), "kept")
def places_in_a_list(x):
    places, total = [], 0.0
    for i in range(4):
        total = total + x[i] ** 2
        places.append((i, total))
    return sum([x[i] * v for i, v in places])


@program(normals(4), "kept")
def dicts_in_a_list(x):
    y = [{"a": a, "b": a * a} for a in x]
    return sum([d["a"] * d["b"] for d in y])


@program(normals(4), "kept")
def two_elements_in_a_turn(x):
    y = []
    for a in x:
        y.append(a)
        y.append(a * a)
    return np.array(y) * np.arange(8.0)
