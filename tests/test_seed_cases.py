"""What the founding documents require, line by line, in both backends."""

import networkx as nx
import numpy as np
import pytest

import gradc
from gradc import DerivativeError, GradcWarning, TraceError
from tests.backends import BACKENDS

pytestmark = pytest.mark.parametrize("backend", BACKENDS)


def rng():
    return np.random.default_rng(26)


def sigmoid(z):
    return 1.0 / (1.0 + np.exp(-z))


# chain rule


@pytest.mark.parametrize(
    ("function", "derivative"),
    [
        (lambda x: np.sin(np.exp(x)), lambda x: np.cos(np.exp(x)) * np.exp(x)),
        (
            lambda x: np.tanh(np.sin(np.log(x))),
            lambda x: (1 - np.tanh(np.sin(np.log(x))) ** 2) * np.cos(np.log(x)) / x,
        ),
        (lambda x: (x**3 + 2 * x) ** 5, lambda x: 5 * (x**3 + 2 * x) ** 4 * (3 * x**2 + 2)),
        (lambda x: np.sin(3 * x**2 + 1), lambda x: np.cos(3 * x**2 + 1) * 6 * x),
        (lambda x: np.sqrt(x**2 + 1), lambda x: x / np.sqrt(x**2 + 1)),
    ],
)
def test_01_compositions(backend, function, derivative):
    found = gradc.grad(function, backend=backend)(0.7)
    assert found == pytest.approx(derivative(0.7), rel=1e-14)


def test_02_square_of_affine(backend):
    def f(x):
        u = 3 * x + 1
        return u**2

    assert gradc.grad(f, backend=backend)(1.0) == 24.0


def test_03_two_steps(backend):
    def f(x):
        y = x + 1
        z = y**2
        return z

    assert gradc.grad(f, backend=backend)(3.0) == 8.0


def test_04_two_variables(backend):
    gradient = gradc.grad(lambda x, y: (x + y) ** 2, argnums=(0, 1), backend=backend)
    assert gradient(2.0, 3.0) == (10.0, 10.0)


def test_05_paths_add(backend):
    assert gradc.grad(lambda x: x**2 + x, backend=backend)(3.0) == 7.0


def test_06_sum_over_children_is_visible(backend):
    def f(x):
        a = np.sin(x)
        b = x * x
        return a * b

    text = gradc.grad(f, backend=backend).explain(0.5)
    assert "x_bar" in text
    assert "via" in text


def test_07_total_derivative_and_matrix_form(backend):
    def path(t):
        x, y = np.cos(t), np.sin(t)
        return x**2 * y

    t = 0.3
    expected = -2 * np.cos(t) * np.sin(t) * np.sin(t) + np.cos(t) ** 3
    assert gradc.grad(path, backend=backend)(t) == pytest.approx(expected, rel=1e-14)

    def g(x):
        return np.stack([x[0] * x[1], np.sin(x[0]), x[1] ** 2, x[0] + x[1]])

    def f(u):
        return np.stack([u[0] * u[1] * u[2], np.exp(u[3]) + u[0], u[1] - u[2]])

    x = np.array([0.4, -1.2])
    whole = gradc.jacobian(lambda x: f(g(x)), backend=backend)(x)
    outer = gradc.jacobian(f, backend=backend)(g(x))
    inner = gradc.jacobian(g, backend=backend)(x)
    assert (whole.shape, outer.shape, inner.shape) == ((3, 2), (3, 4), (4, 2))
    np.testing.assert_allclose(whole, outer @ inner, rtol=1e-13)


def test_08_products_without_the_jacobian(backend):
    def f(x):
        return np.stack([x[0] * x[1], np.sin(x[0]), x[1] ** 2])

    x, v, w = np.array([0.4, -1.2]), np.array([1.0, 2.0]), np.array([0.5, -1.0, 3.0])
    jacobian = gradc.jacobian(f, backend=backend)(x)
    value, pushed = gradc.jvp(f, (x,), (v,), backend=backend)
    again, pullback = gradc.vjp(f, x, backend=backend)
    (pulled,) = pullback(w)
    np.testing.assert_allclose(value, f(x), rtol=1e-15)
    np.testing.assert_allclose(again, f(x), rtol=1e-15)
    np.testing.assert_allclose(pushed, jacobian @ v, rtol=1e-14)
    np.testing.assert_allclose(pulled, jacobian.T @ w, rtol=1e-14)


def test_09_picture_of_dependencies(backend):
    def f(x, y):
        u = x * y
        return np.sin(u) + x

    gradient = gradc.grad(f, backend=backend)
    graph = gradient.graph(0.3, 0.4)
    assert isinstance(graph, nx.MultiDiGraph)
    assert nx.is_directed_acyclic_graph(graph)
    artifact = gradient.artifact(0.3, 0.4)
    assert artifact.dot().startswith("digraph")
    assert artifact.svg().startswith("<svg")
    assert "u" in artifact.svg()


