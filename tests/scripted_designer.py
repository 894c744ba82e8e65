"""A scripted writer of rewards for small key-door grids, wrong in some of its answers, and a problem for it."""

from __future__ import annotations

import re
from typing import Any

import qd
from qd.learners import KeyDoor, QLearning, TaskCritic
from qd.models import Scripted
from qd.rewards import ProgramReward
from qd.rng import row_generator

TASK = KeyDoor(size=6, horizon=40)
FORM = ProgramReward(tuple(one for one in TASK.variables if one.name != "progress"), scale=0.1)
CRITIC = TaskCritic(TASK, FORM)
NAMES = tuple(FORM.space.language.terminals())
ANSWERS = (
    "Sorry.",
    "<reward>__import__('os').system('true')</reward>",
    "<reward>2 * hss_key</reward>",
    "<reward>1 * step</reward>",
)


def write(text: str, seed: int) -> str:
    """The best formula of the request and one more summand, of what a person named if that is known.

    One answer in four is of ANSWERS.
    """
    rng = row_generator(seed)
    if rng.random() < 0.25:
        return ANSWERS[int(rng.integers(len(ANSWERS)))]
    shown = re.findall(r"^-?[\d.]+ <reward>(.*?)</reward>", text, re.MULTILINE)
    best = shown[-1] if shown else "1 * bump"
    said = text.partition("A person who watched says:")[2].split()
    names = [name for name in NAMES if name in said] or NAMES
    name = names[int(rng.integers(len(names)))]
    summands = re.split(r" (?=[+-] )", best)[:4]
    return f"<reward>{' '.join(summands)} {'+-'[int(rng.integers(2))]} {rng.uniform(0.1, 3):.2f} * {name}</reward>"


def problem() -> qd.problems.EvolvedReward:
    """Two layouts, two learners on each, 200 steps."""
    return qd.problems.EvolvedReward(
        TASK, FORM, QLearning(steps=200), layouts=2, seeds=2, held_out=2, test_seeds=2, select_seeds=2
    )


def designer(**settings: Any) -> qd.algorithms.RewardDesigner:
    """With the critic."""
    plain: dict[str, Any] = {"critic": CRITIC, "batch_size": 6, "first": 4}
    return qd.algorithms.RewardDesigner(Scripted(replies=write), "fetch a key", **(plain | settings))
