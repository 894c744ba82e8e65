"""How many steps a second one core makes in the ant maze, and how long 2000 evaluations take.

Claim: at least 0.9 of what MuJoCo alone makes of the same motions, driven by the actions of the same networks as they
were noted down: networks, observations and trajectories cost little beside the physics (twenty evaluations of the
dynamics a step). CPU time of this process; the sides take turns. Also what a second thread adds, by the wall clock.
About a minute.

    python benchmarks/ant_maze_steps.py
"""

from __future__ import annotations

import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor

os.environ.setdefault("OMP_NUM_THREADS", "1")

import mujoco
import numpy as np

from benchmarks.machine import describe
from qd.contracts import Request
from qd.problems import AntMaze
from qd.problems._ant_maze_model import SUBSTEPS
from qd.rng import generator, row_seeds

FLOOR = 0.9
STEPS, ROWS, REPETITIONS = 300, 8, 5


def actions(problem: AntMaze, weights: np.ndarray, seed: int) -> np.ndarray:
    """(steps, 8) what the network did."""
    ant, noted = problem._ready(mujoco, seed), np.empty((problem.steps, 8))
    for t in range(problem.steps):
        seen = np.concatenate([ant.qpos, ant.qvel])
        seen[:2] = (seen[:2] - 5.0) / 70.0
        noted[t] = ant.ctrl[:] = problem.policy.forward(weights[None], seen[None], "numba")[0]
        mujoco.mj_step(problem.model, ant, SUBSTEPS)
    return noted


def physics(problem: AntMaze, noted: list[np.ndarray], seeds: np.ndarray) -> float:
    """Steps a CPU second of MuJoCo alone."""
    started = time.process_time()
    for row, seed in zip(noted, seeds, strict=True):
        ant = problem._ready(mujoco, int(seed))
        for t in range(len(row)):
            ant.ctrl[:] = row[t]
            mujoco.mj_step(problem.model, ant, SUBSTEPS)
    return len(noted) * problem.steps / (time.process_time() - started)


def main() -> int:
    """Print the rates; 1 where the ratio is below its floor."""
    describe("mujoco", "gymnasium")
    problem = AntMaze(steps=STEPS)
    problem.prepare()
    rates, ratios, threads = [], [], []
    for repetition in range(REPETITIONS):
        solutions = problem.solution_space.sample(ROWS, generator(0, "benchmark", repetition))
        seeds = row_seeds(0, np.arange(ROWS, dtype=np.uint64))
        noted = [actions(problem, row, int(seed)) for row, seed in zip(solutions, seeds, strict=True)]
        before = physics(problem, noted, seeds)
        started, clock = time.process_time(), time.perf_counter()
        problem.evaluate(Request(solutions, columns=("trajectory",)), seeds)
        rates.append(ROWS * STEPS / (time.process_time() - started))
        alone = time.perf_counter() - clock
        ratios.append(2 * rates[-1] / (before + physics(problem, noted, seeds)))
        clock = time.perf_counter()
        with ThreadPoolExecutor(2) as pool:
            half = ROWS // 2
            parts = ((solutions[i : i + half], seeds[i : i + half]) for i in (0, half))
            list(pool.map(lambda part: problem.evaluate(Request(part[0]), part[1]), parts))
        threads.append(alone / (time.perf_counter() - clock))
    rate, ratio = float(np.median(rates)), float(np.median(ratios))
    print(f"{REPETITIONS} x {ROWS} rows x {STEPS} steps; steps/s: min {min(rates):.0f}, median {rate:.0f}, max "
          f"{max(rates):.0f}; two threads {np.median(threads):.2f} times as fast by the clock")  # fmt: skip
    for steps in (3000, 300):
        print(f"2000 evaluations of {steps} steps on one core: {2000 * steps / rate / 60:.1f} minutes")
    print(f"{ratio:.3f} of the physics alone (floor {FLOOR})")
    return 0 if ratio >= FLOOR else 1


if __name__ == "__main__":
    sys.exit(main())
