"""Classification by the next token: which verbalizer does the model expect after the query?"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from qd.models import AnswerStore, Ids, answer_key
from qd.prompts.answers import by_blocks
from qd.prompts.examples import SPLITS
from qd.prompts.laid_out import LaidOut
from qd.prompts.objectives import OBJECTIVES
from qd.prompts.prompt import Prompt
from qd.prompts.task import Judged
from qd.prompts.templates import single_token_verbalizers


@dataclass(frozen=True)
class Classification(LaidOut):
    """Examples of classes, each named by a word of one token.

    The model reads the prompt and an example, and the probabilities of the classes' words as the next token, among each
    other, are the answer. A word is one token, since longer ones cost a call each and are not comparable. The template
    holds the word of each class.
    """

    store: str = ""
    """A folder where answers are kept from run to run; empty: in memory."""

    objectives = tuple(OBJECTIVES)

    @cached_property
    def classes(self) -> tuple[str, ...]:  # type: ignore[override]
        """Names of the classes, as the template has them."""
        return tuple(self.layout.verbalizers)

    @cached_property
    def choices(self) -> Ids:
        """(C,) the token of each class's word. Raises QDError where a word is not one token, or two share theirs."""
        return single_token_verbalizers(self.model, self.layout)

    @cached_property
    def identity(self) -> str:
        made = blake2b(digest_size=8)
        for part in (self.model.identity, self.choices.astype("<i4").tobytes().hex(), *sorted(self._spaced)):
            made.update(part.encode() + b"\0")
        return made.hexdigest()

    @cached_property
    def _answers(self) -> AnswerStore:
        return AnswerStore(self.store or None)

    def judge(self, prompt: Prompt, split: str, examples: NDArray[np.int64]) -> Judged:
        fields, asked = self._fields[split], (self.identity, self.splits.identities[split], prompt.identity)
        probabilities = by_blocks(
            self.model,
            prompt,
            len(fields),
            lambda number: prompt.item(fields[number]),
            self.choices,
            examples,
            self._answers,
            lambda block: answer_key(*asked, block),
        )
        labels = self.labels(split)[examples]
        said = probabilities.argmax(axis=1)
        tokens = np.array([len(prompt.item(fields[int(i)])) for i in examples], np.float64)
        words = list(self.layout.verbalizers.values())
        feedback = tuple(
            f"right: {words[right]}" if right == answer else f"said {words[answer]}, right is {words[right]}"
            for answer, right in zip(said.tolist(), labels.tolist(), strict=True)
        )
        replies = tuple(words[answer] for answer in said.tolist())
        right = (said == labels).astype(np.float64)
        return Judged(right, tokens, len(prompt.prefix), probabilities, replies, feedback)

    def value(self, objective: str, judged: Judged, split: str, examples: NDArray[np.int64]) -> float:
        return OBJECTIVES[objective](judged.probabilities, self.labels(split)[examples])

    @cached_property
    def _labels(self) -> dict[str, NDArray[np.int64]]:
        return {split: super(Classification, self).labels(split) for split in SPLITS}

    def labels(self, split: str) -> NDArray[np.int64]:
        return self._labels[split]
