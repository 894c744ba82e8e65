"""Arithmetic word problems that are made up: their answers are exact, and there are as many as one wants.

They have the form of MAWPS and GSM8K (https://arxiv.org/abs/2110.14168), a little story and a question, but neither
their variety nor their traps: a few sentence patterns, numbers that are given in digits, one or two operations. What is
learned on them says how a search does on answers that must be written out, not how well a model reasons.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from qd.errors import QDError
from qd.prompts.examples import Examples
from qd.rng import generator

_NAMES = ("Ada", "Ben", "Carla", "Dinesh", "Elif", "Femi", "Grace", "Hugo", "Ines", "Jonas", "Kim", "Lena")
_THINGS = ("apples", "books", "coins", "stamps", "marbles", "pencils", "shells", "stickers", "cards", "buttons")
_BOXES = ("boxes", "bags", "shelves", "baskets", "drawers")

_Story = Callable[[np.random.Generator, str, str, str, str], tuple[str, str, int]]


def _between(rng: np.random.Generator, low: int, high: int) -> int:
    return int(rng.integers(low, high + 1))


def _gets(rng: np.random.Generator, one: str, other: str, things: str, boxes: str) -> tuple[str, str, int]:
    a, b = _between(rng, 2, 49), _between(rng, 2, 49)
    return (f"{one} has {a} {things}. {other} gives {one} {b} more. How many {things} does {one} have now?",
            f"{one} has {a} + {b} = {a + b} {things}.", a + b)  # fmt: skip


def _gives(rng: np.random.Generator, one: str, other: str, things: str, boxes: str) -> tuple[str, str, int]:
    a = _between(rng, 10, 80)
    b = _between(rng, 2, a - 2)
    return (f"{one} has {a} {things} and gives {b} of them to {other}. How many {things} are left?",
            f"{one} has {a} - {b} = {a - b} {things} left.", a - b)  # fmt: skip


def _packs(rng: np.random.Generator, one: str, other: str, things: str, boxes: str) -> tuple[str, str, int]:
    a, b = _between(rng, 2, 12), _between(rng, 2, 12)
    return (f"{one} fills {a} {boxes} with {b} {things} each. How many {things} are there in all?",
            f"There are {a} * {b} = {a * b} {things}.", a * b)  # fmt: skip


def _shares(rng: np.random.Generator, one: str, other: str, things: str, boxes: str) -> tuple[str, str, int]:
    a, b = _between(rng, 2, 12), _between(rng, 2, 12)
    return (f"{one} puts {a * b} {things} into {a} {boxes}, the same number in each. How many {things} are in one?",
            f"One holds {a * b} / {a} = {b} {things}.", b)  # fmt: skip


def _compares(rng: np.random.Generator, one: str, other: str, things: str, boxes: str) -> tuple[str, str, int]:
    a, b = _between(rng, 3, 40), _between(rng, 2, 30)
    return (f"{one} has {a} {things}. {other} has {b} more than {one}. How many {things} do they have together?",
            f"{other} has {a} + {b} = {a + b} {things}. Together they have {a} + {a + b} = {2 * a + b}.",
            2 * a + b)  # fmt: skip


def _loses(rng: np.random.Generator, one: str, other: str, things: str, boxes: str) -> tuple[str, str, int]:
    a, b = _between(rng, 3, 12), _between(rng, 3, 12)
    c = _between(rng, 2, a * b - 2)
    return (f"{one} fills {a} {boxes} with {b} {things} each and then loses {c} {things}. How many are left?",
            f"There are {a} * {b} = {a * b} {things}. {a * b} - {c} = {a * b - c} are left.", a * b - c)  # fmt: skip


def _thrice(rng: np.random.Generator, one: str, other: str, things: str, boxes: str) -> tuple[str, str, int]:
    a, b, c = (_between(rng, 2, 29) for _ in range(3))
    return (f"{one} finds {a} {things} on Monday, {b} on Tuesday and {c} on Friday. How many {things} is that?",
            f"{a} + {b} = {a + b}. {a + b} + {c} = {a + b + c} {things}.", a + b + c)  # fmt: skip


_STORIES: dict[int, tuple[_Story, ...]] = {1: (_gets, _gives, _packs, _shares), 2: (_compares, _loses, _thrice)}
_TRIES = 50  # a problem, until it differs from all before it


def word_problems(count: int, operations: int = 1, seed: int = 0) -> Examples:
    """So many different problems, with the fields ``question`` and ``rationale``; labels are the numbers.

    >>> problems = word_problems(1, seed=4)
    >>> problems.fields["question"][0]
    'Hugo fills 10 bags with 7 marbles each. How many marbles are there in all?'
    >>> problems.fields["rationale"][0], problems.labels[0]
    ('There are 10 * 7 = 70 marbles.', '70')

    Args:
        count: how many.
        operations: 1 or 2, of a problem.
        seed: another one makes others; the first so many are the same for any count.

    Raises:
        QDError: for settings out of range, or more problems than there are.
    """
    if operations not in _STORIES:
        raise QDError(f"word_problems.operations: got {operations!r}, wanted 1 or 2")
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise QDError(f"word_problems.count: got {count!r}, wanted a whole number of at least 1")
    stories, rng = _STORIES[operations], generator(seed, f"prompts.word_problems.{operations}")
    made: dict[str, tuple[str, int]] = {}
    for _ in range(_TRIES * count):
        story = stories[int(rng.integers(len(stories)))]
        one, other = (_NAMES[int(i)] for i in rng.choice(len(_NAMES), 2, replace=False))
        things, boxes = _THINGS[int(rng.integers(len(_THINGS)))], _BOXES[int(rng.integers(len(_BOXES)))]
        question, rationale, answer = story(rng, one, other, things, boxes)
        made.setdefault(question, (rationale, answer))
        if len(made) == count:
            break
    if len(made) < count:
        raise QDError(f"word_problems.count: got {count}, and after {_TRIES * count} tries there were {len(made)} "
                      "different ones; ask for fewer")  # fmt: skip
    fields = {"question": tuple(made), "rationale": tuple(rationale for rationale, _ in made.values())}
    return Examples(fields, tuple(str(answer) for _, answer in made.values()))
