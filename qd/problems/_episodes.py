"""Episodes of networks in environments, some side by side: the machinery that ``Gym`` and ``MiniGrid`` share.

A lane is one environment with the row that it plays. All lanes step together: one call of the networks gives the
actions of all, each environment takes its own, and a lane whose episode is over takes the next row. Every number of
a row comes from its weights and its seed alone, so it is the same whatever plays beside it.
"""

from __future__ import annotations

import traceback
from abc import abstractmethod
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from qd.contracts import Evaluation, Problem, Request, Status
from qd.errors import QDError, nearest
from qd.policies import MLP
from qd.problems._gym_interface import Actions, Encode, actions
from qd.problems.step_measures import MEASURES, Probe, StepMeasure
from qd.space import Box, Measures, Space

_REASON_LINES = 12
_STATISTICS = ("observation_count", "observation_mean", "observation_squares")


class Policy(Protocol):
    """What a policy factory returns: networks of one shape, whose weights come with each call."""

    @property
    def length(self) -> int:
        """Weights a network."""

    def forward(self, weights: NDArray[np.float64], observations: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n, d) weights and (n, o) observations to (n, a) outputs, every row computed by itself."""


class _Lane:
    """One environment, kept and used again, with what is needed to play in it."""

    def __init__(self, problem: EnvironmentProblem) -> None:
        self.env = problem.make_environment()
        self.probe: Probe | None = problem.measure.probe(self.env) if problem.measure else None

    def close(self) -> None:
        with suppress(Exception):
            self.env.close()


@dataclass(frozen=True)
class EnvironmentProblem(Problem):
    """A network in an environment for one episode a row: what ``Gym`` and ``MiniGrid`` have in common."""

    id: str = ""
    """The environment's registered id."""
    measures: str | StepMeasure | None = None
    """What is measured: a name, a StepMeasure, or None for nothing."""
    measure_low: tuple[float, ...] = ()
    """Lower bounds of the measures, in place of their own."""
    measure_high: tuple[float, ...] = ()
    """Upper bounds of the measures, in place of their own."""
    dims: tuple[int, ...] = ()
    """Cells a measure, in place of their own."""
    max_steps: int = 0
    """Steps an episode at most; 0 for the environment's own limit."""
    hidden: tuple[int, ...] = (64, 64)
    """Units of the network's hidden layers."""
    activation: str = "tanh"
    """Of the hidden layers: tanh, tanh_half, sigmoid, relu, identity."""
    policy: Callable[[int, int], Policy] | None = None
    """Other networks: of (inputs, outputs), an object with ``length`` and ``forward``; see Policy."""
    weight_bound: float = 5.0
    """Weights lie between -weight_bound and weight_bound."""
    init_sigma: float = 0.3
    """Standard deviation of a random network's weights."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Keyword arguments for the environment."""
    side_by_side: int = 8
    """Environments that step together, in each process."""
    reuse: bool = True
    """Keep environments from episode to episode; false for those that carry state over a reset."""

    columns = MappingProxyType({
        "observation_count": "(n,) observations that the network saw",
        "observation_mean": "(n, o) their mean",
        "observation_squares": "(n, o) sum of their squared distances from it",
        "steps": "(n,) steps of the episode",
    })  # fmt: skip
    chunk_size = 8
    batching = "rows"

    def __post_init__(self) -> None:
        name = type(self).__name__
        for setting in ("hidden", "measure_low", "measure_high", "dims"):
            object.__setattr__(self, setting, tuple(getattr(self, setting)))
        if self.max_steps < 0:
            raise QDError(f"{name}.max_steps: got {self.max_steps}, wanted 0 or more")
        if self.side_by_side < 1:
            raise QDError(f"{name}.side_by_side: got {self.side_by_side}, wanted at least 1")
        for setting in ("weight_bound", "init_sigma"):
            if not getattr(self, setting) > 0:
                raise QDError(f"{name}.{setting}: got {getattr(self, setting)}, wanted a number above 0")
        if isinstance(self.measures, str) and self.measures not in MEASURES:
            raise QDError(f"{name}.measures: got {self.measures!r}, {nearest(self.measures, MEASURES)}; "
                          "or give a StepMeasure")  # fmt: skip
        named = MEASURES[self.measures] if isinstance(self.measures, str) else self.measures
        object.__setattr__(self, "measure", named)  # found by name here, so that it travels to child processes
        # looks at everything that could be wrong with the environment before any work is spent
        _ = self.measure_space, self.costs, self.solution_space

    measure: StepMeasure | None = field(init=False, repr=False, compare=False, default=None)
    """What the setting ``measures`` stands for."""

    def __getstate__(self) -> dict[str, Any]:
        return {f.name: getattr(self, f.name) for f in fields(self)}  # environments stay in their process

    @abstractmethod
    def make_environment(self, **extra: Any) -> Any:
        """A new environment; ``extra`` are more keyword arguments for it."""

    @cached_property
    @abstractmethod
    def encoding(self) -> tuple[int, Encode]:
        """Numbers of an observation, and how it becomes them."""

    @abstractmethod
    def step_limit(self, env: Any) -> int:
        """The environment's own limit of steps, 0 for none."""

    def reset_seed(self, seed: int) -> int:
        """What the environment is reset with, from a row's 64-bit seed: its upper 31 bits, which any of them takes."""
        return int(seed) >> 33

    @cached_property
    def _idle(self) -> list[_Lane]:
        """Environments that wait for an episode."""
        return []

    @cached_property
    def _first(self) -> Any:
        """The first environment, for its spaces."""
        lane = self._idle[-1] if self._idle else _Lane(self)
        if not self._idle:
            self._idle.append(lane)
        return lane.env

    @cached_property
    def actions(self) -> Actions:
        """How outputs become actions."""
        return actions(self._first.action_space, f"{type(self).__name__}(id={self.id!r})")

    @cached_property
    def network(self) -> Policy:
        """The networks whose weights are evolved."""
        inputs, outputs = self.encoding[0], self.actions.outputs
        if self.policy is not None:
            return self.policy(inputs, outputs)
        return MLP((inputs, *self.hidden, outputs), self.activation, "identity" if self.actions.choice else "tanh")

    @cached_property
    def solution_space(self) -> Space:  # type: ignore[override]
        """The weights of one network, sampled from a normal distribution."""
        return Box(-self.weight_bound, self.weight_bound, self.network.length, init_sigma=self.init_sigma)

    @cached_property
    def measure_space(self) -> Measures | None:  # type: ignore[override]
        """Of the measure, with the bounds and cells that the settings replace."""
        if self.measure is None:
            return None
        space = self.measure.space(self._first)
        return replace(
            space,
            low=self.measure_low or space.low,
            high=self.measure_high or space.high,
            dims=self.dims or space.dims,
        )

    @cached_property
    def costs(self) -> Mapping[str, float]:  # type: ignore[override]
        """A row costs the steps that its episode lasts."""
        limit = self.max_steps or self.step_limit(self._first)
        if limit < 1:
            raise QDError(f"{type(self).__name__}.max_steps: {self.id!r} sets no limit of its own; say how many steps "
                          "an episode lasts at most, e.g. max_steps=1000")  # fmt: skip
        return {"steps": float(limit)}

    def prepare(self) -> None:
        """Make the first environment, and compile or load the kernels."""
        inputs = self.encoding[0]
        self._forward(np.zeros((1, self.network.length)), np.zeros((1, inputs)))
        _standardised(np.zeros((1, inputs)), _Normalisation.of({}, inputs), None)

    def _forward(self, weights: NDArray[np.float64], inputs: NDArray[np.float64]) -> NDArray[np.float64]:
        if isinstance(self.network, MLP):
            return self.network.forward(weights, inputs, "numba")
        return np.asarray(self.network.forward(weights, inputs), np.float64)

    def evaluate(self, request: Request, seeds: NDArray[np.uint64]) -> Evaluation:
        return _Batch(self, request, seeds).run()


