"""Questions with options as examples: the right answer behind each letter equally often."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from qd.errors import QDError
from qd.prompts.examples import Examples
from qd.rng import generator

LETTERS = "ABCDEFGHIJ"


def lettered(questions: Sequence[str], right: Sequence[str], wrong: Sequence[Sequence[str]], seed: int = 0) -> Examples:
    """Examples with the right answer behind each letter equally often, the options in random order otherwise.

    Args:
        questions: n questions.
        right: n right answers.
        wrong: n times the other options, equally many each time.
        seed: another one puts the answers elsewhere.

    Returns:
        n examples with the fields ``question``, ``option_a``, ``option_b`` ...; labels are letters.

    Raises:
        QDError: where the numbers do not fit together, or an option is there twice.
    """
    if not len(questions) == len(right) == len(wrong):
        raise QDError(f"lettered: got {len(questions)} questions, {len(right)} right answers and {len(wrong)} lists of "
                      "wrong ones, wanted as many of each")  # fmt: skip
    others = {len(row) for row in wrong}
    if len(others) > 1:
        raise QDError(f"lettered.wrong: got {sorted(others)} options, wanted equally many for each question")
    letters = letters_of(1 + next(iter(others), 1))
    rng = generator(seed, "prompts.lettered")
    places = rng.permutation(np.arange(len(questions)) % len(letters))
    columns: list[list[str]] = [[] for _ in letters]
    for number, place in enumerate(places):
        options = [wrong[number][i] for i in rng.permutation(len(letters) - 1)]
        options.insert(int(place), right[number])
        if len(set(options)) < len(options):
            raise QDError(f"lettered: question {number} has an option twice: {options}")
        for column, option in zip(columns, options, strict=True):
            column.append(option)
    fields = {f"option_{letter.lower()}": tuple(column) for letter, column in zip(letters, columns, strict=True)}
    return Examples({"question": tuple(questions), **fields}, tuple(letters[place] for place in places))


def letters_of(options: int) -> str:
    """The letters of so many options. Raises QDError for fewer than 2 or more than 10."""
    if isinstance(options, bool) or not isinstance(options, int) or not 2 <= options <= len(LETTERS):
        raise QDError(f"options: got {options!r}, wanted 2 to {len(LETTERS)}")
    return LETTERS[:options]
