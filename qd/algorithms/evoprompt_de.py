"""EvoPrompt with differential evolution, Guo et al. 2024, https://arxiv.org/abs/2309.08532.

For each prompt of the population a language model names what differs between two others, changes that, puts it into
the best one and crosses the result with the prompt, whose place the child takes if it is better. Good where the
genetic form settles too early. A child that is there already is not evaluated again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from qd.algorithms._evoprompt import EvoPrompt, EvoPromptState
from qd.algorithms._written import parents_of
from qd.errors import QDError
from qd.prompts.crossing import Differ
from qd.prompts.rewrites import Job
from qd.ragged import Ragged
from qd.rng import generator


@dataclass(frozen=True)
class EvoPromptDE(EvoPrompt):
    """One child for each member, which it replaces if it is better.

    >>> from qd.models import Scripted
    >>> EvoPromptDE(Scripted()).base
    'best'
    """

    base: Literal["best", "random"] = "best"
    """What the differences are put into: the best prompt, or a third random one."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.base not in ("best", "random"):
            raise QDError(f"EvoPromptDE.base: got {self.base!r}, wanted 'best' or 'random'")

    def _jobs(self, state: EvoPromptState, number: int) -> list[Job]:
        assert state.solutions is not None
        members = parents_of(state.space, state.solutions, state.ids, state.objective)
        context, rng = self._context(state.space), generator(state.seed, "variation", number)
        count, best = len(members), int(np.argmax(state.objective))
        jobs = []
        for target in range(count):
            others = rng.permutation(np.delete(np.arange(count), target))
            drawn = np.resize(others, 3) if len(others) else np.full(3, target)  # few members stand in twice
            base = best if self.base == "best" else int(drawn[2])
            chosen = (target, int(drawn[0]), int(drawn[1]), base)
            jobs.append(Job(Differ(), tuple(members[i] for i in chosen), context))
        return jobs

    def _survive(
        self, state: EvoPromptState, solutions: Ragged, objective: NDArray[np.float64], ids: NDArray[np.int64],
        targets: NDArray[np.int64],
    ) -> None:  # fmt: skip
        assert state.solutions is not None
        rows = list(state.solutions)
        for child, target in enumerate(targets):
            if objective[child] > state.objective[target]:
                rows[target] = solutions.row(child)
                state.objective[target], state.ids[target] = objective[child], ids[child]
        state.solutions = Ragged.from_rows(rows, np.uint8)
