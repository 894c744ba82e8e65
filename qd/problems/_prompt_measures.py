"""What describes a prompt, for archives: how short, how natural, how biased."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from qd.errors import QDError
from qd.problems._prompt_meaning import AXES
from qd.prompts import Judged, Prompt

if TYPE_CHECKING:
    from qd.problems._prompt_problem import PromptProblem

Measuring = Callable[["PromptProblem", Prompt, Judged, str, NDArray[np.int64]], float]


@dataclass(frozen=True)
class PromptMeasure:
    """One number of a prompt; what lies outside the bounds moves to them.

    Args:
        label: the name with its unit.
        low, high: bounds.
        cells: of a grid.
        of: the number, from problem, prompt, its answers, the split, the examples.
        classes: whether it needs a task with classes.
    """

    label: str
    low: float
    high: float
    cells: int
    of: Measuring
    classes: bool = False

    def check(self, problem: PromptProblem) -> None:
        """Raises QDError where the problem cannot have this measure."""
        if self.classes and not problem.task.classes:
            raise QDError(f"{type(problem).__name__}.measures: {self.label!r} is about classes, and the task has none")


def _kept(problem: PromptProblem, prompt: Prompt, *_: object) -> float:
    return prompt.length / max(1, problem.longest)


def _naturalness(problem: PromptProblem, prompt: Prompt, *_: object) -> float:
    ids = [part for part in prompt.parts if not isinstance(part, str)]
    return problem.task.model.log_likelihood(np.concatenate(ids)) if ids else 0.0


def _label_bias(
    problem: PromptProblem, prompt: Prompt, judged: Judged, split: str, examples: NDArray[np.int64]
) -> float:
    last = judged.probabilities.shape[1] - 1
    said = (judged.probabilities.argmax(1) == last).mean()
    return float(said - (problem.task.labels(split)[examples] == last).mean())


def _meaning(axis: int) -> Measuring:
    def coordinate(problem: PromptProblem, prompt: Prompt, *_: object) -> float:
        return float(problem.meaning.coordinates(problem, prompt)[axis])

    return coordinate


PROMPT_MEASURES = {
    "kept": PromptMeasure("share of tokens kept", 0.0, 1.0, 10, _kept),
    "naturalness": PromptMeasure("mean log-probability a token [nat]", -10.0, 0.0, 10, _naturalness),
    "label_bias": PromptMeasure("share of the last class, said less true", -0.6, 0.6, 12, _label_bias, classes=True),
    **{
        f"meaning_{axis + 1}": PromptMeasure(f"embedding, direction {axis + 1} [sd]", -3.0, 3.0, 10, _meaning(axis))
        for axis in range(AXES)
    },
}
"""Name -> measure."""
