"""Likeness to a goal vector, Rocamonde et al. 2023 (https://arxiv.org/abs/2310.12921): an embedding's way to its goal.

With unit vectors of a state s, of a goal g and of a baseline b (the scene without what is wanted), the state is
projected on the line through b and g with strength alpha, which takes away what the goal does not speak of:
1 - |alpha proj(s) + (1 - alpha) s - g|^2 / 2. At alpha 0 it is the cosine of s and g.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qd.errors import QDError
from qd.rewards.gene import Gene
from qd.rewards.steps import Steps
from qd.rewards.term import WEIGHT, Genes, Term, Values

ALPHA = Gene("alpha", default=0.5, spread=0.25, low=0.0, high=1.0)


@dataclass(frozen=True)
class GoalProjection(Term):
    """1 - |alpha proj(s) + (1 - alpha) s - g|^2 / 2, after the step, and before it where that is known.

    Args:
        variables: the numbers of the embedding s.
        goal, baseline: g and b; all three are brought to length 1.
        alpha: the gene of the projection's strength.
        weight: the gene of its weight.
        label: what it is called.
    """

    variables: tuple[str, ...]
    goal: tuple[float, ...]
    baseline: tuple[float, ...]
    alpha: Gene = ALPHA
    weight: Gene | None = WEIGHT
    label: str = "goal_likeness"

    def __post_init__(self) -> None:
        if not len(self.variables) == len(self.goal) == len(self.baseline) or not self.variables:
            raise QDError("GoalProjection: variables, goal and baseline must be equally many, at least one")
        if not np.any(self.goal) or not np.any(self.baseline) or np.allclose(_unit(self.goal), _unit(self.baseline)):
            raise QDError("GoalProjection.baseline: goal and baseline must be two directions, none of them 0")

    @property
    def name(self) -> str:
        return self.label

    @property
    def needs(self) -> tuple[str, ...]:
        return self.variables

    @property
    def genes(self) -> tuple[Gene, ...]:
        return (self.alpha,)

    def values(self, genes: Genes, steps: Steps) -> Values:
        earlier = [steps.earlier(name) for name in self.variables]
        known = [column for column in earlier if column is not None]
        after = self._likeness(genes, [steps.column(name) for name in self.variables])
        return Values(after, self._likeness(genes, known) if len(known) == len(earlier) else None)

    def _likeness(self, genes: Genes, columns: list[NDArray[np.float64]]) -> NDArray[np.float64]:
        goal, baseline = _unit(self.goal), _unit(self.baseline)
        line, alpha = _unit(goal - baseline), genes[:, :1]  # (k,), (n, 1)
        length = np.sqrt(sum(column**2 for column in columns))
        state = [column / np.where(length == 0, 1.0, length) for column in columns]  # k of (m,)
        # All sums in the order of the variables: numpy's order, and so its last bits, depend on n and m.
        along = np.asarray(sum(line[i] * (x - baseline[i]) for i, x in enumerate(state)))
        away = np.zeros((len(genes), len(length)))
        for i, x in enumerate(state):
            away += (alpha * (baseline[i] + line[i] * along) + (1 - alpha) * x - goal[i]) ** 2
        return 1 - away / 2

    def formula(self, genes: NDArray[np.float64]) -> str:
        return f"{self.name}[alpha {genes[0]:.3g}]"


def _unit(vector: tuple[float, ...] | NDArray[np.float64]) -> NDArray[np.float64]:
    vector = np.asarray(vector, np.float64)
    return np.asarray(vector / np.linalg.norm(vector))
