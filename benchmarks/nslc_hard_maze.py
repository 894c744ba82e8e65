"""Novelty search with local competition beside novelty search and random search at equal evaluations, five seeds each.

No floor: it shows what local competition does where the objective is sparse (the hard maze) and where it is dense (the
planar arm, 10 joints). Coverage and QD score count every evaluation on the problem's grid. Means with 95 % intervals of
Student's t. About one minute.
"""

from __future__ import annotations

import sys

import numpy as np

import qd
from benchmarks.hard_maze_coverage import interval
from benchmarks.machine import describe

SEEDS = range(5)
BUDGET = 30_000


def main() -> int:
    """Prints a row a search and problem."""
    describe("scipy", threads=2)
    a = qd.algorithms
    searches: dict[str, qd.Algorithm] = {
        "NSLC": a.NSLC(population_size=100),
        "NSLC, genotypic diversity": a.NSLC(population_size=100, genotypic_diversity=True),
        "novelty search": a.NoveltySearch(population_size=100),
        "random search": a.RandomSearch(batch_size=200),
    }
    problems: tuple[qd.Problem, ...] = (qd.problems.HardMaze(), qd.problems.PlanarArm())
    for problem in problems:
        print(f"\n{problem.name}, {BUDGET} evaluations")
        for name, algorithm in searches.items():
            runs = [qd.run(qd.Experiment(problem, algorithm, BUDGET, seed=seed)).summary for seed in SEEDS]
            rows = {
                key: interval(np.array([run[key] for run in runs]))
                for key in ("coverage", "qd_score", "best_objective")
            }
            if "mean_local_competition" in runs[0]["metrics"]:
                rows["beaten"] = interval(np.array([run["metrics"]["mean_local_competition"] for run in runs]))
            print(f"{name:26s} " + ", ".join(f"{key} {value}" for key, value in rows.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
