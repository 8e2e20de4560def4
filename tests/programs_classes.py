"""Corpus: classes with operators, properties and decorators of the user's own."""

import functools
import math
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from tests.programs import normals, positives, program


class Vector:
    def __init__(self, *items):
        self.items = list(items)

    def __add__(self, other):
        return Vector(*[a + b for a, b in zip(self.items, other.items, strict=True)])

    def __mul__(self, factor):
        return Vector(*[a * factor for a in self.items])

    __rmul__ = __mul__

    def __neg__(self):
        return self * -1.0

    def __sub__(self, other):
        return self + -other

    def __matmul__(self, other):
        return sum(a * b for a, b in zip(self, other, strict=True))

    def __getitem__(self, i):
        return self.items[i]

    def __len__(self):
        return len(self.items)

    def __iter__(self):
        return iter(self.items)

    def __abs__(self):
        return math.sqrt(self @ self)

    @property
    def unit(self):
        length = abs(self)
        return self * (1 / length if length > 0.5 else length)


@program(positives(3, 3), "real")
def vectors_of_a_class(a, b):
    u, v = Vector(*a), Vector(*b)
    w = u + 2.0 * v - u * (u @ v)
    return abs(w) + w[1] + len(w) * w.unit[0]


class Dual:
    def __init__(self, value, slope):
        self.value, self.slope = value, slope

    def __add__(self, other):
        if not isinstance(other, Dual):
            return NotImplemented if isinstance(other, str) else self + Dual(other, 0.0)
        return Dual(self.value + other.value, self.slope + other.slope)

    __radd__ = __add__

    def __mul__(self, other):
        other = other if isinstance(other, Dual) else Dual(other, 0.0)
        slope = self.value * other.slope + self.slope * other.value
        return Dual(self.value * other.value, slope)

    __rmul__ = __mul__

    def sin(self):
        return Dual(math.sin(self.value), math.cos(self.value) * self.slope)


@program(positives(()), "real")
def dual_numbers(x):
    t = Dual(x, 1.0)
    y = 3 * t * t + t.sin() + 1
    return y.value, y.slope


class Quaternion:
    def __init__(self, *parts):
        self.parts = np.array(parts)

    def __mul__(self, other):
        a, b, c, d = self.parts
        e, f, g, h = other.parts
        return Quaternion(
            a * e - b * f - c * g - d * h,
            a * f + b * e + c * h - d * g,
            a * g - b * h + c * e + d * f,
            a * h + b * g - c * f + d * e,
        )

    @property
    def conjugate(self):
        return Quaternion(self.parts[0], *-self.parts[1:])

    @classmethod
    def of_vector(cls, v):
        return cls(0.0, *v)


@program(normals(4, 3))
def quaternion_of_a_class(q, v):
    unit = Quaternion(*(q / np.sqrt((q**2).sum())))
    turned = unit * Quaternion.of_vector(v) * unit.conjugate
    return turned.parts[1:]


class Polynomial:
    def __init__(self, coefficients):
        self.coefficients = np.asarray(coefficients)

    def __call__(self, x):
        result = np.zeros_like(x)
        for c in self.coefficients[::-1]:
            result = result * x + c
        return result

    def __add__(self, other):
        out = np.zeros(max(len(self.coefficients), len(other.coefficients)))
        out[: len(self.coefficients)] += self.coefficients
        out[: len(other.coefficients)] += other.coefficients
        return Polynomial(out)

    def __mul__(self, other):
        return Polynomial(np.convolve(self.coefficients, other.coefficients))

    @functools.cached_property
    def derivative(self):
        return Polynomial(self.coefficients[1:] * np.arange(1, len(self.coefficients)))


@program(normals(3, 4, 5), "real")
def polynomials_of_a_class(a, b, x):
    p, q = Polynomial(a), Polynomial(b)
    return (p * q + p)(x), q.derivative(x) + q.derivative(x[0])


def memoize(function):
    known = {}

    @functools.wraps(function)
    def look_up(n):
        if n not in known:
            known[n] = function(n)
        return known[n]

    return look_up


@program(positives(()))
def legendre_by_memory(x):
    @memoize
    def legendre(n):
        if n < 2:
            return x if n else 1.0
        return ((2 * n - 1) * x * legendre(n - 1) - (n - 1) * legendre(n - 2)) / n

    return [legendre(n) for n in range(6)][1:]


class Line(NamedTuple):
    weights: np.ndarray
    bias: float


@program(lambda r: (Line(r.standard_normal(3), 0.4), r.standard_normal((5, 3))))
def a_named_tuple_with_other_fields(line, x):
    line = line._replace(weights=line.weights * 2)
    return x @ line.weights + line._asdict()["bias"]


@dataclass(frozen=True)
class Settings:
    rate: float = 0.1
    activation: str = "tanh"

    def faster(self, factor):
        return replace(self, rate=self.rate * factor)


@program(lambda r: (Settings(), r.standard_normal(3)), "real", argnums=(1,))
def settings_made_anew(settings, x):
    settings = settings.faster(2.0)
    return getattr(np, settings.activation)(x) * settings.rate


class Left:
    def __init__(self, value):
        self.value = value

    def __add__(self, other):
        return type(self)(self.value + getattr(other, "value", other))

    def __sub__(self, other):
        return type(self)(self.value - getattr(other, "value", other))

    def __rsub__(self, other):
        return type(self)(other - self.value)

    def __rpow__(self, base):
        return type(self)(base**self.value)

    def __radd__(self, other):
        return type(self)(other + self.value)


class Right(Left):
    def __radd__(self, other):
        return Right(10 * getattr(other, "value", other) + self.value)


@program(positives(3), "real")
def operators_of_the_right_side(x):
    a, b = Left(x[0]), Right(x[1])
    first = a + b  # the class below asks first
    return first.value + (2.0 + a).value * (3 - b).value + (2.0**a).value + sum([a, a, b]).value
