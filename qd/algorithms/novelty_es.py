"""NS-ES, NSR-ES and NSRA-ES, evolution strategies that explore: Conti et al. 2018, https://arxiv.org/abs/1712.06560.

For policies whose objective misleads. A few centres take turns; each step is that of ``OpenAIES``, but perturbations
count by their novelty, or by novelty and objective: a share w of the objective's centred ranks and 1 - w of the
novelty's. NS-ES has w = 0, NSR-ES w = 0.5, and NSRA-ES begins with w = 1, pure reward, lowers w while no centre does
better than all before, and raises it when one does. After its step the centre itself is evaluated and its measures
join one archive of all centres, without bounds; novelty is the mean distance to the k nearest in this archive alone.
The first step is centre 0's; later a centre's turn comes with a probability in proportion to its novelty.

Where the numbers come from. Read in the program released with the paper: k = 10, sigma 0.02, Adam's 0.01, weight decay
0.005, three centres for Atari and five for Humanoid, 1 and 5 episodes of a centre, and the rules of NS-ES and NSR-ES.
NSRA-ES is not in that program: its structure follows second-hand accounts of the paper, and the step of w, 0.05, and
the 50 turns that it waits are recalled, not checked.

Where we differ: the program plays the centres anew before every turn to know their novelty, here a centre's measures
are those of its last evaluation; the best objective that NSRA-ES compares with includes the centres at the start; equal
ranks, failures and generations without differences are treated as in ``OpenAIES``. Distances are Euclidean. Centres do
not have statistics of observations of their own: ``ObservationNormalised`` shares them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from operators.centred_ranks import centred_ranks
from qd.algorithm import Algorithm, Report, positive
from qd.algorithms import _mirrored as mirrored
from qd.contracts import Evaluation, Problem, Request
from qd.errors import QDError, nearest
from qd.rng import generator
from qd.space import Box

_WEIGHTS = {"ns": 0.0, "nsr": 0.5, "nsra": 1.0}  # of the objective, at the start


@dataclass
class NoveltyESState:
    """The centres and their measures, the archive, and the weight of the objective."""

    seed: int
    space: Box
    centers: list[mirrored.Center]
    measures: NDArray[np.float64]  # (M, m) of each centre when it was last evaluated, NaN before
    archive: Any
    weight: float  # w, of the objective
    phase: str = "begin"  # begin: all centres are evaluated; search; validate: the centre that stepped is
    turn: int = 0  # whose
    generation: int = 0
    stalled: int = 0  # turns since w last changed or a centre was the best
    skipped: int = 0  # generations that moved nothing
    champion: NDArray[Any] | None = None  # (d,) the best centre of the run
    champion_objective: float = -math.inf
    mean_objective: float = math.nan  # of the last generation's good rows
    mean_novelty: float = math.nan


@dataclass(frozen=True)
class NoveltyES(Algorithm):
    """Evolution strategies on novelty or on novelty and objective, with centres that share one archive.

    >>> NoveltyES(kind="ns", population_size=5000).neighbors
    10
    """

    kind: Literal["ns", "nsr", "nsra"] = "nsra"
    """What perturbations count by: novelty, novelty and objective alike, or with a weight that adapts."""
    population_size: int = 200
    """Perturbed solutions a generation, in mirrored pairs."""
    sigma: float = 0.02
    """Standard deviation of every gene, in the genes' own unit; it stays as it is."""
    learning_rate: float = 0.01
    """Adam's step: about so much a gene and generation while the gradient points one way."""
    l2: float = 0.005
    """Weight decay: so much of the centre is taken from the gradient."""
    centers: int = 3
    """Centres that take turns (M)."""
    selection: Literal["novelty", "round_robin"] = "novelty"
    """Whose turn it is: drawn in proportion to the centres' novelty, or one after the other."""
    neighbors: int = 10
    """Novelty is the mean distance to so many nearest of the archive (k); to all of a smaller one."""
    center_episodes: int = 1
    """Episodes that a centre is evaluated on; its measures are their mean."""
    weight_step: float = 0.05
    """nsra: so much the objective's weight rises or falls at a time."""
    patience: int = 50
    """nsra: turns without a new best centre after which the weight falls."""

    State = NoveltyESState

    def __post_init__(self) -> None:
        mirrored.check_settings(self)
        positive(self, "centers", "neighbors", "center_episodes", "weight_step", "patience")
        if self.kind not in _WEIGHTS:
            raise QDError(f"NoveltyES.kind: got {self.kind!r}, {nearest(self.kind, _WEIGHTS)}")
        if self.selection not in ("novelty", "round_robin"):
            raise QDError(f"NoveltyES.selection: got {self.selection!r}, "
                          f"{nearest(self.selection, ('novelty', 'round_robin'))}")  # fmt: skip

    def init(self, problem: Problem, seed: int) -> NoveltyESState:
        from archives import NoveltyArchive

        space = mirrored.real_space(self, problem)
        if problem.measure_space is None:
            raise QDError(f"NoveltyES: {problem.name} declares no measures; give it a measure_space")
        m = problem.measure_space.size
        # Millions of weights a turn would soon fill memory and checkpoints: a solution here is the centre's number.
        archive = NoveltyArchive(solution_dim=1, measure_dim=m, k_neighbors=self.neighbors, solution_dtype=np.int64,
                                 extra_fields={"id": ((), np.int64), "generation": ((), np.int64)})  # fmt: skip
        centers = mirrored.centers(space, seed, self.centers)
        return NoveltyESState(seed, space, centers, np.full((self.centers, m), np.nan), archive, _WEIGHTS[self.kind])

    def ask(self, state: NoveltyESState, left: int) -> Request | None:
        if left <= 0:
            return None
        if state.phase != "search":
            chosen = range(self.centers) if state.phase == "begin" else [state.turn]
            weights = np.stack([state.centers[number]["weights"] for number in chosen])
            return Request(mirrored.inside(state.space, weights), operators="center", purpose="validate",
                           fidelity={"repeats": self.center_episodes})  # fmt: skip
        state.turn = self._next(state)
        drawn = mirrored.perturbed(
            state.space, state.centers[state.turn], state.seed, state.generation, self.population_size, self.sigma
        )
        return Request(drawn, operators="sample")

    def _next(self, state: NoveltyESState) -> int:
        """Whose turn it is. A centre that never came out well is as likely as the others are on average."""
        if state.generation == 0 or self.selection == "round_robin":
            return state.generation % self.centers
        novelty = np.full(self.centers, np.nan)
        known = np.isfinite(state.measures).all(axis=1)
        if known.any():
            novelty[known] = state.archive.compute_novelty(state.measures[known])
            novelty[~known] = novelty[known].mean()
        if not known.any() or not novelty.any():
            novelty[:] = 1.0
        reached = np.cumsum(novelty)
        place = generator(state.seed, "turn", state.generation).random() * reached[-1]
        return int(min(np.searchsorted(reached, place, "right"), self.centers - 1))

    def tell(self, state: NoveltyESState, request: Request, evaluation: Evaluation) -> None:
        if request.purpose == "validate":
            self._tell_centers(state, request, evaluation)
            return
        utilities = self._utilities(state, evaluation)
        # A request that the budget cut is the run's last, and of too few pairs for a step of Adam's full length.
        if len(request) == self.population_size and utilities.any():
            uphill = mirrored.gradient(state.space, state.seed, state.generation, utilities)
            mirrored.climb(state.centers[state.turn], uphill, self.learning_rate, self.l2)
        else:
            state.skipped += 1
        state.generation += 1
        state.phase = "validate"

    def _utilities(self, state: NoveltyESState, evaluation: Evaluation) -> NDArray[np.float64]:
        """(n,) what each row counts: its ranks by objective and by novelty, weighted."""
        ok = evaluation.ok
        novelty = np.full(len(ok), np.nan)
        state.mean_objective = state.mean_novelty = math.nan
        if ok.any():
            novelty[ok] = state.archive.compute_novelty(evaluation.measures[ok])
            state.mean_objective = float(evaluation.objective[ok].mean())
            state.mean_novelty = float(novelty[ok].mean())
        objective = np.where(ok, evaluation.objective, np.nan)
        return state.weight * centred_ranks(objective) + (1.0 - state.weight) * centred_ranks(novelty)

    def _tell_centers(self, state: NoveltyESState, request: Request, evaluation: Evaluation) -> None:
        """Measures join the archive; a new best centre raises the objective's weight, ``patience`` turns lower it."""
        beginning = state.phase == "begin"
        numbers = np.arange(len(request)) if beginning else np.array([state.turn])
        rows = np.flatnonzero(evaluation.ok)
        objective, measures = evaluation.objective[rows], evaluation.measures[rows]
        state.phase = "search"
        state.measures[numbers[rows]] = measures
        if len(rows):
            born = np.full(len(rows), state.generation)
            state.archive.append(numbers[rows][:, None], objective, measures, id=request.ids[rows], generation=born)
        better = bool(len(rows)) and float(objective.max()) > state.champion_objective
        if better:
            best = int(np.argmax(objective))
            state.champion_objective = float(objective[best])
            state.champion = mirrored.inside(state.space, state.centers[int(numbers[rows[best]])]["weights"])
        if self.kind == "nsra" and not beginning:
            self._adapt(state, better)

    def _adapt(self, state: NoveltyESState, better: bool) -> None:
        state.stalled = 0 if better else state.stalled + 1
        if better:
            state.weight = min(1.0, state.weight + self.weight_step)
        elif state.stalled >= self.patience:
            # Twenty steps of 0.05 must end at 0: a rest of 1e-16 would still rank by the objective where novelty ties.
            state.weight, state.stalled = max(0.0, round(state.weight - self.weight_step, 12)), 0

    def dropped(self, state: NoveltyESState, request: Request) -> None:
        """Centres that the budget does not pay for are not waited for."""
        state.phase = "search"

    def report(self, state: NoveltyESState) -> Report:
        metrics = {
            "archive_size": float(len(state.archive)),
            "champion": state.champion_objective if state.champion is not None else math.nan,
            "mean_objective": state.mean_objective,
            "mean_novelty": state.mean_novelty,
            "objective_weight": state.weight,
            "turn": float(state.turn),
            "skipped_updates": float(state.skipped),
        }
        populations: dict[str, Any] = {
            "centers": lambda: mirrored.inside(state.space, np.stack([c["weights"] for c in state.centers])),
        }
        if state.champion is not None:
            populations["champion"] = state.champion
        return Report({"novelty": state.archive}, metrics, populations)
