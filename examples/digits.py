"""Train a two-layer network, written in plain NumPy, on the handwritten digits of scikit-learn.

The whole training step is one compiled function: loss, gradients by the chain rule, momentum and
update.  Ends with the test accuracy, a picture of the loss curve and the generated gradient code.
"""

import argparse
import time
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from tqdm import tqdm

import gradc

PICTURE = Path(__file__).resolve().parent.parent / "build" / "digits_loss.png"


def layer(x, w, b):
    """An affine layer with ReLU."""
    return np.maximum(x @ w + b, 0.0)


def loss(params, x, onehot):
    """Softmax cross entropy of a two-layer network."""
    h = layer(x, params["w1"], params["b1"])
    z = h @ params["w2"] + params["b2"]
    z = z - np.max(z, axis=1, keepdims=True)
    log_p = z - np.log(np.sum(np.exp(z), axis=1, keepdims=True))
    return -np.mean(np.sum(onehot * log_p, axis=1))


@gradc.compile
def step(params, speed, x, onehot, rate):
    """One step of gradient descent with momentum: returns the loss and what has changed."""
    value, gradient = gradc.value_and_grad(loss)(params, x, onehot)
    for name in params:
        speed[name] = 0.9 * speed[name] - rate * gradient[name]
        params[name] = params[name] + speed[name]
    return value, params, speed


def predict(params, x):
    """The most likely digit of each picture."""
    h = layer(x, params["w1"], params["b1"])
    return np.argmax(h @ params["w2"] + params["b2"], axis=1)


def start(rng, sizes=(64, 96, 10)):
    """Weights drawn for ReLU layers (He et al. 2015), biases zero."""
    inside, hidden, out = sizes
    return {
        "w1": rng.standard_normal((inside, hidden)) * np.sqrt(2.0 / inside),
        "b1": np.zeros(hidden),
        "w2": rng.standard_normal((hidden, out)) * np.sqrt(2.0 / hidden),
        "b2": np.zeros(out),
    }


def batches(rng, x, onehot, size):
    """Shuffled batches of one size; the rest is left out until the next shuffle."""
    order = rng.permutation(len(x))
    for first in range(0, len(x) - size + 1, size):
        rows = order[first : first + size]
        yield x[rows], onehot[rows]


def draw(losses, epoch, accuracy, path):
    """Save a picture of the loss by step, and of its mean over the last ``epoch`` steps."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    smooth = np.convolve(losses, np.ones(epoch) / epoch, mode="valid")
    figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
    axes.semilogy(losses, color="#bcd", linewidth=0.6, label="each step")
    axes.semilogy(np.arange(epoch - 1, len(losses)), smooth, color="#147", label="mean of an epoch")
    axes.set(xlabel="step", ylabel="cross entropy", title=f"digits: test accuracy {accuracy:.1%}")
    axes.legend(frameon=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)


def layer_loss(x, w, b, target):
    """One layer alone, for reading its generated gradient."""
    h = layer(x, w, b)
    return np.mean((h - target) ** 2)


def main(arguments=None) -> float:
    """Train, report and return the test accuracy."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--picture", type=Path, default=PICTURE)
    chosen = parser.parse_args(arguments)

    rng = np.random.default_rng(1)
    pictures, digits = load_digits(return_X_y=True)
    x, x_test, digit, digit_test = train_test_split(
        pictures / 16.0, digits, test_size=0.25, random_state=1
    )
    onehot = np.eye(10)[digit]
    params = start(rng)
    speed = {name: np.zeros_like(value) for name, value in params.items()}

    losses = []
    begun = time.perf_counter()
    with tqdm(range(chosen.epochs), unit="epoch") as epochs:
        for epoch in epochs:
            rate = 0.05 * 0.97**epoch
            for x_batch, y_batch in batches(rng, x, onehot, 32):
                value, params, speed = step(params, speed, x_batch, y_batch, rate)
                losses.append(value)
            epochs.set_postfix(loss=f"{np.mean(losses[-40:]):.4f}", refresh=False)
    seconds = time.perf_counter() - begun

    accuracy = float(np.mean(predict(params, x_test) == digit_test))
    print(f"{len(losses)} steps in {seconds:.1f} s, compilation included")
    print(f"test accuracy {accuracy:.1%}")
    draw(losses, len(losses) // chosen.epochs, accuracy, chosen.picture)
    print(f"loss curve: {chosen.picture.name} in {chosen.picture.parent.name}/\n")

    gradient = gradc.grad(layer_loss, argnums=("w", "b"))
    example = gradient.artifact(x_batch, params["w1"], params["b1"], np.zeros((32, 96)))
    print("The gradient of one layer, as gradc wrote it in NumPy:\n")
    print(example.source("numpy"))
    print("and in C (the function alone; `gradc inspect` shows the whole file):\n")
    print(example.generated("c").function)
    return accuracy


if __name__ == "__main__":
    main()
