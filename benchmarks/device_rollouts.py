"""Simulation steps per second of ``OnDevice``, problem by problem, beside the compiled kernels on one core.

    python benchmarks/device_rollouts.py --device cuda --rows 16384
    python benchmarks/device_rollouts.py

Claim, on a processor: none; there the compiled kernels are the faster ones, and the ratio says by how much. Prints
whether both agree as well, and exits with 1 where they do not. About a minute with the default 1024 rows.
"""

from __future__ import annotations

import argparse
import os
import sys
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("NUMBA_NUM_THREADS", "1")

import numpy as np

from benchmarks.machine import describe
from qd.contracts import Problem, Request
from qd.problems import CartPoleSwingUp, DeceptiveMaze, HardMaze, OnDevice, PlanarArm, RedundantArm
from qd.rng import generator

ROUNDS = 3


def rate(problem: Problem, solutions: np.ndarray, steps: int) -> tuple[float, np.ndarray]:
    """Steps a second, the median of rounds in wall time; and the measures."""
    request, seeds, taken = Request(solutions), np.zeros(len(solutions), np.uint64), []
    problem.prepare()
    measures = problem.evaluate(request, seeds).measures
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        problem.evaluate(request, seeds)
        taken.append(time.perf_counter() - begin)
    return len(solutions) * steps / float(np.median(taken)), measures


def main() -> int:
    """Prints a line a problem; 1 where the two ways disagree."""
    words = argparse.ArgumentParser()
    words.add_argument("--device", default="cpu")
    words.add_argument("--rows", type=int, default=1024)
    words.add_argument("--compile", action="store_true")
    words.add_argument("--dtype", default="float64")
    given = words.parse_args()
    describe("torch")
    failed = False
    for problem in (HardMaze(steps=200), DeceptiveMaze(), PlanarArm(), RedundantArm(), CartPoleSwingUp()):
        steps = getattr(problem, "steps", 1)
        solutions = np.asarray(problem.solution_space.sample(given.rows, generator(0, "benchmark")))
        there = OnDevice(problem, given.device, given.rows, given.compile, given.dtype)
        ours, found = rate(there, solutions, steps)
        kernel, wanted = rate(problem, solutions, steps)
        agree = float((np.abs(found - wanted).max(axis=1) < 1e-6).mean())
        failed |= given.dtype == "float64" and agree < 0.95
        print(f"{problem.name:16} {ours / 1e6:7.3f} million steps/s on {there.where}, the kernel {kernel / 1e6:7.3f}: "
              f"{ours / kernel:.2f} x; {agree:.1%} of the rows agree")  # fmt: skip
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
