"""Any gymnasium environment with a network whose weights are evolved.

https://gymnasium.farama.org. One row is one episode: the environment is reset with the row's own seed, the network
chooses every action, the objective is the sum of rewards. Several episodes a solution are the fidelity ``repeats``.

Networks are compiled, and their tanh is a rational function within 1e-4 of the exact one (``qd.policies``). Choices are
made by the largest output; boxes of actions are spanned by tanh units: -1 is the lower bound, 1 the upper one.

Standardised observations are part of the search, not of the problem: a request's context may hold ``observation_mean``
and ``observation_std``, each (o,), and ``observation_clip``. ``qd.algorithms.ObservationNormalised`` gives them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from qd.problems._environment_problem import EnvironmentProblem
from qd.problems._gym_interface import Encode, make, observations
from qd.problems.step_measures import StepMeasure


@dataclass(frozen=True)
class Gym(EnvironmentProblem):
    """A network in a gymnasium environment, for one episode.

    >>> problem = Gym("CartPole-v1", measures="mean_action", hidden=(8,))
    >>> problem.solution_space.length, problem.measure_space.names
    (58, ('action 0', 'action 1'))
    """

    id: str = "Walker2d-v5"
    """The environment's registered id; those of another package are registered by importing it first."""
    measures: str | StepMeasure | None = "foot_contact"
    """foot_contact, position, mean_action, energy, final_observation, a StepMeasure, or None for no measures."""
    wrap: Callable[[Any], Any] | None = None
    """A gymnasium wrapper, or a function of an environment that gives another."""

    def make_environment(self, **extra: Any) -> Any:
        """A new environment, with gymnasium's checks of every step left out."""
        limit = {"max_episode_steps": self.max_steps} if self.max_steps else {}
        return make(self.id, {**self.options, **limit, **extra}, self.wrap)

    @cached_property
    def encoding(self) -> tuple[int, Encode]:
        """Boxes flattened, choices one-hot."""
        return observations(self._first.observation_space, f"Gym(id={self.id!r})")

    def step_limit(self, env: Any) -> int:
        """That of the environment's registration."""
        return int(env.spec.max_episode_steps or 0) if env.spec is not None else 0
