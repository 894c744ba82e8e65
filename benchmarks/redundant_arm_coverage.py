"""Novelty search, MAP-Elites and random search with the redundant arm at 50,000 evaluations, five seeds each.

Coverage of the 50 x 50 cells by every evaluated solution, best reward, and in how many runs each reward area was
reached. Means with 95 % intervals of Student's t. Published for the arm, read off figures in the notebooks of STAX's
authors, means over an unknown number of runs of 500,000 evaluations: STAX 0.782 (about 0.6 by 40,000 to 50,000), the
ablation STAX-NT about 0.42. Those learn their measures from images; the searches here are given the true ones, at a
tenth of the evaluations. Rewards there are paid under ``faithful_reward``, here in both cases. About two minutes.

    python -m benchmarks.redundant_arm_coverage
"""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
from scipy import stats

import qd
from benchmarks.machine import describe
from qd.problems.redundant_arm import AREAS, reward

SEEDS, BUDGET = range(5), 50_000
SEARCHES = {
    "novelty search": qd.algorithms.NoveltySearch(population_size=100),
    "MAP-Elites": qd.algorithms.MapElites(batch_size=200, operator="gaussian", sigma=0.05),
    "MAP-Elites, iso+line": qd.algorithms.MapElites(batch_size=200),
    "random search": qd.algorithms.RandomSearch(batch_size=200),
}


def interval(values: np.ndarray) -> str:
    """Mean and 95 % interval of Student's t."""
    half = stats.t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    return f"{values.mean():.3f} [{values.mean() - half:.3f}, {values.mean() + half:.3f}]"


def main() -> int:
    """Prints a row a search; 1 where novelty search is not above random search in every run."""
    describe("scipy", threads=2)
    coverage = {}
    for name, algorithm in SEARCHES.items():
        experiment = qd.Experiment(problem=qd.problems.RedundantArm(), algorithm=algorithm, budget=BUDGET)
        runs = [qd.run(replace(experiment, seed=seed)) for seed in SEEDS]
        summaries = [run.summary for run in runs]
        coverage[name] = np.array([summary["coverage"] for summary in summaries])
        best = np.array([summary["best_objective"] for summary in summaries])
        rows = " ".join(f"{value:.3f}" for value in coverage[name])
        seconds = max(summary["seconds"] for summary in summaries)
        areas = [set(reward(run.positions["measures"])[1]) for run in runs]
        found = " ".join(str(sum(index in area for area in areas)) for index in range(len(AREAS)))
        print(f"{name:21s} coverage {interval(coverage[name])} ({rows}), best {interval(best)}, "
              f"areas reached in {found} of {len(SEEDS)} runs, at most {seconds:.1f} s")  # fmt: skip
    return int(coverage["novelty search"].min() <= coverage["random search"].max())


if __name__ == "__main__":
    sys.exit(main())
