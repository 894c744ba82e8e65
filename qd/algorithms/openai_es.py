"""Evolution strategies as OpenAI scaled them: Salimans, Ho, Chen, Sidor and Sutskever 2017.

https://arxiv.org/abs/1703.03864. For the weights of policies, thousands to millions of genes with noisy objectives.
A centre is perturbed in mirrored pairs of one fixed deviation; all returns of a generation count by their centred
ranks; Adam follows their gradient with weight decay. Only the centre is kept: the perturbations are made again from
their address when they are told.

The step is that of the program released with Such et al. 2017 (https://arxiv.org/abs/1712.06567), read, not run: the
gradient is the mean over all returns, without 1 / sigma; Adam with 0.01, 0.9, 0.999 and 1e-8; weight decay 0.005;
sigma 0.02. Its Atari runs have 5,000 episodes a generation. Where we differ: equal objectives share the mean of their
ranks, where the program breaks ties as its sort happens to; rows that failed rank below all others; a generation
without two different objectives moves nothing, not even by weight decay, which Adam would otherwise scale up to whole
steps; the number of episodes is fixed, so that slow ones count too. Observations are standardised by
``ObservationNormalised``, and networks have no virtual batch normalisation.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from operators.centred_ranks import centred_ranks
from qd.algorithm import Algorithm, Report
from qd.algorithms import _mirrored as mirrored
from qd.contracts import Evaluation, Problem, Request
from qd.errors import QDError
from qd.space import Box


@dataclass
class OpenAIESState:
    """The centre, and how it is doing."""

    seed: int
    space: Box
    center: mirrored.Center
    phase: str = "search"  # search, validate: the centre is evaluated next
    generation: int = 0
    skipped: int = 0  # generations that moved nothing
    mean_objective: float = math.nan  # of the last generation's good rows
    center_objective: float = math.nan  # when it was last evaluated
    champion: NDArray[Any] | None = None  # (d,) the centre with the best evaluation of its own
    champion_objective: float = -math.inf


@dataclass(frozen=True)
class OpenAIES(Algorithm):
    """Mirrored pairs around a centre that Adam moves along the gradient of centred ranks.

    >>> OpenAIES(population_size=5000).sigma
    0.02
    """

    population_size: int = 200
    """Perturbed solutions a generation, in mirrored pairs."""
    sigma: float = 0.02
    """Standard deviation of every gene, in the genes' own unit; it stays as it is."""
    learning_rate: float = 0.01
    """Adam's step: about so much a gene and generation while the gradient points one way."""
    l2: float = 0.005
    """Weight decay: so much of the centre is taken from the gradient."""
    center_episodes: int = 1
    """Episodes the centre itself is evaluated on after each step; the best centre is kept. 0 for none."""

    State = OpenAIESState

    def __post_init__(self) -> None:
        mirrored.check_settings(self)
        if self.center_episodes < 0:
            raise QDError(f"OpenAIES.center_episodes: got {self.center_episodes}, wanted 0 or more")

    def init(self, problem: Problem, seed: int) -> OpenAIESState:
        space = mirrored.real_space(self, problem)
        return OpenAIESState(seed, space, mirrored.centers(space, seed, 1)[0])

    def ask(self, state: OpenAIESState, left: int) -> Request | None:
        if left <= 0:
            return None
        space, center = state.space, state.center
        if state.phase == "validate":
            return Request(mirrored.inside(space, center["weights"])[None], operators="center", purpose="validate",
                           fidelity={"repeats": self.center_episodes})  # fmt: skip
        drawn = mirrored.perturbed(space, center, state.seed, state.generation, self.population_size, self.sigma)
        return Request(drawn, operators="sample")

    def tell(self, state: OpenAIESState, request: Request, evaluation: Evaluation) -> None:
        if request.purpose == "validate":
            self._tell_center(state, evaluation)
            return
        ok = evaluation.ok
        state.mean_objective = float(evaluation.objective[ok].mean()) if ok.any() else math.nan
        utilities = centred_ranks(np.where(ok, evaluation.objective, np.nan))
        # A request that the budget cut is the run's last, and of too few pairs for a step of Adam's full length.
        if len(request) == self.population_size and utilities.any():
            uphill = mirrored.gradient(state.space, state.seed, state.generation, utilities)
            mirrored.climb(state.center, uphill, self.learning_rate, self.l2)
            state.phase = "validate" if self.center_episodes else "search"
        else:
            state.skipped += 1
        state.generation += 1

    @staticmethod
    def _tell_center(state: OpenAIESState, evaluation: Evaluation) -> None:
        state.phase = "search"
        state.center_objective = float(evaluation.objective[0]) if evaluation.ok[0] else math.nan
        if state.center_objective > state.champion_objective:
            state.champion = mirrored.inside(state.space, state.center["weights"])
            state.champion_objective = state.center_objective

    def dropped(self, state: OpenAIESState, request: Request) -> None:
        """A centre that the budget does not pay for is not waited for."""
        state.phase = "search"

    def report(self, state: OpenAIESState) -> Report:
        center = mirrored.inside(state.space, state.center["weights"])
        metrics = {
            "center": state.center_objective,
            "champion": state.champion_objective if state.champion is not None else math.nan,
            "mean_objective": state.mean_objective,
            "center_norm": float(np.linalg.norm(center)),
            "skipped_updates": float(state.skipped),
        }
        populations = {"center": center}
        if state.champion is not None:
            populations["champion"] = state.champion
        return Report(metrics=metrics, populations=populations)
