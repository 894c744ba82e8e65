"""What policies did that a reward taught, as numbers whose means over cells say something: columns for a search."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from qd.learners.learner import Learned
from qd.learners.table_task import LayoutTask, TableTask
from qd.ragged import Ragged, Solutions
from qd.rewards.analyser import FAILURES, LOOPS, failure_of
from qd.rewards.reward import RewardForm

PARTS = 16  # parts of a reward that are told apart: a program of 30 nodes is a sum of 15 at most
ANALYSIS = {
    "reached": "share of the trained policies' episodes that came to each stage of the task, success the last",
    "failures": f"share of the episodes that went so: {', '.join(FAILURES)}",
    "shares": f"of each of the first {PARTS} parts of the reward, of what all of them add and take in these episodes",
    "variances": "variance of what each part adds, over the steps of an episode",
    "loop_pay": "what each part adds a step in the second half of episodes that went round in a loop, else 0",
    "happened": "how much more each step variable, where it is above 0, is there than in all steps of the layout",
}


def happenings(task: LayoutTask) -> tuple[str, ...]:
    """The variables that say what happens in a step, in their order."""
    return tuple(one.name for one in task.variables if one.about == "step" and one.kind != "text")


def widths(task: LayoutTask) -> dict[str, int]:
    """Numbers a row of each column."""
    parts = dict.fromkeys(("shares", "variances", "loop_pay"), PARTS)
    return {"reached": len(task.stages) + 1, "failures": len(FAILURES), **parts, "happened": len(happenings(task))}


def analysis(
    task: LayoutTask,
    reward: RewardForm,
    solutions: Solutions,
    which: NDArray[np.int64],
    layouts: NDArray[np.int64],
    learned: Learned,
) -> dict[str, NDArray[np.float64]]:
    """Name -> (c, ...) what the trained policy of each of c cells did; see ANALYSIS.

    Args:
        task: the family of layouts.
        reward: the form of the rewards.
        solutions: n rewards.
        which: (c,) the reward of each cell.
        layouts: (c,) the layout of each.
        learned: of the cells.
    """
    found: dict[str, list[NDArray[np.float64]]] = {name: [] for name in ANALYSIS}
    known: dict[tuple[int, int], list[NDArray[np.float64]]] = {}
    for cell, (row, number) in enumerate(zip(which.tolist(), layouts.tolist(), strict=True)):
        table = task.layout(number)
        if (row, number) not in known:
            with np.errstate(all="ignore"):
                solution = solutions.row(row) if isinstance(solutions, Ragged) else solutions[row]
                every = reward.parts(solution, table.all_steps)
            known[row, number] = list(every.values())[:PARTS]
        one = _of_episode(task, table, known[row, number], learned.paths[cell], bool(learned.final[cell] > 0.5))
        for name, value in one.items():
            found[name].append(value)
    return {name: np.stack(values) for name, values in found.items()}


def _of_episode(
    task: LayoutTask, table: TableTask, parts: list[NDArray[np.float64]], path: NDArray[Any], success: bool
) -> dict[str, NDArray[np.float64]]:
    path = path[path >= 0]
    steps = table.steps_of(path)
    paid = np.zeros((PARTS, len(steps)))
    for row, values in enumerate(parts):
        paid[row] = np.asarray(values)[steps]
    size = np.abs(paid).sum(axis=1)
    failure = failure_of(path, success, table.horizon, np.isinf(table.steps_to_success))
    half, names = len(steps) // 2, happenings(task)
    loop_pay, happened = np.zeros(PARTS), np.zeros(len(names))
    if failure in LOOPS:
        loop_pay = paid[:, half:].mean(axis=1)
        for column, name in enumerate(names):
            often = table.steps[name].ravel()[steps[half:]].mean()
            happened[column] = max(often - table.steps[name].mean(), 0.0) if often > 0 else 0.0
    return {
        "reached": np.array([*((table.states[name][path] > 0).any() for name in task.stages), success], np.float64),
        "failures": np.array([failure == name for name in FAILURES], np.float64),
        "shares": size / size.sum() if size.sum() > 0 else size,
        "variances": paid.var(axis=1),
        "loop_pay": loop_pay,
        "happened": happened,
    }
