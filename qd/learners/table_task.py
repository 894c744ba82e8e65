"""A finite task compiled to tables, and families of such tasks: numbered layouts of which some are held out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qd.errors import QDError
from qd.rewards.steps import Steps, Variable


@dataclass(frozen=True, eq=False)
class TableTask:
    """One layout: S states, A actions, everything that can happen in it.

    Args:
        next_state: (S, A) the state that an action leads to.
        ends: (S, A) the episode ends with it.
        success: (S, A) it is what the task asks for: the only thing that is true. A step that succeeds also ends.
        start: the state that episodes begin in.
        horizon: steps after which an episode is cut off.
        states: variable -> (S,) of states.
        steps: variable -> (S, A) of steps.
        places: (S, 2) where a state is, for drawings, and for counting what a policy reaches.
        scene: drawing data as ``Problem.scene`` has it.
    """

    next_state: NDArray[np.int32]
    ends: NDArray[np.bool_]
    success: NDArray[np.bool_]
    start: int
    horizon: int
    states: Mapping[str, NDArray[np.float64]]
    steps: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    places: NDArray[np.int64] = None  # type: ignore[assignment]
    scene: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        shape = self.next_state.shape
        if len(shape) != 2 or 0 in shape:
            raise QDError(f"TableTask.next_state: got shape {shape}, wanted (states, actions)")
        for name in ("ends", "success"):
            if getattr(self, name).shape != shape:
                raise QDError(f"TableTask.{name}: got shape {getattr(self, name).shape}, wanted {shape}")
        if self.next_state.min() < 0 or self.next_state.max() >= shape[0]:
            raise QDError(f"TableTask.next_state: it leads outside the states 0 .. {shape[0] - 1}")
        if (self.success & ~self.ends).any():
            raise QDError("TableTask.success: a step succeeds and does not end the episode; mark it in ends too")
        if not 0 <= self.start < shape[0] or self.horizon < 1:
            raise QDError(f"TableTask: start {self.start} or horizon {self.horizon} is out of range")
        for name, values in self.states.items():
            if np.shape(values) != shape[:1]:
                raise QDError(f"TableTask.states[{name!r}]: got shape {np.shape(values)}, wanted {shape[:1]}")
        for name, values in self.steps.items():
            if np.shape(values) != shape:
                raise QDError(f"TableTask.steps[{name!r}]: got shape {np.shape(values)}, wanted {shape}")

    @cached_property
    def all_steps(self) -> Steps:
        """All S * A steps, actions running fastest: what a reward is compiled on."""
        before = {name: np.repeat(values, self.next_state.shape[1]) for name, values in self.states.items()}
        after = {name: np.asarray(values)[self.next_state.ravel()] for name, values in self.states.items()}
        after.update({name: np.asarray(values).ravel() for name, values in self.steps.items()})
        return Steps(after, before, self.ends.ravel())

    @cached_property
    def steps_to_success(self) -> NDArray[np.float64]:
        """(S,) the fewest steps from each state to success, infinite where there is no way."""
        left = np.full(len(self.next_state), np.inf)
        for steps in range(1, len(left) + 1):
            reached = np.where(self.ends, np.inf, left[self.next_state])  # an end that is no success leads nowhere
            nearer = np.where(self.success, 1.0, 1.0 + reached).min(axis=1)
            if (nearer >= left).all():
                break
            left = np.minimum(left, nearer)
            if steps == len(left):
                break
        return left

    @cached_property
    def place_count(self) -> int:
        """How many different places an episode can come to."""
        known, edge = {self.start}, {self.start}
        while edge:
            edge = {int(s) for state in edge for s in self.next_state[state][~self.ends[state]]} - known
            known |= edge
        last = np.unique(self.next_state[sorted(known)])
        return len(np.unique(self.place_numbers[np.union1d(last, sorted(known))]))

    @cached_property
    def place_numbers(self) -> NDArray[np.int32]:
        """(S,) which of the different places a state is at."""
        if self.places is None:
            return np.arange(len(self.next_state), dtype=np.int32)
        return np.unique(self.places, axis=0, return_inverse=True)[1].reshape(-1).astype(np.int32)


class LayoutTask(ABC):
    """A family of layouts with the same actions. A frozen dataclass of settings.

    Attributes:
        variables: the schema: what a reward may read.
    """

    variables: tuple[Variable, ...]

    @abstractmethod
    def layout(self, number: int) -> TableTask:
        """Layout number 0, 1, ...: the same one every time. All have equal actions and horizons."""

    def solvable(self, number: int) -> TableTask:
        """The layout. Raises QDError where it has no way to succeed within its horizon."""
        layout = self.layout(number)
        fewest = layout.steps_to_success[layout.start]
        if fewest > layout.horizon:
            raise QDError(f"{type(self).__name__}: layout {number} cannot be solved: from its start success is "
                          + ("never reached" if np.isinf(fewest) else f"{fewest:g} steps away, the horizon {layout.horizon}"))  # fmt: skip  # noqa: E501
        return layout
