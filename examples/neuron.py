"""One neuron: the gradient of its weight, and the three factors that it is the product of.

z = w x + b, a = sigmoid(z), L = (a - y)^2, so dL/dw = 2 (a - y) * a (1 - a) * x.
"""

import numpy as np

import gradc


def neuron(w, x, b, y):
    z = w * x + b
    a = 1.0 / (1.0 + np.exp(-z))
    return (a - y) ** 2


def main() -> None:
    """Print the gradient, its factors by hand, and gradc's own account of them."""
    w, x, b, y = 0.5, 2.0, 0.0, 1.0
    gradient = gradc.grad(neuron, argnums="w")
    print(f"dL/dw = {gradient(w, x, b, y):.6f}")
    a = 1.0 / (1.0 + np.exp(-(w * x + b)))
    print(f"      = {2 * (a - y):.6f} * {a * (1 - a):.6f} * {x:.6f}   by hand\n")
    print(gradient.explain(w, x, b, y))
    print()
    print(gradient.source("numpy", w, x, b, y))


if __name__ == "__main__":
    main()
