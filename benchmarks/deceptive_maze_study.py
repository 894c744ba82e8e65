"""Novelty search, a genetic algorithm and random search in the deceptive maze at 40,000 evaluations, five seeds each.

Claim: novelty search reaches the goal in most seeds and the genetic algorithm stays at the trap, about 39 px away. What
is shown is the best objective so far; the figure goes to docs/images. Medians, and 95 % bootstrap intervals of them.
Four minutes.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import qd
from benchmarks.machine import describe
from qd.experiment_file import load_experiment
from qd.problems.deceptive_maze import REACHED

SEEDS = range(5)
PICTURE = Path(__file__).parent.parent / "docs" / "images" / "deceptive_maze_study.png"
TRAP = 39.0


def interval(values: NDArray[np.float64]) -> str:
    """Median and the 95 % bootstrap interval of it, with a fixed seed."""
    drawn = np.median(np.random.default_rng(0).choice(values, (10_000, len(values))), axis=1)
    low, high = np.quantile(drawn, (0.025, 0.975))
    return f"{np.median(values):.1f} [{low:.1f}, {high:.1f}]"


def draw(curves: dict[str, list[tuple[NDArray[np.float64], NDArray[np.float64]]]], budget: float) -> None:
    """The best objective over evaluations, a line a seed."""
    from matplotlib.figure import Figure

    fig = Figure(figsize=(7.2, 4.0), layout="constrained")
    axes = fig.add_subplot()
    for (name, seeds), color, style in zip(
        curves.items(), ("#1b6ca8", "#c8553d", "0.45"), ("-", "--", ":"), strict=True
    ):
        for k, (evaluations, best) in enumerate(seeds):
            label = name if k == 0 else None
            axes.step(evaluations, best, style, where="post", color=color, alpha=0.85, linewidth=1.4, label=label)
    axes.axhspan(-REACHED, 0, color="#2a9d8f", alpha=0.15)
    axes.annotate("goal reached", (0.01 * budget, -5), ha="left", va="center", color="#1d6f65")
    axes.annotate("the trap, 39 px away", (0.985 * budget, -TRAP - 2), ha="right", va="top", alpha=0.7)
    axes.set(xlabel="evaluations", ylabel="best objective so far: - distance to the goal [px]", xlim=(0, budget),
             ylim=(-95, 0))  # fmt: skip
    axes.legend(loc="lower right", framealpha=0.95)
    fig.savefig(PICTURE, dpi=110)


def main() -> int:
    """Prints a row a search; 1 where novelty search fails in most seeds or the genetic algorithm does not stay."""
    describe("scipy", threads=2)
    searches = {
        "novelty search": load_experiment("novelty_search_deceptive_maze")[0],
        "genetic algorithm": load_experiment("genetic_algorithm_deceptive_maze")[0],
    }
    searches["random search"] = replace(
        searches["genetic algorithm"], algorithm=qd.algorithms.RandomSearch(batch_size=200)
    )
    curves, best = {}, {}
    for name, experiment in searches.items():
        results = [qd.run(replace(experiment, seed=seed), progress=False) for seed in SEEDS]
        curves[name] = [
            (result.metrics["evaluations"].to_numpy(), result.metrics["best_objective"].to_numpy())
            for result in results
        ]
        best[name] = np.array([result.summary["best_objective"] for result in results])
        coverage = np.array([result.summary["coverage"] for result in results])
        print(f"{name:18s} best {interval(best[name])} px ({' '.join(f'{x:.1f}' for x in best[name])}), "
              f"reached in {(best[name] > -REACHED).sum()} of {len(best[name])}, coverage "
              f"{coverage.mean():.3f}")  # fmt: skip
    draw(curves, searches["novelty search"].budget_amount)
    reached = int((best["novelty search"] > -REACHED).sum())
    stuck = int((np.abs(best["genetic algorithm"] + TRAP) < 2).sum())
    print(f"novelty search reaches the goal in {reached} of 5 seeds, the genetic algorithm stays in {stuck}")
    return int(reached < 3 or stuck < 3)


if __name__ == "__main__":
    sys.exit(main())
