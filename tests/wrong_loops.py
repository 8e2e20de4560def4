"""Wrong programs with loops, branches and integers known only when the code runs.

Like ``tests/wrong_programs.py``; the loops are long enough not to be run turn by turn.
"""

import numpy as np

from tests.wrong_programs import VECTOR, compiled, gradient

LONG = np.linspace(0.1, 2.0, 5000)
ROWS = np.linspace(0.1, 2.0, 12).reshape(4, 3)
TWO = np.int64(2)


# what a turn hands to the next must keep its type


@compiled(VECTOR)
def a_while_that_grows_its_carry(x):
    y = x
    while np.sum(y) < 10:
        y = np.concatenate([y, x + 1])
    return y


@compiled(VECTOR)
def a_while_that_changes_a_dtype(x):
    y, n = x, 0.5
    while n < x[2]:
        n = n + x[0]
        y = y.astype(np.float32) if y.dtype == np.float64 else y.astype(np.float64)
    return y


@compiled(VECTOR)
def a_while_that_changes_a_structure(x):
    state = (x, 1.0)
    while np.sum(state[0]) < 10:
        state = (state[0] + 1, state[1], 2.0)
    return state[0]


@compiled(VECTOR)
def a_while_that_forgets_a_name(x):
    y, k = x, 0.0
    while k < x[2]:
        k = k + 1.0
        z = y * k
        del y
        y = None
    return z


@compiled(VECTOR)
def a_while_that_appends(x):
    found, total = [], 0.0
    while total < x[2]:
        total = total + 0.25
        found.append(total)
    return np.array(found)


@compiled(VECTOR)
def a_while_that_fills_a_dict(x):
    found, total = {}, x[0]
    while total < x[2]:
        total = total + 0.25
        found["last"] = total
    return found["last"]


@compiled(VECTOR)
def a_while_on_a_whole_array(x):
    while x < 3:
        x = x + 1
    return x


@compiled(LONG)
def a_long_list_with_a_break(x):
    found = []
    for v in x:
        if v > 1:
            break
        found.append(v * 2)
    return found[-1]


@compiled(LONG, TWO)
def a_runtime_loop_that_appends(x, n):
    found = []
    for i in range(n):
        found.append(x[i] * 2)  # noqa: PERF401
    return found[0]


@compiled(LONG, TWO)
def a_runtime_loop_that_grows_its_carry(x, n):
    y = x[:2]
    for _ in range(n):
        y = np.concatenate([y, y])
    return y


@compiled(LONG, TWO)
def a_runtime_loop_over_layers(x, n):
    layers = [x[0], x[1], x[2]]
    h = 1.0
    for i in range(n):
        h = h * layers[i]
    return h


# branches must agree


@compiled(VECTOR)
def results_of_two_shapes(x):
    if x[0] > 1:
        return x
    return x[:2]


@compiled(VECTOR)
def results_of_two_structures(x):
    if x[0] > 1:
        return x, x
    return x


@compiled(VECTOR)
def a_result_in_some_cases_only(x):
    if x[0] > 1:
        return x


@compiled(VECTOR)
def a_branch_that_changes_a_shape(x):
    y = x
    if x[0] > 1:
        y = np.sum(x)
    return y


@compiled(VECTOR)
def a_branch_that_changes_a_dtype(x):
    y = x
    if x[0] > 1:
        y = x > 0
    return y


@compiled(VECTOR)
def branches_with_strings(x):
    name = "small"
    if x[0] > 1:
        name = "large"
    return x * len(name)


@compiled(VECTOR)
def a_list_changed_in_a_branch(x):
    found = []
    if x[0] > 1:
        found.append(x)
    return x * len(found)


@compiled(VECTOR)
def a_conditional_expression_of_two_shapes(x):
    return x if x[0] > 1 else np.sum(x)


@compiled(VECTOR)
def a_branch_on_a_whole_array(x):
    if x > 1:
        return x
    return -x


@compiled(VECTOR)
def an_error_raised_in_a_branch(x):
    if x[0] < 1:
        raise ValueError("too small")
    return x


@compiled(LONG)
def an_index_that_only_a_list_has(x):
    names = {0: 1.0, 1: 2.0}
    total = 0.0
    for i in range(len(x)):
        total = total + x[i] * names[i % 2]
        if total > 1e6:
            break
    return total


# sizes and shapes that depend on data


