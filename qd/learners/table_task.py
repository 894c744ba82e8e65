"""A finite task compiled to tables, and families of such tasks: numbered layouts of which some are held out."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from qd.errors import QDError
from qd.learners.task import Episodes, Task
from qd.policies import MLP
from qd.rewards.steps import Steps


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

    def steps_of(self, path: NDArray[np.integer]) -> NDArray[np.int64]:
        """(t,) which of ``all_steps`` led along (t + 1,) states; where two actions lead alike, the first."""
        actions = (self.next_state[path[:-1]] == np.asarray(path)[1:, None]).argmax(axis=1)
        return np.asarray(path[:-1] * self.next_state.shape[1] + actions, np.int64)

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

    @cached_property
    def observations(self) -> NDArray[np.float64]:
        """(S, o) what a network sees in a state: the variables of states, but for the one that gives the way away."""
        seen = [np.asarray(values, np.float64) for name, values in self.states.items() if name != "progress"]
        return np.stack([values / max(float(np.abs(values).max()), 1e-9) for values in seen], axis=1)


class LayoutTask(Task):
    """A family of tables with the same actions. A frozen dataclass of settings.

    A network sees the state variables but ``progress``, each divided by its greatest, and its largest output chooses.

    Attributes:
        stages: flags of states that an episode must come to, in order, before it can succeed; for analyses alone.
    """

    stages: ClassVar[tuple[str, ...]] = ()

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

    @property
    def episode_steps(self) -> int:
        return self.layout(0).horizon

    def probe(self, number: int) -> Steps:
        return self.layout(number).all_steps

    def environment(self, number: int) -> Any:
        """One layout as a gymnasium environment, for learners of other libraries: see ``qd.learners.TableEnv``."""
        from qd.learners.task_env import TableEnv

        return TableEnv(self.layout(number))

    def place_count(self, number: int) -> int:
        return int(self.layout(number).place_numbers.max()) + 1

    def drawn(self, number: int, path: NDArray[np.int32]) -> tuple[Mapping[str, Any], NDArray[np.float64]]:
        table = self.layout(number)
        places = table.places if table.places is not None else np.stack([np.arange(len(table.next_state))] * 2, 1)
        return dict(table.scene), places[path].astype(np.float64)

    def network(self, hidden: tuple[int, ...]) -> MLP:
        first = self.layout(0)
        return MLP((first.observations.shape[1], *hidden, first.next_state.shape[1]), "tanh", "identity")

    def episodes(self, network: MLP, weights: NDArray[np.float64], number: int) -> Episodes:
        table, n = self.layout(number), len(weights)
        states = np.full((n, table.horizon + 1), table.start, np.int64)
        actions = np.zeros((n, table.horizon), np.int64)
        length, success, going = np.zeros(n, np.int64), np.zeros(n, bool), np.ones(n, bool)
        for step in range(table.horizon):
            here = states[:, step]
            act = network.forward(weights, table.observations[here], "numba").argmax(axis=1)  # ties: the first
            length += going
            success |= going & table.success[here, act]
            actions[:, step] = act
            states[:, step + 1] = table.next_state[here, act]
            going &= ~table.ends[here, act]
            if not going.any():
                break
        kept = np.arange(table.horizon) < length[:, None]  # (n, horizon)
        at = (states[:, :-1] * table.next_state.shape[1] + actions)[kept]
        every = table.all_steps
        steps = Steps(
            {name: np.asarray(values)[at] for name, values in every.after.items()},
            {name: np.asarray(values)[at] for name, values in every.before.items()},
            every.ends[at],
            np.concatenate([[0], length.cumsum()]),
        )
        return Episodes(steps, success, table.place_numbers[states[:, 1:][kept]].astype(np.int64), states)
