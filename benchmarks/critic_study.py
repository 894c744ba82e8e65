"""Does a critic help? Rewards for key-door grids drawn at random, with and without it, at equal learners trained.

``python -m benchmarks.critic_study`` draws rewards from the prior N(0, 1) and trains the first ``--rewards`` of them,
or the first that the critic lets pass, on 3 layouts x 2 seeds, in ``--seeds`` repetitions of their own. It prints the
share of dead rewards (area 0: no test of any policy succeeded), the best area in the search, and the area of that best
one on 12 held-out layouts x 8 seeds, with 95 % intervals over repetitions; Mann-Whitney U between the arms, two-sided,
with Holm's correction over all that is compared here; and how many rewards that teach something were rejected, found by
training what was rejected too.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import mannwhitneyu, t

import qd
from benchmarks.key_door_study import TASK, potential
from benchmarks.machine import describe
from qd.contracts import Request
from qd.learners.key_door import FEATURES
from qd.rewards import Critic, Feature, Potential, Reward, RewardForm, WeightedSum

Array = NDArray[Any]
MEASURED = ("dead", "best", "held out")


def forms() -> dict[str, RewardForm]:
    """What rewards are made of."""
    features = tuple(Feature(name) for name in FEATURES)
    shaping = potential().terms[0]
    assert isinstance(shaping, Potential)
    return {
        "8 weights, 0.1 each": Reward(features, WeightedSum(0.1)),
        "8 weights, 0.1 each, and a potential": Reward((*features, shaping), WeightedSum(0.1)),
    }


def areas(problem: Any, solutions: Array, seed: int, purpose: Any = "search") -> Array:
    """(n,) area under the curve of true success."""
    seeds = np.random.default_rng([seed, len(solutions)]).integers(2**63, size=len(solutions)).astype(np.uint64)
    return np.asarray(problem.evaluate(Request(solutions, purpose=purpose), seeds).columns["area"])


def interval(values: Array) -> str:
    """Mean and 95 % interval of the mean."""
    half = t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    return f"{values.mean():.3f} ± {half:.3f}"


def repetition(problem: Any, rewards: int, seed: int) -> tuple[dict[str, dict[str, float]], Array, Array, float]:
    """Arm -> measured; areas of all trained without a critic, whether it rejects them; seconds of judging one."""
    space = problem.space()
    drawn = np.clip(np.random.default_rng(seed).normal(size=(5 * rewards, space.length)), space.low, space.high)
    begun = time.perf_counter()
    judged = Critic().judge(problem.reward, drawn, problem.task.layout(0), problem.learner.discount, problem.sparse)
    seconds = (time.perf_counter() - begun) / len(drawn)
    passes = np.array([reason is None for reason in judged])
    assert passes.sum() >= rewards, "too few rewards pass; draw more"
    chosen = {"without": np.arange(rewards), "with": np.flatnonzero(passes)[:rewards]}
    trained = np.union1d(chosen["without"], chosen["with"])
    area = np.full(len(drawn), np.nan)
    area[trained] = areas(problem, drawn[trained], seed)
    found = {}
    for arm, rows in chosen.items():
        best = rows[area[rows].argmax()]
        held_out = float(areas(problem, drawn[best : best + 1], seed, "test")[0]) if area[best] > 0 else 0.0
        found[arm] = {"dead": float((area[rows] == 0).mean()), "best": float(area[best]), "held out": held_out}
    return found, area[:rewards], ~passes[:rewards], seconds


def holm(p: Array) -> Array:
    """Holm 1979: adjusted p values."""
    order = np.argsort(p)
    adjusted = np.maximum.accumulate(p[order] * (len(p) - np.arange(len(p))))
    result = np.empty(len(p))
    result[order] = np.minimum(adjusted, 1.0)
    return result


def main() -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--rewards", type=int, default=48)
    args = parser.parse_args()
    describe()
    print("| rewards | critic | dead | best area | its area on held-out layouts |\n|---|---|---|---|---|")
    tests, notes = [], []
    for title, form in forms().items():
        problem = qd.problems.EvolvedReward(TASK, form)
        runs = [repetition(problem, args.rewards, seed) for seed in range(1, args.seeds + 1)]
        arms = {arm: {key: np.array([run[0][arm][key] for run in runs]) for key in MEASURED} for arm in runs[0][0]}
        for arm, measured in arms.items():
            print(f"| {title} | {arm} | " + " | ".join(interval(measured[key]) for key in MEASURED) + " |")
        for key in MEASURED:
            tests.append((title, key, mannwhitneyu(arms["with"][key], arms["without"][key]).pvalue))
        area, rejected = (np.concatenate([run[i] for run in runs]) for i in (1, 2))
        cost = 1000 * np.mean([run[3] for run in runs])
        good, lost = int((area > 0).sum()), area[rejected & (area > 0)]
        notes.append(f"{title}: {rejected.mean():.0%} of {len(area)} rejected, {cost:.1f} ms each; of {good} that "
                     f"teach something {len(lost)} were rejected")  # fmt: skip
    print("\n| rewards | measured | p, Mann-Whitney with Holm |\n|---|---|---|")
    for (title, key, _), p in zip(tests, holm(np.array([test[2] for test in tests])), strict=True):
        print(f"| {title} | {key} | {p:.2g} |")
    print("\n" + "\n".join(notes))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
