"""Episodes of networks in environments, some of them side by side.

A lane is one environment with the row that it plays. All lanes step together: one call of the networks gives the
actions of all, each environment takes its own, and a lane whose episode is over takes the next row. Every number of
a row comes from its weights and its seed alone, so it is the same whatever plays beside it.
"""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from qd.contracts import Evaluation, Request, Status
from qd.errors import QDError
from qd.problems.step_measures import Probe

if TYPE_CHECKING:
    from qd.problems._environment_problem import EnvironmentProblem

_REASON_LINES = 12
_STATISTICS = ("observation_count", "observation_mean", "observation_squares")


@dataclass
class Lane:
    """One environment, kept and used again, with the reader of its measures."""

    env: Any
    probe: Probe | None

    def close(self) -> None:
        """Let go of it, whatever state it is in."""
        with suppress(Exception):
            self.env.close()


@dataclass(frozen=True)
class Normalisation:
    """What observations are standardised by."""

    center: NDArray[np.float64]  # (o,)
    scale: NDArray[np.float64]  # (o,)
    clip: float

    @classmethod
    def of(cls, context: Mapping[str, NDArray[Any]], inputs: int) -> Normalisation:
        """From a request's context; observations stay as they are where it has none."""
        if "observation_mean" not in context:
            return cls(np.zeros(inputs), np.ones(inputs), np.inf)
        center, scale = (np.asarray(context[f"observation_{part}"], np.float64) for part in ("mean", "std"))
        if center.shape != (inputs,) or scale.shape != (inputs,):
            raise QDError(f"context: observation_mean has shape {center.shape}, observation_std {scale.shape}, "
                          f"wanted ({inputs},) of each")  # fmt: skip
        return cls(center, scale, float(context.get("observation_clip", np.inf)))


@dataclass
class Statistics:
    """Count, mean and squared distances of the observations of each lane."""

    count: NDArray[np.int64]  # (lanes,)
    mean: NDArray[np.float64]  # (lanes, o)
    squares: NDArray[np.float64]  # (lanes, o)


