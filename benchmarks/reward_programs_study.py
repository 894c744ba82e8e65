"""Programs as rewards on key-door grids: random ones and genetic programming, with the critic and without.

``python -m benchmarks.reward_programs_study`` runs each arm with equal evaluations and outer seeds, re-evaluates its
five best with fresh seeds, and tests the winner's learners on 12 layouts that no search has seen. Printed are the area
under the curve of true success and the success in the end with 95 % intervals over outer runs, the share of evaluated
programs that taught nothing (no success in any learner), and Mann-Whitney tests of the areas, corrected after Holm.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import mannwhitneyu, t

import qd
from benchmarks.machine import describe
from qd.learners import KeyDoor, TaskCritic
from qd.rewards import ProgramReward

Array = NDArray[np.float64]
TASK = KeyDoor()
# All but the variable that knows the way, of which the change alone is a reward that teaches.
FORM = ProgramReward(tuple(one for one in TASK.variables if one.name != "progress"), scale=0.1)
CRITIC = TaskCritic(TASK, FORM)
ALIVE = 0.01  # what no learner succeeds with stays below: earliness and coverage add 0.001001 at most


TAUGHT: list[float] = []  # objectives of the search evaluations of the run that goes on


@dataclass(frozen=True)
class Watched(qd.algorithms.GeneticProgramming):
    """Genetic programming whose evaluations are kept for the share of programs that teach nothing."""

    def tell(self, state: Any, request: qd.Request, evaluation: qd.Evaluation) -> None:
        TAUGHT.extend(evaluation.objective.tolist())
        super().tell(state, request, evaluation)


def arms(evaluations: int) -> dict[str, qd.Algorithm]:
    """Name -> search. Random programs are one ramped generation as large as the budget."""
    return {
        "random programs": Watched(evaluations, islands=1, tune_every=0),
        "random programs, critic": Watched(evaluations, CRITIC, islands=1, tune_every=0),
        "genetic programming": Watched(24),
        "genetic programming, critic": Watched(24, CRITIC),
    }


def outer_run(search: qd.Algorithm, evaluations: int, seed: int) -> tuple[float, float, float]:
    """Area and final success on held-out layouts, and the share of dead programs in the search."""
    problem = qd.problems.EvolvedReward(TASK, FORM)
    selected = qd.algorithms.Selected(search, percent=100, candidates=5)
    experiment = qd.Experiment(problem, selected, evaluations + selected.reserve(problem), seed=seed)
    TAUGHT.clear()
    metrics: dict[str, float] = qd.run(experiment, progress=False).summary["metrics"]
    dead = np.mean(~(np.array(TAUGHT) > ALIVE))  # NaN, of what failed, is dead
    return float(metrics["area"]), float(metrics["held_out_success"]), float(dead)


def interval(values: Array) -> str:
    """Mean and 95 % interval of the mean."""
    half = t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.nan
    return f"{values.mean():.3f} ± {half:.3f}"


def holm(p: Array) -> Array:
    """(k,) p values corrected after Holm 1979."""
    order = np.argsort(p)
    raised = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    corrected = np.empty(len(p))
    corrected[order] = np.minimum(raised, 1.0)
    return corrected


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=9)
    parser.add_argument("--evaluations", type=int, default=240)
    args = parser.parse_args()
    describe()
    found: dict[str, list[tuple[float, float, float]]] = {name: [] for name in arms(args.evaluations)}
    for seed in range(1, args.seeds + 1):
        for name, search in arms(args.evaluations).items():
            found[name].append(outer_run(search, args.evaluations, seed))
            print(f"seed {seed}, {name}: area {found[name][-1][0]:.3f}", flush=True)
    print("\n| arm | area | final success | dead programs |\n|---|---|---|---|")
    for name, runs in found.items():
        area, final, dead = np.array(runs).T
        spread = f"({area.min():.3f} to {area.max():.3f})"
        print(f"| {name} | {interval(area)} {spread} | {interval(final)} | {interval(dead)} |")
    pairs = [*combinations(found, 2)]
    for column, what in ((0, "area"), (2, "dead programs")):
        tests = [mannwhitneyu(*(np.array(found[name])[:, column] for name in pair)).pvalue for pair in pairs]
        for (one, other), p in zip(pairs, holm(np.array(tests)), strict=True):
            print(f"{what}: {one} against {other}: p = {p:.3g} (Mann-Whitney, Holm)")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
