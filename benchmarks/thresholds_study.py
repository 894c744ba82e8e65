"""Thresholds with multipliers beside fixed weights, where proxies are good up to a point, at equal learner steps.

Claims: the more two proxies correlate, the sooner gold peaks (at KL = p^2 / (1 + correlation) for equal peaks p); and
thresholds that are found within a run beat fixed weights on gold. Weights that are searched with as many updates do as
well where they were found, but not where the proxies correlate otherwise. Every run may spend 6400 updates of learners.
Rows by hand give them all to one learner, with the reward that the searches start around. A search trains learners of
200 updates with the reward it tries, judges its best three anew, and trains the winner for 1000: what is printed is the
gold of that learner, whose random numbers no search has seen, and the worst of two more where the proxies correlate by
0 and 0.8 (``moved``); mean and half of the 95 % t interval over seeds. Arguments
are correlations, and ``weights`` or ``thresholds`` for one half of the rows; a minute a half. Without them the curves
alone, which are drawn for the docs.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import qd
from benchmarks.machine import describe
from qd.algorithms import EvolutionStrategy, GeneticAlgorithm, NelderMead, RandomSearch, Selected
from qd.learners import GaussianPolicy
from qd.problems import OverOptimisation
from qd.problems.over_optimisation import thresholds, weights
from qd.rewards import Reward
from qd.view.over_optimisation import arms_figure, over_optimisation_figure

PICTURE = Path("docs/images/over_optimisation.png")
SEEDS = range(8)
TRIED, FINALISTS = 24, 3  # rewards that a search tries, and that it judges anew
BUDGET = (TRIED + FINALISTS) * 200 + 1000  # learner updates of one run
CURVES = (-0.5, 0.0, 0.5, 0.9)  # correlations
MOVED = (0.0, 0.8)  # where what was found is tried too
REWARDS = {"weights": weights(), "thresholds": thresholds()}
SEARCHES: dict[str, qd.Algorithm] = {
    "random search": RandomSearch(batch_size=8),
    "Nelder-Mead": NelderMead(spread=0.5),
    "CMA-ES": EvolutionStrategy(population_size=6, sigma=0.1),
    "GA": GeneticAlgorithm(8, parents=3, sigma=0.5),
}


def spread(values: NDArray[np.float64]) -> str:
    """Mean and half of the 95 % t interval."""
    from scipy.stats import t

    half = t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    return f"{values.mean():6.3f} ± {half:.3f}"


def by_hand(reward: Reward, correlation: float) -> tuple[NDArray[np.float64], ...]:
    """(seeds,) the same of one learner that has all updates."""
    start = np.repeat(reward.start(), len(SEEDS), axis=0)
    request = qd.Request(start, purpose="test", columns=("error",))
    here, *elsewhere = (
        qd.evaluate_batch(OverOptimisation(reward, rho, test_steps=BUDGET), request, 1) for rho in (correlation, *MOVED)
    )
    return here.objective, here.columns["error"], np.min([one.objective for one in elsewhere], axis=0)


def searched(reward: Reward, search: qd.Algorithm, correlation: float) -> tuple[NDArray[np.float64], ...]:
    """(seeds,) of what was found: gold and constraint error of the tested learner, worst gold at other correlations."""
    problem = OverOptimisation(reward, correlation)
    gold, error, winners = [], [], []
    for seed in SEEDS:
        algorithm = Selected(search, percent=100, candidates=FINALISTS)
        result = qd.run(qd.Experiment(problem, algorithm, TRIED + FINALISTS + 1, seed=seed), progress=False)
        gold.append(result.summary["metrics"]["test_objective"])
        error.append(result.summary["metrics"]["error"])
        winners.append(np.ravel(result.populations["selected"]))
    request = qd.Request(np.array(winners), purpose="test")
    moved = [qd.evaluate_batch(OverOptimisation(reward, rho), request, 1).objective for rho in MOVED]
    return np.array(gold), np.array(error), np.min(moved, axis=0)


def paid(correlation: float, *pay: float) -> Mapping[str, NDArray[np.float64]]:
    """The courses of eight learners, far from their anchor's hold, with these weights of the two proxies."""
    learner = GaussianPolicy(batch=128, rate=0.005, anchor=0.05)
    steps = 3000 if correlation < 0 < pay[1] else 1000
    problem = OverOptimisation(weights(), correlation, (2.0, 2.0), learner=learner, test_steps=steps)
    solution = problem.reward.solution(dict(zip(("proxy_0.weight", "proxy_1.weight"), pay, strict=True)))
    request = qd.Request(np.repeat(solution[None], 8, axis=0), purpose="test", columns=("gold", "kl", "proxies"))
    return qd.evaluate_batch(problem, request, 0).columns


def peaks() -> bool:
    """Prints where gold peaks, for a learner that is paid for both proxies alike and for one that is paid for one."""
    print("correlation   KL at the peak   expected   gold in the end   proxy at the peak where it alone is paid")
    both = {correlation: paid(correlation, 0.6, 0.6) for correlation in CURVES}
    alone = {correlation: paid(correlation, 1.0, 0.0) for correlation in CURVES}
    found = []
    for correlation in CURVES:
        gold, kl = both[correlation]["gold"].mean(axis=0), both[correlation]["kl"].mean(axis=0)
        found.append(kl[gold.argmax()])
        one = alone[correlation]["proxies"].mean(axis=0)[alone[correlation]["gold"].mean(axis=0).argmax(), 0]
        print(
            f"{correlation:11.1f}   {found[-1]:14.2f}   {4.0 / (1 + correlation):8.2f}   {gold[-1]:15.2f}   {one:8.2f}"
        )
    over_optimisation_figure(both, alone).savefig(PICTURE, dpi=110)
    return bool((np.diff(found) < 0).all())


def main() -> int:
    """Prints a row an arm; 1 where a claim fails."""
    describe("scipy")
    good = peaks()
    kinds = [kind for kind in REWARDS if kind in sys.argv[1:]] or list(REWARDS)
    for correlation in (float(word) for word in sys.argv[1:] if word not in REWARDS):
        print(f"correlation {correlation:g}, {BUDGET} updates, {len(SEEDS)} seeds")
        means, arms = {}, {}
        for kind, reward in ((kind, REWARDS[kind]) for kind in kinds):
            for name, search in {"by hand": None, **SEARCHES}.items():
                gold, error, moved = searched(reward, search, correlation) if search else by_hand(reward, correlation)
                missed = f"   |J - tau| {spread(error)}" if kind == "thresholds" else ""
                print(f"  {kind:10s}  {name:13s}  gold {spread(gold)}   moved {spread(moved)}{missed}", flush=True)
                means[kind, name], arms[f"{kind}, {name}"] = (gold.mean(), moved.mean()), gold
        if len(kinds) > 1:
            title = f"{BUDGET} updates, correlation {correlation:g}"
            arms_figure(arms, "gold", title, reference=1.0).savefig(PICTURE.with_stem("thresholds"), dpi=110)
            found = {kind: np.mean([means[kind, name] for name in SEARCHES], axis=0) for kind in kinds}
            good &= found["thresholds"][0] > means["weights", "by hand"][0]
            good &= found["thresholds"][1] > found["weights"][1]
    return int(not good)


if __name__ == "__main__":
    sys.exit(main())
