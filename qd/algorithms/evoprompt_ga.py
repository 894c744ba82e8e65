"""EvoPrompt with a genetic algorithm, Guo et al. 2024, https://arxiv.org/abs/2309.08532.

A language model crosses two prompts and mutates the result; the best of parents and children survive. Good where some
prompts that work are known and the writer is a capable model. Where we differ: the chance of a parent goes by how far
its objective lies above the population's lowest, plus a hundredth of the spread, so that objectives below 0 do; and a
child that is there already is not evaluated again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from qd.algorithms._evoprompt import EvoPrompt, EvoPromptState
from qd.algorithms._written import parents_of
from qd.errors import QDError
from qd.prompts.crossing import Cross
from qd.prompts.rewrites import Job
from qd.ragged import Ragged
from qd.rng import generator


@dataclass(frozen=True)
class EvoPromptGA(EvoPrompt):
    """Cross, mutate, keep the best.

    >>> from qd.models import Scripted
    >>> EvoPromptGA(Scripted(), population_size=20).selection
    'roulette'
    """

    offspring: int = 0
    """Children a generation; 0: as many as the population."""
    selection: Literal["roulette", "random", "tournament"] = "roulette"
    """How parents are drawn: by objective, evenly, or the better of two."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.offspring < 0:
            raise QDError(f"EvoPromptGA.offspring: got {self.offspring}, wanted 0 or more")
        if self.selection not in ("roulette", "random", "tournament"):
            raise QDError(f"EvoPromptGA.selection: got {self.selection!r}, wanted 'roulette', 'random' or 'tournament'")

    def _jobs(self, state: EvoPromptState, number: int) -> list[Job]:
        assert state.solutions is not None
        members = parents_of(state.space, state.solutions, state.ids, state.objective)
        context, rng = self._context(state.space), generator(state.seed, "variation", number)
        pairs = [self._pair(state.objective, rng) for _ in range(self.offspring or self.population_size)]
        return [Job(Cross(), (members[a], members[b]), context) for a, b in pairs]

    def _pair(self, objective: NDArray[np.float64], rng: np.random.Generator) -> tuple[int, int]:
        """Two different members; the same twice where there is but one."""
        first = self._draw(objective, np.arange(len(objective)), rng)
        others = np.flatnonzero(np.arange(len(objective)) != first)
        return first, self._draw(objective, others, rng) if len(others) else first

    def _draw(self, objective: NDArray[np.float64], among: NDArray[np.int64], rng: np.random.Generator) -> int:
        from operators import parents, tournament

        if self.selection == "random":
            return int(rng.choice(among))
        if self.selection == "tournament":
            return int(among[tournament(objective[among], rng, 1, 2)[0]])
        return int(among[parents.proportional(parents.objective_weights(objective)[among], rng, 1)[0]])

    def _survive(
        self, state: EvoPromptState, solutions: Ragged, objective: NDArray[np.float64], ids: NDArray[np.int64],
        targets: NDArray[np.int64],
    ) -> None:  # fmt: skip
        self._keep_best(state, self.population_size, solutions, objective, ids)
