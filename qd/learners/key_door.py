"""Key and door: fetch the key, open the door in the wall, reach the goal. Sparse, and deceptive by its wall.

The structure is that of MiniGrid's DoorKey (Chevalier-Boisvert et al. 2023), compiled to tables: a square room, a wall
across it with a locked door, the start and the key on one side and the goal on the other. The agent turns, goes
forward, picks up the key in front of it, and toggles the door in front of it with the key. Only reaching the goal
succeeds. Going straight for the goal leads up to the wall and no further.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qd.errors import QDError
from qd.learners.table_task import LayoutTask, TableTask
from qd.rewards.steps import Variable
from qd.rng import generator

DIRECTIONS = ((1, 0), (0, 1), (-1, 0), (0, -1))  # (dx, dy) of the headings: right, down, left, up
TURN_LEFT, TURN_RIGHT, FORWARD, PICK_UP, TOGGLE = range(5)
ACTIONS = 5
NO_KEY, HAS_KEY, OPEN = 0, 1, 2

_STATE = (
    Variable("x", low=0, unit="cells", meaning="column of the agent"),
    Variable("y", low=0, unit="cells", meaning="row of the agent"),
    Variable("heading", low=0, high=3, meaning="0 right, 1 down, 2 left, 3 up"),
    Variable("has_key", "flag", 0, 1, meaning="the key was taken"),
    Variable("door_open", "flag", 0, 1, meaning="the door was opened"),
    Variable("key_distance", low=0, unit="cells", meaning="moves to the key were there no walls, 0 once it is taken"),
    Variable("door_distance", low=0, unit="cells", meaning="moves to the door were there no walls, 0 once it is open"),
    Variable("goal_distance", low=0, unit="cells", meaning="moves to the goal were there no walls"),
    Variable("progress", low=0, high=1, meaning="1 - fewest steps to success / the most from anywhere"),
)


def _of_step(name: str, meaning: str, kind: str = "flag", low: float = 0) -> Variable:
    return Variable(name, kind, low, 1, unit="cells" if kind == "number" else "", about="step", meaning=meaning)


_STEP = (
    _of_step("toward_key", "cells gained on the key until it is taken", "number", -1),
    _of_step("toward_door", "cells gained on the door while the key is held and the door is shut", "number", -1),
    _of_step("toward_goal", "cells gained on the goal", "number", -1),
    _of_step("toward_goal_open", "cells gained on the goal once the door is open", "number", -1),
    _of_step("key_picked", "this step took the key"),
    _of_step("door_opened", "this step opened the door"),
    _of_step("bump", "this step led into what is shut"),
    _of_step("step", "1, every step"),
)
FEATURES = tuple(variable.name for variable in _STEP)


@dataclass(frozen=True)
class KeyDoor(LayoutTask):
    """Generated key-door grids.

    >>> KeyDoor().layout(0).next_state.shape
    (588, 5)
    """

    size: int = 9
    """Cells a side, the outer wall included."""
    horizon: int = 80
    """Steps of an episode."""
    seed: int = 0
    """Of the family of layouts."""
    score_noise: float = 0.0
    """Standard deviation of what is added to ``progress``, once a state: a process score that errs."""

    variables = (*_STATE, *_STEP)
    stages = ("has_key", "door_open")

    def __post_init__(self) -> None:
        if self.size < 5:
            raise QDError(f"KeyDoor.size: got {self.size}, wanted at least 5: walls, and a room on both sides of one")
        if not 0 <= self.score_noise < np.inf:
            raise QDError(f"KeyDoor.score_noise: got {self.score_noise}, wanted at least 0")
        if self.horizon < 1:
            raise QDError(f"KeyDoor.horizon: got {self.horizon}, wanted at least 1 step")

    def layout(self, number: int) -> TableTask:
        return _layout(self, number)


@lru_cache(maxsize=512)
def _layout(task: KeyDoor, number: int) -> TableTask:
    rng = generator(task.seed, "key-door layout", number)
    n = task.size - 2  # cells a side within the outer wall
    wall = int(rng.integers(1, n - 1))  # its column, a cell or more on either side
    door = (wall, int(rng.integers(n)))
    left = rng.permutation(wall * n)[:2]  # start and key: different cells on the left
    start, key = [(int(cell) // n, int(cell) % n) for cell in left]
    heading = int(rng.integers(4))
    right = int(rng.integers((n - wall - 1) * n))
    goal = (wall + 1 + right // n, right % n)
    next_state = np.zeros((n * n * 4 * 3, ACTIONS), np.int32)
    success = np.zeros(next_state.shape, bool)
    step = {name: np.zeros(next_state.shape) for name in FEATURES}
    for phase, x, y, heading in np.ndindex(3, n, n, 4):
        state = _number(n, phase, x, y, heading)
        ahead = (x + DIRECTIONS[heading][0], y + DIRECTIONS[heading][1])
        shut = not (0 <= ahead[0] < n and 0 <= ahead[1] < n) or (ahead[0] == wall and ahead != door)
        shut = shut or (ahead == door and phase != OPEN) or (ahead == key and phase == NO_KEY)  # as in MiniGrid
        for action in range(ACTIONS):
            to, then, facing = (x, y), phase, heading
            if action in (TURN_LEFT, TURN_RIGHT):
                facing = (heading + (1 if action == TURN_RIGHT else 3)) % 4
            elif action == FORWARD and not shut:
                to = ahead
            elif action == PICK_UP and ahead == key and phase == NO_KEY:
                then = HAS_KEY
            elif action == TOGGLE and ahead == door and phase == HAS_KEY:
                then = OPEN
            next_state[state, action] = _number(n, then, *to, facing)
            success[state, action] = to == goal
            gain = [_cells((x, y), at) - _cells(to, at) for at in (key, door, goal)]
            step["toward_key"][state, action] = gain[0] * (phase == NO_KEY)
            step["toward_door"][state, action] = gain[1] * (phase == HAS_KEY)
            step["toward_goal"][state, action] = gain[2]
            step["toward_goal_open"][state, action] = gain[2] * (phase == OPEN)
            step["key_picked"][state, action] = phase == NO_KEY and then == HAS_KEY
            step["door_opened"][state, action] = phase == HAS_KEY and then == OPEN
            step["bump"][state, action] = action == FORWARD and shut
            step["step"][state, action] = 1.0
    states = _states(n, key, door, goal)
    places = np.stack([states["x"], states["y"]], axis=1).astype(np.int64)
    table = TableTask(
        next_state, success, success, _number(n, NO_KEY, *start, heading), task.horizon, states, step, places
    )
    left_to_go = table.steps_to_success
    most = left_to_go[np.isfinite(left_to_go)].max()
    states["progress"] = np.where(np.isfinite(left_to_go), 1.0 - left_to_go / most, 0.0)
    states["progress"] += task.score_noise * generator(task.seed, "key-door score", number).normal(size=len(left_to_go))
    scene: dict[str, Any] = {
        "extent": ((-0.7, -0.7), (n - 0.3, n - 0.3)),
        "invert_y": True,
        "lines": [np.array([[wall, a], [wall, b]]) for a, b in ((-0.5, door[1] - 0.5), (door[1] + 0.5, n - 0.5))],
        "points": [(*start, "start"), (*key, "key"), (*door, "door"), (*goal, "goal")],
    }
    return TableTask(next_state, success, success, table.start, task.horizon, states, step, places, scene)


def _number(n: int, phase: int, x: int, y: int, heading: int) -> int:
    return ((phase * n + x) * n + y) * 4 + heading


def _cells(a: tuple[int, int], b: tuple[int, int]) -> int:
    return abs(a[0] - b[0]) + abs(a[1] - b[1])


def _states(
    n: int, key: tuple[int, int], door: tuple[int, int], goal: tuple[int, int]
) -> dict[str, NDArray[np.float64]]:
    phase, x, y, heading = (part.ravel() for part in np.indices((3, n, n, 4)))

    def to(at: tuple[int, int]) -> NDArray[np.float64]:
        return np.asarray(abs(x - at[0]) + abs(y - at[1]), np.float64)

    return {
        "x": x.astype(np.float64),
        "y": y.astype(np.float64),
        "heading": heading.astype(np.float64),
        "has_key": np.asarray(phase >= HAS_KEY, np.float64),
        "door_open": np.asarray(phase == OPEN, np.float64),
        "key_distance": np.where(phase == NO_KEY, to(key), 0.0),
        "door_distance": np.where(phase == OPEN, 0.0, to(door)),
        "goal_distance": to(goal),
    }
