"""Corpus: regressions, networks, attention, mixtures, losses."""

import numpy as np

from tests.programs import normals, program


@program(normals((8, 3), 3, 8))
def linear_regression(x, w, y):
    return np.mean((x @ w - y) ** 2)


@program(lambda r: (r.standard_normal((8, 3)), r.standard_normal(3), r.integers(0, 2, 8)))
def logistic_regression(x, w, y):
    z = x @ w
    return np.mean(np.log(1 + np.exp(-z)) + (1 - y) * z) + 0.1 * np.sum(w**2)


@program(lambda r: (r.standard_normal((6, 2)), r.standard_normal(2), r.poisson(2.0, 6)))
def poisson_regression(x, w, counts):
    eta = x @ w
    return np.sum(np.exp(eta) - counts * eta)


@program(normals((6, 3), 3, 6), "real")
def huber_and_hinge(x, w, y):
    r = x @ w - y
    huber = np.where(np.abs(r) < 1.0, 0.5 * r**2, np.abs(r) - 0.5)
    return huber.mean() + np.maximum(0, 1 - np.sign(y) * r).sum() + 0.01 * np.abs(w).sum()


@program(
    lambda r: (
        {
            "w1": r.standard_normal((4, 5)),
            "b1": r.standard_normal(5),
            "w2": r.standard_normal((5, 3)),
            "b2": r.standard_normal(3),
        },
        r.standard_normal((6, 4)),
        np.eye(3)[r.integers(0, 3, 6)],
    ),
    argnums=(0,),
)
def two_layer_classifier(params, x, onehot):
    h = np.maximum(x @ params["w1"] + params["b1"], 0.0)
    logits = h @ params["w2"] + params["b2"]
    logits = logits - logits.max(axis=1, keepdims=True)
    logp = logits - np.log(np.sum(np.exp(logits), axis=1, keepdims=True))
    return -np.mean(np.sum(onehot * logp, axis=1))


@program(normals((4, 6), (6, 6), (6, 6), (6, 6)))
def attention(x, wq, wk, wv):
    q, k, v = x @ wq, x @ wk, x @ wv
    scores = q @ k.T / np.sqrt(q.shape[-1])
    e = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return (e / e.sum(axis=-1, keepdims=True)) @ v


@program(normals((2, 4, 6), (6, 18)))
def multi_head_causal_attention(x, w):
    batch, length, width = x.shape
    heads = 2
    qkv = (x @ w).reshape(batch, length, 3, heads, width // heads).transpose(2, 0, 3, 1, 4)
    q, k, v = qkv
    scores = q @ k.swapaxes(-1, -2) / np.sqrt(width // heads)
    scores = np.where(np.tril(np.ones((length, length), bool)), scores, -np.inf)
    e = np.exp(scores - scores.max(axis=-1, keepdims=True))
    out = (e / e.sum(axis=-1, keepdims=True)) @ v
    return out.transpose(0, 2, 1, 3).reshape(batch, length, width)


@program(normals((3, 4)))
def gelu_and_friends(x):
    gelu = 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))
    swish = x / (1 + np.exp(-x))
    softplus = np.log(1 + np.exp(x))
    return gelu + swish * np.tanh(softplus)


@program(normals((5, 3), (3, 4), (4, 4), 4))
def recurrent_network(xs, wx, wh, b):
    h = np.zeros(4)
    for x in xs:
        h = np.tanh(x @ wx + h @ wh + b)
    return h


@program(normals((3, 2), (2, 12), (3, 12), 12))
def lstm(xs, wx, wh, b):
    h, c = np.zeros(3), np.zeros(3)
    outputs = []
    for t in range(xs.shape[0]):
        gates = xs[t] @ wx + h @ wh + b
        i, f, o, g = np.split(gates, 4)
        i, f, o = (1 / (1 + np.exp(-z)) for z in (i, f, o))
        c = f * c + i * np.tanh(g)
        h = o * np.tanh(c)
        outputs.append(h)
    return np.stack(outputs)


@program(normals((4, 2), (2, 3), (3, 3), (2, 3), (3, 3)))
def gated_recurrent_unit(xs, wz, uz, wn, un):
    h = np.zeros(3)
    for x in xs:
        z = 1 / (1 + np.exp(-(x @ wz + h @ uz)))
        n = np.tanh(x @ wn + z * (h @ un))
        h = (1 - z) * n + z * h
    return h


