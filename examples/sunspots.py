"""Forecast the sunspots of the next year with a recurrent network (GRU) in plain NumPy.

One compiled call is a whole training step: 250 years through the cell in a Python `for` loop, the
gradient back through all of them, and the update of Adam.  The network never sees 1950 to 2008.
"""

import argparse
import time
from pathlib import Path

import numpy as np

import gradc

# Yearly sunspots, 1700 to 2008: National Geophysical Data Center, in the public domain.
DATA = Path(__file__).with_name("sunspots.csv")
LAST_SEEN = 1949


def sigmoid(x):
    return 1.0 / (1.0 + np.exp(-x))


def cell(p, h, x):
    """One turn of a gated recurrent unit (Cho et al. 2014) for a series of numbers."""
    keep = sigmoid(p["wz"] * x + p["uz"] @ h + p["bz"])
    reset = sigmoid(p["wr"] * x + p["ur"] @ h + p["br"])
    fresh = np.tanh(p["wh"] * x + p["uh"] @ (reset * h) + p["bh"])
    return keep * h + (1.0 - keep) * fresh


def forecast(p, series):
    """For each year, what the years up to it say of the next one."""
    h = np.zeros(len(p["bz"]))
    ahead = np.zeros(len(series))
    for t in range(len(series)):
        h = cell(p, h, series[t])
        ahead[t] = series[t] + p["out"] @ h
    return ahead


def loss(p, series, decay):
    """Mean squared error of the forecasts, after ten years to warm up; and weight decay."""
    error = forecast(p, series)[10:-1] - series[11:]
    return np.mean(error**2) + decay * sum(np.sum(w**2) for w in p.values())


@gradc.compile
def step(p, mean, square, series, count, rate):
    """One step of Adam (Kingma and Ba 2015): returns the loss and what has changed."""
    value, gradient = gradc.value_and_grad(loss)(p, series, 1e-4)
    for name, g in gradient.items():
        mean[name] = 0.9 * mean[name] + 0.1 * g
        square[name] = 0.99 * square[name] + 0.01 * g**2
        move = mean[name] / (1.0 - 0.9**count)
        p[name] = p[name] - rate * move / (np.sqrt(square[name] / (1.0 - 0.99**count)) + 1e-8)
    return value, p, mean, square


def start(rng, size):
    """Small random weights; the gates start half open."""
    p = {f"{part}{gate}": np.zeros(size) for part in "wb" for gate in "zrh"}
    p |= {f"w{gate}": 0.5 * rng.standard_normal(size) for gate in "zrh"}
    p |= {f"u{gate}": rng.standard_normal((size, size)) / np.sqrt(size) for gate in "zrh"}
    return p | {"out": np.zeros(size)}


def linear(series, seen, order=9):
    """The statistician's forecast of the years not seen: least squares on the last ``order``."""
    past = np.lib.stride_tricks.sliding_window_view(series, order)
    past = np.column_stack([past, np.ones(len(past))])
    rows = seen - order
    weights = np.linalg.lstsq(past[:rows], series[order : order + rows], rcond=None)[0]
    return past[rows:-1] @ weights


def main(arguments=None) -> None:
    """Train, then compare the forecasts of the years held back with simple ones."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer steps")
    chosen = parser.parse_args(arguments)

    years, spots = np.loadtxt(DATA, delimiter=",", skiprows=1, unpack=True)
    seen = int(np.sum(years <= LAST_SEEN))
    series = np.sqrt(spots) / 8.0  # the square root evens out quiet and busy cycles
    steps = 200 if chosen.quick else 2000

    p = start(np.random.default_rng(3), 12)
    mean, square = ({name: np.zeros_like(w) for name, w in p.items()} for _ in range(2))
    begun = time.perf_counter()
    for count in range(1, steps + 1):
        rate = 0.01 * 0.5 * (1 + np.cos(np.pi * count / steps))
        value, p, mean, square = step(p, mean, square, series[:seen], float(count), rate)
        if count in (1, 10, 100, 200, 1000, 2000):
            print(f"step {count:5}   loss {value:.5f}")
    print(f"{steps} steps in {time.perf_counter() - begun:.1f} s, compiling included\n")

    truth = spots[seen:]
    network = (8.0 * forecast(p, series)[seen - 1 : -1]) ** 2
    print(f"error of the forecast for {LAST_SEEN + 1} to {years[-1]:.0f}, sunspots (rms)")
    for name, guess in (
        ("the same as last year", spots[seen - 1 : -1]),
        ("the same as eleven years before", spots[seen - 11 : -11]),
        ("linear in the last nine years", (8.0 * linear(series, seen)) ** 2),
        ("the network", network),
    ):
        print(f"  {name:32} {np.sqrt(np.mean((guess - truth) ** 2)):5.1f}")
    print("\nyear  sunspots  forecast")
    for row in zip(years[-8:], truth[-8:], network[-8:], strict=True):
        print("{:.0f}  {:8.1f}  {:8.1f}".format(*row))


if __name__ == "__main__":
    main()
