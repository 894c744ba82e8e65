"""What tasks share whose prompts are laid out by a template: demonstrations, then the query with its fields open."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from qd.errors import QDError
from qd.models import Ids, LanguageModel
from qd.prompts.drawn import Drawn
from qd.prompts.examples import SPLITS, Examples, Splits
from qd.prompts.layout import field_ids, open_fields, opened, spaced_fields, whole
from qd.prompts.prompt import Prompt
from qd.prompts.task import PromptTask
from qd.prompts.templates import Template, named_template


@dataclass(frozen=True)
class LaidOut(PromptTask):
    """Examples in splits, and the template by which they stand in prompts."""

    model: LanguageModel
    """What reads the prompts."""
    examples: Splits | Drawn
    """The examples by what they are for; or where they come from, and then they are read when first needed."""
    template: Template | str
    """How an example is laid out; or the name of one in ``qd.prompts.TEMPLATES``."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "template", named_template(self.template))
        if isinstance(self.examples, Splits):
            _ = self.splits

    @property
    def layout(self) -> Template:
        """The template itself."""
        assert isinstance(self.template, Template)  # names are looked up at the door
        return self.template

    @cached_property
    def splits(self) -> Splits:
        """The examples. Raises QDError where they are not there or do not fit the template."""
        splits = self.examples if isinstance(self.examples, Splits) else self.examples.splits
        for split in SPLITS:
            self.check(split, splits[split])
            if split != "demos" and len(splits[split]) == 0:
                raise QDError(f"{type(self).__name__}.examples: the split {split!r} is empty")
        return splits

    def check(self, split: str, examples: Examples) -> None:
        """Refuse examples that do not fit: only demonstrations need the fields that the query does not name."""
        self.layout.check(examples, query=split != "demos")

    @property
    def reply_tokens(self) -> int:
        """Tokens that an answer adds to what the model reads."""
        return 0

    @cached_property
    def _spaced(self) -> frozenset[str]:
        return spaced_fields(self.layout)

    @cached_property
    def _fields(self) -> dict[str, list[dict[str, Ids]]]:
        """Split -> the ids of the fields that a prompt may name, an example each."""
        made: dict[str, list[dict[str, Ids]]] = {}
        for split in SPLITS[1:]:
            examples, names = self.splits[split], self.layout.asked
            rows = zip(*(examples.fields[name] for name in names), strict=True)
            made[split] = [field_ids(self.model, dict(zip(names, row, strict=True)), self._spaced) for row in rows]
        return made

    def items(self, split: str, prompt: Prompt) -> list[Ids]:
        """What each example of a split puts after the prompt's prefix."""
        return [prompt.item(fields) for fields in self._fields[split]]

    def base(self) -> Prompt:
        """Demonstrations, a part each, then the query. Raises QDError where it does not fit into the model."""
        prompt = self._ended(whole(self.model, self.layout, self.splits.demos))
        for split in SPLITS[1:]:
            longest, number = max((len(item), i) for i, item in enumerate(self.items(split, prompt)))
            if len(prompt.prefix) + longest + self.reply_tokens > self.model.context_length:
                reply = f" and a reply {self.reply_tokens}" if self.reply_tokens else ""
                raise QDError(f"{type(self).__name__}: the base prompt has {len(prompt.prefix)} tokens, example "
                              f"{number} of {split!r} adds {longest}{reply}: more than the "
                              f"{self.model.context_length} that the model reads; take fewer or shorter "
                              f"demonstrations{', a smaller max_tokens' * bool(reply)}, or leave out long "
                              "examples")  # fmt: skip
        return prompt

    def query(self) -> Prompt:
        """The query alone, without demonstrations."""
        return self._ended(Prompt(open_fields(self.model, self.layout.query, self.layout.asked)))

    def from_text(self, text: str) -> Prompt:
        return self._ended(opened(self.model, self.layout, text))

    def _ended(self, prompt: Prompt) -> Prompt:
        """A masked model answers at its mask token, which ends the prompt."""
        mask: Ids = getattr(self.model, "mask_ids", np.zeros(0, np.int32))
        return Prompt((*prompt.parts, mask)) if len(mask) else prompt

    def most_tokens(self, split: str) -> float:
        return float(max(len(item) for item in self.items(split, self.query())) + self.reply_tokens)
