"""Fit a damped pendulum to noisy angles, through an ODE solver that chooses its own steps.

The solver is a `while` loop whose number of turns depends on the data: it repeats a step that was
too long and lengthens one that was too short.  gradc differentiates the program as it ran.
"""

import argparse
import time

import numpy as np
from scipy.optimize import minimize

import gradc

GRAVITY, TOLERANCE, NOISE = 9.81, 1e-6, 0.02
LIMIT = 300  # steps from one measurement to the next: room for them is set aside
NAMES = ("length", "damping", "angle")
TRUE, GUESS = np.array([0.8, 0.35, 2.4]), np.array([1.0, 0.1, 2.0])
BOUNDS = ((0.3, 3.0), (0.0, 2.0), (0.1, 3.1))


def motion(y, length, damping):
    """Angle and speed become speed and acceleration."""
    return np.array([y[1], -GRAVITY / length * np.sin(y[0]) - damping * y[1]])


def advance(y, seconds, length, damping):
    """Integrate by Bogacki and Shampine's pair of order 3 and 2; also counts the tries."""
    t, h, tries = 0.0, 0.05, 0
    while t < seconds:
        h = min(h, seconds - t)
        k1 = motion(y, length, damping)
        k2 = motion(y + h / 2 * k1, length, damping)
        k3 = motion(y + 3 * h / 4 * k2, length, damping)
        better = y + h / 9 * (2 * k1 + 3 * k2 + 4 * k3)
        k4 = motion(better, length, damping)
        error = np.max(np.abs(h * (-5 * k1 + 6 * k2 + 8 * k3 - 9 * k4) / 72))
        if error <= TOLERANCE:
            t = t + h
            y = better
        h = h * min(2.0, max(0.3, 0.9 * (TOLERANCE / (error + 1e-12)) ** (1 / 3)))
        tries += 1
    return y, tries


def swing(pendulum, times):
    """The angle at each of the times, released at rest; and the steps that the solver tried."""
    length, damping, angle = pendulum
    y = np.array([angle, 0.0])
    angles = np.zeros(len(times))
    now, tries = 0.0, 0
    for i in range(len(times)):
        y, more = advance(y, times[i] - now, length, damping)
        angles[i] = y[0]
        now = times[i]
        tries += more
    return angles, tries


def misfit(pendulum, times, measured):
    """Mean squared error of the angles."""
    angles, _ = swing(pendulum, times)
    return np.mean((angles - measured) ** 2)


def main(arguments=None) -> None:
    """Make the measurements, check the gradient, fit, and compare with the truth."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer measurements")
    chosen = parser.parse_args(arguments)

    rng = np.random.default_rng(7)
    times = np.sort(rng.uniform(0.1, 6.0, 60 if chosen.quick else 200))
    exact, tries = swing(TRUE, times)
    measured = exact + NOISE * rng.standard_normal(times.shape)

    objective = gradc.value_and_grad(misfit, max_turns=LIMIT)
    begun = time.perf_counter()
    _, gradient = objective(GUESS, times, measured)
    print(f"{len(times)} angles, noise {NOISE} rad; the solver tried {tries} steps")
    print("gradient at the guess", gradient)
    print(" by differences       ", differences(GUESS, times, measured))

    fit = minimize(objective, GUESS, (times, measured), jac=True, bounds=BOUNDS)
    curvature = gradc.hessian(misfit, max_turns=LIMIT)(fit.x, times, measured)
    spread = NOISE * np.sqrt(2.0 / len(times) * np.diag(np.linalg.inv(curvature)))
    print(f"{fit.nfev} gradients in {time.perf_counter() - begun:.1f} s, compiling included\n")
    print("           guess   found             true")
    for row in zip(NAMES, GUESS, fit.x, spread, TRUE, strict=True):
        print("{:9} {:6.3f}  {:6.4f} +- {:6.4f}  {:6.4f}".format(*row))
    print(f"left over {np.sqrt(fit.fun):.4f} rad (rms)")


def differences(pendulum, *data, step=1e-6):
    """The same gradient by central differences of the plain NumPy function."""
    moves = step * np.eye(len(pendulum))
    rise = [misfit(pendulum + d, *data) - misfit(pendulum - d, *data) for d in moves]
    return np.array(rise) / (2.0 * step)


if __name__ == "__main__":
    main()
