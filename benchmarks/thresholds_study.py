"""Thresholds with multipliers beside fixed weights, where proxies are good up to a point, at equal learner steps.

Claims: the more two proxies correlate, the sooner gold peaks (at KL = p^2 / (1 + correlation) for equal peaks p); and
thresholds that are found within a run beat fixed weights on gold. Every run may spend 6400 updates of learners. Rows by
hand give them all to one learner, with the reward that the searches start around. A search trains learners of 200
updates with the reward it tries, judges its best three anew, and trains the winner for 1000: what is printed is the
gold of that learner, whose random numbers no search has seen, and the worst of two more where the proxies correlate by
0 and 0.8 (``moved``); mean and half of the 95 % t interval over seeds.
Arguments are correlations, and ``weights`` or ``thresholds`` for one half of the rows; a minute a half. Without them
the curves alone.
"""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

import qd
from benchmarks.machine import describe
from qd.algorithms import EvolutionStrategy, GeneticAlgorithm, NelderMead, RandomSearch, Selected
from qd.learners import GaussianPolicy
from qd.problems import OverOptimisation
from qd.problems.over_optimisation import thresholds, weights
from qd.rewards import Reward

SEEDS = range(10)
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
    gold, error, moved = [], [], []
    for seed in SEEDS:
        algorithm = Selected(search, percent=100, candidates=FINALISTS)
        result = qd.run(qd.Experiment(problem, algorithm, TRIED + FINALISTS + 1, seed=seed), progress=False)
        gold.append(result.summary["metrics"]["test_objective"])
        error.append(result.summary["metrics"]["test_error"])
        winner = qd.Request(np.atleast_2d(result.populations["selected"]), purpose="test")
        elsewhere = (OverOptimisation(reward, rho) for rho in MOVED)
        moved.append(min(qd.evaluate_batch(one, winner, seed).objective[0] for one in elsewhere))
    return np.array(gold), np.array(error), np.array(moved)


def peaks() -> bool:
    """Prints where gold peaks while a learner is paid for both proxies alike; whether it is where it should be."""
    print("correlation   KL at the peak of gold   expected   gold there   gold at the end")
    found = []
    for correlation in CURVES:
        problem = OverOptimisation(
            weights(), correlation, (2.0, 2.0), learner=GaussianPolicy(batch=128, rate=0.005, anchor=0.05)
        )
        problem = replace(problem, test_steps=3000 if correlation < 0 else 1000)
        both = problem.reward.solution({"proxy_0.weight": 0.6, "proxy_1.weight": 0.6})
        request = qd.Request(np.repeat(both[None], 8, axis=0), purpose="test", columns=("gold", "kl"))
        columns = qd.evaluate_batch(problem, request, 0).columns
        gold, kl = columns["gold"].mean(axis=0), columns["kl"].mean(axis=0)
        top, expected = int(gold.argmax()), 4.0 / (1 + correlation)
        found.append(kl[top])
        print(f"{correlation:11.1f}   {kl[top]:22.2f}   {expected:8.2f}   {gold[top]:10.2f}   {gold[-1]:15.2f}")
    return bool((np.diff(found) < 0).all())


def main() -> int:
    """Prints a row an arm; 1 where a claim fails."""
    describe("scipy")
    good = peaks()
    kinds = [kind for kind in REWARDS if kind in sys.argv[1:]] or list(REWARDS)
    for correlation in (float(word) for word in sys.argv[1:] if word not in REWARDS):
        print(f"correlation {correlation:g}, {BUDGET} updates, {len(SEEDS)} seeds")
        means = {}
        for kind, reward in ((kind, REWARDS[kind]) for kind in kinds):
            for name, search in {"by hand": None, **SEARCHES}.items():
                gold, error, moved = searched(reward, search, correlation) if search else by_hand(reward, correlation)
                missed = f"   |J - tau| {spread(error)}" if kind == "thresholds" else ""
                print(f"  {kind:10s}  {name:13s}  gold {spread(gold)}   moved {spread(moved)}{missed}", flush=True)
                means[kind, name] = gold.mean(), moved.mean()
        if len(kinds) > 1:
            good &= means["thresholds", "CMA-ES"][0] > means["weights", "by hand"][0]
            good &= means["thresholds", "CMA-ES"][1] > max(
                gold for (kind, _), (_, gold) in means.items() if kind == "weights"
            )
    return int(not good)


if __name__ == "__main__":
    sys.exit(main())