def test_10_intermediate_values_and_gradients_by_name(backend):
    def f(x):
        u = x * 3.0
        v = np.sin(u) + u
        return v**2

    text = gradc.grad(f, backend=backend).explain(0.25)
    u = 0.75
    v = np.sin(u) + u
    for name, value, bar in (("v", v, 2 * v), ("u", u, 2 * v * (np.cos(u) + 1))):
        assert f"{name} = " in text
        assert f"{value:.6g}" in text
        assert f"{bar:.6g}" in text
    assert f"{2 * v * np.cos(u):.6g}" in text, "the contribution through the sine"


# neuron, layer, network


def neuron(w, x, b, y):
    z = w * x + b
    a = sigmoid(z)
    return (a - y) ** 2


def test_11_neuron(backend):
    gradient = gradc.grad(neuron, argnums="w", backend=backend)
    assert gradient(0.5, 2.0, 0.0, 1.0) == pytest.approx(-0.211508, abs=5e-7)
    a = sigmoid(1.0)
    text = gradient.explain(0.5, 2.0, 0.0, 1.0)
    for factor in (2 * (a - 1), a * (1 - a), 2.0, 2 * (a - 1) * a * (1 - a)):
        assert f"{factor:.6g}" in text
    plain = gradc.grad(lambda w, x, y: (sigmoid(w * x) - y) ** 2, backend=backend)
    assert plain(0.5, 2.0, 1.0) == pytest.approx(-0.211508, abs=5e-7)


def test_12_two_layer_composition(backend):
    r = rng()
    w1, w2, x = r.standard_normal((4, 3)), r.standard_normal((2, 4)), r.standard_normal(3)

    def loss(w1, w2, x):
        return np.sum(np.tanh(w2 @ np.tanh(w1 @ x)) ** 2)

    h = np.tanh(w1 @ x)
    o = np.tanh(w2 @ h)
    o_bar = 2 * o * (1 - o**2)
    expected = np.outer((w2.T @ o_bar) * (1 - h**2), x)
    found = gradc.grad(loss, backend=backend)(w1, w2, x)
    np.testing.assert_allclose(found, expected, rtol=1e-13)


def test_13_linear_layers(backend):
    r = rng()
    w, x, y_bar = r.standard_normal((2, 3)), r.standard_normal(3), r.standard_normal(2)
    _, pullback = gradc.vjp(lambda w, x: w @ x, w, x, backend=backend)
    w_bar, x_bar = pullback(y_bar)
    np.testing.assert_allclose(w_bar, np.outer(y_bar, x), rtol=1e-15)
    np.testing.assert_allclose(x_bar, w.T @ y_bar, rtol=1e-15)

    batch, y_bar = r.standard_normal((4, 3)), r.standard_normal((4, 2))
    value, pullback = gradc.vjp(lambda x, w: x @ w.T, batch, w, backend=backend)
    x_bar, w_bar = pullback(y_bar)
    assert (value.shape, x_bar.shape, w_bar.shape) == ((4, 2), (4, 3), (2, 3))
    np.testing.assert_allclose(x_bar, y_bar @ w, rtol=1e-14)
    np.testing.assert_allclose(w_bar, y_bar.T @ batch, rtol=1e-14)


def test_14_relu(backend):
    x = np.array([-2.0, 0.5, 3.0])
    relu = gradc.grad(lambda x: np.sum(np.maximum(0, x)), backend=backend)
    np.testing.assert_array_equal(relu(x), [0.0, 1.0, 1.0])
    np.testing.assert_array_equal(relu(np.zeros(3)), np.zeros(3))


def test_15_sigmoid_reuses_its_output(backend):
    gradient = gradc.grad(sigmoid, backend=backend)
    assert gradient(0.0) == 0.25
    source = gradient.source("numpy", 0.0)
    code = "\n".join(line.partition("#")[0] for line in source.splitlines())
    assert code.count("np.exp") == 1, source


def test_16_mean_squared_error(backend):
    mse = gradc.grad(lambda yhat, y: np.mean((yhat - y) ** 2), backend=backend)
    found = mse(np.array([2.0, 4.0, 6.0]), np.array([1.0, 5.0, 2.0]))
    np.testing.assert_allclose(found, [2 / 3, -2 / 3, 8 / 3], rtol=1e-15)


