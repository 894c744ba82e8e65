"""Classification by the next token: which verbalizer does the model expect after the query?"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qd.errors import QDError
from qd.models import AnswerStore, Ids, LanguageModel, answer_key
from qd.prompts.answers import by_blocks
from qd.prompts.drawn import Drawn
from qd.prompts.examples import SPLITS, Splits
from qd.prompts.layout import field_ids, open_fields, spaced_fields, whole
from qd.prompts.objectives import OBJECTIVES
from qd.prompts.prompt import Prompt
from qd.prompts.task import Judged, PromptTask
from qd.prompts.templates import Template, named_template, single_token_verbalizers


@dataclass(frozen=True)
class Classification(PromptTask):
    """Examples of classes, each named by a word of one token.

    The model reads the prompt and an example, and the probabilities of the classes' words as the next token, among each
    other, are the answer. A word is one token, since longer ones cost a call each and are not comparable.
    """

    model: LanguageModel
    """What reads the prompts."""
    examples: Splits | Drawn
    """The examples by what they are for; or where they come from, and then they are read when first needed."""
    template: Template | str
    """How an example is laid out, and the word of each class; or the name of one in ``qd.prompts.TEMPLATES``."""
    store: str = ""
    """A folder where answers are kept from run to run; empty: in memory."""

    objectives = tuple(OBJECTIVES)

    def __post_init__(self) -> None:
        object.__setattr__(self, "template", named_template(self.template))
        if isinstance(self.examples, Splits):
            _ = self.splits

    def __getstate__(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("model", "examples", "template", "store")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in state.items():
            object.__setattr__(self, name, value)

    @cached_property
    def splits(self) -> Splits:
        """The examples. Raises QDError where they are not there or do not fit the template."""
        splits = self.examples if isinstance(self.examples, Splits) else self.examples.splits
        for split in SPLITS:
            self.layout.check(splits[split])
        for split in SPLITS[1:]:
            if len(splits[split]) == 0:
                raise QDError(f"Classification.examples: the split {split!r} is empty")
        return splits

    @property
    def layout(self) -> Template:
        """The template itself."""
        assert isinstance(self.template, Template)  # names are looked up at the door
        return self.template

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
    def _spaced(self) -> frozenset[str]:
        return spaced_fields(self.layout)

    @cached_property
    def _answers(self) -> AnswerStore:
        return AnswerStore(self.store or None)

    @cached_property
    def _fields(self) -> dict[str, list[dict[str, Ids]]]:
        """Split -> the ids of each example's fields."""
        made: dict[str, list[dict[str, Ids]]] = {}
        for split in SPLITS:
            examples = self.splits[split]
            names = list(examples.fields)
            made[split] = [
                field_ids(self.model, dict(zip(names, values, strict=True)), self._spaced)
                for values in zip(*examples.fields.values(), strict=True)
            ]
        return made

    def base(self) -> Prompt:
        """Demonstrations, a part each, then the query. Raises QDError where it does not fit into the model."""
        prompt = self._ended(whole(self.model, self.layout, self.splits.demos))
        self._check_length(prompt)
        return prompt

    def query(self) -> Prompt:
        """The query alone, without demonstrations."""
        return self._ended(Prompt(open_fields(self.model, self.layout.query, self.layout.fields)))

    def from_text(self, text: str) -> Prompt:
        names = self.layout.fields
        parts = open_fields(self.model, text, names)
        if any(isinstance(part, str) for part in parts):
            return self._ended(Prompt(parts))
        before = open_fields(self.model, text + self.layout.separator, names) if text else ()
        return Prompt((*before, *self.query().parts))

    def _ended(self, prompt: Prompt) -> Prompt:
        """A masked model answers at its mask token, which ends the prompt."""
        mask: Ids = getattr(self.model, "mask_ids", np.zeros(0, np.int32))
        return Prompt((*prompt.parts, mask)) if len(mask) else prompt

    def _check_length(self, prompt: Prompt) -> None:
        for split in SPLITS[1:]:
            lengths = [len(item) for item in self.items(split, prompt)]
            longest, number = max((length, i) for i, length in enumerate(lengths))
            if len(prompt.prefix) + longest > self.model.context_length:
                raise QDError(
                    f"Classification: the base prompt has {len(prompt.prefix)} tokens and example {number} of "
                    f"{split!r} adds {longest}: more than the {self.model.context_length} that the model reads; take "
                    "fewer or shorter demonstrations, or leave out long examples"
                )

    def items(self, split: str, prompt: Prompt) -> list[Ids]:
        """What each example of a split puts after the prompt's prefix."""
        return [prompt.item(fields) for fields in self._fields[split]]

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

    def most_tokens(self, split: str) -> float:
        return float(max(len(item) for item in self.items(split, self.query())))

    @cached_property
    def _labels(self) -> dict[str, NDArray[np.int64]]:
        return {split: super(Classification, self).labels(split) for split in SPLITS}

    def labels(self, split: str) -> NDArray[np.int64]:
        return self._labels[split]
