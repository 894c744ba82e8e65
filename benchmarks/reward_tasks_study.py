"""Do evolved rewards beat rewards drawn at random? Mountain car, MiniGrid's DoorKey, key-door grids; five outer seeds.

``python -m benchmarks.reward_tasks_study`` makes the runs that ``benchmarks/results/reward_tasks.jsonl`` does not hold,
``--table`` prints what it holds, with 95 % t intervals over outer seeds. Tasks, rewards, learners and budgets are those
of the experiments ``reward_weights_mountain_car``, ``reward_weights_minigrid``, ``reward_map_elites_key_door`` and
``reward_weights_locomotion``.

Rows: ``evolved``, the experiment's search; ``random``, random search from the same prior, with the same budget and the
same re-evaluation; ``by hand``, what the reward's ``default`` pays, at no outer step; ``success alone``, learners that
share out the whole budget of environment steps of the evolved row among the held-out layouts, with no reward to help.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from dataclasses import replace
from typing import Any

import numpy as np

import qd
from benchmarks.machine import describe
from benchmarks.result_rows import ResultRows, interval
from qd.experiment_file import load_experiment
from qd.problems.evolved_reward import HELD_OUT
from qd.rng import generator

TASKS = (
    "reward_weights_locomotion",
    "reward_weights_mountain_car",
    "reward_weights_minigrid",
    "reward_map_elites_key_door",
)
ROWS = ResultRows("reward_tasks.jsonl", ("task", "row", "seed"))


def searched(experiment: Any, row: str, seed: int) -> list[dict[str, Any]]:
    """One outer run: its winner on held-out layouts, and what was written by hand, which the test trains beside it."""
    selected = experiment.algorithm
    if row == "random":
        selected = replace(selected, algorithm=qd.algorithms.RandomSearch(batch_size=16))
    begin = time.perf_counter()
    result = qd.run(replace(experiment, algorithm=selected, seed=seed), progress=False)
    metrics = result.summary["metrics"]
    found = {
        "row": row, "seed": seed, "success": metrics["held_out_success"], "area": metrics["area"],
        "steps": result.summary["cost"]["steps"], "coverage": result.summary["coverage"],
        "minutes": (time.perf_counter() - begin) / 60,
    }  # fmt: skip
    rows = [found]
    if row == "evolved" and experiment.problem.reward.default:
        rows.append({
            "row": "by hand", "seed": seed, "success": metrics["compared_held_out_success"],
            "area": metrics["compared_area"],
        })  # fmt: skip
    return rows


def alone(experiment: Any, steps: float, seed: int) -> dict[str, Any]:
    """Success alone: a learner on each held-out layout, with its share of the steps."""
    problem, begin = experiment.problem, time.perf_counter()
    n = problem.held_out
    seeds = generator(seed, "success alone", 0).integers(1 << 63, size=n).astype(np.uint64)
    learned = problem.learner.train(
        problem.task, problem.reward, np.zeros((1, problem.space().length)), np.zeros(n, np.int64),
        HELD_OUT + np.arange(n), seeds, problem.sparse, int(steps / n),
    )  # fmt: skip
    return {
        "row": "success alone", "seed": seed, "success": float(learned.final.mean()),
        "area": float(learned.curve.mean()), "steps": float(learned.steps.sum()),
        "minutes": (time.perf_counter() - begin) / 60,
    }  # fmt: skip


def table(rows: list[dict[str, Any]]) -> str:
    """Markdown, a row a task and arm."""
    groups: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        groups[row["task"], row["row"]].append(row)
    lines = ["| experiment | reward | seeds | area | success | steps | coverage |", "|---|---|---|---|---|---|---|"]
    for (task, name), runs in sorted(groups.items()):
        steps = [run["steps"] for run in runs if "steps" in run]
        covered = [run["coverage"] for run in runs if run.get("coverage") is not None]
        lines.append(
            f"| `{task}` | {name} | {len(runs)} | {interval([run['area'] for run in runs])} "
            f"| {interval([run['success'] for run in runs])} | {f'{np.mean(steps):.3g}' if steps else ''} "
            f"| {interval(covered) if covered else ''} |"
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
    for task in args.tasks:
        experiment, _ = load_experiment(task)
        for seed in range(1, args.seeds + 1):
            for row in ("evolved", "random"):
                if not ROWS.has(task=task, row=row, seed=seed):
                    for found in reversed(searched(experiment, row, seed)):  # its own row last: then it is finished
                        ROWS.append({"task": task, **found})
            if not ROWS.has(task=task, row="success alone", seed=seed):
                spent = next(r for r in ROWS.read() if (r["task"], r["row"], r["seed"]) == (task, "evolved", seed))
                ROWS.append({"task": task, **alone(experiment, spent["steps"], seed)})
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
