"""Tasks whose answers the model writes: a number that must be right, or a text that is compared with others."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from math import isfinite

import numpy as np
from numpy.typing import NDArray

from qd.errors import QDError, nearest
from qd.models import AnswerStore, Reply
from qd.prompts.examples import Examples
from qd.prompts.laid_out import LaidOut
from qd.prompts.prompt import Prompt
from qd.prompts.task import Judged
from qd.prompts.templates import named_template
from qd.prompts.text_rewards import TEXT_SCORES, TextScore, last_number


@dataclass(frozen=True)
class WrittenAnswers(LaidOut):
    """Examples whose answers the model writes, always with the likeliest token, so that they are the same each time.

    Replies are written by fixed blocks of consecutive examples, since a network's last bits, and with them a close
    choice between two tokens, depend on what shares its call.
    """

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
        super().__post_init__()

    @abstractmethod
    def worth(self, reply: str, split: str, number: int) -> tuple[float, str]:
        """What a reply to one example is worth, and why, in words."""

    @property
    @abstractmethod
    def measure(self) -> str:
        """A name of how replies are compared; part of the identity."""

    @property
    def reply_tokens(self) -> int:
        return self.max_tokens

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


@dataclass(frozen=True)
class ExactMatch(WrittenAnswers):
    """Word problems: the last number of the reply is the answer, and it is right or wrong.

    Labels are numbers, or texts that end in one, as rationales do. ``1,250`` and ``1250.0`` are the same number.
    """

    objectives = ("accuracy",)

    def check(self, split: str, examples: Examples) -> None:
        super().check(split, examples)
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
        super().check(split, examples)
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
