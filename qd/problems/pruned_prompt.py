"""Prompts by leaving out tokens, as PromptQuine searches them: Wang et al. 2025, https://arxiv.org/abs/2506.17930.

A solution says for every token of a base prompt whether it stays. What stays keeps its order and its id: nothing is
decoded and tokenised anew, so a solution is exactly what the model reads. Places where an example's fields stand are
frozen; demonstrations, labels, line breaks and the cue may all go.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qd.errors import QDError
from qd.problems._prompt_problem import PromptProblem
from qd.prompts import Prompt
from qd.ragged import Solutions
from qd.replay import Words, marked
from qd.space import Mask, Space


@dataclass(frozen=True)
class PrunedPrompt(PromptProblem):
    """Which tokens of the task's base prompt are kept."""

    keep: float | tuple[float, float] = (0.2, 1.0)
    """Of a random solution: the probability of each token to stay, or bounds that each solution draws its own from."""
    min_tokens: int = 1
    """A prompt with fewer tokens left is invalid."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.keep, list):
            object.__setattr__(self, "keep", tuple(self.keep))
        if self.min_tokens < 0:
            raise QDError(f"PrunedPrompt.min_tokens: got {self.min_tokens}, wanted 0 or more")

    @cached_property
    def base(self) -> Prompt:
        """The whole prompt."""
        return self.task.base()

    @property
    def start(self) -> NDArray[np.uint8]:
        """(1, d) the whole prompt: what a pruned one is compared with."""
        return np.ones((1, len(self.genes)), np.uint8)

    @property
    def longest(self) -> int:
        return self.base.length

    @cached_property
    def genes(self) -> tuple[tuple[int, int], ...]:
        """(part, place in it) of each gene; place -1 for a field."""
        return tuple(
            (number, place)
            for number, part in enumerate(self.base.parts)
            for place in ([-1] if isinstance(part, str) else range(len(part)))
        )

    @cached_property
    def solution_space(self) -> Space:  # type: ignore[override]
        """A gene a token and a field; fields and a masked model's mask are frozen, crossover cuts between parts."""
        mask = set(np.asarray(getattr(self.task.model, "mask_ids", ())).tolist())
        frozen, cuts = [], []
        for gene, (number, place) in enumerate(self.genes):
            part = self.base.parts[number]
            if isinstance(part, str) or int(part[place]) in mask:
                frozen.append(gene)
            if gene and place <= 0:
                cuts.append(gene)
        return Mask(len(self.genes), tuple(frozen), self.keep, tuple(cuts))

    def prompts(self, solutions: Solutions) -> list[Prompt | str]:
        return [self._prompt(row) for row in np.asarray(solutions)]

    def _prompt(self, mask: NDArray[np.uint8]) -> Prompt | str:
        parts, at = [], 0
        for part in self.base.parts:
            if isinstance(part, str):
                parts.append(part)
                at += 1
                continue
            kept = part[mask[at : at + len(part)] != 0]
            at += len(part)
            if len(kept):
                parts.append(kept)
        prompt = Prompt(tuple(parts))
        if prompt.length < self.min_tokens:
            return (f"{prompt.length} of {self.base.length} tokens are left of the prompt, fewer than min_tokens = "
                    f"{self.min_tokens}")  # fmt: skip
        return prompt

    def words(self) -> list[str]:
        """The text of each gene, fields in braces: for pictures."""
        decode = self.task.model.decode
        return [
            f"{{{part}}}" if isinstance(part := self.base.parts[number], str) else decode(part[place : place + 1])
            for number, place in self.genes
        ]

    def replay(self, solution: NDArray[Any], seed: int) -> Words:
        """The prompt, with what was cut from it."""
        return marked(self.words(), np.asarray(solution))

    def scene(self) -> dict[str, Any]:
        """The text of each gene, and which genes are fields: what pictures of prompts are drawn from."""
        fields = [gene for gene, (number, _) in enumerate(self.genes) if isinstance(self.base.parts[number], str)]
        return {"words": self.words(), "fields": fields}
