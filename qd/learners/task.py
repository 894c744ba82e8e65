"""What every family of layouts offers to learners: variables, layouts by number, and whole episodes of networks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from qd.errors import QDError
from qd.policies import MLP
from qd.rewards.steps import Steps, Variable

VISITS = Variable("visits", low=1, about="step", meaning="how often this learner has come to this place, now included")
RARITY = Variable("rarity", "number", 0, 1, about="step", meaning="1 / sqrt(visits): a place first come to pays 1")
COUNTED = (VISITS, RARITY)  # that a learner counts as it goes, where it runs whole episodes


@dataclass(frozen=True)
class Episodes:
    """n whole episodes, one after the other.

    Args:
        steps: their m steps; ``offsets`` says where each begins.
        success: (n,) whether it succeeds, which its last step does.
        places: (m,) the place that each step leads to, 0 .. ``Task.place_count(number)`` - 1.
        states: (n, t + 1) of tables the states, the first and those that steps lead to; what is after an end is noise.
    """

    steps: Steps
    success: NDArray[np.bool_]
    places: NDArray[np.int64]
    states: NDArray[np.int64] | None = None

    @property
    def offsets(self) -> NDArray[np.int64]:
        """(n + 1,) where they begin among the steps."""
        assert self.steps.offsets is not None
        return self.steps.offsets


class Task(ABC):
    """A family of numbered layouts. A frozen dataclass of settings.

    Attributes:
        variables: the schema: what a reward may read.
    """

    variables: tuple[Variable, ...]

    @property
    @abstractmethod
    def episode_steps(self) -> int:
        """Steps of the longest episode."""

    @abstractmethod
    def layout(self, number: int) -> Any:
        """Layout number 0, 1, ...: the same one every time."""

    @abstractmethod
    def solvable(self, number: int) -> Any:
        """The layout. Raises QDError where it is known to have no way to succeed."""

    @abstractmethod
    def probe(self, number: int) -> Steps:
        """Steps of a layout that a reward is tried on before anything is trained with it."""

    @abstractmethod
    def place_count(self, number: int) -> int:
        """Places of a layout, for counting what a learner comes to."""

    def drawn(self, number: int, path: NDArray[np.int32]) -> tuple[Mapping[str, Any], NDArray[np.float64]]:
        """A layout as ``Problem.scene`` has it, and (k, 2) places of a way through it. Optional.

        Args:
            number: of the layout.
            path: (k,) states, or places where states have no numbers: see ``Learned.paths``.
        """
        raise QDError(f"{type(self).__name__} has no picture of its layouts: it does not override drawn(number, path)")

    @abstractmethod
    def network(self, hidden: tuple[int, ...]) -> MLP:
        """The shape of a policy with these hidden layers."""

    @abstractmethod
    def episodes(self, network: MLP, weights: NDArray[np.float64], number: int) -> Episodes:
        """One episode of each of (n, d) networks. It has no randomness, and no row depends on the rows beside it."""


def counted(steps: Steps, places: NDArray[np.int64], learner: NDArray[np.int64], visits: NDArray[np.int64]) -> Steps:
    """The steps with ``visits`` and ``rarity``.

    Args:
        steps: m of them.
        places: (m,) that they lead to.
        learner: (m,) whose they are, 0 .. c - 1.
        visits: (c, places) so far; counted on in place.
    """
    count = np.empty(len(places), np.int64)
    _count(places, learner, visits, count)
    after: Mapping[str, Any] = {**steps.after, "visits": count, "rarity": 1.0 / np.sqrt(count)}
    return replace(steps, after=after)


@njit(cache=True, nogil=True, error_model="numpy")
def _count(places, learner, visits, count):  # type: ignore[no-untyped-def]
    for m in range(len(places)):
        visits[learner[m], places[m]] += 1
        count[m] = visits[learner[m], places[m]]
