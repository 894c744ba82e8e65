"""MAP-Elites on a noisy planar arm, with and without evaluating elites again, at equal evaluations, five seeds each.

Claim: the true QD score of `NoisyMapElites` is above that of plain MAP-Elites in every seed. True: the final elites are
evaluated 100 times anew, and their means put into an empty grid. Beside it what each archive claims of itself. 10
joints, 32 x 32 cells, 100,000 evaluations, batches of 200; means with 95 % intervals of Student's t. About two minutes
a level of noise.
"""

from __future__ import annotations

import argparse
import sys

import numpy as np

import qd
from benchmarks.hard_maze_coverage import interval
from benchmarks.machine import describe

BUDGET, BATCH, DIMS, FRESH = 100_000, 200, (32, 32), 100


def true_qd_score(problem: qd.Problem, solutions: np.ndarray, seed: int) -> float:
    """QD score of solutions by the means of fresh evaluations."""
    again = qd.Request(solutions, purpose="test", fidelity={"repeats": FRESH})
    found = qd.evaluate_batch(problem, again, 1_000_000 + seed)
    grid = qd.archives.GridArchive(solution_dim=1, dims=DIMS, ranges=[(0.0, 1.0), (0.0, 1.0)])
    grid.add(np.zeros((len(solutions), 1)), found.objective, found.measures)
    return grid.qd_score


def main() -> int:
    """Prints a row a search; 1 where the claim fails."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--objective-sigma", type=float, default=0.1)
    parser.add_argument("--measure-sigma", type=float, default=0.03)
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    describe("scipy")
    arm = qd.problems.PlanarArm()
    noisy = qd.problems.Noisy(arm, options.objective_sigma, options.measure_sigma)
    a = qd.algorithms
    plain = a.MapElites(BATCH, dims=DIMS)
    searches: dict[str, tuple[qd.Problem, qd.Algorithm]] = {
        "MAP-Elites": (noisy, plain),
        "means of 5": (noisy, a.NoisyMapElites(BATCH // 5, DIMS, reevaluation=0, depth=1, caution=0, repeats=5)),
        "re-evaluation alone": (noisy, a.NoisyMapElites(BATCH, DIMS, depth=1, caution=0)),
        "... and depth": (noisy, a.NoisyMapElites(BATCH, DIMS, caution=0)),
        "NoisyMapElites": (noisy, a.NoisyMapElites(BATCH, DIMS)),
        "random search": (noisy, a.MapElites(BATCH, dims=DIMS, initial=BUDGET)),  # the grid over random solutions
        "without noise": (arm, plain),
    }
    print(f"noise {options.objective_sigma} on the objective, {options.measure_sigma} on the measures")
    scores: dict[str, np.ndarray] = {}
    for name, (problem, algorithm) in searches.items():
        true, claimed = [], []
        for seed in range(options.seeds):
            result = qd.run(qd.Experiment(problem, algorithm, BUDGET, seed=seed))
            claimed.append(float(result.archive.qd_score))
            true.append(true_qd_score(problem, result.archive.data("solution"), seed))
        scores[name] = np.array(true)
        print(f"{name:20s} true QD score {interval(scores[name])}, claimed {interval(np.array(claimed))}", flush=True)
    ahead = scores["NoisyMapElites"] - scores["MAP-Elites"]
    print(f"NoisyMapElites above MAP-Elites, paired by seed: {interval(ahead)}")
    return int(ahead.min() <= 0)


if __name__ == "__main__":
    sys.exit(main())
