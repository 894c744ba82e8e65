"""How many simulation steps a second one core makes in the ball collector's arena, networks and pictures included.

Claim: at least 3 million, and 1000 times as many as the plain Python twin of the tests. Every repetition runs new
random genomes, so robots keep meeting places whose rays are not yet known. CPU time of this process, so that neighbours
on the machine matter less; kernel and twin take turns. About 10 seconds.

    python benchmarks/collect_ball_steps.py
"""

from __future__ import annotations

import math
import os
import sys
import time

os.environ.setdefault("NUMBA_NUM_THREADS", "1")

import numpy as np

from benchmarks.machine import describe
from qd.contracts import Request
from qd.problems import CollectBall
from qd.problems.collect_ball import START
from qd.rng import generator
from tests.twins import collect_ball as twin
from tests.twins import hard_maze as robot

FLOOR, RATIO = 3e6, 1000.0
ROWS, REPETITIONS, TWIN_STEPS = 1024, 7, 400


def kernel(problem: CollectBall, solutions: np.ndarray, *columns: str) -> float:
    """Steps a CPU second of the problem."""
    started = time.process_time()
    problem.evaluate(Request(solutions, columns=columns), np.zeros(len(solutions), np.uint64))
    return len(solutions) * problem.steps / (time.process_time() - started)


def plain(problem: CollectBall, weights: np.ndarray, walls: np.ndarray) -> float:
    """Steps a CPU second of the twin."""
    world = twin.World(walls, START)
    started = time.process_time()
    for _ in range(TWIN_STEPS):
        world.step(*robot.act(weights, problem.policy.sizes, world.observe(), math.tanh))
    return TWIN_STEPS / (time.process_time() - started)


def main() -> int:
    """Print the rates; 1 where one is below its floor."""
    describe()
    problem, walls = CollectBall(), twin.walls()
    started = time.process_time()
    problem.evaluate(Request(problem.solution_space.sample(8, generator(0, "benchmark"))), np.zeros(8, np.uint64))
    print(f"first call, 8 rows (load or compile the kernel, make the tables): {time.process_time() - started:.2f} s")
    rates, drawn, ratios = [], [], []
    for repetition in range(REPETITIONS):
        solutions = np.asarray(problem.solution_space.sample(ROWS, generator(1, "benchmark", repetition)))
        rates.append(kernel(problem, solutions))
        drawn.append(kernel(problem, solutions, "images", "trajectory"))
        ratios.append(rates[-1] / plain(problem, solutions[0], walls))
    print(f"{REPETITIONS} x {ROWS} rows x {problem.steps} steps; million steps/s: first {rates[0] / 1e6:.2f} (rays "
          f"still unknown), min {min(rates) / 1e6:.2f}, "
          f"median {np.median(rates) / 1e6:.2f}, max {max(rates) / 1e6:.2f}; "
          f"with images and trajectories {np.median(drawn) / 1e6:.2f}")  # fmt: skip
    rate, ratio = float(np.median(rates)), float(np.median(ratios))
    print(f"steps per second per core {rate:.3g} (floor {FLOOR:.1e}); {ratio:.0f} times the twin (floor {RATIO:.0f})")
    return 0 if rate >= FLOOR and ratio >= RATIO else 1


if __name__ == "__main__":
    sys.exit(main())