@compiled(VECTOR, TWO)
def a_slice_to_an_argument(x, n):
    return np.cumsum(x[:n])


@compiled(VECTOR)
def a_slice_from_data(x):
    return x[np.argmax(x) :]


@compiled(VECTOR, TWO, TWO)
def a_slice_between_arguments(x, a, b):
    return x[a:b] * 2


@compiled(VECTOR, TWO)
def a_slice_with_a_runtime_step(x, n):
    return x[0:3:n]


@compiled(VECTOR)
def a_slice_by_a_float(x):
    return x[: x[0]]


@compiled(VECTOR, TWO)
def a_size_from_an_argument(x, n):
    return np.zeros(n) + x[0]


@compiled(VECTOR, TWO)
def a_shape_from_an_argument(x, n):
    return x.reshape(n, -1)


@compiled(VECTOR, TWO)
def a_repeat_from_an_argument(x, n):
    return np.repeat(x, n)


@compiled(VECTOR, TWO)
def a_range_of_an_argument_in_zip(x, n):
    return sum(i * v for i, v in zip(range(n), x))  # noqa: B905


@compiled(VECTOR, TWO)
def a_length_of_a_runtime_range(x, n):
    return x * len(range(n))


@compiled(VECTOR, TWO)
def a_runtime_step(x, n):
    total = 0.0
    for i in range(0, 3, n):
        total = total + x[i]
    return total


@compiled(VECTOR)
def a_range_of_a_float(x):
    total = 0.0
    for i in range(x[0]):
        total = total + x[i]
    return total


@compiled(VECTOR)
def nonzero_of_a_value(x):
    return np.nonzero(x > 0)[0]


# found when the code runs


@compiled(VECTOR, np.int64(5))
def a_runtime_index_out_of_bounds(x, k):
    return x * 2 + x[k]


@compiled(VECTOR, np.int64(-4))
def a_runtime_index_below_the_start(x, k):
    return x[k] * 2


@compiled(VECTOR, np.array([0, 3]))
def a_runtime_index_array_out_of_bounds(x, where):
    y = x.copy()
    y[where] = 1.0
    return y


@compiled(LONG, np.int64(5001))
def a_runtime_loop_past_the_end(x, n):
    total = 0.0
    for i in range(n):
        total = total + x[i]
    return total


@compiled(VECTOR, TWO)
def a_window_past_the_end(x, k):
    return x[k : k + 2]


@compiled(VECTOR, np.int64(-1))
def a_window_below_the_start(x, k):
    return x[k : k + 2]


@compiled(LONG)
def a_counter_past_the_end(x):
    y = np.zeros(10)
    k = 0
    for v in x:
        if v > 1.0:
            y[k] = v
            k += 1
    return y


@compiled(VECTOR)
def an_endless_while(x):
    y = x[0]
    while y < 10.0:
        y = y * 0.5 + 0.25
    return y


@gradient(VECTOR)
def a_gradient_of_an_endless_while(x):
    y = x[0]
    while y < 10.0:
        y = y * y * 0.5 + 0.25
    return y


@compiled(LONG)
def a_fixed_index_out_of_bounds_in_a_loop(x):
    total = 0.0
    for i in range(5000):
        total = total + x[i] * x[5000]
    return total


@compiled(LONG)
def a_loop_past_the_end(x):
    total = 0.0
    for i in range(5001):
        total = total + x[i]
    return total


@compiled(LONG)
def a_neighbour_past_the_end(x):
    y = x.copy()
    for i in range(5000):
        y[i] = x[i + 1] - x[i]
    return y


@compiled(ROWS)
def a_row_of_the_wrong_length_in_a_loop(a):
    y = np.zeros((4, 3))
    for i in range(4):
        y[i] = a[:, 0] * i
    return y


@compiled(LONG)
def an_array_of_before_a_loop_that_exchanges(x):
    old, new = x.copy(), np.zeros(5000)
    first = old
    for _ in range(100):
        new[1:] = old[:-1] * 0.5
        old, new = new, old
    return np.sum(old) + np.sum(first)


@compiled(LONG)
def a_view_of_before_a_loop_that_exchanges(x):
    old, new = x.copy(), np.zeros(5000)
    part = old[:100]
    for _ in range(100):
        new[1:] = old[:-1] * 0.5
        old, new = new, old
    return np.sum(old) + np.sum(part)