@program(normals((5, 2), (3, 2), 3, 3))
def gaussian_mixture(x, means, log_scales, logits):
    log_weights = logits - np.log(np.sum(np.exp(logits)))
    square = np.sum((x[:, None, :] - means) ** 2, axis=-1) / np.exp(2 * log_scales)
    logp = log_weights - 0.5 * square - 2 * log_scales - np.log(2 * np.pi)
    top = np.max(logp, axis=1)
    return np.sum(top + np.log(np.sum(np.exp(logp - top[:, None]), axis=1)))


@program(normals((4, 3), (5, 3)))
def squared_distances(a, b):
    return np.sum(a**2, axis=1)[:, None] + np.sum(b**2, axis=1) - 2 * a @ b.T


@program(lambda r: (r.standard_normal((4, 2)), r.standard_normal((3, 2)), 0.7))
def kernel_matrix(x, y, length):
    d2 = np.sum((x[:, None] - y[None]) ** 2, axis=-1)
    return np.exp(-0.5 * d2 / length**2) + (1 + x @ y.T) ** 2


@program(normals((3, 3)))
def pairwise_distances(x):
    d = x[:, None, :] - x[None, :, :]
    return np.sqrt(np.sum(d**2, axis=-1) + np.eye(3))


@program(normals((4, 3), (4, 3)), "real")
def cosine_similarity(a, b):
    na = a / np.linalg.norm(a, axis=1, keepdims=True)
    nb = b / np.sqrt(np.sum(b * b, axis=1, keepdims=True))
    return na @ nb.T


@program(lambda r: (r.standard_normal((6, 2)), r.integers(0, 6, (4, 2)), r.standard_normal((2, 3))))
def embedding_and_projection(table, tokens, w):
    return np.mean(table[tokens], axis=1) @ w


@program(normals((5, 4), (4, 2), (2, 4)))
def autoencoder(x, encode, decode):
    z = np.tanh(x @ encode)
    return np.mean((z @ decode - x) ** 2) + 1e-3 * np.sum(z**2)


@program(normals((4, 3), (3, 4), (4, 3), (3, 2)))
def variational_bound(x, w, noise, v):
    h = x @ w
    mean, log_var = h[:, :2], h[:, 2:]
    z = mean + np.exp(0.5 * log_var) * noise[:, :2]
    fit = np.sum((z @ v.T - x) ** 2)
    return fit + 0.5 * np.sum(np.exp(log_var) + mean**2 - 1 - log_var)


@program(normals((4, 4), (4, 3)))
def graph_convolution(adjacency, features):
    a = adjacency * adjacency + np.eye(4)
    degree = a.sum(axis=1)
    normalised = a / np.sqrt(degree[:, None] * degree[None, :])
    return normalised @ np.tanh(normalised @ features)


@program(normals((3, 6), (6, 6)))
def residual_blocks(x, w):
    for _ in range(3):
        x = x + 0.5 * np.tanh(x @ w)
        x = x / np.sqrt(np.mean(x**2, axis=1, keepdims=True) + 1e-6)
    return x


@program(lambda r: (r.uniform(0.05, 0.95, 6), r.integers(0, 2, 6).astype(float)), argnums=(0,))
def binary_cross_entropy(p, y):
    return -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))


@program(normals((4, 3), (4, 3), (4, 3)))
def triplet_loss(anchor, near, far):
    dp = np.sum((anchor - near) ** 2, axis=1)
    dn = np.sum((anchor - far) ** 2, axis=1)
    return np.sum(np.maximum(dp - dn + 1.0, 0))


@program(normals((1, 5, 5), (2, 1, 2, 2), 2))
def small_convolutional_network(image, kernels, bias):
    channels, size = kernels.shape[0], image.shape[1] - 1
    out = np.zeros((channels, size, size))
    for c in range(channels):
        for i in range(2):
            for j in range(2):
                out[c] += kernels[c, 0, i, j] * image[0, i : i + size, j : j + size]
        out[c] += bias[c]
    pooled = np.maximum(out, 0).reshape(channels, 2, 2, 2, 2).max(axis=(2, 4))
    return pooled.reshape(-1)


@program(
    lambda r: (r.standard_normal(3), np.zeros(3), np.zeros(3), r.standard_normal(3), 3),
    argnums=(0, 3),
)
def adam_step(w, m, v, g, t):
    m = 0.9 * m + 0.1 * g
    v = 0.999 * v + 0.001 * g**2
    return w - 0.01 * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
