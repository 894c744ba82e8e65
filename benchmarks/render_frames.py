"""How many pictures a second one core draws of the hard maze and the redundant arm.

Floor: 20 thousand each, at 64 x 64 pixels, drawing alone. Beside it what share of an evaluation with five pictures an
episode goes into them: the evaluations with and without pictures take turns, and the arm's postures count too.
Pictures are drawn where the episodes of random genomes were. CPU time of this process, so that neighbours on the
machine matter less. About 5 seconds.

    python -m benchmarks.render_frames
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.machine import describe
from qd.contracts import Problem, Request
from qd.problems import HardMaze, RedundantArm
from qd.problems._weights import frame_steps
from qd.rng import generator

FLOOR = 20e3
ROWS, REPETITIONS = 256, 9


def seconds(call: Callable[..., Any], *arguments: Any) -> float:
    """CPU time of one call."""
    started = time.process_time()
    call(*arguments)
    return time.process_time() - started


def drawing(problem: HardMaze | RedundantArm, solutions: NDArray[np.float64]) -> Callable[[], NDArray[np.uint8]]:
    """What draws the pictures of these episodes, which are over."""
    steps = frame_steps(problem.steps, problem.images)
    if isinstance(problem, HardMaze):
        from qd.problems import _hard_maze_pictures as maze

        _, trace = problem.episodes(solutions, steps)
        return lambda: maze.pictures(trace[:, :, :2], problem.image_size, problem.robot_radius)
    from qd.problems import _redundant_arm_pictures as arm

    _, trace = problem.episodes(solutions, steps, whole=True)
    return lambda: arm.pictures(trace, problem.image_size)


def whole(problem: Problem, solutions: NDArray[np.float64], *columns: str) -> None:
    """One evaluation in chunks, as the evaluators make it."""
    for start in range(0, len(solutions), problem.chunk_size):
        part = solutions[start : start + problem.chunk_size]
        problem.evaluate(Request(part, columns=columns), np.zeros(len(part), np.uint64))


def main() -> int:
    """Print the rates; 1 where one of them is below the floor."""
    describe()
    slow = False
    for problem in (HardMaze(), RedundantArm()):
        space = problem.solution_space
        whole(problem, np.asarray(space.sample(8, generator(0, "benchmark"))), "images")  # load or compile
        rates, shares = [], []
        for repetition in range(REPETITIONS):
            solutions = np.asarray(space.sample(ROWS, generator(1, "benchmark", repetition)))
            rates.append(ROWS * problem.images / seconds(drawing(problem, solutions)))
            plain, full = seconds(whole, problem, solutions), seconds(whole, problem, solutions, "images")
            shares.append(1.0 - plain / full)
        rate = float(np.median(rates))
        slow |= rate < FLOOR
        print(f"{problem.name}: {REPETITIONS} x {ROWS} rows x {problem.images} pictures; thousand pictures/s: "
              f"min {min(rates) / 1e3:.0f}, median {rate / 1e3:.0f}, max {max(rates) / 1e3:.0f} "
              f"(floor {FLOOR / 1e3:.0f}, {rate / FLOOR:.1f} times that)")  # fmt: skip
        print(f"  share of an evaluation with pictures: median {100 * float(np.median(shares)):.0f} %, "
              f"{100 * min(shares):.0f} to {100 * max(shares):.0f} %")  # fmt: skip
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
