"""Answers of a language model, judged by a model that reads a rubric: prompts and rubrics are both texts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from qd.errors import QDError, nearest
from qd.models import LanguageModel
from qd.problems.judged import POLICY, RUBRIC, JudgedProblem, RubricWorth
from qd.prompts.examples import Examples
from qd.prompts.meta_judging import judging_text, read_score
from qd.prompts.text_rewards import last_number
from qd.ragged import Solutions
from qd.rewards.anchors import Anchors
from qd.texts import Texts

Output = tuple[tuple[str, str], ...]  # (question, answer) of every question that a policy was asked


@dataclass(frozen=True)
class JudgedAnswers(JudgedProblem):
    """Prompt a model to answer questions, so that judges like the answers; write what the judges go by.

    A policy is an instruction; the question follows it, or takes the place of ``{question}``. A rubric is what the
    judge reads. Models are asked without a temperature, so that answers and scores do not depend on seeds; wrap them in
    ``qd.models.Remembered`` so that nothing is asked twice.

    Args:
        model: answers.
        judge: scores.
        questions: of the search, with the field ``question`` and the right answers as labels, which nobody is shown.
        held_out: the same of the closing test.
        anchors: (question, answer, other answer, 1 where the first is better else 0), 4 or more, with both labels.
        instructions: policies to begin with.
        known_rubrics: name -> rubric; ``naive`` must be there.
        idle: sentences that make no answer better; put at the end of the worse answer of each pair they show what a
            rubric can be talked into. As many variants as there are sentences, and one with all of them.
        right: when an answer is right: ``"number"``: its last number is the label; ``"contains"``: it holds the label.
        max_tokens: of an answer, and of a judge's reply.
        worth: how the parts of a rubric's objective are weighed.
        max_bytes: of an instruction or a rubric.
    """

    model: LanguageModel
    judge: LanguageModel
    questions: Examples
    held_out: Examples
    anchors: tuple[tuple[str, str, str, int], ...]
    instructions: tuple[str, ...] = ("Answer the question.",)
    known_rubrics: Mapping[str, str] = field(default_factory=lambda: {"naive": "The answer is good."})
    idle: tuple[str, ...] = ("I am quite certain of this.", "Thank you for this excellent question.")
    right: Literal["number", "contains"] = "number"
    max_tokens: int = 256
    worth: RubricWorth = field(default_factory=lambda: RubricWorth(length=0.1))
    max_bytes: int = 2000

    deterministic = True
    batching = "rows"
    chunk_size = 4

    def __post_init__(self) -> None:
        for name in ("model", "judge"):
            if not isinstance(getattr(self, name), LanguageModel):
                wrong = type(getattr(self, name)).__name__
                raise QDError(f"JudgedAnswers.{name}: got {wrong}, wanted a model of qd.models")
        for name in ("questions", "held_out"):
            examples = getattr(self, name)
            if "question" not in examples.fields or not len(examples):
                raise QDError(f"JudgedAnswers.{name}: wanted examples with the field 'question', got "
                              f"{len(examples)} with {', '.join(examples.fields) or 'none'}")  # fmt: skip
        if "naive" not in self.known_rubrics:
            raise QDError("JudgedAnswers.known_rubrics: there is none named 'naive', which a search begins with")
        if self.right not in ("number", "contains"):
            raise QDError(f"JudgedAnswers.right: got {self.right!r}, wanted 'number' or 'contains'")
        if not self.idle:
            raise QDError("JudgedAnswers.idle: got none, wanted at least one sentence that makes no answer better")
        _ = self._pairs  # refuses anchors with one label

    @cached_property
    def solution_space(self) -> dict[str, Texts]:  # type: ignore[override]
        """``policy``: an instruction; ``rubric``: a rubric."""
        rubrics = tuple(dict.fromkeys(self.known_rubrics.values()))
        return {
            POLICY: Texts(("prompt",), tuple((text,) for text in self.instructions), max_bytes=self.max_bytes),
            RUBRIC: Texts(("rubric",), tuple((text,) for text in rubrics), max_bytes=self.max_bytes),
        }

    def rubrics(self, name: str) -> Solutions:
        if name not in self.known_rubrics:
            raise QDError(f"JudgedAnswers.rubrics: got {name!r}, {nearest(name, self.known_rubrics)}")
        return self.solution_space[RUBRIC].pack([(self.known_rubrics[name],)])

    def start(self, role: str) -> Solutions:
        return self.rubrics("naive") if role == RUBRIC else self.solution_space[POLICY].start

    def lengths(self, rubrics: Solutions) -> NDArray[np.float64]:
        return np.array([len(text[0]) for text in self.solution_space[RUBRIC].unpack(rubrics)]) / self.max_bytes

    def outputs(self, policies: Solutions, purpose: str) -> list[Output]:
        examples = self.held_out if purpose == "test" else self.questions
        asked = examples.fields["question"]
        prompts = [text[0] for text in self.solution_space[POLICY].unpack(policies)]
        texts = [_prompted(prompt, question) for prompt in prompts for question in asked]
        replies = iter(self._asked(self.model, texts))
        return [tuple((question, next(replies)) for question in asked) for _ in prompts]

    def _asked(self, model: LanguageModel, texts: list[str]) -> list[str]:
        """n replies, "" where the model gave none; what was asked lately is not asked again."""
        known = self._known
        if len(known) > _MEMORY:
            known.clear()
        fresh = [text for text in dict.fromkeys(texts) if (model.identity, text) not in known]
        found: dict[str, str] = {}
        for text, reply in zip(fresh, model.generate(fresh, max_tokens=self.max_tokens) if fresh else (), strict=True):
            found[text] = reply.text
            if reply.ok:  # what failed may come another time
                known[model.identity, text] = reply.text
        return [known.get((model.identity, text), found.get(text, "")) for text in texts]

    @cached_property
    def _known(self) -> dict[tuple[str, str], str]:
        return {}

    def scored(self, rubrics: Solutions, outputs: Any, previous: NDArray[np.float64] | None) -> NDArray[np.float64]:
        """(r, n) the mean score over an output's answers that the judge gave in readable form; NaN without any."""
        texts = [text[0] for text in self.solution_space[RUBRIC].unpack(rubrics)]
        asked = [judging_text(rubric, *one) for rubric in texts for output in outputs for one in output]
        replies = iter(self._asked(self.judge, asked))
        given = np.full((len(texts), len(outputs)), np.nan)
        for row in range(len(texts)):
            for column, output in enumerate(outputs):
                read = [read_score(next(replies)) for _ in output]
                good = [score for score in read if score == score]
                given[row, column] = sum(good) / len(good) if good else np.nan
        return given

    def true_worth(self, outputs: Any, purpose: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        labels = (self.held_out if purpose == "test" else self.questions).labels
        pairs = [list(zip(output, labels, strict=True)) for output in outputs]
        gold = [np.mean([self._right(answer, label) for (_, answer), label in one]) for one in pairs]
        stuffed = [np.mean([self._stuffing(answer) for (_, answer), _ in one]) for one in pairs]
        return np.array(gold), np.array(stuffed)

    def _right(self, answer: str, label: str) -> bool:
        if self.right == "contains":
            return label.lower() in answer.lower()
        said = last_number(answer)
        return said is not None and said == last_number(label)

    def _stuffing(self, answer: str) -> float:
        """The share of an answer's letters that are idle sentences."""
        bare = answer
        for sentence in self.idle:
            bare = bare.replace(sentence, "")
        return 1 - len(bare) / len(answer) if answer else 0.0

    def anchored(self) -> tuple[Anchors, Any, NDArray[np.int64]]:
        return self._anchored

    @cached_property
    def _pairs(self) -> Anchors:
        """Of answers 2 i and 2 i + 1."""
        for i, one in enumerate(self.anchors):
            if len(one) != 4:
                raise QDError(
                    f"JudgedAnswers.anchors[{i}]: got {one!r:.60}, wanted (question, answer, other answer, label)"
                )
        numbers = np.arange(2 * len(self.anchors))
        return Anchors(numbers[0::2], numbers[1::2], [one[3] for one in self.anchors])

    @cached_property
    def _anchored(self) -> tuple[Anchors, list[Output], NDArray[np.int64]]:
        plain = [(one[0], answer) for one in self.anchors for answer in one[1:3]]
        endings = ("", *(f" {sentence}" for sentence in self.idle), "".join(f" {sentence}" for sentence in self.idle))
        outputs: list[Output] = [((question, answer + end),) for question, answer in plain for end in endings]
        return self._pairs, outputs, np.arange(len(outputs)).reshape(len(plain), len(endings))

    def transcripts(
        self, rubrics: Solutions, outputs: Any, scores: NDArray[np.float64], judged: NDArray[np.float64]
    ) -> NDArray[np.str_]:
        """Of each rubric the pairs that it sees otherwise than those who labelled them, and what it likes best."""
        anchors, texts, variants = self._anchored
        told = []
        for row in range(len(rubrics)):
            given, lines = judged[row, variants[:, 0]], []
            for pair, label in enumerate(np.asarray(anchors.label)):
                good, bad = (2 * pair, 2 * pair + 1) if label else (2 * pair + 1, 2 * pair)
                if not given[good] > given[bad]:
                    (question, better), (_, worse) = texts[variants[good, 0]][0], texts[variants[bad, 0]][0]
                    lines.append(f"Question: {question}\nPeople prefer: {better}\nto: {worse}\nThe rubric gave "
                                 f"{given[good]:.2f} and {given[bad]:.2f}.")  # fmt: skip
            for column in np.argsort(-scores[row], kind="stable")[:2]:
                question, answer = outputs[column][0]
                lines.append(f"Question: {question}\nAnswer: {answer}\nScore: {scores[row, column]:.2f}")
            told.append("\n\n".join(lines[:_TOLD]))
        return np.array(told, np.str_)


_MEMORY = 100_000  # replies
_TOLD = 6  # episodes that a meta-judge is shown


def _prompted(prompt: str, question: str) -> str:
    return prompt.replace("{question}", question) if "{question}" in prompt else f"{prompt}\n\n{question}"