def test_17_training_step_on_real_data(backend):
    data = pytest.importorskip("sklearn.datasets").load_diabetes()
    x = (data.data / data.data.std(axis=0))[:160]
    y = ((data.target - data.target.mean()) / data.target.std())[:160, None]
    r = rng()
    params = {
        "w1": r.standard_normal((10, 32)) * np.sqrt(2 / 10),
        "b1": np.zeros(32),
        "w2": r.standard_normal((32, 1)) * np.sqrt(1 / 32),
        "b2": np.zeros(1),
    }

    def loss(params, x, y):
        h = np.maximum(x @ params["w1"] + params["b1"], 0.0)
        return np.mean((h @ params["w2"] + params["b2"] - y) ** 2)

    @gradc.compile(backend=backend)
    def step(params, x, y):
        value, grads = gradc.value_and_grad(loss)(params, x, y)
        return value, {name: params[name] - 0.02 * grads[name] for name in params}, grads

    first = loss(params, x, y)
    _, _, grads = step(params, x[:16], y[:16])
    assert {name: g.shape for name, g in grads.items()} == {
        name: p.shape for name, p in params.items()
    }
    for _ in range(20):
        for k in range(0, 160, 16):
            _, params, _ = step(params, x[k : k + 16], y[k : k + 16])
    assert loss(params, x, y) < 0.5 * first


def test_18_transformer_block_with_regularisation(backend):
    def normalise(x, scale, shift):
        centred = x - np.mean(x, axis=-1, keepdims=True)
        return scale * centred / np.sqrt(np.mean(centred**2, axis=-1, keepdims=True) + 1e-5) + shift

    def attention(x, p):
        q, k, v = x @ p["q"], x @ p["k"], x @ p["v"]
        scores = q @ k.T / np.sqrt(q.shape[1])
        weights = np.exp(scores - np.max(scores, axis=1, keepdims=True))
        return (weights / np.sum(weights, axis=1, keepdims=True)) @ v @ p["o"]

    def loss(layers, x, target):
        for p in layers:
            x = x + attention(normalise(x, p["s1"], p["t1"]), p)
            h = np.maximum(normalise(x, p["s2"], p["t2"]) @ p["up"], 0.0)
            x = x + h @ p["down"]
        penalty = sum(np.sum(p[name] ** 2) for p in layers for name in ("q", "k", "v", "up"))
        return np.mean((x - target) ** 2) + 1e-3 * penalty

    r = rng()
    d = 6
    shapes = {"q": (d, d), "k": (d, d), "v": (d, d), "o": (d, d), "up": (d, 9), "down": (9, d)}
    layers = [
        {n: 0.3 * r.standard_normal(s) for n, s in shapes.items()}
        | {"s1": np.ones(d), "t1": np.zeros(d), "s2": np.ones(d), "t2": np.zeros(d)}
        for _ in range(3)
    ]
    x, target = r.standard_normal((5, d)), r.standard_normal((5, d))
    value, grads = gradc.value_and_grad(loss, backend=backend)(layers, x, target)
    assert value == pytest.approx(loss(layers, x, target), rel=1e-12)
    artifact = gradc.value_and_grad(loss, backend=backend).artifact(layers, x, target)
    assert len(artifact.program.nodes) > 300
    for name in ("q", "up", "s1", "t2"):
        at = layers[1][name]
        direction = r.standard_normal(at.shape)

        def moved(h, name=name, at=at, direction=direction):
            changed = [dict(p) for p in layers]
            changed[1][name] = at + h * direction
            return loss(changed, x, target)

        numeric = (moved(1e-5) - moved(-1e-5)) / 2e-5
        assert np.sum(grads[1][name] * direction) == pytest.approx(numeric, rel=1e-6, abs=1e-9)


def test_19_shared_weights_residuals_and_gates(backend):
    def loss(w, u, x):
        h = np.tanh(x @ w)
        h = h + np.tanh(h @ w)
        gate = sigmoid(h @ u)
        return np.sum(gate * h + (1 - gate) * x)

    r = rng()
    w, u, x = (0.5 * r.standard_normal((4, 4)) for _ in range(3))
    gradient = gradc.grad(loss, argnums=(0, 1, 2), backend=backend)(w, u, x)
    for k, (at, found) in enumerate(zip((w, u, x), gradient, strict=True)):
        direction = r.standard_normal((4, 4))
        arguments = [[w, u, x], [w, u, x]]
        arguments[0][k], arguments[1][k] = at + 1e-6 * direction, at - 1e-6 * direction
        numeric = (loss(*arguments[0]) - loss(*arguments[1])) / 2e-6
        assert np.sum(found * direction) == pytest.approx(numeric, rel=1e-7, abs=1e-8)


# choosing what flows


