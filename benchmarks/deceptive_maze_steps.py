"""How many simulation steps a second one core makes in the deceptive maze, against the rules in plain Python.

Networks included, on both sides. Floor: 100 times the plain twin of the tests, on the same genomes; no figure is
published. New random genomes in every repetition; processor time of this process. About 10 seconds.
"""

from __future__ import annotations

import os
import sys
import time

os.environ.setdefault("NUMBA_NUM_THREADS", "1")

import numpy as np

from benchmarks.machine import describe
from qd.contracts import Request
from qd.problems import DeceptiveMaze
from qd.problems.deceptive_maze import START
from qd.rng import generator
from tests.twins import deceptive_maze as twin

FLOOR = 100.0
ROWS, REPETITIONS, PLAIN_STEPS = 1024, 7, 100


def plain(problem: DeceptiveMaze, weights: np.ndarray) -> None:
    """The first steps of one episode."""
    pose = (*START, 0.0, 0.0, 0)
    for _ in range(PLAIN_STEPS):
        pose = twin.step(pose, problem.policy.forward(weights[None], twin.observation(*pose[:3])[None])[0])


def main() -> int:
    """Print both rates and their ratio; 1 where it is below the floor."""
    describe()
    problem = DeceptiveMaze()
    started = time.process_time()
    problem.prepare()
    print(f"load or compile the kernel: {time.process_time() - started:.2f} s")
    fast, slow = [], []
    for repetition in range(REPETITIONS):
        solutions = np.asarray(problem.solution_space.sample(ROWS, generator(1, "benchmark", repetition)))
        started = time.process_time()
        problem.evaluate(Request(solutions), np.zeros(ROWS, np.uint64))
        fast.append(ROWS * problem.steps / (time.process_time() - started))
        started = time.process_time()
        plain(problem, solutions[0])
        slow.append(PLAIN_STEPS / (time.process_time() - started))
    ratio = float(np.median(fast) / np.median(slow))
    print(f"{REPETITIONS} x {ROWS} rows x {problem.steps} steps; million steps/s: min {min(fast) / 1e6:.2f}, "
          f"median {np.median(fast) / 1e6:.2f}, max {max(fast) / 1e6:.2f}")  # fmt: skip
    print(f"plain Python: {np.median(slow):.0f} steps/s; ratio {ratio:.0f} (floor {FLOOR:.0f})")
    return int(ratio < FLOOR)


if __name__ == "__main__":
    sys.exit(main())
