"""Where a prompt lies among others in the model's own embedding: a few coordinates, for archives of cells by meaning.

A prompt's embedding is the mean of its tokens' rows in the input layer. Coordinates are its products with fixed random
directions (Johnson and Lindenstrauss 1984: distances are kept about as well as by any few numbers), in standard
deviations over prompts drawn from the space. No matrix library is asked, so that all ranks get the same bits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from qd.prompts import Prompt
from qd.rng import generator

if TYPE_CHECKING:
    from qd.problems._prompt_problem import PromptProblem

AXES = 6  # coordinates there are
DRAWN = 128  # prompts that say how wide an axis is


@dataclass(frozen=True)
class Meaning:
    """The axes.

    Args:
        directions: (AXES, h).
        middle, spread: (AXES,) over drawn prompts.
    """

    directions: NDArray[np.float64]
    middle: NDArray[np.float64]
    spread: NDArray[np.float64]

    @classmethod
    def of(cls, problem: PromptProblem) -> Meaning:
        """By prompts that are drawn from the problem's space."""
        drawn = problem.prompts(problem.space().sample(DRAWN, generator(0, "meaning of prompts")))
        seen = [mean_embedding(problem, prompt) for prompt in drawn if isinstance(prompt, Prompt)]
        width = len(seen[0]) if seen else 1
        directions = generator(0, "meaning directions").standard_normal((AXES, width))
        points = np.stack([projected(one, directions) for one in seen]) if seen else np.zeros((1, AXES))
        spread = points.std(axis=0)
        return cls(directions, points.mean(axis=0), np.where(spread > 0, spread, 1.0))

    def coordinates(self, problem: PromptProblem, prompt: Prompt) -> NDArray[np.float64]:
        """(AXES,) of one prompt."""
        return (projected(mean_embedding(problem, prompt), self.directions) - self.middle) / self.spread


def mean_embedding(problem: PromptProblem, prompt: Prompt) -> NDArray[np.float64]:
    """(h,) the mean of its tokens' embeddings, fields left out; of no token at all, zeros."""
    ids = [part for part in prompt.parts if not isinstance(part, str)]
    whole = np.concatenate(ids) if ids else np.zeros(0, np.int32)
    rows = np.asarray(problem.task.model.embeddings(whole if len(whole) else np.zeros(1, np.int32)), np.float64)
    return np.asarray(rows.sum(axis=0) / max(1, len(whole)) if len(whole) else np.zeros(rows.shape[1]))


def projected(embedding: NDArray[np.float64], directions: NDArray[np.float64]) -> NDArray[np.float64]:
    """(AXES,) products with the directions, each summed in the same order."""
    return np.asarray((directions * embedding).sum(axis=1))