def test_20_frozen_parameters_cost_nothing(backend):
    def loss(frozen, tuned, x):
        h = np.tanh(x @ frozen)
        return np.mean((h @ tuned) ** 2)

    r = rng()
    arguments = r.standard_normal((5, 4)), r.standard_normal((4, 2)), r.standard_normal((3, 5))
    tuned = gradc.grad(loss, argnums="tuned", backend=backend)
    both = gradc.grad(loss, argnums=("frozen", "tuned"), backend=backend)
    source = tuned.source("numpy", *arguments)
    assert "frozen_bar" not in source and "h_bar" not in source, source
    assert "h_bar" in both.source("numpy", *arguments)
    assert len(tuned.artifact(*arguments).program.nodes) < len(
        both.artifact(*arguments).program.nodes
    )
    np.testing.assert_allclose(tuned(*arguments), both(*arguments)[1], rtol=1e-14)


def test_21_stop_gradient(backend):
    def f(x):
        return x * gradc.stop_gradient(x**2)

    assert gradc.grad(f, backend=backend)(3.0) == 9.0
    with pytest.warns(GradcWarning, match="stop_gradient"):
        found = gradc.grad(lambda x: gradc.stop_gradient(x) ** 2, backend=backend)(3.0)
    assert found == 0.0


def test_22_reparameterisation(backend):
    generator = np.random.default_rng(5)
    eps = np.random.default_rng(5).standard_normal(6)

    def loss(mu, sigma):
        z = mu + sigma * generator.standard_normal(6)
        return np.sum(z**2)

    mu, sigma = 0.3, 1.7
    found = gradc.grad(loss, argnums=(0, 1), backend=backend)(mu, sigma)
    z = mu + sigma * eps
    np.testing.assert_allclose(found, (np.sum(2 * z), np.sum(2 * z * eps)), rtol=1e-13)
    again = gradc.grad(loss, argnums=(0, 1), backend=backend)(mu, sigma)
    assert again != found, "every call draws anew"


def test_23_mistakes_are_named(backend):
    def to_number(x):
        return float(x) * 2.0

    def item(x):
        return x.item() * 2.0

    def through_argmax(x):
        return np.argmax(x) * 1.0

    def vector(x):
        return x * 2.0

    def unrelated(x, y):
        return np.sum(y)

    x = np.array([1.0, 2.0])
    cases = [
        (to_number, (np.float64(1.0),), TraceError, "float(x)"),
        (item, (np.array(1.0),), TraceError, "x.item()"),
        (through_argmax, (x,), DerivativeError, "np.argmax(x)"),
        (vector, (x,), DerivativeError, "scalar"),
        (unrelated, (x, x), DerivativeError, "does not depend on x"),
    ]
    for function, arguments, error, words in cases:
        with pytest.raises(error) as caught:
            gradc.grad(function, backend=backend)(*arguments)
        message = str(caught.value)
        assert words in message, message
        assert "test_seed_cases.py" in message, message
        assert caught.value.repair, message


# deep chains


def test_24_vanishing_and_exploding(backend):
    def chain(h, w):
        for _ in range(30):
            h = np.tanh(w * h)
        return h

    gradient = gradc.grad(chain, backend=backend)
    vanishing, exploding = gradient.norms(0.5, 0.3), gradient.norms(1e-6, 1.9)
    assert vanishing.count("h") >= 30
    assert "vanish" in vanishing
    assert "explod" in exploding
    w, h, product = 0.3, 0.5, 1.0
    for _ in range(30):
        h = np.tanh(w * h)
        product *= w * (1 - h**2)
    assert gradient(0.5, 0.3) == pytest.approx(product, rel=1e-12)


def test_25_cures(backend):
    r = rng()

    def loss(w, x):
        h = x
        for _ in range(6):
            h = h + 0.1 * np.tanh(h @ w)
            h = h / np.sqrt(np.mean(h**2) + 1e-6)
        gate = sigmoid(h)
        return np.sum(gate * h)

    @gradc.compile(backend=backend)
    def step(w, x):
        g = gradc.grad(loss)(w, x)
        norm = np.sqrt(np.sum(g * g))
        return w - 0.1 * g * np.minimum(1.0, 0.5 / norm)

    w, x = r.standard_normal((4, 4)) / 2.0, r.standard_normal((3, 4))
    moved = step(w, x) - w
    assert np.sqrt(np.sum(moved**2)) <= 0.05 * (1 + 1e-12)


def test_26_stored_values_are_listed(backend):
    def loss(w, x):
        h = np.tanh(x @ w)
        return np.sum(h * h)

    r = rng()
    artifact = gradc.value_and_grad(loss, backend=backend).artifact(
        r.standard_normal((5, 7)), r.standard_normal((3, 5))
    )
    report = artifact.residuals()
    assert "h" in report
    assert f"{3 * 7 * 8}" in report