def standardised(
    raw: NDArray[np.float64], by: Normalisation, statistics: Statistics | None
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """(n, o) what the networks see, and (n,) which observations are finite; adds them to the statistics."""
    from qd.problems._episode_kernel import take_in

    inputs, finite = np.empty_like(raw), np.empty(len(raw), np.bool_)
    s = statistics or Statistics(np.zeros(0, np.int64), np.zeros((0, 0)), np.zeros((0, 0)))
    take_in(raw, by.center, by.scale, by.clip, inputs, statistics is not None, s.count, s.mean, s.squares, finite)
    return inputs, finite


class Episodes:
    """The episodes of one call of ``evaluate``."""

    def __init__(self, problem: EnvironmentProblem, request: Request, seeds: NDArray[np.uint64]) -> None:
        self.problem, self.seeds = problem, seeds
        self.solutions = np.asarray(request.solutions, np.float64)  # (n, d)
        self.inputs, self.encode = problem.encoding
        n, m = len(self.solutions), problem.measure_space.size if problem.measure_space else 0
        lanes = min(n, problem.side_by_side)
        self.limit = int(problem.costs["steps"])
        self.by = Normalisation.of(request.context, self.inputs)
        self.counting = any(column in request.columns for column in _STATISTICS)
        # by row
        self.objective, self.measures = np.full(n, np.nan), np.full((n, m), np.nan)
        self.steps = np.zeros(n)
        self.status, self.reasons = np.zeros(n, np.int8), dict[int, str]()
        self.counts = Statistics(np.zeros(n, np.int64), np.zeros((n, self.inputs)), np.zeros((n, self.inputs)))
        # by lane; the first `live` are in use
        self.live: list[Lane] = []
        self.row = np.zeros(lanes, np.int64)
        self.weights = np.zeros((lanes, self.solutions.shape[1]))
        self.raw = np.zeros((lanes, self.inputs))
        self.shown = np.zeros((lanes, m))
        self.lane_counts = Statistics(
            np.zeros(lanes, np.int64), np.zeros((lanes, self.inputs)), np.zeros((lanes, self.inputs))
        )
        self.total, self.played = [0.0] * lanes, [0] * lanes
        self.next_row = 0

    def run(self) -> Evaluation:
        """Play all rows to their end."""
        try:
            while True:
                self._fill()
                if not self.live:
                    break
                self._step()
        except BaseException:  # a time-out or an interrupt in mid-step: no telling what state environments are in
            for lane in self.live:
                lane.close()
            raise
        columns = {
            "observation_count": self.counts.count,
            "observation_mean": self.counts.mean,
            "observation_squares": self.counts.squares,
            "steps": self.steps,
        }
        return Evaluation(
            self.objective, self.measures, self.status, columns, {"steps": self.steps.copy()}, reasons=self.reasons
        )

    def _fill(self) -> None:
        """Start rows in free lanes."""
        while len(self.live) < len(self.row) and self.next_row < len(self.solutions):
            row, at = self.next_row, len(self.live)
            self.next_row += 1
            lane = None
            try:
                lane = self.problem.idle.pop() if self.problem.idle else self.problem.new_lane()
                observation, _ = lane.env.reset(seed=self.problem.reset_seed(int(self.seeds[row])))
                self.raw[at] = self.encode(observation)
            except Exception:
                self._lose(row, _reason())
                if lane is not None:
                    lane.close()
                continue
            self.live.append(lane)
            self.row[at], self.weights[at] = row, self.solutions[row]
            self.shown[at], self.total[at], self.played[at] = 0.0, 0.0, 0
            self.lane_counts.count[at], self.lane_counts.mean[at], self.lane_counts.squares[at] = 0, 0.0, 0.0

    def _step(self) -> None:
        """One step of every lane in use; those whose episode ends are freed."""
        k = len(self.live)
        c = self.lane_counts
        view = Statistics(c.count[:k], c.mean[:k], c.squares[:k]) if self.counting else None
        inputs, finite = standardised(self.raw[:k], self.by, view)
        outputs = self.problem.forward(self.weights[:k], inputs)
        finite &= np.isfinite(outputs).all(axis=1)
        chosen = self.problem.actions.decode(outputs)
        for at in range(k - 1, -1, -1):  # backwards: a lane that is freed is replaced by the last one
            if not finite[at]:
                self._lose(int(self.row[at]), self._not_finite(at, outputs[at]))
                self._free(at, usable=True)
                continue
            try:
                over = self._step_lane(at, chosen[at])
            except Exception:
                self._lose(int(self.row[at]), _reason())
                self._free(at, usable=False)
                continue
            if over:
                self._free(at, usable=True)

    def _step_lane(self, at: int, action: Any) -> bool:
        """One step of one lane: whether its episode is over."""
        lane, measure = self.live[at], self.problem.measure
        observation, reward, terminated, truncated, _ = lane.env.step(action)
        self.total[at] += float(reward)
        self.played[at] += 1
        self.raw[at] = self.encode(observation)
        over = bool(terminated or truncated) or self.played[at] >= self.limit
        if lane.probe is not None and measure is not None and (over or measure.reduce != "last"):
            seen = lane.probe(self.raw[at], action)
            if measure.reduce in ("last", "max"):
                first = self.played[at] == 1 or measure.reduce == "last"
                self.shown[at] = seen if first else np.maximum(self.shown[at], seen)
            else:
                self.shown[at] += seen
        if over:
            self._finish(at)
        return over

    def _finish(self, at: int) -> None:
        row, problem = int(self.row[at]), self.problem
        if not np.isfinite(self.raw[at]).all():
            self._lose(row, self._not_finite(at, None))
            return
        self.objective[row] = self.total[at]
        if problem.measure is not None and problem.measure_space is not None:
            shown = self.shown[at] / (self.played[at] if problem.measure.reduce == "mean" else 1)
            self.measures[row] = np.clip(shown, problem.measure_space.low_array, problem.measure_space.high_array)

    def _free(self, at: int, usable: bool) -> None:
        """Take a lane out of use: its row's numbers are kept, the last lane takes its place."""
        row, last = int(self.row[at]), len(self.live) - 1
        self.steps[row] = self.played[at]
        c = self.lane_counts
        self.counts.count[row], self.counts.mean[row], self.counts.squares[row] = c.count[at], c.mean[at], c.squares[at]
        lane = self.live[at]
        self.live[at] = self.live[last]
        self.live.pop()
        if at < last:
            for table in (self.row, self.weights, self.raw, self.shown, c.count, c.mean, c.squares):
                table[at] = table[last]
            self.total[at], self.played[at] = self.total[last], self.played[last]
        if usable and self.problem.reuse:
            self.problem.idle.append(lane)
        else:
            lane.close()

    def _lose(self, row: int, reason: str) -> None:
        self.status[row], self.reasons[row] = Status.FAILED, reason
        self.objective[row], self.measures[row] = np.nan, np.nan

    def _not_finite(self, at: int, outputs: NDArray[np.float64] | None) -> str:
        wrong = np.flatnonzero(~np.isfinite(self.raw[at]))
        if len(wrong):
            return f"observation[{wrong[0]}] is {self.raw[at, wrong[0]]} after {self.played[at]} steps"
        return f"the policy gave {outputs} after {self.played[at]} steps"


def _reason() -> str:
    return "".join(traceback.format_exc().splitlines(keepends=True)[-_REASON_LINES:])
