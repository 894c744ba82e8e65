"""MOME on the planar arm with two objectives against NSGA-II and random search, at equal evaluations.

Every evaluated solution of each search goes into a Pareto archive of its own (16 x 16 cells, fronts of 50), which the
search does not see. Claim: MOME's MOQD score there is the highest, as in Pierrot et al. 2022, figure 3, and the
hypervolume of its global front no more than 2 % below NSGA-II's. 20,000 evaluations, 5 seeds unless told otherwise.
About 5 s.

    python -m benchmarks.mome_vs_nsga2 [SEEDS]
"""

import sys

import numpy as np
from scipy.stats import t

import archives
import qd
from benchmarks.machine import describe

EVALUATIONS, SEEDS, FLOOR = 20_000, 5, 1.1


def scores(algorithm: qd.Algorithm, problem: qd.Problem, seed: int) -> tuple[float, float, float]:
    """MOQD score, hypervolume of the global front, and coverage of everything evaluated."""
    assert problem.measure_space is not None
    kept = archives.ParetoArchive(
        solution_dim=1, objective_dim=2, dims=(16, 16), ranges=problem.measure_space.ranges, reference_point=(0.0, 0.0)
    )
    state, left = algorithm.init(problem, seed), EVALUATIONS
    first = 0
    while (request := algorithm.ask(state, left)) is not None:
        request = request.rows(0, left)
        request.first = first
        evaluation = problem.evaluate(request, np.zeros(len(request), np.uint64))
        kept.add(np.zeros((len(request), 1)), evaluation.objective, evaluation.measures)
        algorithm.tell(state, request, evaluation)
        first, left = first + len(request), left - len(request)
    return kept.moqd_score, kept.hypervolume, kept.coverage


def main() -> int:
    """Prints a line a search; 1 where the claim fails."""
    describe("moocore")
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else SEEDS
    problem = qd.problems.PlanarArmTradeOff(joints=10)
    searches: dict[str, qd.Algorithm] = {
        "MOME": qd.algorithms.MOME(batch_size=256, dims=(16, 16)),
        "NSGA2": qd.algorithms.NSGA2(population_size=256),
        "random search": qd.algorithms.RandomSearch(batch_size=256),
    }
    means = {}
    for name, algorithm in searches.items():
        found = np.array([scores(algorithm, problem, seed) for seed in range(seeds)])  # (seeds, 3)
        means[name] = found.mean(axis=0)
        half = t.ppf(0.975, seeds - 1) * found.std(axis=0, ddof=1) / np.sqrt(seeds)
        print(f"{name}: MOQD score {means[name][0]:.1f} +- {half[0]:.1f}, global hypervolume {means[name][1]:.4f} +- "
              f"{half[1]:.4f}, coverage {means[name][2]:.3f} +- {half[2]:.3f}")  # fmt: skip
    ratio = means["MOME"][0] / max(means["NSGA2"][0], means["random search"][0])
    front = means["MOME"][1] / means["NSGA2"][1]
    print(f"ratio {ratio:.2f} (floor {FLOOR}), of the global hypervolumes {front:.3f} (floor 0.98)")
    return int(ratio < FLOOR or front < 0.98)


if __name__ == "__main__":
    sys.exit(main())
