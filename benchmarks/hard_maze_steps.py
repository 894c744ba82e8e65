"""How many simulation steps a second one core makes in the hard maze, networks included.

Floor: 1.5 million. Every repetition runs new random genomes, so robots keep meeting places whose rays are not
yet known. CPU time of this process, so that neighbours on the machine matter less. About 5 seconds.

    python benchmarks/hard_maze_steps.py
"""

from __future__ import annotations

import os
import platform
import sys
import time

os.environ.setdefault("NUMBA_NUM_THREADS", "1")

import numba
import numpy as np

from qd.contracts import Request
from qd.problems import HardMaze
from qd.rng import generator

FLOOR = 1.5e6
ROWS, REPETITIONS = 1024, 9


def cpu() -> str:
    """The processor's name."""
    try:
        with open("/proc/cpuinfo") as lines:
            return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def main() -> int:
    """Print the rate; 1 where it is below the floor."""
    problem = HardMaze()
    print(f"machine: {cpu()}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}")
    print(f"python {platform.python_version()}, numpy {np.__version__}, numba {numba.__version__}, threads=1")
    seeds = np.zeros(ROWS, np.uint64)
    started = time.process_time()
    problem.evaluate(Request(problem.solution_space.sample(8, generator(0, "benchmark"))), seeds[:8])
    print(f"first call, 8 rows (load or compile the kernel, make the tables): {time.process_time() - started:.2f} s")
    rates = []
    for repetition in range(REPETITIONS):
        solutions = problem.solution_space.sample(ROWS, generator(1, "benchmark", repetition))
        started = time.process_time()
        problem.evaluate(Request(solutions), seeds)
        rates.append(ROWS * problem.steps / (time.process_time() - started))
    print(f"{REPETITIONS} x {ROWS} rows x {problem.steps} steps; million steps/s: first {rates[0] / 1e6:.2f} "
          f"(rays still unknown), min {min(rates) / 1e6:.2f}, median {np.median(rates) / 1e6:.2f}, "
          f"max {max(rates) / 1e6:.2f}")  # fmt: skip
    rate = float(np.median(rates))
    print(f"steps per second per core {rate:.3g} (floor {FLOOR:.1e})")
    return 0 if rate >= FLOOR else 1


if __name__ == "__main__":
    sys.exit(main())
