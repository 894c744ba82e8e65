"""ES, NS-ES, NSR-ES and NSRA-ES in the deceptive maze at 20,000 evaluations, seeds 0 to 9, beside random search.

Claim: on novelty a strategy covers more of the maze than random search, and on reward alone it never leaves the trap,
39 px from the goal. Two kinds of rows: the published sigma 0.02, Adam's rate 0.01 and NSRA-ES's weight, with 100
perturbations a turn; and 20 perturbations with sigma 0.1, rate 0.1 and a weight that moves by 0.25 after 5 turns,
chosen on seeds 100 to 102. The distance is of the best solution that was evaluated. Ten minutes; names of rows as
arguments take part of them.
"""

from __future__ import annotations

import sys

import numpy as np
from numpy.typing import NDArray

import qd
from benchmarks.machine import describe
from qd.algorithms import NoveltyES, OpenAIES, RandomSearch
from qd.problems.deceptive_maze import REACHED

SEEDS = range(10)
BUDGET = 20_000
TRAP = 38.0  # px: nearer than this, it is out of the pocket and on its way around
WIDE = {"population_size": 20, "sigma": 0.1, "learning_rate": 0.1}
SEARCHES: dict[str, qd.Algorithm] = {
    "random search": RandomSearch(batch_size=200),
    "ES": OpenAIES(**WIDE),
    "NS-ES": NoveltyES("ns", **WIDE),
    "NSR-ES": NoveltyES("nsr", **WIDE),
    "NSRA-ES": NoveltyES("nsra", **WIDE, weight_step=0.25, patience=5),
    "ES published": OpenAIES(100),
    "NS-ES published": NoveltyES("ns", 100),
    "NSR-ES published": NoveltyES("nsr", 100),
    "NSRA-ES published": NoveltyES("nsra", 100),
}


def bootstrap(values: NDArray[np.float64]) -> str:
    """Median and the 95 % bootstrap interval of it, with a fixed seed."""
    drawn = np.median(np.random.default_rng(0).choice(values, (10_000, len(values))), axis=1)
    low, high = np.quantile(drawn, (0.025, 0.975))
    return f"{np.median(values):.1f} [{low:.1f}, {high:.1f}]"


def share(hits: int) -> str:
    """A count and the 95 % interval of its share (Clopper and Pearson 1934)."""
    from scipy.stats import beta

    n = len(SEEDS)
    low = beta.ppf(0.025, hits, n - hits + 1) if hits else 0.0
    high = beta.ppf(0.975, hits + 1, n - hits) if hits < n else 1.0
    return f"{hits} of {n} [{low:.2f}, {high:.2f}]"


def spread(values: NDArray[np.float64]) -> str:
    """Mean and half of the 95 % t interval."""
    from scipy.stats import t

    half = t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    return f"{values.mean():.3f} ± {half:.3f}"


def main() -> int:
    """Prints a row a search; 1 where NS-ES covers less than random search, or reward alone leaves the trap."""
    describe("scipy", threads=2)
    maze = qd.problems.DeceptiveMaze()
    covered, out = {}, {}
    for name in sys.argv[1:] or SEARCHES:
        results = [qd.run(qd.Experiment(maze, SEARCHES[name], BUDGET, seed=s), progress=False) for s in SEEDS]
        away = -np.array([result.summary["best_objective"] for result in results])
        coverage = np.array([result.summary["coverage"] for result in results])
        covered[name], out[name] = coverage.mean(), int((away < TRAP).sum())
        reached = int((away < REACHED).sum())
        print(f"{name:18s} px away {bootstrap(away):20s} within {REACHED:.0f}: {share(reached)}, "
              f"out of the trap {share(out[name])}, coverage {spread(coverage)}   "
              f"({' '.join(f'{x:.1f}' for x in away)})", flush=True)  # fmt: skip
    if len(covered) < len(SEARCHES):
        return 0
    print(f"coverage of NS-ES: {covered['NS-ES'] / covered['random search']:.2f} times random search's (floor 1)")
    return int(covered["NS-ES"] < covered["random search"] or out["ES"] > 0)


if __name__ == "__main__":
    sys.exit(main())
