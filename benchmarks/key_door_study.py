"""What do evolved rewards teach? Key-door grids: rewards written by hand, drawn at random, and evolved.

``python -m benchmarks.key_door_study`` trains fresh learners with each reward on 12 layouts that no search has seen, 8
seeds each, 3000 steps, and prints the area under the curve of true success and the success in the end, with 95 %
intervals over layouts and seeds (hand-written rewards) or over outer runs (searches). All searches have the same prior,
N(0, 1) around zero weights, the same evaluations and the same re-evaluation of their five best with fresh seeds. At the
end, learners that get success alone, with lives up to the whole outer budget, and the number of new layouts from which
on evolving a reward costs less.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t

import qd
from benchmarks.machine import describe
from qd.learners import KeyDoor, QLearning
from qd.learners.key_door import FEATURES
from qd.problems.evolved_reward import HELD_OUT
from qd.rewards import Feature, Gene, Potential, Reward, RewardForm, WeightedSum

Array = NDArray[Any]
TASK, LEARNER = KeyDoor(), QLearning()
NEXT_GOAL = {"toward_key.weight": 1.0, "toward_door.weight": 1.0, "toward_goal_open.weight": 1.0}
BY_HAND: dict[str, dict[str, float]] = {
    "success alone": {},
    "distance to the goal": {"toward_goal.weight": 1.0},
    "step cost": {"step.weight": -1.0},
    "sub-goal bonuses": {"key_picked.weight": 5.0, "door_opened.weight": 5.0},
    "distance to the next sub-goal": NEXT_GOAL,
    "the same, bonuses, step cost": {
        **NEXT_GOAL, "key_picked.weight": 1.0, "door_opened.weight": 1.0, "step.weight": -0.1,
    },
}  # fmt: skip


def weights() -> Reward:
    """Eight weights of what happens at a step."""
    return Reward(tuple(Feature(name) for name in FEATURES), WeightedSum(0.1))


def potential() -> Reward:
    """A potential of five state variables and an offset."""
    cells = tuple(Gene(name, spread=0.03) for name in ("key_distance", "door_distance", "goal_distance"))
    return Reward((Potential((*cells, Gene("has_key", spread=0.2), Gene("door_open", spread=0.2)), 0.98),))


def searches() -> dict[str, Any]:
    """The arms: name -> search."""
    a = qd.algorithms
    return {
        "random search": a.RandomSearch(batch_size=16),
        "CMA-ES": a.EvolutionStrategy(population_size=16, sigma=0.1),
        "SNES": a.SNES(population_size=16),
        "GA": a.GeneticAlgorithm(population_size=16, parents=5, sigma=0.5),
    }


def halved() -> dict[str, Any]:
    """The arms that race: name -> search. They get as many environment steps as the others."""
    a = qd.algorithms
    return {
        "random search, halved": a.Halving(a.RandomSearch(batch_size=27), "steps", (333, 1000)),
        "GA, halved": a.Halving(a.GeneticAlgorithm(population_size=27, parents=5, sigma=0.5), "steps", (333, 1000)),
        "GA, one rung": a.Halving(a.GeneticAlgorithm(population_size=16, parents=5, sigma=0.5), "steps", (1000,)),
    }


def outer_run(
    form: RewardForm,
    search: Any,
    budget: int | dict[str, float],
    seed: int,
    task: KeyDoor = TASK,
    learner: QLearning = LEARNER,
) -> dict[str, float]:
    """Metrics of one search with its re-evaluation and test."""
    selected = qd.algorithms.Selected(search, percent=100, candidates=5)
    problem = qd.problems.EvolvedReward(task, form, learner)
    if isinstance(budget, int):  # evaluations of the search
        budget += selected.reserve(problem)
    result = qd.run(qd.Experiment(problem, selected, budget, seed=seed), progress=False)
    metrics: dict[str, float] = result.summary["metrics"]
    return {**metrics, "search": float(result.summary["best_objective"]), "steps": result.summary["cost"]["steps"]}


def interval(values: Array) -> str:
    """Mean and 95 % interval of the mean."""
    half = t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    return f"{values.mean():.3f} ± {half:.3f}"


def held_out_cells(layouts: int, seeds: int) -> tuple[Array, Array]:
    """(c,) layout and (c,) seed of fresh learners."""
    at, seed = (part.ravel() for part in np.indices((layouts, seeds)))
    return at + HELD_OUT, (seed + 1000 * at + 1).astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)


def main() -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=9)
    parser.add_argument("--evaluations", type=int, default=160)
    args = parser.parse_args()
    describe()
    task, form = KeyDoor(), weights()
    at, seeds = held_out_cells(12, 8)
    print("| reward | area | final success |\n|---|---|---|")
    for name, values in BY_HAND.items():
        which = np.zeros(len(at), np.int64)
        learned = QLearning().train(task, form, form.solution(values)[None], which, at, seeds, 1.0, 3000)
        print(f"| {name} | {interval(learned.curve.mean(axis=1))} | {interval(learned.final)} |")
    print(f"\n| {args.evaluations} evaluations, {args.seeds} outer runs | area | final success | best in search - the "
          "same re-evaluated |\n|---|---|---|---|")  # fmt: skip
    spent = 0.0
    for title, made in (("weights", weights), ("potential", potential)):
        for name, search in searches().items():
            runs = [outer_run(made(), search, args.evaluations, seed) for seed in range(1, args.seeds + 1)]
            area, final = (np.array([run[key] for run in runs]) for key in ("area", "held_out_success"))
            spent = float(np.mean([run["steps"] for run in runs]))
            curse = np.array([run["search"] - run["select_objective"] for run in runs])
            print(f"| {title}, {name} | {interval(area)} ({area.min():.3f} to {area.max():.3f}) | {interval(final)} "
                  f"({final.min():.3f} to {final.max():.3f}) | {interval(curse)} |")  # fmt: skip
    for name, search in halved().items():
        runs = [outer_run(weights(), search, {"steps": spent}, seed) for seed in range(1, args.seeds + 1)]
        area, final = (np.array([run[key] for run in runs]) for key in ("area", "held_out_success"))
        print(f"| weights, {name}, {spent:.3g} steps | {interval(area)} | {interval(final)} | |")
    print("\n| success alone, steps of one learner | final success |\n|---|---|")
    solved = {}
    for steps in (3_000, 30_000, 200_000, 1_000_000, int(spent)):
        which = np.zeros(len(at), np.int64)
        learned = QLearning().train(task, form, form.solution({})[None], which, at, seeds, 1.0, steps)
        solved[steps] = learned
        print(f"| {steps} | {interval(learned.final)} |")
    first = solved[int(spent)]
    reached = np.where(first.curve.max(axis=1) > 0, first.curve.argmax(axis=1) + 1, np.nan) / 10 * spent
    print(f"steps of the whole outer run: {spent:.3g}; of a sparse learner until a test succeeds, mean over those that "
          f"do (to a tenth of its life): {np.nanmean(reached):.3g}; break-even at "
          f"{spent / (np.nanmean(reached) - 3000):.1f} layouts")  # fmt: skip
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
