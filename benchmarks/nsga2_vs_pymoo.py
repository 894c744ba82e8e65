"""NSGA-II on ZDT1 to ZDT3: hypervolume of the last population's front, ours against pymoo's, at equal evaluations.

Population 100, 25,000 evaluations, 30 genes, the operators' settings alike (SBX 15, polynomial mutation 20), 5 seeds
each unless told otherwise; reference point (1.1, 1.1) in the minimised objectives. Claim: the means are within 1 % of
each other. Printed beside them: random search with the same evaluations, the true front, the time. About 3 minutes.

    python -m benchmarks.nsga2_vs_pymoo [SEEDS [PROBLEM ...]]
"""

import sys
import time

import numpy as np
from pymoo.algorithms.moo.nsga2 import NSGA2
from pymoo.optimize import minimize
from pymoo.problems import get_problem
from scipy.stats import t

import operators
import qd
from benchmarks.machine import describe

POPULATION, EVALUATIONS, SEEDS, FLOOR = 100, 25_000, 5, 0.99


def interval(values: list[float]) -> str:
    """Mean and 95 % interval of Student's t."""
    half = t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values))
    return f"{np.mean(values):.4f} +- {half:.4f}"


def main() -> int:
    """Prints a block a problem; 1 where the claim fails."""
    describe("pymoo", "moocore")
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else SEEDS
    ratios = []
    for name in sys.argv[2:] or ("ZDT1", "ZDT2", "ZDT3"):
        problem = getattr(qd.problems, name)()
        volumes: dict[str, list[float]] = {"ours": [], "pymoo": [], "random search": []}
        seconds = {"ours": 0.0, "pymoo": 0.0}
        for seed in range(seeds):
            start = time.perf_counter()
            run = qd.run(
                qd.Experiment(problem, qd.algorithms.NSGA2(POPULATION), EVALUATIONS, seed=seed), progress=False
            )
            seconds["ours"] += time.perf_counter() - start
            volumes["ours"].append(operators.hypervolume(run.archive.data("objective"), problem.reference_point))
            start = time.perf_counter()
            found = minimize(get_problem(name.lower()), NSGA2(pop_size=POPULATION), ("n_eval", EVALUATIONS), seed=seed)
            seconds["pymoo"] += time.perf_counter() - start
            volumes["pymoo"].append(operators.hypervolume(-np.atleast_2d(found.F), problem.reference_point))
            drawn = problem.solution_space.sample(EVALUATIONS, qd.rng.generator(seed, "random"))
            evaluation = problem.evaluate(qd.Request(drawn), np.zeros(EVALUATIONS, np.uint64))
            volumes["random search"].append(operators.hypervolume(evaluation.objective, problem.reference_point))
        print(f"{name}: true front {operators.hypervolume(problem.pareto_front(2000), problem.reference_point):.4f}")
        for label, values in volumes.items():
            taken = f", {seconds[label] / seeds:.2f} s a run" if label in seconds else ""
            print(f"    {label}: {interval(values)}{taken}")
        ratios.append(float(np.mean(volumes["ours"]) / np.mean(volumes["pymoo"])))
        print(
            f"    hypervolume ratio {ratios[-1]:.4f}, time ratio {seconds['pymoo'] / seconds['ours']:.1f}", flush=True
        )
    print(f"ratio {min(ratios):.4f} (floor {FLOOR}, at most {1 / FLOOR:.4f})")
    return int(min(ratios) < FLOOR or max(ratios) > 1 / FLOOR)


if __name__ == "__main__":
    sys.exit(main())
