"""Deep GA: Such et al. 2017, https://arxiv.org/abs/1712.06567, by the rules of its authors' GPU program.

Truncation selection and mutation alone, on networks that are stored as seeds (``qd.lineages``). One elite, chosen by
fresh episodes: the previous elite and the best children are validated anew every generation, so a lucky episode is
not kept for ever. With ``parents=0`` every generation is drawn anew: the paper's random search, with the same elite.

Where we differ from the program: the solution that is reported is the elite with the best validation mean, where
the program takes the mean over the ten validated; seeds are addressed, so that a run can be made again and resumed.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from qd.algorithm import Algorithm, Report, positive
from qd.algorithms._lineage_parents import LineageState, joined, lineage_space, next_generation, nobody
from qd.contracts import Evaluation, Problem, Request
from qd.errors import QDError
from qd.ragged import Ragged


@dataclass
class DeepGAState(LineageState):
    """Who waits for validation, and the elite, beside the parents."""

    best: Ragged = field(default_factory=nobody)  # of the children, best first: parents to be, and those to validate
    best_ids: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    best_objective: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    waiting: Ragged = field(default_factory=nobody)  # those that are validated now
    waiting_ids: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    elite: Ragged = field(default_factory=nobody)  # one row, or none
    elite_id: int = -1
    elite_value: float = float("nan")
    champion: Ragged = field(default_factory=nobody)  # the elite with the best validation mean of the run
    champion_value: float = float("-inf")
    mean: float = float("nan")


@dataclass(frozen=True)
class DeepGA(Algorithm):
    """Truncation selection and Gaussian mutation on lineages, with an elite chosen by fresh episodes.

    The defaults are the paper's for Atari games; ``validation_episodes=0`` suits objectives without noise: the elite is
    then the best that was seen.

    >>> DeepGA(population_size=100, parents=10, sigma=0.005).validation_episodes
    30
    """

    population_size: int = 1000
    """Children a generation."""
    parents: int = 20
    """The best so many, the elite among them, are parents, each equally likely; 0: draw every generation anew."""
    sigma: float = 0.002
    """Standard deviation of the mutation of every weight."""
    validated: int = 10
    """So many are validated a generation: the elite and the best children."""
    validation_episodes: int = 30
    """Fresh episodes each of them plays; 0: none, where the objective has no noise."""

    State = DeepGAState

    def __post_init__(self) -> None:
        positive(self, "population_size", "sigma", "validated")
        for name in ("parents", "validation_episodes"):
            if getattr(self, name) < 0:
                raise QDError(f"DeepGA.{name}: got {getattr(self, name)}, wanted 0 or more")
        for name in ("parents", "validated"):
            if getattr(self, name) > self.population_size:
                raise QDError(f"DeepGA.{name}: got {getattr(self, name)} of a population of {self.population_size}")

    def init(self, problem: Problem, seed: int) -> DeepGAState:
        return DeepGAState(seed, lineage_space(self.name, problem))

    def ask(self, state: DeepGAState, left: int) -> Request | None:
        if left <= 0:
            return None
        if len(state.waiting):
            return Request(state.waiting, parents=state.waiting_ids[:, None], operators="validation",
                           purpose="validate", fidelity={"repeats": self.validation_episodes})  # fmt: skip
        return next_generation(state, self.population_size, self.sigma)

    def tell(self, state: DeepGAState, request: Request, evaluation: Evaluation) -> None:
        assert isinstance(request.solutions, Ragged)
        objective = np.where(evaluation.ok, evaluation.objective, -np.inf)
        if request.purpose == "validate":
            self._tell_validation(state, objective)
            return
        order = np.argsort(-objective, kind="stable")[: int(evaluation.ok.sum())]  # ties: the earlier one first
        state.mean = float(objective[order].mean()) if len(order) else float("nan")
        order = order[: max(self.parents, self.validated)]
        state.best, state.best_ids = request.solutions[order], request.ids[order]
        state.best_objective = objective[order]
        if self.validation_episodes:
            kept = len(state.elite)
            few = slice(0, self.validated - kept)
            state.waiting = joined(state.elite, state.best[few])
            state.waiting_ids = np.concatenate([np.full(kept, state.elite_id), state.best_ids[few]])
            if len(state.waiting):
                return
        elif len(order) and not state.elite_value >= state.best_objective[0]:
            self._crown(state, state.best[:1], int(state.best_ids[0]), float(state.best_objective[0]))
        self._choose_parents(state)

    def _tell_validation(self, state: DeepGAState, objective: NDArray[np.float64]) -> None:
        """The best by fresh episodes alone is the elite, of those that the budget paid for."""
        row = int(np.argmax(objective))
        if np.isfinite(objective[row]):
            self._crown(state, state.waiting[[row]], int(state.waiting_ids[row]), float(objective[row]))
        state.waiting, state.waiting_ids = nobody(), np.zeros(0, np.int64)
        self._choose_parents(state)

    @staticmethod
    def _crown(state: DeepGAState, solution: Ragged, number: int, value: float) -> None:
        state.elite, state.elite_id, state.elite_value = solution, number, value
        if value > state.champion_value:
            state.champion, state.champion_value = solution, value

    def _choose_parents(self, state: DeepGAState) -> None:
        """The best children, with the elite in place of the last of them where it is not among them."""
        if self.parents == 0 or (len(state.best) == 0 and len(state.elite) == 0):
            return
        best, ids = state.best[: self.parents], state.best_ids[: self.parents]
        if len(state.elite) and state.elite_id not in ids:
            best = joined(state.elite, best[: self.parents - 1])
            ids = np.concatenate([[state.elite_id], ids[: self.parents - 1]])
        state.parents, state.parent_ids = best, ids

    def dropped(self, state: DeepGAState, request: Request) -> None:
        """A validation that the budget does not pay for is not waited for."""
        state.waiting, state.waiting_ids = nobody(), np.zeros(0, np.int64)

    def report(self, state: DeepGAState) -> Report:
        lengths = state.parents.lengths
        metrics = {
            "elite": state.elite_value,
            "champion": state.champion_value if len(state.champion) else float("nan"),
            "population_best": float(state.best_objective[0]) if len(state.best_objective) else float("nan"),
            "population_mean": state.mean,
            "mutations_longest": float(lengths.max() / 2 - 1) if len(lengths) else 0.0,
        }
        populations = {
            "parents_words": state.parents.values,
            "parents_offsets": state.parents.offsets,
            "elite": state.elite.values,
            "champion": state.champion.values,
        }
        return Report(metrics=metrics, populations=populations)
