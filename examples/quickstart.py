"""Ten lines: a NumPy function, its compiled gradient, and the code that was generated for it."""

import numpy as np

import gradc


@gradc.compile
def loss(w, b, x, y):
    h = np.tanh(x @ w + b)
    return np.mean((h - y) ** 2)


def main() -> None:
    """Print a value, its gradients, and the NumPy and C that compute them."""
    rng = np.random.default_rng(0)
    w, b, x, y = (rng.standard_normal(shape) for shape in (3, (), (4, 3), 4))
    value_and_gradient = gradc.value_and_grad(loss, argnums=("w", "b"))
    value, (w_bar, b_bar) = value_and_gradient(w, b, x, y)
    print(f"loss {value:.6f}   dw {w_bar}   db {b_bar:.6f}\n")
    print(value_and_gradient.source("numpy", w, b, x, y))
    print(value_and_gradient.source("c", w, b, x, y))


if __name__ == "__main__":
    main()
