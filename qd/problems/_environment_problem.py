"""What ``Gym`` and ``MiniGrid`` have in common: settings, checks at the door, spaces, environments that are kept."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from qd.contracts import Evaluation, Problem, Request
from qd.contracts import Policy as Act
from qd.errors import QDError, nearest
from qd.policies import MLP
from qd.problems._episodes import Episodes, Lane, Normalisation, standardised
from qd.problems._gym_interface import Actions, Encode, actions
from qd.problems.step_measures import MEASURES, StepMeasure
from qd.replay import Frames
from qd.space import Box, Measures, Space


class Policy(Protocol):
    """What a policy factory returns: networks of one shape, whose weights come with each call."""

    @property
    def length(self) -> int:
        """Weights a network."""

    def forward(self, weights: NDArray[np.float64], observations: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n, d) weights and (n, o) observations to (n, a) outputs, every row computed by itself."""


_FRAMES = 120  # of a replay


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
    side_by_side: int = 16
    """Environments that step together, in each process."""
    reuse: bool = True
    """Keep environments from episode to episode; false for those that carry state over a reset."""

    measure: StepMeasure | None = field(init=False, repr=False, compare=False, default=None)
    """What the setting ``measures`` stands for."""

    columns = MappingProxyType({
        "observation_count": "(n,) observations that the network saw",
        "observation_mean": "(n, o) their mean",
        "observation_squares": "(n, o) sum of their squared distances from it",
        "steps": "(n,) steps of the episode",
    })  # fmt: skip
    chunk_size = 16
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
        # in this order, everything that could be wrong with the environment is met before any work is spent
        _ = self.encoding, self.solution_space, self.costs, self.measure_space, self.idle

    def __getstate__(self) -> dict[str, Any]:
        return {f.name: getattr(self, f.name) for f in fields(self)}  # environments stay in their process

    @abstractmethod
    def make_environment(self, **extra: Any) -> Any:
        """A new environment; ``extra`` are more keyword arguments for it."""

    def new_lane(self) -> Lane:
        """A new environment with the reader of its measures."""
        return self._lane(self.make_environment())

    def _lane(self, env: Any) -> Lane:
        return Lane(env, self.measure.probe(env) if self.measure else None)

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
    def _first(self) -> Any:
        """The first environment, for its spaces."""
        return self.make_environment()

    @cached_property
    def idle(self) -> list[Lane]:
        """Environments that wait for an episode."""
        return [self._lane(self._first)]

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
        self.forward(np.zeros((1, self.network.length)), np.zeros((1, inputs)))
        standardised(np.zeros((1, inputs)), Normalisation.of({}, inputs), None)

    def forward(self, weights: NDArray[np.float64], inputs: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n, d) weights and (n, o) inputs to (n, a) outputs of the networks."""
        if isinstance(self.network, MLP):
            return self.network.forward(weights, inputs, "numba")
        return np.asarray(self.network.forward(weights, inputs), np.float64)

    def evaluate(self, request: Request, seeds: NDArray[np.uint64]) -> Evaluation:
        return Episodes(self, request, seeds).run()

    def policy_of(self, solution: NDArray[Any], context: Mapping[str, NDArray[Any]] | None = None) -> Act:
        """A solution's network: the environment's own observations to its own actions.

        One observation gives an action as ``action_space.sample()`` would; a list or a batch of them gives as many.
        Observations are standardised as the search did, where the context says by what.
        """
        inputs, encode = self.encoding
        by = Normalisation.of(context or {}, inputs)
        weights = np.asarray(solution, np.float64)
        if weights.shape != (self.network.length,):
            raise QDError(f"solution: got shape {weights.shape}, wanted ({self.network.length},), a network's weights")
        axes = len(self._first.observation_space.shape or ())  # of one observation; none of a choice

        def act(observations: Any) -> Any:
            several = isinstance(observations, list) or (
                not isinstance(observations, Mapping) and np.ndim(observations) == axes + 1
            )
            raw = np.array([encode(seen) for seen in (observations if several else [observations])])
            seen, _ = standardised(raw, by, None)
            chosen = self.actions.decode(self.forward(np.repeat(weights[None], len(seen), axis=0), seen))
            return chosen if several else chosen[0]

        return act

    def render(self, solution: NDArray[Any], seed: int, context: Mapping[str, NDArray[Any]] | None = None) -> Any:
        """A matplotlib figure of one episode: a strip of frames, or the observations over time.

        Frames need an environment that can be drawn; MuJoCo's need OpenGL, which is tried through EGL where there is
        no screen. Where they fail the figure says why.

        Args:
            solution: (d,) weights.
            seed: the row's.
            context: what observations were standardised by, as in a request.
        """
        from qd.problems._episode_figure import figure, filmed

        env, result = self._again(solution, seed, context)
        frames, at, why = filmed(self.make_environment, self.reset_seed(seed), env.actions)
        paid = f"sum of rewards {result.objective[0]:.4g}" if result.ok[0] else "failed"
        seen = np.array([self.encoding[1](observation) for observation in env.observations])
        return figure(frames, at, why, seen, f"{self.id}: {paid}, {len(env.actions)} steps")

    def replay(self, solution: NDArray[Any], seed: int, context: Mapping[str, NDArray[Any]] | None = None) -> Frames:
        """The environment's own frames of one episode, up to 120 of them; ``render`` says what they need."""
        from qd.problems._episode_figure import filmed

        env, _ = self._again(solution, seed, context)
        frames, _, why = filmed(self.make_environment, self.reset_seed(seed), env.actions, _FRAMES)
        if not frames:
            raise QDError(f"{self.name}: {self.id} gives no frames here: {why}")
        rate = float(env.metadata.get("render_fps") or 30.0)
        return Frames(np.stack(frames).astype(np.uint8), max(len(env.actions), 1) / len(frames) / rate)

    def _again(self, solution: NDArray[Any], seed: int, context: Mapping[str, Any] | None) -> tuple[_Kept, Evaluation]:
        """One episode once more, in an environment that remembers it."""
        env = _Kept(self.make_environment())
        row = np.asarray(solution, np.float64)[None]
        lane = self._lane(env)
        others, self.idle[:] = self.idle[:], [lane]
        try:
            result = self.evaluate(Request(row, context=dict(context or {})), np.array([seed], np.uint64))
        finally:
            self.idle[:] = others
            env.close()
        return env, result


class _Kept:
    """An environment that remembers what was done in it."""

    def __init__(self, env: Any) -> None:
        self._env = env
        self.actions: list[Any] = []
        self.observations: list[Any] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._env, name)

    def reset(self, **given: Any) -> Any:
        answer = self._env.reset(**given)
        self.actions, self.observations = [], [answer[0]]
        return answer

    def step(self, action: Any) -> Any:
        answer = self._env.step(action)
        self.actions.append(action)
        self.observations.append(answer[0])
        return answer
