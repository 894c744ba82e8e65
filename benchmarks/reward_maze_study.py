"""Deceptive mazes: what do evolved rewards teach, and does evolving them beat learning without, at equal steps?

``python -m benchmarks.reward_maze_study`` makes the runs that ``benchmarks/results/reward_mazes.jsonl`` does not hold,
for the experiments ``reward_deceptive_maze`` and ``reward_point_maze``, five outer seeds; ``--table`` prints what it
holds with 95 % t intervals over outer seeds.

Every row is judged on the same 16 layouts that no search has seen. Rows of searches (random search over rewards,
CMA-ES and MAP-Elites over rewards) spend their steps on four other layouts, and then teach two fresh learners of
320,000 steps on each held-out one. Rows without a search pay something by hand, or search the policies themselves by
novelty, with the same 320,000 steps a learner; success alone and novelty search also with the steps of a whole outer
run, shared out among the held-out layouts. ``success``: the policy that is best paid in the end comes to the goal;
``found``: some policy did.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

import qd
from benchmarks.machine import describe
from benchmarks.result_rows import ResultRows, interval
from qd.experiment_file import load_experiment
from qd.problems.evolved_reward import HELD_OUT
from qd.rewards import Feature, Reward, WeightedSum
from qd.rng import generator

TASKS = ("reward_deceptive_maze", "reward_point_maze")
ROWS = ResultRows("reward_mazes.jsonl", ("task", "row", "life", "seed"))
LAYOUTS, LEARNERS = 16, 2
BY_HAND = {
    "success alone": {},
    "distance to the goal": {"toward_goal": 1.0},
    "by hand: distance and rarity": {"toward_goal": 0.3, "rarity": 1.0},
    "rarity alone": {"rarity": 1.0},
    "distance on foot, which knows the way": {"toward_goal_on_foot": 1.0},
}
FULL = ("success alone", "by hand: distance and rarity")  # with the steps of a whole outer run


def searches() -> dict[str, Any]:
    """The searches over rewards."""
    a = qd.algorithms
    return {
        "random rewards": a.RandomSearch(batch_size=16),
        "CMA-ES over rewards": a.EvolutionStrategy(population_size=16, sigma=0.1),
        "MAP-Elites over rewards": a.MapElites(batch_size=16, initial=32, sigma=0.5),
    }


def taught(problem: Any, reward: Any, solution: NDArray[Any], steps: int, learners: int, seed: int) -> dict[str, Any]:
    """What a reward teaches on held-out layouts."""
    at = HELD_OUT + np.repeat(np.arange(LAYOUTS), learners)
    seeds = generator(seed, "held-out learners", 0).integers(1 << 63, size=len(at)).astype(np.uint64)
    which = np.zeros(len(at), np.int64)
    learned = problem.learner.train(problem.task, reward, solution[None], which, at, seeds, problem.sparse, steps)
    return {
        "success": float(learned.final.mean()), "found": float((learned.first <= steps).mean()),
        "area": float(learned.curve.mean()), "steps": float(learned.steps.sum()),
    }  # fmt: skip


def searched(experiment: Any, search: Any, seed: int) -> dict[str, Any]:
    """One outer run, and what its winner teaches."""
    problem = replace(experiment.problem, held_out=1, test_seeds=1)  # tested here, where all rows are
    selected = replace(experiment.algorithm, algorithm=search)
    result = qd.run(replace(experiment, problem=problem, algorithm=selected, seed=seed), progress=False)
    winner = np.asarray(result.populations["selected"][0])
    found = taught(problem, problem.reward, winner, problem.learner.steps, LEARNERS, seed)
    found["steps"] += result.summary["cost"]["steps"]
    return {**found, "reward": problem.reward.formula(winner), "coverage": result.summary["coverage"]}


def by_hand(experiment: Any, name: str, steps: int, learners: int, seed: int) -> dict[str, Any]:
    """A reward that nobody searched."""
    weights = BY_HAND[name]
    reward = Reward(tuple(Feature(variable) for variable in weights or {"step": 0.0}), WeightedSum(0.1))
    solution = reward.solution({f"{variable}.weight": weight for variable, weight in weights.items()})
    return taught(experiment.problem, reward, solution, steps, learners, seed)


def novelty(experiment: Any, steps: int, seed: int) -> dict[str, Any]:
    """Novelty search over policies by where they end, until one comes to the goal."""
    task, learner = experiment.problem.task, experiment.problem.learner
    network = task.network(learner.hidden)
    search = qd.algorithms.NoveltySearch(population_size=100, neighbors=25, sigma=0.3)
    first, used = [], 0
    for number in range(HELD_OUT, HELD_OUT + LAYOUTS):
        mine, reached_at = 0, np.inf

        def ends(weights: NDArray[Any], number: int = number) -> Any:
            nonlocal mine, reached_at
            ran = task.episodes(network, weights, number)
            if ran.success.any() and reached_at == np.inf:
                reached_at = mine + float(ran.offsets[1:][ran.success][0])
            mine += int(ran.offsets[-1])
            last = ran.offsets[1:] - 1
            return ran.success.astype(float), np.stack([ran.steps.column("x")[last], ran.steps.column("y")[last]], 1)

        problem = qd.problem(
            ends, space=qd.Box(-5.0, 5.0, network.length, init_sigma=1.0),
            measures={"x": (0.0, 206.0), "y": (0.0, 206.0)}, batch=True, chunk_size=200,
        )  # fmt: skip
        state, done, generation = search.init(problem, seed), 0, 0
        while mine < steps and reached_at == np.inf:
            request = search.ask(state, 1_000_000)
            assert request is not None
            search.tell(state, request, qd.evaluate_batch(problem, request, seed, first=done, number=generation))
            done, generation = done + len(request), generation + 1
        first.append(reached_at)
        used += mine
    return {
        "success": float(np.mean(np.array(first) <= steps)), "found": float(np.mean(np.array(first) <= steps)),
        "steps": float(used), "first": first,
    }  # fmt: skip


def missing(experiment: Any, task: str, seed: int, whole: bool) -> None:
    """Make the rows of an outer seed that are not there."""
    life = experiment.problem.learner.steps
    jobs: list[tuple[str, str, Any]] = [
        (name, "search", lambda s=search: searched(experiment, s, seed)) for name, search in searches().items()
    ]
    for name in BY_HAND:
        jobs.append((name, "life", lambda n=name: by_hand(experiment, n, life, LEARNERS, seed)))
    jobs.append(("novelty search over policies", "life", lambda: novelty(experiment, life, seed)))
    if whole:
        jobs = [(n, "whole", lambda n=n: by_hand(experiment, n, share(task, seed), 1, seed)) for n in FULL]
        jobs.append(("novelty search over policies", "whole", lambda: novelty(experiment, share(task, seed), seed)))
    for name, length, work in jobs:
        if not ROWS.has(task=task, row=name, life=length, seed=seed):
            begin = time.perf_counter()
            found = work()
            minutes = round((time.perf_counter() - begin) / 60, 3)
            ROWS.append({"task": task, "row": name, "life": length, "seed": seed, **found, "minutes": minutes})


def share(task: str, seed: int) -> int:
    """Steps a held-out layout, of those that CMA-ES over rewards and its test took."""
    wanted = (task, "CMA-ES over rewards", seed)
    return int(next(r for r in ROWS.read() if (r["task"], r["row"], r["seed"]) == wanted)["steps"] / LAYOUTS)


def table(rows: list[dict[str, Any]]) -> str:
    """Markdown, a row an arm."""
    groups: dict[tuple[str, str, str], list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        groups[row["task"], row["life"], row["row"]].append(row)
    lines = [
        "| task | steps | row | seeds | success | found | steps in all | min |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for (task, life, name), runs in sorted(groups.items()):
        lines.append(
            f"| `{task}` | {life} | {name} | {len(runs)} | {interval([run['success'] for run in runs], 2)} "
            f"| {interval([run['found'] for run in runs], 2)} | {np.mean([run['steps'] for run in runs]):.3g} "
            f"| {np.mean([run['minutes'] for run in runs]):.1f} |"
        )
    return "\n".join(lines)


def main() -> int:
    """Make what is missing, or print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tasks", nargs="*", default=TASKS)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--table", action="store_true")
    args = parser.parse_args()
    if args.table:
        print(table(ROWS.read()))
        return 0
    describe()
    for task, whole in product(args.tasks, (False, True)):
        for seed in range(1, args.seeds + 1):
            missing(load_experiment(task)[0], task, seed, whole)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
