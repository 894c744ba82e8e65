"""TAPruning: prune a prompt token by token, the hill climbing of Wang et al. 2025, https://arxiv.org/abs/2506.17930.

From the mask that keeps everything, each token in turn is dropped, and stays dropped where the objective does not fall
by more than a tolerance below the best so far; sweep after sweep, until one drops nothing. Good as a strong simple
baseline: it needs some two evaluations a token and no population.

Where we differ. The paper compares ratios of objectives, which goes wrong at 0 and below, as the classification reward
can be; here the tolerance is a share of the best one's size. The paper reads a set of 200 examples that nothing else of
its searches sees; here the search reads the search split. ``TAPruning.faithful()`` does both as the paper. The mask is
never turned to text and back between sweeps.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from qd.algorithm import Algorithm, Report, positive, probability
from qd.contracts import Evaluation, Problem, Request
from qd.errors import QDError, nearest
from qd.rng import generator
from qd.space import Mask

_ACCEPTANCES = ("tolerance", "ratio", "strict")
_ORDERS = ("left_to_right", "shuffled")
_PURPOSES = ("search", "select")


@dataclass
class TAPruningState:
    """The mask as it is pruned, where the sweep stands, and the trace of what was kept."""

    seed: int
    order: NDArray[np.int64]  # (p,) the positions that may be dropped, in the order of the sweep
    mask: NDArray[np.uint8]  # (d,)
    best: float = float("nan")  # the objective that the next is compared with; NaN before the first
    place: int = 0  # in the order: which is dropped next
    sweep: int = 0
    removed: int = 0  # in this sweep
    started: bool = False
    ended: bool = False
    trace: NDArray[np.uint8] = field(default_factory=lambda: np.zeros((0, 0), np.uint8))  # (t, d) accepted masks
    objective: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))  # (t,) of the trace
    ids: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))  # (t,) of the trace


@dataclass(frozen=True)
class TAPruning(Algorithm):
    """Drop one token after another, while it does no harm.

    >>> TAPruning.faithful().acceptance
    'ratio'
    """

    tolerance: float = 0.04
    """How far below the best an objective may fall, as a share of the best's size."""
    acceptance: Literal["tolerance", "ratio", "strict"] = "tolerance"
    """When a token stays dropped: objective >= best - tolerance * |best|; objective / best >= 1 - tolerance, which
    accepts anything where the best is 0; or only objective > best."""
    order: Literal["left_to_right", "shuffled"] = "left_to_right"
    """Of the tokens in every sweep; the shuffled one is drawn once."""
    purpose: Literal["search", "select"] = "search"
    """The split of examples that is read, where the problem has splits."""
    speculative: int = 1
    """Tokens that are tried at once, each dropped alone; those behind the first that stays dropped were in vain. The
    same masks are found in fewer requests, with more evaluations."""

    State = TAPruningState

    @classmethod
    def faithful(cls, **settings: Any) -> TAPruning:
        """The settings of the paper: ratios of objectives, on the examples that are kept for the last choice."""
        return cls(**{"acceptance": "ratio", "purpose": "select", **settings})

    def __post_init__(self) -> None:
        positive(self, "speculative")
        probability(self, "tolerance")
        for setting, known in (("acceptance", _ACCEPTANCES), ("order", _ORDERS), ("purpose", _PURPOSES)):
            value = getattr(self, setting)
            if value not in known:
                raise QDError(f"TAPruning.{setting}: got {value!r}, {nearest(str(value), known)}")

    def init(self, problem: Problem, seed: int) -> TAPruningState:
        space = problem.space()
        if not isinstance(space, Mask):
            raise QDError(f"TAPruning prunes masks, not {space!r}; give it a problem whose solution_space is a Mask")
        order = np.setdiff1d(np.arange(space.length), space.frozen)
        if len(order) == 0:
            raise QDError(f"TAPruning: all {space.length} positions of the mask are frozen, so nothing can be pruned")
        if self.order == "shuffled":
            order = generator(seed, "order").permutation(order)
        return TAPruningState(seed, order, np.ones(space.length, np.uint8), trace=np.zeros((0, space.length), np.uint8))

    def ask(self, state: TAPruningState, left: int) -> Request | None:
        if left <= 0 or state.ended:
            return None
        if not state.started:
            state.started = True
            return Request(state.mask[None].copy(), operators="full", purpose=self.purpose)
        tried = self._next(state)
        masks = np.repeat(state.mask[None], len(tried), axis=0)  # (n, d)
        masks[np.arange(len(tried)), state.order[tried]] = 0
        parents = np.full((len(tried), 1), state.ids[-1] if len(state.ids) else -1)
        return Request(masks, parents=parents, operators="drop", purpose=self.purpose)

    def _next(self, state: TAPruningState) -> NDArray[np.int64]:
        """Places in the order of the next tokens to try; there is at least one."""
        kept = np.flatnonzero(state.mask[state.order])
        return kept[kept >= state.place][: self.speculative]

    def tell(self, state: TAPruningState, request: Request, evaluation: Evaluation) -> None:
        masks = np.asarray(request.solutions)
        if request.operators == "full":
            if evaluation.ok[0]:
                self._accept(state, masks[0], float(evaluation.objective[0]), int(request.first))
        else:
            tried = self._next(state)
            for row, place in enumerate(tried[: len(masks)]):  # the last request of a run may have been cut
                state.place = int(place) + 1
                if evaluation.ok[row] and self._good(state.best, float(evaluation.objective[row])):
                    self._accept(state, masks[row], float(evaluation.objective[row]), int(request.first) + row)
                    state.removed += 1
                    break
        self._sweep_on(state)

    def _good(self, best: float, objective: float) -> bool:
        """Whether a token stays dropped; anything is good where the full mask could not be evaluated."""
        if np.isnan(best):
            return True
        if self.acceptance == "strict":
            return objective > best
        if self.acceptance == "ratio":
            return best == 0 or not objective / best < 1 - self.tolerance
        return objective >= best - self.tolerance * abs(best)

    def _accept(self, state: TAPruningState, mask: NDArray[np.uint8], objective: float, number: int) -> None:
        state.mask = mask.copy()
        state.best = float(np.fmax(state.best, objective))
        state.trace = np.concatenate([state.trace, mask[None]])
        state.objective = np.append(state.objective, objective)
        state.ids = np.append(state.ids, number)

    def _sweep_on(self, state: TAPruningState) -> None:
        """Begin the next sweep where this one is through; end where it dropped nothing or nothing is left."""
        if len(self._next(state)):
            return
        state.ended = state.removed == 0 or not state.mask[state.order].any()
        state.place = state.removed = 0
        state.sweep += 1

    def report(self, state: TAPruningState) -> Report:
        metrics = {"best_in_trace": float("nan"), "kept": float(state.mask.sum()), "sweeps": float(state.sweep)}
        populations: dict[str, Any] = {"trace": state.trace, "objective": state.objective}
        if len(state.objective):
            chosen = self.reported(state)
            metrics |= {"best_in_trace": float(state.objective[chosen])}
            populations["reported"] = state.trace[chosen][None]
        return Report(metrics=metrics, populations=populations)

    @staticmethod
    def reported(state: TAPruningState) -> int:
        """The trace's entry of the highest objective; of equal ones the last, which keeps the fewest tokens."""
        best = np.flatnonzero(state.objective == state.objective.max())
        return int(best[-1])
