"""How both searches of EvoPrompt begin: the initial texts, the best of them kept, paraphrases of these for the rest."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field
from math import ceil

import numpy as np
from numpy.typing import NDArray

from qd.algorithm import Report, positive
from qd.algorithms._written import NO_WRITING, WrittenSearch, parents_of, population_report, request_of
from qd.contracts import Evaluation, Problem, Request
from qd.errors import QDError
from qd.prompts.rewrites import Job, Paraphrase
from qd.ragged import Ragged
from qd.texts import Texts


@dataclass
class EvoPromptState:
    """The population; in the beginning best first. ``ids`` are evaluation numbers."""

    seed: int
    space: Texts
    generation: int = 0
    phase: str = "initial"  # then paraphrases, evolution
    solutions: Ragged | None = None  # (n,)
    objective: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))  # (n,)
    ids: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))  # (n,)
    targets: NDArray[np.int64] = field(
        default_factory=lambda: np.zeros(0, np.int64)
    )  # (rows,) in flight: made for whom
    writing: dict[str, int] = field(default_factory=lambda: dict(NO_WRITING))


@dataclass(frozen=True)
class EvoPrompt(WrittenSearch):
    """A population of prompts, begun with the given ones and paraphrases of the best."""

    population_size: int = 10
    """Prompts that are kept (N)."""
    initial_share: float = 0.5
    """Of the population, what the best initial texts may fill; paraphrases of them fill the rest."""

    State = EvoPromptState

    def __post_init__(self) -> None:
        super().__post_init__()
        positive(self, "population_size")
        if not 0 < self.initial_share <= 1:
            raise QDError(f"{self.name}.initial_share: got {self.initial_share}, wanted a number above 0, up to 1")

    def init(self, problem: Problem, seed: int) -> EvoPromptState:
        return EvoPromptState(seed, self._space(problem))

    def ask(self, state: EvoPromptState, left: int) -> Request | None:
        if left <= 0:
            return None
        if state.solutions is None or len(state.ids) == 0:
            state.generation += 1
            return Request(state.space.start, operators="initial")
        jobs_of = self._paraphrases if state.phase == "paraphrases" else self._jobs
        written = self._written(state, lambda number: jobs_of(state, number), [state.solutions])
        if written is None and state.phase == "paraphrases":
            state.phase = "evolution"
            written = self._written(state, lambda number: self._jobs(state, number), [state.solutions])
        if written is None:
            return None
        state.targets = np.array([place for place, _ in written[0]], np.int64)
        return request_of(state.space, [child for _, child in written[0]])

    def _paraphrases(self, state: EvoPromptState, number: int) -> list[Job]:
        assert state.solutions is not None
        parents = parents_of(state.space, state.solutions, state.ids, state.objective)
        context = self._context(state.space)
        return [Job(Paraphrase(), (parents[i % len(parents)],), context)
                for i in range(self.population_size - len(parents))]  # fmt: skip

    @abstractmethod
    def _jobs(self, state: EvoPromptState, number: int) -> list[Job]:
        """The rewrites of one generation."""

    @abstractmethod
    def _survive(
        self, state: EvoPromptState, solutions: Ragged, objective: NDArray[np.float64], ids: NDArray[np.int64],
        targets: NDArray[np.int64],
    ) -> None:  # fmt: skip
        """The next population, of the last one and the n children that were evaluated well."""

    def tell(self, state: EvoPromptState, request: Request, evaluation: Evaluation) -> None:
        assert isinstance(request.solutions, Ragged)
        ok = evaluation.ok
        solutions, objective, ids = request.solutions[ok], evaluation.objective[ok], request.ids[ok]
        if state.phase == "initial":
            kept = min(self.population_size, ceil(self.initial_share * self.population_size))
            self._keep_best(state, kept, solutions, objective, ids)
            full = len(state.ids) >= self.population_size
            if len(state.ids):
                state.phase = "evolution" if full else "paraphrases"
        elif state.phase == "paraphrases":
            self._keep_best(state, self.population_size, solutions, objective, ids)
            state.phase = "evolution"
        else:
            self._survive(state, solutions, objective, ids, state.targets[: len(ok)][ok])

    def _keep_best(
        self, state: EvoPromptState, count: int, solutions: Ragged, objective: NDArray[np.float64],
        ids: NDArray[np.int64],
    ) -> None:  # fmt: skip
        """The best of the population and some children; of equal ones the older."""
        if state.solutions is not None:
            solutions = Ragged.from_rows([*state.solutions, *solutions], np.uint8)
            objective, ids = np.concatenate([state.objective, objective]), np.concatenate([state.ids, ids])
        order = np.argsort(-objective, kind="stable")[:count]
        state.solutions, state.objective, state.ids = solutions[order], objective[order], ids[order]

    def report(self, state: EvoPromptState) -> Report:
        return population_report(state)
