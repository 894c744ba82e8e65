"""What a prompt is judged by: examples in named splits, a model, and a value an example.

Judging is a matrix, prompts by examples. What becomes of a row of it, one number that a search maximises, is a step of
its own (``value``), so that the same answers can be read as a reward, an accuracy or an area under a curve.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qd.models import LanguageModel
from qd.prompts.examples import Splits
from qd.prompts.prompt import Prompt

PURPOSE_SPLIT = {"search": "search", "validate": "search", "select": "select", "test": "test"}
"""Which split a request reads, by its purpose."""


@dataclass
class Judged:
    """One prompt on k examples.

    Args:
        scores: (k,) a number an example, the higher the better: 1 where an answer is right, or a share of right.
        tokens: (k,) tokens that the model read and wrote for the example; the prefix is counted once, in ``prefix``.
        prefix: tokens that were read once for all examples.
        probabilities: (k, C) of the C classes, where the task has classes, else (k, 0).
        replies: k texts, where the task reads texts, else none.
        feedback: k sentences that say what was right or wrong, for a writer to reflect on; may be empty.
        errors: example (place in this batch) -> why it could not be judged; its score is NaN.
    """

    scores: NDArray[np.float64]
    tokens: NDArray[np.float64]
    prefix: int = 0
    probabilities: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 0)))
    replies: tuple[str, ...] = ()
    feedback: tuple[str, ...] = ()
    errors: dict[int, str] = field(default_factory=dict)


class PromptTask(ABC):
    """Examples in splits, a model, and how an answer is judged. A frozen dataclass of settings.

    Attributes:
        model: the model that prompts are for.
        classes: names of the classes, in the order of ``probabilities``; empty where answers are texts.
        objectives: names that ``value`` knows.
    """

    model: LanguageModel
    classes: tuple[str, ...] = ()
    objectives: tuple[str, ...] = ("mean",)

    def __getstate__(self) -> dict[str, Any]:
        """The settings alone: examples are read, and answers kept, where they are needed."""
        return {f.name: getattr(self, f.name) for f in fields(self)}  # type: ignore[arg-type]

    @property
    @abstractmethod
    def splits(self) -> Splits:
        """The examples."""

    @property
    @abstractmethod
    def identity(self) -> str:
        """Equal for two tasks exactly where their judgements are, but for the examples: model, verbalizers ..."""

    @abstractmethod
    def base(self) -> Prompt:
        """The whole prompt that searches start from: demonstrations, query, and the fields of the query."""

    @abstractmethod
    def from_text(self, text: str) -> Prompt:
        """The prompt of a text, ``{field}`` where a field stands.

        Where the text names no field, the task's own query follows at its end.
        """

    @abstractmethod
    def judge(self, prompt: Prompt, split: str, examples: NDArray[np.int64]) -> Judged:
        """Judge one prompt on some examples (k,) of a split, in that order."""

    @abstractmethod
    def value(self, objective: str, judged: Judged, split: str, examples: NDArray[np.int64]) -> float:
        """One number of a row of the matrix, to be maximised."""

    def most_tokens(self, split: str) -> float:
        """The most that judging one example of a split can cost in tokens, the prompt itself left out."""
        raise NotImplementedError

    def labels(self, split: str) -> NDArray[Any]:
        """(E,) class numbers of a split's examples; empty where there are no classes."""
        where = {name: number for number, name in enumerate(self.classes)}
        return np.array([where[label] for label in self.splits[split].labels] if where else [], np.int64)
