"""Find the heat sources in a plate from a few noisy thermometers, by L-BFGS.

The simulation is a time loop that writes a stencil in place.  gradc keeps the loop and runs it
backwards, so that one gradient costs about as much as two simulations, whatever the number of
unknowns: here every cell of the plate.
"""

import argparse
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from scipy.optimize import minimize

import gradc

CELLS, STEPS = 48, 400
SENSORS = np.arange(3, CELLS, 6)  # a thermometer at each crossing of these rows and columns
FLOW, HEATING = 0.2, 0.01  # diffusivity * dt / dx^2 (stable below 0.25), and dt


def simulate(source, steps):
    """Warm a plate with cold edges from zero; what the thermometers read after each step."""
    u = np.zeros_like(source)
    readings = np.zeros((steps, len(SENSORS), len(SENSORS)))
    for t in range(steps):
        around = u[:-2, 1:-1] + u[2:, 1:-1] + u[1:-1, :-2] + u[1:-1, 2:]
        u[1:-1, 1:-1] += FLOW * (around - 4.0 * u[1:-1, 1:-1]) + HEATING * source[1:-1, 1:-1]
        readings[t] = u[3::6, 3::6]
    return readings


def misfit(source, measured, smoothing):
    """Squared error of the readings, and a penalty on rough sources."""
    error = simulate(source, len(measured)) - measured
    rough = np.sum(np.diff(source, axis=0) ** 2) + np.sum(np.diff(source, axis=1) ** 2)
    return np.sum(error**2) + smoothing * rough


def hot_spots():
    """The truth: a round source and a flat one, of strength 1 and 0.7."""
    y, x = np.mgrid[:CELLS, :CELLS]
    round_one = np.exp(-((y - 15.0) ** 2 + (x - 30.0) ** 2) / 18.0)
    return round_one + 0.7 * ((abs(y - 34) < 4) & (abs(x - 15) < 6))


def recover(measured, smoothing, rounds):
    """The source that explains the readings, never negative; and the misfit after each round."""
    objective = gradc.value_and_grad(misfit, argnums="source")

    def flat(s):
        value, gradient = objective(s.reshape(CELLS, CELLS), measured, smoothing)
        return value, gradient.ravel()

    history = []
    found = minimize(
        flat,
        np.zeros(CELLS * CELLS),
        jac=True,
        method="L-BFGS-B",
        bounds=[(0.0, None)] * CELLS**2,
        callback=lambda intermediate_result: history.append(intermediate_result.fun),
        options={"maxiter": rounds, "maxfun": 2 * rounds},
    )
    return found.x.reshape(CELLS, CELLS), history, found.nfev


def describe(source):
    """Total strength and centre of gravity of the cells given."""
    total = source.sum()
    y, x = (float(np.sum(place * source) / total) for place in np.indices(source.shape))
    return f"strength {total:5.2f} at ({y:4.1f}, {x:4.1f})"


def draw(truth, found, history, folder):
    """Save the two sources side by side with the thermometers, and the misfit by round."""
    if find_spec("matplotlib") is None:
        print("no pictures: matplotlib is missing (pip install 'gradc[examples]')")
        return
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(12, 3.8), layout="constrained")
    for axes, source, title in ((left, truth, "true source"), (middle, found, "recovered")):
        shown = axes.imshow(source, vmin=0.0, vmax=1.0, cmap="inferno", origin="lower")
        axes.set(title=title, xticks=[], yticks=[])
    x, y = np.meshgrid(SENSORS, SENSORS)
    middle.scatter(x, y, s=6, color="#8cf", label="thermometer")
    middle.legend(loc="upper left", bbox_to_anchor=(0.0, 0.0), frameon=False)
    figure.colorbar(shown, ax=(left, middle), shrink=0.9)
    right.semilogy(history, color="#147")
    right.set(title="misfit", xlabel="round of L-BFGS")
    folder.mkdir(parents=True, exist_ok=True)
    figure.savefig(folder / "heat.png", dpi=120)
    print(f"picture: {folder.name}/heat.png")


def main(arguments=None) -> None:
    """Simulate, add noise, recover and compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pictures", type=Path, nargs="?", help="folder for the picture")
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    chosen = parser.parse_args(arguments)

    rng = np.random.default_rng(4)
    truth = hot_spots()
    exact = simulate(truth, STEPS)
    noise = 0.02 * exact.std()
    measured = exact + noise * rng.standard_normal(exact.shape)

    begun = time.perf_counter()
    found, history, calls = recover(measured, smoothing=0.003, rounds=15 if chosen.quick else 120)
    seconds = time.perf_counter() - begun

    left_over = np.sqrt(np.mean((simulate(found, STEPS) - exact) ** 2))
    error = np.linalg.norm(found - truth) / np.linalg.norm(truth)
    print(f"{CELLS**2} unknowns, {measured.size} readings, noise {noise:.5f}")
    print(f"{calls} gradients of a {STEPS}-step simulation in {seconds:.1f} s, compiling included")
    print(f"misfit {history[0]:.4g} -> {history[-1]:.4g}   readings wrong by {left_over:.5f} (rms)")
    print(f"source wrong by {error:.1%} (all zeros: 100%)")
    below = np.arange(CELLS)[:, None] < 25
    for name, half in (("round", below), ("flat", ~below)):
        print(f"  {name:5} source: {describe(found * half)}   true: {describe(truth * half)}")
    if chosen.pictures:
        draw(truth, found, history, chosen.pictures)


if __name__ == "__main__":
    main()
