"""Questions with options, answered by the letter before the right one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from qd.errors import QDError
from qd.prompts.classification import Classification
from qd.prompts.examples import Examples
from qd.prompts.templates import Template
from qd.rng import generator

LETTERS = "ABCDEFGHIJ"


@dataclass(frozen=True)
class MultipleChoice(Classification):
    """Questions whose options stand in the prompt, each behind a letter: the letters are the classes.

    A letter is one token whatever the options say, so that long options cost one reading and are compared fairly.
    Models lean to some letters, whatever stands behind them; ``lettered`` puts right answers behind each as often,
    so that such a lean is worth nothing. The template is one of ``choice_template`` or like it.
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        words = list(self.layout.verbalizers)
        if not words or any(word not in LETTERS for word in words):
            raise QDError(f"MultipleChoice.template: {self.layout.name!r} has the classes {words}, wanted letters "
                          "from A; choice_template(options) makes one that has them")  # fmt: skip


def choice_template(options: int, question: str = "Question", answer: str = "Answer", name: str = "choice") -> Template:
    r"""The template of questions with so many options, in the fields ``option_a``, ``option_b`` ...

    >>> print(choice_template(2).query)
    Question: {question}
    A) {option_a}
    B) {option_b}
    Answer:

    Raises:
        QDError: for fewer than 2 options or more than 10.
    """
    letters = _letters(options)
    lines = [f"{question}: {{question}}", *(f"{letter}) {{option_{letter.lower()}}}" for letter in letters)]
    block = "\n".join((*lines, f"{answer}: {{label}}"))
    return Template(name, block, verbalizers={letter: letter for letter in letters})


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
    letters = _letters(1 + next(iter(others), 1))
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


def _letters(options: int) -> str:
    if isinstance(options, bool) or not isinstance(options, int) or not 2 <= options <= len(LETTERS):
        raise QDError(f"options: got {options!r}, wanted 2 to {len(LETTERS)}")
    return LETTERS[:options]