@dataclass(frozen=True)
class _Normalisation:
    """What observations are standardised by."""

    center: NDArray[np.float64]  # (o,)
    scale: NDArray[np.float64]  # (o,)
    clip: float

    @classmethod
    def of(cls, context: Mapping[str, NDArray[Any]], inputs: int) -> _Normalisation:
        """From a request's context; observations stay as they are where it has none."""
        if "observation_mean" not in context:
            return cls(np.zeros(inputs), np.ones(inputs), np.inf)
        center, scale = (np.asarray(context[f"observation_{part}"], np.float64) for part in ("mean", "std"))
        if center.shape != (inputs,) or scale.shape != (inputs,):
            raise QDError(f"context: observation_mean has shape {center.shape}, observation_std {scale.shape}, "
                          f"wanted ({inputs},) of each")  # fmt: skip
        return cls(center, scale, float(context.get("observation_clip", np.inf)))


@dataclass
class _Statistics:
    """Count, mean and squared distances of the observations of each lane."""

    count: NDArray[np.int64]  # (lanes,)
    mean: NDArray[np.float64]  # (lanes, o)
    squares: NDArray[np.float64]  # (lanes, o)


def _standardised(
    raw: NDArray[np.float64], by: _Normalisation, statistics: _Statistics | None
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """(n, o) what the networks see, and (n,) which observations are finite; adds them to the statistics."""
    from qd.problems._episode_kernel import take_in

    inputs, finite = np.empty_like(raw), np.empty(len(raw), np.bool_)
    s = statistics or _Statistics(np.zeros(0, np.int64), np.zeros((0, 0)), np.zeros((0, 0)))
    take_in(raw, by.center, by.scale, by.clip, inputs, statistics is not None, s.count, s.mean, s.squares, finite)
    return inputs, finite


class _Batch:
    """The episodes of one call of ``evaluate``."""

    def __init__(self, problem: EnvironmentProblem, request: Request, seeds: NDArray[np.uint64]) -> None:
        self.problem, self.seeds = problem, seeds
        self.solutions = np.asarray(request.solutions, np.float64)  # (n, d)
        self.inputs, self.encode = problem.encoding
        n, m = len(self.solutions), problem.measure_space.size if problem.measure_space else 0
        lanes = min(n, problem.side_by_side)
        self.limit = int(problem.costs["steps"])
        self.by = _Normalisation.of(request.context, self.inputs)
        self.counting = any(column in request.columns for column in _STATISTICS)
        # by row
        self.objective, self.measures = np.full(n, np.nan), np.full((n, m), np.nan)
        self.steps = np.zeros(n)
        self.status, self.reasons = np.zeros(n, np.int8), dict[int, str]()
        self.counts = _Statistics(np.zeros(n, np.int64), np.zeros((n, self.inputs)), np.zeros((n, self.inputs)))
        # by lane; the first `live` are in use
        self.live: list[_Lane] = []
        self.row = np.zeros(lanes, np.int64)
        self.weights = np.zeros((lanes, self.solutions.shape[1]))
        self.raw = np.zeros((lanes, self.inputs))
        self.shown = np.zeros((lanes, m))
        self.lane_counts = _Statistics(
            np.zeros(lanes, np.int64), np.zeros((lanes, self.inputs)), np.zeros((lanes, self.inputs))
        )
        self.total, self.played = [0.0] * lanes, [0] * lanes
        self.next_row = 0

    def run(self) -> Evaluation:
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
                lane = self.problem._idle.pop() if self.problem._idle else _Lane(self.problem)
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
        view = _Statistics(c.count[:k], c.mean[:k], c.squares[:k]) if self.counting else None
        inputs, finite = _standardised(self.raw[:k], self.by, view)
        outputs = self.problem._forward(self.weights[:k], inputs)
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
                table[at] = table[last]  # type: ignore[index]
            self.total[at], self.played[at] = self.total[last], self.played[last]
        if usable and self.problem.reuse:
            self.problem._idle.append(lane)
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
