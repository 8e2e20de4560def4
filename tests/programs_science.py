"""Corpus: differential equations, physics, geometry, optimisation, statistics."""

import numpy as np

import gradc
from tests.programs import normals, positives, program


@program(normals(5))
def rosenbrock(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


@program(normals(3, 3))
def runge_kutta(y, theta):
    def slope(y):
        return np.stack([y[1], theta[0] * y[2] - y[0], -theta[1] * y[0] * y[1] + theta[2]])

    h = 0.1
    for _ in range(4):
        k1 = slope(y)
        k2 = slope(y + h / 2 * k1)
        k3 = slope(y + h / 2 * k2)
        k4 = slope(y + h * k3)
        y = y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return y


@program(positives(2, 4))
def predator_and_prey(start, rates):
    prey, predator = start
    a, b, c, d = rates
    for _ in range(10):
        prey, predator = (
            prey + 0.05 * (a * prey - b * prey * predator),
            predator + 0.05 * (c * prey * predator - d * predator),
        )
    return prey, predator


@program(normals((4, 2), (4, 2)))
def leapfrog(q, p):
    def force(q):
        d = q[:, None] - q[None]
        return -np.sum(d / (np.sum(d**2, axis=-1, keepdims=True) + 0.5) ** 1.5, axis=1)

    for _ in range(3):
        p = p + 0.05 * force(q)
        q = q + 0.1 * p
        p = p + 0.05 * force(q)
    return np.sum(p**2) / 2


@program(normals(8))
def heat_equation(u):
    for _ in range(5):
        u = u + 0.1 * (np.roll(u, 1) - 2 * u + np.roll(u, -1))
    return u


@program(normals((5, 5)))
def wave_equation_in_place(u):
    now, before = u.copy(), u.copy()
    for _ in range(3):
        after = np.zeros((5, 5))
        laplace = now[:-2, 1:-1] + now[2:, 1:-1] + now[1:-1, :-2] + now[1:-1, 2:]
        after[1:-1, 1:-1] = 2 * now[1:-1, 1:-1] - before[1:-1, 1:-1]
        after[1:-1, 1:-1] += 0.2 * (laplace - 4 * now[1:-1, 1:-1])
        before, now = now, after
    return now


@program(normals(6))
def burgers_upwind(u):
    for _ in range(3):
        flux = 0.5 * u**2
        u = u - 0.1 * np.where(u > 0, flux - np.roll(flux, 1), np.roll(flux, -1) - flux)
    return u


@program(positives((3, 3)))
def newton_square_root(a):
    x = a
    for _ in range(6):
        x = 0.5 * (x + a / x)
    return x


@program(positives(()))
def continued_fraction(x):
    value = x
    for _ in range(8):
        value = x + 1 / value
    return value + np.sqrt(x)


@program(normals((3, 3), 3))
def conjugate_gradients(m, b):
    a = m @ m.T + 3 * np.eye(3)
    x = np.zeros(3)
    r = b - a @ x
    p = r
    for _ in range(3):
        step = (r @ r) / (p @ a @ p)
        x = x + step * p
        after = r - step * (a @ p)
        p = after + (after @ after) / (r @ r) * p
        r = after
    return x


@program(normals((3, 3)))
def power_iteration(m):
    a = m @ m.T
    v = np.ones(3)
    for _ in range(5):
        v = a @ v
        v = v / np.sqrt(v @ v)
    return v @ a @ v


@program(normals((3, 4)))
def gram_schmidt(vectors):
    basis = []
    for v in vectors:
        for b in basis:
            v = v - (v @ b) * b
        basis.append(v / np.sqrt(v @ v))
    return np.stack(basis)


@program(normals(3, (5, 3)))
def rotation_of_points(angles, points):
    a, b, c = np.cos(angles)
    d, e, f = np.sin(angles)
    one, nil = 1.0, 0.0
    rx = np.array([[one, nil, nil], [nil, a, -d], [nil, d, a]])
    ry = np.array([[b, nil, e], [nil, one, nil], [-e, nil, b]])
    rz = np.array([[c, -f, nil], [f, c, nil], [nil, nil, one]])
    return points @ (rz @ ry @ rx).T


@program(normals(3, 3, 3, (4, 3)))
def camera_projection(rotation, centre, intrinsics, points):
    theta = np.sqrt(np.sum(rotation**2) + 1e-12)
    axis = rotation / theta
    moved = points - centre
    turned = (
        moved * np.cos(theta)
        + np.cross(axis, moved) * np.sin(theta)
        + axis * (moved @ axis)[:, None] * (1 - np.cos(theta))
    )
    flat = turned[:, :2] / (turned[:, 2:] + 10.0)
    r2 = np.sum(flat**2, axis=1, keepdims=True)
    return flat * (1 + intrinsics[0] * r2 + intrinsics[1] * r2**2) * intrinsics[2]


@program(positives(4, 3))
def black_scholes_by_logistic(spot, terms):
    strike, rate, vol = terms
    d1 = (np.log(spot / strike) + (rate + vol**2 / 2)) / vol
    d2 = d1 - vol

    def normal_cdf(d):
        return 1 / (1 + np.exp(-1.702 * d))

    return spot * normal_cdf(d1) - strike * np.exp(-rate) * normal_cdf(d2)


@program(normals((6, 2)))
def covariance_and_correlation(x):
    c = x - x.mean(axis=0)
    cov = c.T @ c / (len(x) - 1)
    return cov / np.sqrt(np.outer(np.diag(cov), np.diag(cov)))


@program(positives((4, 4)))
def sinkhorn(cost):
    k = np.exp(-cost / 0.5)
    u = np.ones(4)
    for _ in range(5):
        v = 1.0 / (k.T @ u)
        u = 1.0 / (k @ v)
    return np.sum((u[:, None] * k * v) * cost)


@program(lambda r: (r.uniform(0.1, 1.0, (3, 3)), r.uniform(0.1, 1.0, (5, 3)), r.uniform(0.1, 1, 3)))
def hidden_markov_forward(transition, emission, start):
    rows = transition / transition.sum(axis=1, keepdims=True)
    alpha = start / start.sum()
    loglik = 0.0
    for e in emission:
        alpha = (alpha @ rows) * e
        total = alpha.sum()
        alpha = alpha / total
        loglik = loglik + np.log(total)
    return loglik


@program(normals(2, (2, 2), 2, (3, 2)))
def kalman_filter(mean, factor, noise, observations):
    p = factor @ factor.T + np.eye(2)
    for y in observations:
        p = p + np.diag(noise**2)
        s = p + np.eye(2)
        det = s[0, 0] * s[1, 1] - s[0, 1] * s[1, 0]
        inverse = np.array([[s[1, 1], -s[0, 1]], [-s[1, 0], s[0, 0]]]) / det
        gain = p @ inverse
        mean = mean + gain @ (y - mean)
        p = (np.eye(2) - gain) @ p
    return mean, p


@program(positives(6))
def simpson_rule(y):
    x = np.linspace(0.0, 1.0, 6)
    return np.sum((y[1:] + y[:-1]) / 2 * np.diff(x)) + np.sum(np.gradient(y)) * 0


@program(normals((3, 5)), "real")
def covariance_of_columns(x):
    correlation = np.corrcoef(x, rowvar=False)
    return np.sum(np.cov(x.T) ** 2) + np.sum(correlation[0, 1:] * np.arange(4))


@program(normals(7), "real")
def radial_profile(data):
    radius = gradc.stop_gradient(data)
    counts = np.histogram(radius, 3)[0]
    totals = np.histogram(radius, 3, weights=data)[0]
    return np.sum((totals / (counts + 1)) ** 2)


@program(normals(5), "real")
def total_variation(x):
    return np.sum(np.abs(np.diff(x))) + 0.5 * np.sum((x - 0.3) ** 2)


@program(positives((2, 3)))
def entropy_and_divergence(w):
    p = w / w.sum(axis=1, keepdims=True)
    return -np.sum(p * np.log(p), axis=1), np.sum(p[0] * np.log(p[0] / p[1]))


@program(normals(4))
def chebyshev(c):
    x = np.linspace(-0.9, 0.9, 5)
    before, now = np.ones(5), x
    total = c[0] * before + c[1] * now
    for k in range(2, 4):
        before, now = now, 2 * x * now - before
        total = total + c[k] * now
    return total


@program(normals(6), name="lennard_jones")
def _lennard_jones(flat):
    grid = 2.0 * np.array([[0.0, 0, 0], [1, 0.2, 0]]).reshape(-1)
    points = (flat * 0.1 + grid).reshape(2, 3)
    r2 = np.sum((points[0] - points[1]) ** 2)
    s6 = r2**-3
    return 4 * (s6**2 - s6)


@program(normals(()), name="logistic_map")
def _logistic_map(seed):
    x = 0.5 + 0.1 * np.sin(seed)
    for _ in range(12):
        x = 3.5 * x * (1 - x)
    return x


@program(lambda r: (r.uniform(-1, 1, (3, 2)), 4), argnums=(0,))
def polynomial_features(x, degree):
    columns = [np.ones(3)]
    for k in range(1, degree):
        columns += [x[:, 0] ** k, x[:, 1] ** k]
    return np.column_stack(columns)


@program(normals((2, 2), 2))
def matrix_exponential_series(a, v):
    term, total = v, v
    for k in range(1, 10):
        term = a @ term / k
        total = total + term
    return total
