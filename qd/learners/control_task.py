"""Tasks of continuous states and a choice of actions, stepped by a compiled kernel: mountain car, acrobot."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from qd.errors import QDError
from qd.learners.task import Episodes, Task
from qd.policies import MLP
from qd.rewards.steps import Steps
from qd.rng import generator

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Rollouts:
    """Episodes side by side: (n, T + 1, s) states, (n, T + 1) their bins, (n, T) actions, (n,) length and success."""

    states: Array
    bins: NDArray[np.int64]
    actions: NDArray[np.int64]
    length: NDArray[np.int64]
    success: NDArray[np.bool_]

    @classmethod
    def empty(cls, n: int, steps: int, size: int) -> Rollouts:
        """Arrays for n episodes of so many steps and states of so many numbers."""
        return cls(
            np.zeros((n, steps + 1, size)),
            np.zeros((n, steps + 1), np.int64),
            np.zeros((n, steps), np.int64),
            np.zeros(n, np.int64),
            np.zeros(n, bool),
        )

    @property
    def arrays(self) -> tuple[NDArray[np.generic], ...]:
        """In the kernels' order."""
        return self.states, self.bins, self.actions, self.length, self.success


@dataclass(frozen=True)
class ControlTask(Task):
    """A layout is where an episode starts and the parameters of the motion; both by its number."""

    horizon: int = 200
    """Steps of an episode."""
    variation: float = 0.0
    """A layout's parameters are the usual ones times numbers from 1 - variation to 1 + variation."""
    bins: int = 20
    """Of a table, and of what counts as a place: so many along each number of the state."""
    seed: int = 0
    """Of the family of layouts."""

    KIND: ClassVar[int]
    INPUTS: ClassVar[int]
    ACTIONS: ClassVar[int] = 3
    USUAL: ClassVar[tuple[float, ...]]  # parameters
    BOX: ClassVar[tuple[tuple[float, ...], tuple[float, ...]]]  # low and high of the bins
    STARTS: ClassVar[tuple[tuple[float, ...], tuple[float, ...]]]  # low and high of what episodes start from

    def __post_init__(self) -> None:
        name = type(self).__name__
        if self.horizon < 1:
            raise QDError(f"{name}.horizon: got {self.horizon}, wanted at least 1 step")
        if not 0 <= self.variation < 0.5:
            raise QDError(
                f"{name}.variation: got {self.variation}, wanted from 0, below 0.5: motion beyond is another's"
            )
        if self.bins < 2:
            raise QDError(f"{name}.bins: got {self.bins}, wanted at least 2")

    @property
    def episode_steps(self) -> int:
        return self.horizon

    def layout(self, number: int) -> tuple[Array, Array]:
        """The state that its test episodes start in, (s,), and its parameters, (p,)."""
        rng = generator(self.seed, f"{type(self).__name__} layout", number)
        start = rng.uniform(*self.STARTS)
        return start, np.array(self.USUAL) * rng.uniform(1 - self.variation, 1 + self.variation, len(self.USUAL))

    def solvable(self, number: int) -> tuple[Array, Array]:
        return self.layout(number)

    @cached_property
    def binning(self) -> tuple[Array, Array, NDArray[np.int64]]:
        """(s,) low, width and count of the bins."""
        low, high = (np.array(side, np.float64) for side in self.BOX)
        counts = np.full(len(low), self.bins, np.int64)
        return low, (high - low) / counts, counts

    def place_count(self, number: int) -> int:
        return int(self.binning[2].prod())

    def network(self, hidden: tuple[int, ...]) -> MLP:
        return MLP((self.INPUTS, *hidden, self.ACTIONS), "tanh", "identity")

    def rollouts(self, network: MLP, weights: Array, number: int) -> Rollouts:
        """One episode of each of (n, d) networks."""
        from qd.learners._control_kernel import network_episodes
        from qd.policies._mlp_kernel import codes

        start, parameters = self.layout(number)
        runs = Rollouts.empty(len(weights), self.horizon, len(start))
        network_episodes(
            self.KIND, parameters, start, np.ascontiguousarray(weights, np.float64), np.array(network.sizes, np.int64),
            codes(network.activations), 2, *self.binning, self.horizon, *runs.arrays,
        )  # fmt: skip
        return runs

    def episodes(self, network: MLP, weights: Array, number: int) -> Episodes:
        runs = self.rollouts(network, weights, number)
        parameters = np.broadcast_to(self.layout(number)[1], (len(weights), len(self.USUAL)))
        kept = np.arange(self.horizon) < runs.length[:, None]
        return Episodes(self.steps(runs, parameters), runs.success, runs.bins[:, 1:][kept])

    def steps(self, runs: Rollouts, parameters: Array) -> Steps:
        """The steps of episodes in layouts of (n, p) parameters, one episode after the other."""
        horizon = runs.actions.shape[1]
        kept = np.arange(horizon) < runs.length[:, None]
        before, after = runs.states[:, :-1][kept], runs.states[:, 1:][kept]
        offsets = np.concatenate([[0], runs.length.cumsum()])
        ends = np.zeros(len(after), bool)
        ends[offsets[1:][runs.success] - 1] = True  # a horizon cuts off, it does not end
        mine = np.repeat(parameters, runs.length, axis=0)  # (m, p)
        earlier, later = self.of_states(before, mine), self.of_states(after, mine)
        later.update(self.of_steps(earlier, later, runs.actions[kept]))
        return Steps(later, earlier, ends, offsets)

    def probe(self, number: int) -> Steps:
        """An episode of each of 20 random networks, every place new."""
        network = self.network((8,))
        weights = generator(self.seed, "probe", number).normal(size=(20, network.length))
        steps = self.episodes(network, weights, number).steps
        once = np.ones(len(steps))
        return Steps({**steps.after, "visits": once, "rarity": once}, steps.before, steps.ends, steps.offsets)

    @abstractmethod
    def of_states(self, states: Array, parameters: Array) -> dict[str, Array]:
        """Variables of (m, s) states in layouts of (m, p) parameters."""

    @abstractmethod
    def of_steps(
        self, before: dict[str, Array], after: dict[str, Array], actions: NDArray[np.int64]
    ) -> dict[str, Array]:
        """Variables of m steps."""
