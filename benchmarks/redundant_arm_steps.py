"""How many simulation steps a second one core makes with the redundant arm, networks included.

Floor: 250 thousand. The released environment, plain Python, makes about 2.8 thousand (not measured here). Every
repetition runs new random genomes; steps are those that were begun, since most episodes end early. The plain twin of
the tests beside it, which looks at every rule in every substep. CPU time of this process, so that neighbours on the
machine matter less. About 10 seconds.

    python -m benchmarks.redundant_arm_steps
"""

from __future__ import annotations

import sys
import time

import numpy as np

from benchmarks.machine import describe
from qd.contracts import Request
from qd.problems import RedundantArm
from qd.rng import generator
from tests.twins import redundant_arm as twin

FLOOR = 250e3
ROWS, REPETITIONS, TWIN_ROWS = 8192, 9, 8


def main() -> int:
    """Print the rate; 1 where it is below the floor."""
    describe()
    problem = RedundantArm()
    started = time.process_time()
    problem.prepare()
    print(f"load or compile the kernel: {time.process_time() - started:.2f} s")
    rates, lengths = [], []
    for repetition in range(REPETITIONS):
        solutions = problem.solution_space.sample(ROWS, generator(0, "benchmark", repetition))
        started = time.process_time()
        evaluation = problem.evaluate(Request(solutions), np.zeros(ROWS, np.uint64))
        rates.append(evaluation.cost["steps"].sum() / (time.process_time() - started))
        lengths.append(evaluation.cost["steps"].mean())
    solutions = problem.solution_space.sample(TWIN_ROWS, generator(0, "benchmark", REPETITIONS))
    started = time.process_time()
    steps = sum(len(twin.episode(row, (20, *problem.hidden, 20), problem.steps)[0]) - 1 for row in solutions)
    plain = steps / (time.process_time() - started)
    print(f"{REPETITIONS} x {ROWS} rows, {np.mean(lengths):.1f} steps a row; million steps/s: "
          f"min {min(rates) / 1e6:.2f}, median {np.median(rates) / 1e6:.2f}, max {max(rates) / 1e6:.2f}")  # fmt: skip
    rate = float(np.median(rates))
    print(f"plain twin {plain:.3g} steps/s: the kernel is {rate / plain:.0f} times as fast")
    print(f"steps per second per core {rate:.3g} (floor {FLOOR:.1e}, {rate / FLOOR:.1f} times that)")
    return 0 if rate >= FLOOR else 1


if __name__ == "__main__":
    sys.exit(main())
