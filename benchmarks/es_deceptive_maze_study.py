"""ES, NS-ES, NSR-ES and NSRA-ES in the deceptive maze, beside random search with as many evaluations.

Claim: on novelty a strategy covers more of the maze than random search, on reward alone it never leaves the trap, 39 px
from the goal, and with 100,000 evaluations NSRA-ES comes to the goal in three seeds of five. Two kinds of rows: the
published sigma 0.02, Adam's rate 0.01 and NSRA-ES's weight, with 100 perturbations a turn; and 20 perturbations with
sigma 0.1, rate 0.1 and a weight that moves by 0.25 after 5 turns, chosen on seeds 100 to 102 with 20,000 evaluations.
The distance is of the best solution that was evaluated; 20,000 evaluations with seeds 0 to 9, 100,000 with seeds 0 to
4. Twenty minutes; names of rows as arguments take part of them.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

import qd
from benchmarks.machine import describe
from qd.algorithms import NoveltyES, OpenAIES, RandomSearch
from qd.problems.deceptive_maze import REACHED

SHORT, LONG = (20_000, range(10)), (100_000, range(5))  # evaluations and seeds
TRAP = 38.0  # px: nearer than this, it is out of the pocket and on its way around
WIDE: dict[str, Any] = {"population_size": 20, "sigma": 0.1, "learning_rate": 0.1}
ADAPTING = NoveltyES("nsra", **WIDE, weight_step=0.25, patience=5)
SEARCHES: dict[str, tuple[qd.Algorithm, tuple[int, range]]] = {
    "random search": (RandomSearch(batch_size=200), SHORT),
    "ES": (OpenAIES(**WIDE), SHORT),
    "NS-ES": (NoveltyES("ns", **WIDE), SHORT),
    "NSR-ES": (NoveltyES("nsr", **WIDE), SHORT),
    "NSRA-ES": (ADAPTING, SHORT),
    "ES published": (OpenAIES(100), SHORT),
    "NS-ES published": (NoveltyES("ns", 100), SHORT),
    "NSR-ES published": (NoveltyES("nsr", 100), SHORT),
    "NSRA-ES published": (NoveltyES("nsra", 100), SHORT),
    "random search long": (RandomSearch(batch_size=200), LONG),
    "NS-ES long": (NoveltyES("ns", **WIDE), LONG),
    "NSRA-ES long": (ADAPTING, LONG),
}


def bootstrap(values: NDArray[np.float64]) -> str:
    """Median and the 95 % bootstrap interval of it, with a fixed seed."""
    drawn = np.median(np.random.default_rng(0).choice(values, (10_000, len(values))), axis=1)
    low, high = np.quantile(drawn, (0.025, 0.975))
    return f"{np.median(values):.1f} [{low:.1f}, {high:.1f}]"


def share(hits: int, n: int) -> str:
    """A count and the 95 % interval of its share (Clopper and Pearson 1934)."""
    from scipy.stats import beta

    low = beta.ppf(0.025, hits, n - hits + 1) if hits else 0.0
    high = beta.ppf(0.975, hits + 1, n - hits) if hits < n else 1.0
    return f"{hits} of {n} [{low:.2f}, {high:.2f}]"


def spread(values: NDArray[np.float64]) -> str:
    """Mean and half of the 95 % t interval."""
    from scipy.stats import t

    half = t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    return f"{values.mean():.3f} ± {half:.3f}"


def main() -> int:
    """Prints a row a search; 1 where one of the claims fails."""
    describe("scipy", threads=2)
    maze = qd.problems.DeceptiveMaze()
    covered, out, reached = {}, {}, {}
    for name in sys.argv[1:] or SEARCHES:
        algorithm, (budget, seeds) = SEARCHES[name]
        results = [qd.run(qd.Experiment(maze, algorithm, budget, seed=seed), progress=False) for seed in seeds]
        away = -np.array([result.summary["best_objective"] for result in results])
        coverage = np.array([result.summary["coverage"] for result in results])
        covered[name], out[name] = coverage.mean(), int((away < TRAP).sum())
        reached[name] = int((away < REACHED).sum())
        print(f"{name:19s} px away {bootstrap(away):20s} within {REACHED:.0f}: {share(reached[name], len(seeds))}, "
              f"out of the trap {share(out[name], len(seeds))}, coverage {spread(coverage)}   "
              f"({' '.join(f'{x:.1f}' for x in away)})", flush=True)  # fmt: skip
    if len(covered) < len(SEARCHES):
        return 0
    print(f"coverage of NS-ES: {covered['NS-ES'] / covered['random search']:.2f} times random search's (floor 1)")
    return int(covered["NS-ES"] < covered["random search"] or out["ES"] > 0 or reached["NSRA-ES long"] < 3)


if __name__ == "__main__":
    sys.exit(main())
