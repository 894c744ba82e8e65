"""MAP-Elites with each way of choosing parents, and random search, at equal evaluations, five seeds each.

No floor: a study. The planar arm (10 joints, 64 x 64 cells) at 50,000 evaluations and the hard maze (50 x 50 cells) at
30,000, batches of 200. Means with 95 % intervals of Student's t, and how each differs from an even draw, paired by
seed. About four minutes.
"""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np

import qd
from benchmarks.hard_maze_coverage import interval
from benchmarks.machine import describe

SEEDS = range(5)
SELECTIONS = ("uniform", "curiosity", "objective", "rank", "ucb", "fewest")
BUDGETS: tuple[tuple[qd.Problem, int], ...] = ((qd.problems.PlanarArm(), 50_000), (qd.problems.HardMaze(), 30_000))


def main() -> int:
    """Prints a row a selection and problem."""
    describe("scipy", threads=2)
    elites = qd.algorithms.MapElites(batch_size=200)
    searches: dict[str, qd.Algorithm] = {name: replace(elites, selection=name) for name in SELECTIONS}  # type: ignore[arg-type]
    searches["random search"] = qd.algorithms.RandomSearch(batch_size=200)
    for problem, budget in BUDGETS:
        print(f"\n{problem.name}, {budget} evaluations")
        even = np.zeros(0)
        for name, algorithm in searches.items():
            runs = [qd.run(qd.Experiment(problem, algorithm, budget, seed=seed)).summary for seed in SEEDS]
            columns = {
                key: np.array([run[key] for run in runs], float) for key in ("coverage", "qd_score", "best_objective")
            }
            even = columns["qd_score"] if name == "uniform" else even
            words = ", ".join(f"{key} {interval(values)}" for key, values in columns.items())
            print(f"{name:13s} {words}, qd_score above uniform {interval(columns['qd_score'] - even)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
