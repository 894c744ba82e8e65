"""Questions with options, answered by the letter before the right one."""

from __future__ import annotations

from dataclasses import dataclass

from qd.errors import QDError
from qd.prompts.classification import Classification
from qd.prompts.lettered import LETTERS, letters_of
from qd.prompts.templates import Template, named_template


@dataclass(frozen=True)
class MultipleChoice(Classification):
    """Questions whose options stand in the prompt, each behind a letter: the letters are the classes.

    A letter is one token whatever the options say, so that long options cost one reading and are compared fairly.
    Models lean to some letters, whatever stands behind them; ``lettered`` puts right answers behind each as often,
    so that such a lean is worth nothing. The template is one of ``choice_template`` or like it.
    """

    def __post_init__(self) -> None:
        template = named_template(self.template)
        words = list(template.verbalizers)
        if not words or any(word not in LETTERS for word in words):
            raise QDError(f"MultipleChoice.template: {template.name!r} has the classes {words}, wanted letters "
                          "from A; choice_template(options) makes one that has them")  # fmt: skip
        super().__post_init__()


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
    letters = letters_of(options)
    lines = [f"{question}: {{question}}", *(f"{letter}) {{option_{letter.lower()}}}" for letter in letters)]
    block = "\n".join((*lines, f"{answer}: {{label}}"))
    return Template(name, block, verbalizers={letter: letter for letter in letters})
