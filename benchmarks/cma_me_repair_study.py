"""What a repaired CMA-ES does to CMA-ME and CMA-MAE: pyribs' own strategy, ours, MAP-Elites and random search.

pyribs 0.12's CMA-ES multiplies the rank-one learning rate in twice and does not divide the step that its path is fed by
sigma; on ill-conditioned functions that costs up to five times the evaluations. Whether it matters where the ranking is
improvement of an archive, this study asks: equal emitters, batches, evaluations and seeds, the strategy alone changed.
Floor: with our strategy, CMA-ME and CMA-MAE reach at least pyribs' QD score on the sphere.

Scaled down from the papers' 15 emitters and 2.5 to 5 million evaluations: 5 emitters of 36, 54,000 evaluations, 5
seeds.

``python -m benchmarks.cma_me_repair_study sphere`` (or rastrigin, arm10, arm100; more than one, or none for all); two
to three minutes a problem.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

import qd
from benchmarks.machine import describe

EMITTERS, BATCH, BUDGET, SEEDS = 5, 36, 54_000, 5
SOFT = {"learning_rate": 0.01, "threshold_min": 0.0}
PROBLEMS: dict[str, tuple[qd.Problem, float]] = {  # and sigma0
    "sphere": (qd.problems.Sphere(dimension=100, bound=float("inf")), 0.5),
    "rastrigin": (qd.problems.Rastrigin(dimension=100, bound=float("inf")), 0.5),
    "arm10": (qd.problems.PlanarArm(joints=10), 0.2),
    "arm100": (qd.problems.PlanarArm(joints=100), 0.2),
}


def searches(sigma0: float) -> dict[str, qd.Algorithm]:
    """The searches by name; those that differ in the strategy alone bear the same name before the comma."""
    a, size = qd.algorithms, {"emitters": EMITTERS, "batch_size": BATCH, "sigma0": sigma0}
    me, mae = a.CMAME(**size), a.CMAMAE(**size, **SOFT)  # type: ignore[arg-type]
    return {
        "CMA-ME, pyribs' CMA-ES": replace(me, es="ribs_cma"),
        "CMA-ME, ours": me,
        "CMA-MAE, pyribs' CMA-ES": replace(mae, es="ribs_cma"),
        "CMA-MAE, ours": mae,
        "MAP-Elites": a.MapElites(batch_size=EMITTERS * BATCH, iso_sigma=sigma0, line_sigma=0.2),
        "random search": a.RandomSearch(batch_size=EMITTERS * BATCH),
    }


def pyribs_loop(soft: bool, problem: Any, sigma0: float, seed: int) -> tuple[float, float, int]:
    """QD score, coverage and restarts of pyribs' own scheduler, archives and strategy, in the loop of its tutorials."""
    from ribs.archives import GridArchive
    from ribs.emitters import EvolutionStrategyEmitter
    from ribs.schedulers import Scheduler

    d, measures = problem.solution_space.length, problem.measure_space
    shape = {"solution_dim": d, "dims": measures.dims, "ranges": measures.ranges}
    archive = GridArchive(**shape, seed=seed, **(SOFT if soft else {}))
    rules = {"ranker": "imp", "selection_rule": "mu", "restart_rule": "basic"} if soft else {"ranker": "2imp"}
    emitters = [
        EvolutionStrategyEmitter(archive, x0=np.zeros(d), sigma0=sigma0, batch_size=BATCH, seed=100 * seed + i, **rules)
        for i in range(EMITTERS)
    ]
    scheduler = Scheduler(archive, emitters, GridArchive(**shape) if soft else None)
    for _ in range(BUDGET // (EMITTERS * BATCH)):
        solutions = scheduler.ask()
        found = problem.evaluate(qd.Request(solutions), np.zeros(len(solutions), np.uint64))
        scheduler.tell(found.objective, found.measures)
    about = scheduler.result_archive.stats
    return float(about.qd_score), float(about.coverage), sum(emitter.restarts for emitter in emitters)


def our_loop(problem: qd.Problem, search: qd.Algorithm, seed: int) -> tuple[float, float, int]:
    """The same of one of our runs."""
    summary = qd.run(qd.Experiment(problem, search, BUDGET, seed=seed)).summary
    return summary["qd_score"], summary["coverage"], summary["metrics"].get("restarts", 0)


def interval(values: NDArray[np.float64]) -> tuple[float, float]:
    """Mean and half of the 95 % t interval."""
    spread = values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else float("nan")
    return float(values.mean()), float(stats.t.ppf(0.975, len(values) - 1) * spread)


def study(name: str) -> dict[str, NDArray[np.float64]]:
    """Runs and prints one problem; (seeds, 3) of QD score, coverage, restarts by search."""
    problem, sigma0 = PROBLEMS[name]
    print(f"\n{name}: {EMITTERS} emitters of {BATCH}, sigma0 {sigma0}, {BUDGET:,} evaluations, {SEEDS} seeds")
    print(f"{'':26s}{'QD score':>22s}{'coverage %':>18s}{'restarts':>10s}", flush=True)
    rows: dict[str, Any] = {}
    if name == "sphere":
        rows["CMA-ME, pyribs' loop"] = lambda seed: pyribs_loop(False, problem, sigma0, seed)
        rows["CMA-MAE, pyribs' loop"] = lambda seed: pyribs_loop(True, problem, sigma0, seed)
    for label, search in searches(sigma0).items():
        rows[label] = lambda seed, search=search: our_loop(problem, search, seed)
    found = {}
    for label, once in rows.items():
        found[label] = np.array([once(seed) for seed in range(1, SEEDS + 1)], float)
        (score, half), (share, half_share) = interval(found[label][:, 0]), interval(100 * found[label][:, 1])
        print(f"{label:26s}{score:12.0f} +- {half:<8.0f}{share:10.2f} +- {half_share:<5.2f}"
              f"{found[label][:, 2].mean():8.1f}", flush=True)  # fmt: skip
    return found


def main(names: list[str]) -> int:
    """Prints a table a problem; 1 where ours is below pyribs' own QD score on the sphere."""
    describe("ribs")
    failed = 0
    for name in names or list(PROBLEMS):
        found = study(name)
        for kind in ("CMA-ME", "CMA-MAE"):
            for other in ("pyribs' CMA-ES", "pyribs' loop"):
                if f"{kind}, {other}" not in found:
                    continue
                ours, theirs = (found[f"{kind}, {who}"][:, 0] for who in ("ours", other))
                low, high = stats.ttest_ind(ours, theirs, equal_var=False).confidence_interval()
                ratio = ours.mean() / theirs.mean()
                print(f"{kind}: ours / {other} {ratio:.3f}, difference {low:+.0f} to {high:+.0f}, floor 1.0 (sphere)")
                failed |= name == "sphere" and ratio < 1.0
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
