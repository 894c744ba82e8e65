"""Prompts of a few words in front of the query, as ClaPS searches them: Zhou et al. 2023, https://arxiv.org/abs/2310.12774.

A solution is a sequence of numbers into an alphabet of the model's own tokens, those that begin a word. The ids are
what the model reads; such prompts mean little to people.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qd.errors import QDError
from qd.models import Ids
from qd.problems._prompt_problem import PromptProblem
from qd.prompts import Prompt
from qd.ragged import Ragged, Solutions
from qd.replay import Words
from qd.space import Space, Tokens


@dataclass(frozen=True)
class TokenPrompt(PromptProblem):
    """Words before the query, and before the demonstrations where there are to be any."""

    max_length: int = 5
    """Tokens of the longest."""
    min_length: int = 0
    """Of the shortest; the empty prompt, 0, is what tokens are compared with."""
    join: str = "\n"
    """What stands between the words and the rest."""
    demos: bool = False
    """Whether the demonstrations follow; else the query alone."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.min_length <= self.max_length or self.max_length < 1:
            raise QDError(f"TokenPrompt: min_length {self.min_length} and max_length {self.max_length} do not make a "
                          "range")  # fmt: skip

    @cached_property
    def alphabet(self) -> Ids:
        """(v,) the ids that solutions number."""
        return self.task.model.word_ids()

    @cached_property
    def _rest(self) -> tuple[Ids | str, ...]:
        return self.task.base().parts if self.demos else self.task.from_text("").parts

    @cached_property
    def _join(self) -> Ids:
        return self.task.model.encode(self.join)

    @property
    def longest(self) -> int:
        return self.max_length + len(self._join) + Prompt(self._rest).length

    @cached_property
    def solution_space(self) -> Space:  # type: ignore[override]
        """Sequences of numbers into the alphabet."""
        return Tokens(len(self.alphabet), self.max_length, self.min_length)

    @property
    def start(self) -> Ragged | None:
        """The prompt without any words, where that is allowed."""
        return Ragged.from_rows([[]]) if self.min_length == 0 else None

    def prompts(self, solutions: Solutions) -> list[Prompt | str]:
        assert isinstance(solutions, Ragged)  # as the space says
        made: list[Prompt | str] = []
        for row in solutions:
            words = (self.alphabet[row], self._join) if len(row) else ()
            made.append(Prompt((*words, *self._rest)))
        return made

    def words(self, solution: NDArray[Any]) -> list[str]:
        """The text of each token of one solution."""
        return [self.task.model.decode(self.alphabet[number : number + 1]) for number in solution]

    def replay(self, solution: NDArray[Any], seed: int) -> Words:
        """The words that stand before the rest of the prompt."""
        return Words((("words before the query\n", "title"), ("".join(self.words(solution)), "added")))

    def scene(self) -> dict[str, Any]:
        """The texts of the alphabet, for pictures of what its words are worth."""
        return {"alphabet": self.words(np.arange(len(self.alphabet)))}

    def embeddings(self) -> NDArray[np.float32]:
        """(v, h) the model's embedding of each token of the alphabet."""
        return self.task.model.embeddings(self.alphabet)
