"""How many simulation steps a second one core makes on the curling table, networks included, against plain Python.

Floor: 200 times the plain twin of the tests, which runs the same rules. Both are timed in turns, in CPU time of this
process; ratios are medians. Every repetition runs new random genomes. About 20 seconds.

    python -m benchmarks.curling_steps
"""

from __future__ import annotations

import os
import sys
import time

os.environ.setdefault("NUMBA_NUM_THREADS", "1")

import numpy as np

from benchmarks.machine import describe
from qd.contracts import Request
from qd.problems import Curling
from qd.rng import generator
from tests.twins import curling as twin

FLOOR = 200.0
ROWS, REPETITIONS, TWIN_STEPS = 1024, 7, 300


def main() -> int:
    """Print rates and ratio; 1 where it is below the floor."""
    describe()
    problem = Curling()
    sizes = problem.policy.sizes
    started = time.process_time()
    problem.prepare()
    print(f"first call (load or compile the kernel): {time.process_time() - started:.2f} s")
    seeds = np.zeros(ROWS, np.uint64)
    rates, ratios, pictures = [], [], []
    few = problem.solution_space.sample(8, generator(0, "benchmark"))
    problem.evaluate(Request(few, columns=("images",)), seeds[:8])
    for repetition in range(REPETITIONS):
        solutions = np.asarray(problem.solution_space.sample(ROWS, generator(1, "benchmark", repetition)))
        started = time.process_time()
        problem.evaluate(Request(solutions), seeds)
        ours = ROWS * problem.steps / (time.process_time() - started)
        started = time.process_time()
        problem.evaluate(Request(solutions, columns=("images",)), seeds)
        pictures.append(ROWS * problem.steps / (time.process_time() - started) / ours)
        started = time.process_time()
        for row in range(4):
            twin.episode(solutions[row], sizes, TWIN_STEPS)
        rates.append(ours)
        ratios.append(ours * (time.process_time() - started) / (4 * TWIN_STEPS))
    low, middle, high = (np.min(rates) / 1e6, np.median(rates) / 1e6, np.max(rates) / 1e6)
    print(f"million steps/s per core: median {middle:.2f}, {low:.2f} to {high:.2f}")
    print(f"with {problem.images} pictures an episode: {np.median(pictures):.2f} of that")
    ratio = float(np.median(ratios))
    print(f"times the plain twin: {ratio:.0f} (floor {FLOOR:.0f})")
    return 0 if ratio >= FLOOR else 1


if __name__ == "__main__":
    sys.exit(main())
