"""The simplex method of Nelder and Mead 1965, https://doi.org/10.1093/comjnl/7.4.308, as Lagarias et al. 1998 state it.

d + 1 vertices move by reflecting the worst one through the others: further out where that pays, halfway where it does
not, and all of them towards the best one where nothing else helps. One evaluation after another, so ranks do not help,
and no defence against noise: the yardstick for few genes, with which constrained rewards were tuned first (Moskovitz et
al. 2023, https://arxiv.org/abs/2310.04373). The steps are those of scipy's ``minimize(method="Nelder-Mead")``. Where we
differ: the objective is maximised; a vertex that failed is the worst; and where the simplex has become small the
search begins anew at another place, with what is left of the budget.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from qd.algorithm import Algorithm, Report, positive
from qd.contracts import Evaluation, Problem, Request
from qd.errors import QDError
from qd.rng import generator
from qd.space import Box

Array = NDArray[np.float64]


@dataclass
class NelderMeadState:
    """The simplex, best vertex first, and the step that is under way."""

    seed: int
    space: Box
    phase: str = "start"  # start, reflect, expand, contract (outside), draw_in (inside), shrink, done
    simplex: Array = field(default_factory=lambda: np.zeros((0, 0)))  # (d + 1, d)
    values: Array = field(default_factory=lambda: np.zeros(0))  # (d + 1,) objectives, -inf where one failed
    ids: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))  # (d + 1,) evaluation numbers
    reflected: Array = field(default_factory=lambda: np.zeros(0))  # (d,)
    reflected_value: float = float("nan")
    reflected_id: int = -1
    restarts: int = 0
    moves: int = 0  # simplexes since the start of this one
    best: NDArray[np.float64] | None = None  # (d,) of all starts
    best_objective: float = float("nan")
    best_id: int = -1


@dataclass(frozen=True)
class NelderMead(Algorithm):
    """A simplex that walks uphill.

    >>> NelderMead(tolerance=0.01).shrink
    0.5
    """

    spread: float = 0.25
    """Edges of the first simplex, in widths of the box gene by gene; in units of init_sigma where there is one."""
    reflection: float = 1.0
    """How far the worst vertex goes beyond the centre of the others, in its distance from there."""
    expansion: float = 2.0
    """How far it goes where that was the best so far, in the reflection's distance."""
    contraction: float = 0.5
    """How far it goes where the reflection was no good."""
    shrink: float = 0.5
    """What is left of the edges where nothing was."""
    tolerance: float = 0.01
    """The end of a simplex: no vertex differs from the best by more, in any gene and in the objective."""
    restart: bool = True
    """Begin anew elsewhere then; otherwise the search is over."""

    State = NelderMeadState

    def __post_init__(self) -> None:
        positive(self, "spread", "reflection", "contraction", "shrink")
        if not self.expansion > max(1.0, self.reflection):
            raise QDError(f"NelderMead.expansion: got {self.expansion}, wanted more than 1 and than the reflection")
        for name in ("contraction", "shrink"):
            if not getattr(self, name) < 1:
                raise QDError(f"NelderMead.{name}: got {getattr(self, name)}, wanted a number below 1")
        if not self.tolerance >= 0:
            raise QDError(f"NelderMead.tolerance: got {self.tolerance}, wanted a number of at least 0")

    def init(self, problem: Problem, seed: int) -> NelderMeadState:
        space = problem.space()
        if not isinstance(space, Box):
            raise QDError(f"NelderMead moves real vectors, not {space!r}")
        return NelderMeadState(seed, space)

    def ask(self, state: NelderMeadState, left: int) -> Request | None:
        if left <= 0 or state.phase == "done":
            return None
        if state.phase == "start":
            state.simplex = self._first_simplex(state)
            return Request(state.simplex.astype(state.space.dtype), operators="start")
        if state.phase == "shrink":
            return Request(self._shrunk(state)[1:].astype(state.space.dtype), operators="shrink")
        return Request(self._trial(state)[None].astype(state.space.dtype), operators=state.phase)

    def tell(self, state: NelderMeadState, request: Request, evaluation: Evaluation) -> None:
        told = np.full(len(request), -np.inf)  # failed rows, and those that the budget cut off
        told[: len(evaluation)] = np.where(evaluation.ok, evaluation.objective, -np.inf)
        rows = np.array(request.solutions, np.float64)
        self._keep_best(state, rows, request, told)
        if state.phase == "start":
            state.simplex, state.values, state.ids = rows, told, request.ids
        elif state.phase == "shrink":
            state.simplex[1:], state.values[1:], state.ids[1:] = rows, told, request.ids
        else:
            if not self._stepped(state, rows[0], float(told[0]), int(request.ids[0])):
                return
        self._sort(state)
        state.moves += 1
        state.phase = "reflect"
        if self._small(state):
            state.restarts += self.restart
            state.moves, state.phase = 0, "start" if self.restart else "done"

    def _stepped(self, state: NelderMeadState, point: Array, value: float, number: int) -> bool:
        """Take in a trial; whether it ends the move. Otherwise another trial follows, or the shrinking."""
        best, second_worst, worst = state.values[0], state.values[-2], state.values[-1]
        if state.phase == "reflect":
            state.reflected, state.reflected_value, state.reflected_id = point, value, number
            if value > best:
                state.phase = "expand"
            elif value <= second_worst:
                state.phase = "contract" if value > worst else "draw_in"
            else:
                self._replace_worst(state, point, value, number)
            return state.phase == "reflect"
        better = {
            "expand": value > state.reflected_value,
            "contract": value >= state.reflected_value,
            "draw_in": value > worst,
        }[state.phase]
        if better:
            self._replace_worst(state, point, value, number)
        elif state.phase == "expand":
            self._replace_worst(state, state.reflected, state.reflected_value, state.reflected_id)
        else:
            state.phase = "shrink"
            return False
        return True

    def _trial(self, state: NelderMeadState) -> Array:
        """(d,) the point that the phase asks for, inside the bounds."""
        center, worst = state.simplex[:-1].sum(axis=0) / (len(state.simplex) - 1), state.simplex[-1]
        far = {
            "reflect": self.reflection,
            "expand": self.reflection * self.expansion,
            "contract": self.reflection * self.contraction,
            "draw_in": -self.contraction,
        }[state.phase]
        return self._inside(state, (1 + far) * center - far * worst)

    def _shrunk(self, state: NelderMeadState) -> Array:
        best = state.simplex[:1]
        return self._inside(state, best + self.shrink * (state.simplex - best))

    @staticmethod
    def _inside(state: NelderMeadState, points: Array) -> Array:
        return np.asarray(np.clip(points, state.space.low, state.space.high))

    def _first_simplex(self, state: NelderMeadState) -> Array:
        """(d + 1, d) a point drawn from the space, and a step from it along each gene, away from the nearer bound."""
        low, high = np.asarray(state.space.low, np.float64), np.asarray(state.space.high, np.float64)
        begin = np.asarray(state.space.sample(1, generator(state.seed, "start", state.restarts)), np.float64)[0]
        if state.space.init_sigma is None:
            unit = high - low
        else:
            unit = np.broadcast_to(np.asarray(state.space.init_sigma, np.float64), begin.shape)
            unit = np.where(unit > 0, unit, unit.max())  # a gene that starts at 0 has the largest unit
        edge = np.where(high - begin >= begin - low, 1.0, -1.0) * self.spread * unit
        return self._inside(state, np.concatenate([begin[None], begin + np.diag(edge)]))

    @staticmethod
    def _replace_worst(state: NelderMeadState, point: Array, value: float, number: int) -> None:
        state.simplex[-1], state.values[-1], state.ids[-1] = point, value, number

    @staticmethod
    def _sort(state: NelderMeadState) -> None:
        order = np.argsort(-state.values, kind="stable")
        state.simplex, state.values, state.ids = state.simplex[order], state.values[order], state.ids[order]

    def _small(self, state: NelderMeadState) -> bool:
        if not np.isfinite(state.values[0]):  # nowhere to walk to
            return True
        near = np.abs(state.simplex[1:] - state.simplex[0]).max() <= self.tolerance
        return bool(near and np.abs(state.values[1:] - state.values[0]).max() <= self.tolerance)

    @staticmethod
    def _keep_best(state: NelderMeadState, rows: Array, request: Request, told: Array) -> None:
        row = int(told.argmax())
        if np.isfinite(told[row]) and not told[row] <= state.best_objective:
            state.best, state.best_objective = rows[row].copy(), float(told[row])
            state.best_id = int(request.ids[row])

    def report(self, state: NelderMeadState) -> Report:
        edges = np.ptp(state.simplex, axis=0).max() if len(state.simplex) else np.nan
        metrics = {
            "best": state.best_objective,
            "edge": float(edges),
            "moves": float(state.moves),
            "restarts": float(state.restarts),
        }
        populations = {} if state.best is None else {"solutions": state.best[None], "ids": np.array([state.best_id])}
        return Report(metrics=metrics, populations=populations)
