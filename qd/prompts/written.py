"""Tasks whose answers the model writes: a number that must be right, or a text that is compared with others."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from hashlib import blake2b
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qd.errors import QDError, nearest
from qd.models import AnswerStore, Ids, LanguageModel, Reply
from qd.prompts.drawn import Drawn
from qd.prompts.examples import SPLITS, Examples, Splits
from qd.prompts.layout import field_ids, open_fields, opened, spaced_fields, whole
from qd.prompts.prompt import Prompt
from qd.prompts.task import Judged, PromptTask
from qd.prompts.templates import Template, named_template
from qd.prompts.text_rewards import TEXT_SCORES, TextScore, last_number


@dataclass(frozen=True)
class WrittenAnswers(PromptTask):
    """Examples whose answers the model writes, always with the likeliest token, so that they are the same each time.

    Replies are written by fixed blocks of consecutive examples, since a network's last bits, and with them a close
    choice between two tokens, depend on what shares its call.
    """

    model: LanguageModel
    """What reads the prompts and writes."""
    examples: Splits | Drawn
    """The examples by what they are for, labels the right answers; or where they come from, to be read when needed."""
    template: Template | str
    """How an example is laid out, without verbalizers; or the name of one in ``qd.prompts.TEMPLATES``."""
    max_tokens: int = 128
    """Tokens that a reply has at most."""
    stop: tuple[str, ...] = ("\n\n", "Question")
    """Texts that end a reply: what a model goes on with that has seen demonstrations."""
    store: str = ""
    """A folder where replies are kept from run to run; empty: only in memory."""

    def __post_init__(self) -> None:
        where = type(self).__name__
        object.__setattr__(self, "template", named_template(self.template))
        if self.layout.verbalizers:
            raise QDError(f"{where}.template: {self.layout.name!r} has verbalizers, words of classes, and answers "
                          "here are texts; take them out, or make it a Classification")  # fmt: skip
        if isinstance(self.max_tokens, bool) or not isinstance(self.max_tokens, int) or self.max_tokens < 1:
            raise QDError(f"{where}.max_tokens: got {self.max_tokens!r}, wanted a whole number of at least 1")
        if isinstance(self.stop, str) or not all(isinstance(text, str) and text for text in self.stop):
            raise QDError(
                f"{where}.stop: got {self.stop!r}, wanted texts of at least one character, such as ('\\n\\n',)"
            )
        object.__setattr__(self, "stop", tuple(self.stop))
        if isinstance(self.examples, Splits):
            _ = self.splits

    def __getstate__(self) -> dict[str, Any]:
        return {f.name: getattr(self, f.name) for f in fields(self)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in state.items():
            object.__setattr__(self, name, value)

    @abstractmethod
    def worth(self, reply: str, split: str, number: int) -> tuple[float, str]:
        """What a reply to one example is worth, and why, in words."""

    @property
    @abstractmethod
    def measure(self) -> str:
        """A name of how replies are compared; part of the identity."""

    @cached_property
    def splits(self) -> Splits:
        """The examples. Raises QDError where they are not there or do not fit the template."""
        splits = self.examples if isinstance(self.examples, Splits) else self.examples.splits
        for split in SPLITS:
            self.layout.check(splits[split], query=split != "demos")
            if split != "demos" and len(splits[split]) == 0:
                raise QDError(f"{type(self).__name__}.examples: the split {split!r} is empty")
            self.check(split, splits[split])
        return splits

    def check(self, split: str, examples: Examples) -> None:
        """Refuse examples that cannot be judged."""

    @property
    def layout(self) -> Template:
        """The template itself."""
        assert isinstance(self.template, Template)  # names are looked up at the door
        return self.template

    @cached_property
    def identity(self) -> str:
        return f"{self._written_by}/{self.measure}"

    @cached_property
    def _written_by(self) -> str:
        """Equal where replies are: what they are worth is reckoned anew."""
        made = blake2b(digest_size=8)
        for part in (self.model.identity, str(self.max_tokens), *self.stop, "", *sorted(self._spaced)):
            made.update(part.encode() + b"\0")
        return made.hexdigest()

    @cached_property
    def _spaced(self) -> frozenset[str]:
        return spaced_fields(self.layout)

    @cached_property
    def _fields(self) -> dict[str, list[dict[str, Ids]]]:
        """Split -> the ids of the fields that a prompt may name, an example each."""
        made: dict[str, list[dict[str, Ids]]] = {}
        for split in SPLITS[1:]:
            examples = self.splits[split]
            names = [name for name in self.layout.asked if name in examples.fields]
            rows = zip(*(examples.fields[name] for name in names), strict=True)
            made[split] = [field_ids(self.model, dict(zip(names, row, strict=True)), self._spaced) for row in rows]
        return made

    def base(self) -> Prompt:
        """Demonstrations, a part each, then the query. Raises QDError where it does not fit into the model."""
        prompt = whole(self.model, self.layout, self.splits.demos)
        for split, rows in self._fields.items():
            longest, number = max((len(prompt.item(row)), i) for i, row in enumerate(rows))
            need = len(prompt.prefix) + longest + self.max_tokens
            if need > self.model.context_length:
                raise QDError(f"{type(self).__name__}: the base prompt has {len(prompt.prefix)} tokens, example "
                              f"{number} of {split!r} adds {longest} and a reply {self.max_tokens}: more than the "
                              f"{self.model.context_length} that the model reads; take fewer or shorter "
                              "demonstrations, or a smaller max_tokens")  # fmt: skip
        return prompt

    def query(self) -> Prompt:
        """The query alone, without demonstrations."""
        return Prompt(open_fields(self.model, self.layout.query, self.layout.asked))

    def from_text(self, text: str) -> Prompt:
        return opened(self.model, self.layout, text)

    def judge(self, prompt: Prompt, split: str, examples: NDArray[np.int64]) -> Judged:
        replies = self.replies(prompt, split, examples)
        scores = np.full(len(examples), np.nan)
        feedback, errors = [""] * len(examples), dict[int, str]()
        for place, (number, reply) in enumerate(zip(examples.tolist(), replies, strict=True)):
            if not reply.ok:
                errors[place] = reply.error
                continue
            try:
                scores[place], feedback[place] = self.worth(reply.text, split, number)
            except Exception as error:  # a user's function on a text that nobody foresaw; a missing library is ours
                if isinstance(error, QDError):
                    raise
                errors[place] = f"{type(error).__name__} from {self.measure}: {error}"
                continue
            if not isfinite(scores[place]):
                errors[place] = f"{self.measure} gave {scores[place]}"
                scores[place] = np.nan
        prefix = len(prompt.prefix)
        tokens = np.array([max(0, reply.tokens - prefix) for reply in replies], np.float64)
        texts = tuple(reply.text for reply in replies)
        return Judged(scores, tokens, prefix, np.zeros((len(examples), 0)), texts, tuple(feedback), errors)

    def replies(self, prompt: Prompt, split: str, examples: NDArray[np.int64]) -> list[Reply]:
        """What the model writes for some examples (k,) of a split. Blocks with failed replies are asked anew later."""
        rows, block = self._fields[split], self.model.block
        told = f"{self._written_by}/{self.splits.identities[split]}".encode()
        numbers = np.unique(examples // block).tolist()
        spans = [range(number * block, min(len(rows), (number + 1) * block)) for number in numbers]
        keys = [blake2b(told + prompt.identity + number.to_bytes(4, "little"), digest_size=24).digest()
                for number in numbers]  # fmt: skip
        written: dict[int, Reply] = {}
        missing = []
        for place, known in enumerate(self._kept.get_many(keys)):
            if known is None:
                missing.append(place)
            else:
                written.update(zip(spans[place], (Reply(*reply) for reply in json.loads(str(known))), strict=True))
        # A call a block, so that its shape is its own; where nothing depends on the shape, one for all of them.
        for places in [missing] if block == 1 and missing else [[place] for place in missing]:
            asked = [number for place in places for number in spans[place]]
            items = [prompt.item(rows[number]) for number in asked]
            written.update(
                zip(asked, self.model.go_on(prompt.prefix, items, self.max_tokens, stop=self.stop), strict=True)
            )
        whole_ones = [place for place in missing if all(written[number].ok for number in spans[place])]
        self._kept.put_many(
            [keys[place] for place in whole_ones],
            [json.dumps([[written[i].text, written[i].tokens] for i in spans[place]]) for place in whole_ones],
        )
        return [written[int(number)] for number in examples]

    @cached_property
    def _kept(self) -> AnswerStore:
        return AnswerStore(self.store or None)

    def value(self, objective: str, judged: Judged, split: str, examples: NDArray[np.int64]) -> float:
        if objective not in self.objectives:
            raise QDError(f"objective: got {objective!r}, {nearest(objective, self.objectives)}")
        return float(judged.scores.mean())

    def most_tokens(self, split: str) -> float:
        query = self.query()
        return float(max(len(query.item(row)) for row in self._fields[split]) + self.max_tokens)


@dataclass(frozen=True)
class ExactMatch(WrittenAnswers):
    """Word problems: the last number of the reply is the answer, and it is right or wrong.

    Labels are numbers, or texts that end in one, as rationales do. ``1,250`` and ``1250.0`` are the same number.
    """

    objectives = ("accuracy",)

    def check(self, split: str, examples: Examples) -> None:
        for number, label in enumerate(examples.labels):
            if last_number(label) is None:
                raise QDError(f"ExactMatch.examples: the label of example {number} of {split!r} holds no number: "
                              f"{label[:60]!r}; leave it out, or compare texts with TextReward")  # fmt: skip

    @property
    def measure(self) -> str:
        return "last number"

    def worth(self, reply: str, split: str, number: int) -> tuple[float, str]:
        wanted, said = last_number(self.splits[split].labels[number]), last_number(reply)
        if said is None:
            return 0.0, f"no number in the reply, right is {wanted}"
        if said == wanted:
            return 1.0, f"right: {wanted}"
        return 0.0, f"said {said}, right is {wanted}"


@dataclass(frozen=True)
class TextReward(WrittenAnswers):
    """Texts that should read like references: translations, summaries, sentences in another style."""

    score: str | TextScore = "bleu"
    """bleu, chrf, rouge1, rouge2, rouge_l (each 0 to 1), or a function (reply, references) -> number."""
    references: tuple[str, ...] = ()
    """Fields of the examples that hold further references beside the label; an empty one counts as none."""

    objectives = ("mean",)

    def __post_init__(self) -> None:
        if isinstance(self.references, str):
            raise QDError(f"TextReward.references: got the text {self.references!r}, wanted names of fields, such as "
                          f"({self.references!r},)")  # fmt: skip
        object.__setattr__(self, "references", tuple(self.references))
        super().__post_init__()
        if isinstance(self.score, str) and self.score not in TEXT_SCORES:
            raise QDError(f"TextReward.score: got {self.score!r}, {nearest(self.score, TEXT_SCORES)}, or give a "
                          "function of (reply, references)")  # fmt: skip
        if not isinstance(self.score, str) and not callable(self.score):
            raise QDError(f"TextReward.score: got {type(self.score).__name__}, wanted a name or a function of (reply, "
                          "references)")  # fmt: skip
        for name in self.references:
            if name in self.layout.asked:
                raise QDError(f"TextReward.references: {name!r} stands in the query, which gives the answer away")

    def check(self, split: str, examples: Examples) -> None:
        for name in self.references:
            if name not in examples.fields and split != "demos":
                raise QDError(f"TextReward.references: the examples of {split!r} have no field {name!r}; "
                              f"{nearest(name, examples.fields)}")  # fmt: skip

    @property
    def measure(self) -> str:
        if isinstance(self.score, str):
            return "/".join((self.score, *self.references))
        name = getattr(self.score, "__qualname__", type(self.score).__name__)
        return "/".join((f"{getattr(self.score, '__module__', '')}:{name}", *self.references))

    def worth(self, reply: str, split: str, number: int) -> tuple[float, str]:
        examples = self.splits[split]
        wanted = [examples.labels[number], *(examples.fields[name][number] for name in self.references)]
        wanted = [text for text in wanted if text.strip()]
        score = TEXT_SCORES[self.score] if isinstance(self.score, str) else self.score
        value = float(score(reply.strip(), wanted))
        return value, f"{value:.3g}; wanted {_either(wanted)}"


def _either(texts: Sequence[str]) -> str:
    return " or ".join(repr(text) for text in texts)
