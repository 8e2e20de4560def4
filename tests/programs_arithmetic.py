"""Corpus: arithmetic, elementary functions, broadcasting, number types."""

import math

import numpy as np

from tests.programs import normals, positives, program


@program(normals((), ()))
def polynomial(x, y):
    return 3 * x**3 - 2 * x * y + y**2 / 7 - 5


@program(normals(5))
def horner(x):
    result = 0.0
    for c in (0.3, -1.2, 0.7, 2.0):
        result = result * x + c
    return result


@program(normals(4, 4))
def quotient_rule(x, y):
    return (x**2 + 1) / (y**2 + 2) - 1 / (3 + np.sin(x))


@program(normals((3, 4), (3, 4)))
def all_operators(x, y):
    z = +x - -y
    z = z * 2.0 + 1
    z = (4.0 - z) / 3
    return z**2 + 2.0 ** (x / 4)


@program(normals(6), "real")
def operators_with_kinks(x):
    return abs(x) + x % 2.5 + 0.1 * (x // 0.7)


@program(positives(5, 5))
def powers(x, y):
    return x**y + x**2 + x**3 + x**-1 + x**0.5 + x**-2.5 + 2.0**y + np.power(x, 1.5)


@program(normals(5))
def integer_powers_of_negative_numbers(x):
    return x**2 - x**3 + x**5 / 4 + (x - 5) ** -1 + x**0 + x**1


@program(positives(6))
def exponentials(x):
    return np.exp(-x) + np.exp2(x) + np.expm1(x / 3) + np.log(x) + np.log2(x) + np.log10(x)


@program(positives(6), "real")
def logarithms_of_sums(x):
    return np.log1p(x) + np.logaddexp(x, 1.0) + np.logaddexp2(0.5, x)


@program(normals(7))
def trigonometry(x):
    return np.sin(x) * np.cos(2 * x) + np.tan(x / 4) + np.sinh(x) / np.cosh(x) + np.tanh(x)


@program(lambda r: (r.uniform(-0.9, 0.9, 7),))
def inverse_trigonometry(x):
    y = np.arcsin(x) + np.arccos(x / 2) + np.arctan(3 * x)
    return y + np.arcsinh(x) + np.arctanh(x) + np.arccosh(x + 2.5)


@program(normals(6, 6), "real")
def angles_and_lengths(x, y):
    return np.arctan2(y, x) + np.hypot(x, y) + np.deg2rad(x) + np.degrees(y) + np.radians(x)


@program(positives(5), "real")
def roots(x):
    return np.sqrt(x) + np.cbrt(x) + np.square(x) + np.reciprocal(x) + np.float_power(x, 1.25)


@program(normals(6), "real")
def signs(x):
    return np.sign(x) * x**2 + np.copysign(x, -1.0) + np.fabs(x) + np.absolute(x)


@program(normals(8), "real")
def piecewise_constant(x):
    return np.floor(x) * x + np.ceil(x) + np.trunc(x) * x + np.rint(x) + np.round(x, 1)


@program(normals(5, 5))
def larger_and_smaller(x, y):
    return np.maximum(x, y) * 2 + np.minimum(x, 0.1) + np.fmax(x, y) - np.fmin(x, y) ** 2


@program(normals(9))
def clipping(x):
    return np.clip(x, -0.5, 0.8) + np.clip(x, None, 0.3) * x + x.clip(-1.0, 1.0)


@program(normals(7))
def sinc(x):
    return np.sinc(x) * x


@program(normals((2, 1, 4), (3, 1)))
def broadcast_both_ways(x, y):
    return x * y + np.sin(x) / (2 + np.cos(y))


@program(normals((3, 4), 4, (), (1, 1)))
def broadcast_many_ranks(matrix, row, scalar, corner):
    return matrix + row * scalar - corner


@program(normals((4, 1), (1, 5)))
def outer_by_broadcasting(a, b):
    return np.exp(-((a - b) ** 2))


@program(normals((), 5))
def scalar_and_vector(s, x):
    return s * x + s


@program(normals((1,), (3, 1)))
def length_one_axes(a, b):
    return a * b + a + b


@program(lambda r: (np.array(r.standard_normal()), r.standard_normal(3)))
def zero_dimensional(a, x):
    return np.sin(a) * x + a


@program(lambda r: (np.float64(0.3), 2.0), argnums=(0, 1))
def numpy_scalars(a, b):
    return np.float64(1.5) * a + np.exp(b) * np.pi - np.e


@program(normals((0,), (0, 3)))
def empty_arrays(x, y):
    return np.sum(np.sin(x)) + np.sum(y * 2, axis=0)


@program(normals(()), "real")
def math_functions(x):
    return math.sin(x) * math.exp(x) + math.sqrt(x * x + 1) + math.tanh(x) + math.pi


@program(positives((), ()), "real")
def more_math_functions(x, y):
    z = math.log(x) + math.pow(x, y) + math.atan2(y, x) + math.hypot(x, y) + math.log1p(y)
    return z + math.cosh(x) - math.fabs(y) + math.expm1(x) + math.log(x, 2)


@program(lambda r: (np.arange(6).reshape(2, 3), r.standard_normal((2, 3))))
def integer_argument(k, x):
    return k * x + k**2


@program(lambda r: (np.arange(12).reshape(3, 4) - 5, np.int32(7)), "flat")
def integers_only(k, m):
    return (k * 3 - m) // 2 + k % 5, k & 3, k | 8, k ^ 2, abs(k), -k, k**2, k << 1


@program(lambda r: (np.arange(-6, 6), np.array([3, -2] * 6)), "flat")
def integer_division(a, b):
    return a // b, a % b, np.fmod(a, b), a / b, np.sign(a), np.minimum(a, b), divmod(a, b)[0]


@program(normals((3, 3), (3, 3)), "flat")
def comparisons(x, y):
    mask = (x < y) & ~(x >= 0.5) | (y == x)
    return mask, x != y, np.logical_xor(x > 0, y > 0), np.isfinite(x), np.isnan(y), x <= y


@program(lambda r: (r.standard_normal(6), r.random(6) < 0.5))
def booleans_as_numbers(x, mask):
    return x * mask + mask.sum() + np.sum(x > 0) * x


@program(normals(6))
def count_of_matches(x):
    return np.sum(x * (x > 0)) / np.maximum(np.sum(x > 0), 1)


@program(
    lambda r: (r.standard_normal((3, 4)).astype(np.float32), r.standard_normal(4).astype("f4"))
)
def single_precision(x, b):
    return np.tanh(x * 2 + b) / 3.0


@program(lambda r: (r.standard_normal(4).astype(np.float32), r.standard_normal(4)), "real")
def mixed_precision(x, y):
    return x * y + np.sin(x) + x.astype(np.float64) * y.astype(np.float32)


@program(lambda r: (r.standard_normal(4).astype("f4"), np.arange(4, dtype="i4"), np.arange(4)))
def promotion(x, k, n):
    return x * k, x + n, k + n, x * np.float32(2), x + 1, k / 2, k * 0.5, np.sqrt(k)


@program(normals(5), "real")
def casts(x):
    k = (x * 10).astype(np.int64)
    return x * k + x.astype("float64") + np.float64(2) * x


@program(normals(6), "real")
def nan_to_num(x):
    return np.nan_to_num(x * 2.0, nan=0.0) + np.heaviside(x, 0.5) * x


@program(normals(6, 6))
def long_expression(a, b):
    c = a * b + a
    d = c * c - b * c
    e = d / (1 + c * c) + a * d
    return e * np.exp(-e * e / 50) + c * d


@program(normals(6))
def many_uses_of_one_value(x):
    s = np.sin(x)
    return s * s + s / (2 + s) + np.exp(s) + s**3 - s


@program(normals(4), name="unused_work")
def _unused_work(x):
    y = np.exp(x) * 3
    np.sum(y)
    return x * 2 + 0 * x


@program(lambda r: (r.integers(0, 2, 7).astype(np.uint8), np.arange(7, dtype=np.int8)), "flat")
def small_integers(a, b):
    return a + b, a * np.uint8(3), b - a, b * 2, a.astype(np.int16) << 3, np.sum(a), np.sum(b)


@program(positives(3), "real")
def whole_numbers_by_math(x):
    k, c, t = math.floor(x[0] * 3), math.ceil(x[1]), math.trunc(-x[2] * np.float64(1))
    d = math.dist(x, [0.0, 1.0, 2.0]) + math.dist((1, 2), (3, 4)) + math.prod(x)
    known = math.prod([2, 3]) + math.erf(0.5) + math.floor(2.5) + math.fsum([1.0, 2.0])
    return x[0] * k + c * x[1] + t * x[2] + d, k, math.gamma(3) * known


@program(positives(6), "real", "kept")
def halves_of_an_index(x):
    total = np.zeros(6)
    for i in range(6):
        total[math.floor(i / 2)] += x[math.ceil(i / 2)] * x[math.floor(i)]
    return total
