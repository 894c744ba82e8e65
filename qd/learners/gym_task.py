"""Tasks that are gymnasium environments: a user's own, or one of a physics engine, for learners that take a Task.

A layout is what the environment makes of its reset with one seed, the same every time. What is true is ``success``,
which ends the episode; what the environment itself pays is not read. Networks are run through real steps of the
environment, one after the other, so this is slow beside tasks that have a kernel.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from qd.errors import QDError
from qd.learners.task import COUNTED, Episodes, Task
from qd.policies import MLP
from qd.rewards.steps import Steps
from qd.rng import generator


@dataclass(frozen=True)
class GymTask(Task):
    """A family of layouts of one environment. Derive from it, and say what is below.

    Attributes:
        variables: the schema of what ``read`` gives, and ``*COUNTED`` where a reward may read visits.
        places: variable -> (low, high, bins) of what makes two states the same place, for counting.
    """

    horizon: int = 200
    """Steps after which an episode is cut off."""
    seed: int = 0
    """Of the family of layouts."""

    places: ClassVar[Mapping[str, tuple[float, float, int]]]

    def __post_init__(self) -> None:
        if self.horizon < 1:
            raise QDError(f"{type(self).__name__}.horizon: got {self.horizon}, wanted at least 1 step")

    @abstractmethod
    def make(self) -> Any:
        """A new environment, with a Box or Discrete of actions and a flat Box of observations."""

    @abstractmethod
    def read(self, env: Any, obs: Any, action: Any, next_obs: Any, info: Mapping[str, Any]) -> Mapping[str, Any]:
        """Variable -> its value after a step; (before, after) of those about states."""

    @abstractmethod
    def success(self, env: Any, obs: Any, info: Mapping[str, Any]) -> bool:
        """Whether the step that led to ``obs`` is what the task asks for."""

    @property
    def episode_steps(self) -> int:
        return self.horizon

    def layout(self, number: int) -> int:
        """The seed that the environment is reset with."""
        return int(generator(self.seed, "gym layout", number).integers(1 << 31))

    def solvable(self, number: int) -> int:
        """The layout; whether an environment can be solved is its maker's to know."""
        return self.layout(number)

    def place_count(self, number: int) -> int:
        return int(np.prod([bins for _, _, bins in self.places.values()]))

    def place(self, variables: Mapping[str, Any]) -> int:
        """The number of the place that a step led to."""
        number = 0
        for name, (low, high, bins) in self.places.items():
            value = variables[name]
            value = value[1] if isinstance(value, tuple) else value
            at = int(np.floor((float(value) - low) / (high - low) * bins))
            number = number * bins + min(max(at, 0), bins - 1)
        return number

    def environment(self, number: int) -> Any:
        """One layout as an environment that pays 1 for success and nothing else: see ``qd.learners.TaskEnv``."""
        from qd.learners.task_env import TaskEnv

        return TaskEnv(self, number)

    def network(self, hidden: tuple[int, ...]) -> MLP:
        env = self.make()
        try:
            actions = env.action_space
            outputs = int(actions.n) if hasattr(actions, "n") else int(np.prod(actions.shape))
            return MLP((int(np.prod(env.observation_space.shape)), *hidden, outputs), activation="tanh")
        finally:
            env.close()

    def episodes(self, network: MLP, weights: NDArray[np.float64], number: int) -> Episodes:
        from qd.policies._mlp_kernel import codes, forward_row

        env = self.environment(number)
        sizes, kinds = np.array(network.sizes, np.int64), codes(network.activations)
        scratch, output = np.empty((2, sizes.max())), np.empty(sizes[-1])
        act = _acting(env.action_space)
        found: list[Mapping[str, Any]] = []
        places, ends, length, success = [], [], [], []
        for row in np.ascontiguousarray(weights, np.float64):
            obs, _ = env.reset()
            over, steps, info = False, 0, {"success": False}
            while not over:
                forward_row(row, sizes, kinds, 2, np.asarray(obs, np.float64).ravel(), scratch, output)
                obs, _, ended, cut, info = env.step(act(output))
                found.append(info["variables"])
                places.append(info["place"])
                ends.append(ended)
                over, steps = ended or cut, steps + 1
            length.append(steps)
            success.append(info["success"])
        env.close()
        offsets = np.concatenate([[0], np.cumsum(length)]).astype(np.int64)
        steps_of = steps_from(found, np.array(ends, bool), offsets)
        return Episodes(steps_of, np.array(success, bool), np.array(places, np.int64))

    def probe(self, number: int) -> Steps:
        """An episode of each of 3 random networks, every place new."""
        network = self.network((8,))
        weights = generator(self.seed, "probe", number).normal(size=(3, network.length))
        steps = self.episodes(network, weights, number).steps
        once = np.ones(len(steps))
        counted = {variable.name: once for variable in COUNTED}
        return Steps({**steps.after, **counted}, steps.before, steps.ends, steps.offsets)


def steps_from(found: list[Mapping[str, Any]], ends: NDArray[np.bool_], offsets: NDArray[np.int64]) -> Steps:
    """Steps of what each step's variables were."""
    after: dict[str, NDArray[np.float64]] = {}
    before: dict[str, NDArray[np.float64]] = {}
    for name, value in found[0].items():
        column = np.array([step[name] for step in found], np.float64)
        if isinstance(value, tuple):
            before[name], after[name] = column[:, 0], column[:, 1]
        else:
            after[name] = column
    return Steps(after, before, ends, offsets)


def _acting(space: Any) -> Any:
    """A network's outputs, -1 to 1, to an action: the largest of a choice, or a point of a box."""
    if hasattr(space, "n"):
        return lambda output: int(output.argmax())
    if not (np.isfinite(space.low).all() and np.isfinite(space.high).all()):
        raise QDError("GymTask: the actions have no bounds; wrap the environment in gymnasium.wrappers.RescaleAction")
    middle, half = (space.high + space.low) / 2, (space.high - space.low) / 2
    return lambda output: (middle + half * output.reshape(space.shape)).astype(space.dtype)
