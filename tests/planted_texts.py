"""A task whose best prompt is known, and writers that follow rules: for searches whose children a model writes.

An example is answered right where the prompt holds the word that it needs; so the best prompt holds all of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

import qd
from qd.models import LanguageModel, Scripted
from qd.prompts import Examples, Judged, Prompt, PromptTask, Splits
from qd.rng import row_generator

NEEDED = ("brief", "calm", "exact", "fair", "kind")
IDLE = ("blue", "seven", "stone")
WORDS = (*NEEDED, *IDLE)


SPOKEN = Scripted(vocabulary=WORDS)


@dataclass(frozen=True)
class PlantedTask(PromptTask):
    """Example i of every split needs word i, over and over."""

    model: LanguageModel = SPOKEN
    count: int = 10

    @property
    def splits(self) -> Splits:
        return Splits(*(
            Examples({"text": tuple(f"{name} {i}" for i in range(self.count))},
                     tuple(NEEDED[i % len(NEEDED)] for i in range(self.count)))
            for name in ("search", "select", "test")
        ))  # fmt: skip

    @property
    def identity(self) -> str:
        return "planted"

    def base(self) -> Prompt:
        return self.from_text("Be brief. {text}")

    def from_text(self, text: str) -> Prompt:
        if "broken" in text:
            raise qd.QDError("this prompt does not fit the task")
        before, named, after = text.partition("{text}")
        parts = (self.model.encode(before), "text", *([self.model.encode(after)] if named and after else ()))
        return Prompt(parts)

    def judge(self, prompt: Prompt, split: str, examples: NDArray[np.int64]) -> Judged:
        said = set(re.findall(r"\w+", prompt.text(self.model).lower()))
        needed = [self.splits[split].labels[i] for i in examples]
        scores = np.array([float(word in said) for word in needed])
        replies = tuple(word if word in said else "nothing" for word in needed)
        feedback = tuple("right" if word in said else f"should have been {word}" for word in needed)
        return Judged(scores, np.full(len(examples), 3.0), len(prompt.prefix), replies=replies, feedback=feedback)

    def value(self, objective: str, judged: Judged, split: str, examples: NDArray[np.int64]) -> float:
        return float(judged.scores.mean())

    def most_tokens(self, split: str) -> float:
        return 3.0


def blocks(text: str) -> dict[str, str]:
    """What a writer was shown, by tag."""
    return {tag: inner.strip() for tag, inner in re.findall(r"<(\w+)>\n(.*?)\n</\1>", text, re.DOTALL)}


def mixer(text: str, seed: int) -> str:
    """Most words of the texts that it is shown, and one more; one answer in six cannot be read.

    As a judge it likes short texts, and of equally long ones the first.
    """
    rng, shown = row_generator(seed), blocks(text)
    if text.startswith("Which of the two"):
        return "first" if len(shown["first"]) <= len(shown["second"]) else "The second one."
    if rng.random() < 1 / 6:
        return "I would rather not."
    seen = [word for word in WORDS if any(word in inner for inner in shown.values())]
    kept = [word for word in seen if rng.random() < 0.85]
    named = re.findall(r"should have been (\w+)", text)[:1] or [WORDS[rng.integers(len(WORDS))]]
    how = f"<mutation>Say it {rng.integers(9)} times.</mutation>" if "<mutation>" in text else ""
    return f"Well: {how}<prompt>Be {' '.join([*kept, *named])}.</prompt>"


def mute(text: str, seed: int) -> str:
    """Never what it is asked for."""
    return "Sorry."


def writer(replies: Callable[[str, int], str] = mixer) -> LanguageModel:
    return Scripted(replies=replies)


INITIAL = ("Be brief.", "Be calm.", "Be blue.", "Do it.")


def problem(**more: Any) -> qd.Problem:
    settings = {"texts": qd.Texts(("prompt",), INITIAL), **more}
    return qd.problems.TextPrompt(PlantedTask(), **settings)
