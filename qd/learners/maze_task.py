"""Layouts of the deceptive maze: its walls, start and goal moved, turned and mirrored, and what a reward reads there.

The published maze (``qd.problems.DeceptiveMaze``) is one; a layout by number moves the ends of its inner walls and the
goal, lays the whole on one of the eight sides of a square, and draws a start. A flood from the goal says where one may
start: where it comes to, by a way at least ``detour`` times as long as the straight line. So each layout can be solved,
and in each going straight for the goal leads up to a wall. Ways differ in length, and so layouts in difficulty.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from qd.errors import QDError
from qd.learners.task import COUNTED, Episodes, Task
from qd.policies import MLP
from qd.problems.deceptive_maze import GOAL, HIGH, LOW, REACHED, START, WALLS
from qd.rewards.steps import Steps, Variable
from qd.rng import generator

Array = NDArray[np.float64]
CORNER, SIDE = np.array([1.0, 1.0]), 204.0  # of the square that all layouts lie in [px]
PLACE, FOOT = 10.2, 3.0  # width of a place and of a cell of the flood [px]
PLACES = 20  # along a side
INNER = 7  # the first of the inner walls; what is before, but for wall 2, is the outline
ATTEMPTS = 1000
LEAST_WAY = 150.0  # of starts anywhere [px]
TOP, NEAR_WALL = 3.0, 12.0  # speed [px / step], what is near one [px]


@dataclass(frozen=True, eq=False)
class MazeLayout:
    """One maze.

    Args:
        walls: (k, 4) x and y of both ends [px].
        start: x, y [px], heading [degrees].
        goal: x and y [px].
        on_foot: (rows, columns) how far the goal is on foot from cells of 3 px.
    """

    walls: Array
    start: Array
    goal: Array
    on_foot: Array

    def way(self, xy: Array) -> Array:
        """(m,) how far the goal is on foot from (m, 2) places [px]; from inside a wall the maze's longest way."""
        cells = np.clip(((xy - CORNER) / FOOT).astype(np.int64), 0, np.array(self.on_foot.shape)[::-1] - 1)
        return np.minimum(self.on_foot[cells[:, 1], cells[:, 0]], self.longest)

    @cached_property
    def longest(self) -> float:
        """The longest way on foot there is."""
        return float(self.on_foot[np.isfinite(self.on_foot)].max())

    @property
    def scene(self) -> Mapping[str, Any]:
        """As ``Problem.scene`` has it."""
        return {
            "lines": [wall.reshape(2, 2) for wall in self.walls],
            "circles": [(*self.goal, REACHED, "goal")],
            "points": [(self.start[0], self.start[1], "start")],
            "invert_y": True,
        }


def _state(name: str, meaning: str, unit: str = "px", high: float = 290.0) -> Variable:
    return Variable(name, low=0, high=high, unit=unit, meaning=meaning)


def _step(name: str, meaning: str, low: float = 0.0, kind: str = "number") -> Variable:
    return Variable(name, kind, low, 1.0, about="step", meaning=meaning)


@dataclass(frozen=True)
class MazeTask(Task):
    """A family of mazes. Success is to come within 10 px of the goal, which ends the episode."""

    horizon: int = 400
    """Steps of an episode."""
    variation: float = 1.0
    """How far layouts are from the published maze; 0: they are all the same one."""
    starts: Literal["anywhere", "far"] = "anywhere"
    """Where episodes start: anywhere from where the goal is a detour, or about where the published maze has it."""
    detour: float = 2.0
    """The way to the goal is at least so many times as long as the straight line."""
    seed: int = 0
    """Of the family of layouts."""

    INPUTS: ClassVar[int]

    variables = (
        _state("x", "across"),
        _state("y", "down"),
        _state("goal_distance", "as the crow flies"),
        _state("start_distance", "as the crow flies"),
        _state("clearance", "to the nearest wall", high=100.0),
        _state("on_foot", "what is left to the goal on foot: it knows the way", high=2000.0),
        _step("toward_goal", "gained on the goal as the crow flies, in top speeds", -1.5),
        _step("from_start", "gained from the start as the crow flies, in top speeds", -1.5),
        _step("toward_goal_on_foot", "gained on the goal on foot, in top speeds: it knows the way", -4),
        _step("moved", "how far it came, in top speeds"),
        _step("stuck", "it did not move", kind="flag"),
        _step("near_wall", "a wall is nearer than 12 px", kind="flag"),
        _step("fresh", "the episode had not come to this place of 10 x 10 px before", kind="flag"),
        _step("step", "1, every step", kind="flag"),
        *COUNTED,
    )

    def __post_init__(self) -> None:
        name = type(self).__name__
        if self.horizon < 1:
            raise QDError(f"{name}.horizon: got {self.horizon}, wanted at least 1 step")
        if not 0 <= self.variation <= 2:
            raise QDError(f"{name}.variation: got {self.variation}, wanted from 0 to 2: walls beyond close the way")
        if self.starts not in ("anywhere", "far"):
            raise QDError(f"{name}.starts: got {self.starts!r}, wanted 'anywhere' or 'far'")
        if not 1 <= self.detour <= 2.9:
            raise QDError(f"{name}.detour: got {self.detour}, wanted from 1 to 2.9, which the published maze has")

    @property
    def episode_steps(self) -> int:
        return self.horizon

    def layout(self, number: int) -> MazeLayout:
        return _layout(self.variation, self.starts, self.detour, self.seed, number)

    def solvable(self, number: int) -> MazeLayout:
        """The layout; layouts without a way are never made."""
        return self.layout(number)

    def place_count(self, number: int) -> int:
        return PLACES * PLACES

    def drawn(self, number: int, path: NDArray[np.int32]) -> tuple[Mapping[str, Any], Array]:
        """The way is drawn through the middles of the places that the learner counts."""
        layout = self.layout(number)
        middles = CORNER + (np.stack([path % PLACES, path // PLACES], axis=1) + 0.5) * PLACE
        scene = {**layout.scene, "extent": (CORNER - 2, CORNER + SIDE + 2)}
        return scene, np.concatenate([layout.start[None, :2], middles])

    def network(self, hidden: tuple[int, ...]) -> MLP:
        return MLP((self.INPUTS, *hidden, 2), activation="tanh")

    @abstractmethod
    def traces(self, network: MLP, weights: Array, layout: MazeLayout) -> Array:
        """(n, horizon, 2) x and y [px] after each step of an episode of each of (n, d) networks."""

    def episodes(self, network: MLP, weights: Array, number: int) -> Episodes:
        from qd.learners._maze_kernel import follow
        from qd.problems._deceptive_maze_kernel import segments

        layout, n = self.layout(number), len(weights)
        trace = self.traces(network, np.ascontiguousarray(weights, np.float64), layout)
        names = [variable.name for variable in self.variables[: -len(COUNTED)]]
        of_states = [variable.name for variable in self.variables if variable.about == "state"]
        m = n * self.horizon
        earlier, later, places = np.empty((len(of_states), m)), np.empty((len(names), m)), np.empty(m, np.int64)
        length, success = np.zeros(n, np.int64), np.zeros(n, bool)
        follow(trace, layout.start, layout.goal, REACHED, segments(layout.walls), layout.on_foot, layout.longest,
               CORNER, FOOT, PLACE, PLACES, TOP, NEAR_WALL, earlier, later, places, length, success)  # fmt: skip
        offsets = np.concatenate([[0], length.cumsum()])
        m = int(offsets[-1])
        ends = np.zeros(m, bool)
        ends[offsets[1:][success] - 1] = True  # a horizon cuts off, it does not end
        after, before = dict(zip(names, later[:, :m])), dict(zip(of_states, earlier[:, :m]))
        return Episodes(Steps(after, before, ends, offsets), success, places[:m])

    def probe(self, number: int) -> Steps:
        """An episode of each of 20 random networks, every place new."""
        network = self.network((8,))
        weights = generator(self.seed, "probe", number).normal(size=(20, network.length))
        steps = self.episodes(network, weights, number).steps
        once = np.ones(len(steps))
        return Steps({**steps.after, "visits": once, "rarity": once}, steps.before, steps.ends, steps.offsets)


@lru_cache(maxsize=512)
def _layout(variation: float, starts: str, detour: float, seed: int, number: int) -> MazeLayout:
    from qd.problems._deceptive_maze_kernel import free, segments

    rng = generator(seed, "maze layout", number)
    for _ in range(ATTEMPTS):
        walls, start, goal = np.array(WALLS), np.array(START), np.array(GOAL)
        if variation > 0:
            walls, start, goal = _turned(*_moved(rng, variation), int(rng.integers(8)))
        ready = segments(walls)
        if not free(goal[0], goal[1], ready):
            continue
        layout = MazeLayout(walls, start, goal, _flooded(ready, goal))
        cell = ((start[:2] - CORNER) / FOOT).astype(np.int64)
        if not np.isfinite(layout.on_foot[cell[1], cell[0]]):  # a part of the maze is closed
            continue
        if starts == "anywhere":
            cells = np.stack(np.nonzero(np.isfinite(layout.on_foot))[::-1], axis=1) * FOOT + CORNER + FOOT / 2
            cells = cells[layout.way(cells) >= np.maximum(detour * np.hypot(*(cells - goal).T), LEAST_WAY)]
            if len(cells) == 0:
                continue
            start[:2] = cells[rng.integers(len(cells))]
        cell = ((start[:2] - CORNER) / FOOT).astype(np.int64)
        way = layout.on_foot[cell[1], cell[0]]
        if free(start[0], start[1], ready) and np.isfinite(way) and way >= detour * np.hypot(*(start[:2] - goal)):
            return layout
    raise QDError(f"mazes: of {ATTEMPTS} that were drawn for layout {number} none has a way {detour:g} times the "
                  "straight line; take less variation or detour")  # fmt: skip


def _moved(rng: np.random.Generator, variation: float) -> tuple[Array, Array, Array]:
    """Walls, start and goal of the published maze, moved. Ends that touch are moved together."""
    ends = np.array(WALLS).reshape(-1, 2)
    by = variation * rng.uniform(-12.0, 12.0, ends.shape)
    fixed = np.zeros(len(ends), bool)
    fixed[: 2 * INNER] = True
    fixed[5] = False  # the end of the wall that the goal's pocket stands on, which reaches into the maze
    for i in range(len(ends)):
        near = np.flatnonzero(np.hypot(*(ends[:i] - ends[i]).T) < 4.0)
        if len(near):
            by[i], fixed[i] = by[near[0]], fixed[near[0]]
    ends[~fixed] = np.clip(ends + by, LOW, HIGH)[~fixed]
    start = np.array(START) + np.array([*(variation * rng.uniform(-10.0, 10.0, 2)), rng.uniform(0.0, 360.0)])
    goal = np.array(GOAL) + variation * rng.uniform(-8.0, 8.0, 2)
    return ends.reshape(-1, 4), start, goal


def _turned(walls: Array, start: Array, goal: Array, side: int) -> tuple[Array, Array, Array]:
    """The maze on one of the eight sides of a square: turned by quarters, and mirrored from 4 on."""
    middle = (np.array(LOW) + np.array(HIGH)) / 2
    turn = np.linalg.matrix_power(np.array([[0, -1], [1, 0]]), side % 4) @ np.diag([-1 if side >= 4 else 1, 1])

    def placed(xy: Array) -> Array:
        return np.asarray((xy - middle) @ turn.T + CORNER + SIDE / 2)

    angle = np.deg2rad(start[2])
    ahead = turn @ np.array([np.cos(angle), np.sin(angle)])
    heading = np.rad2deg(np.arctan2(ahead[1], ahead[0])) % 360.0
    return placed(walls.reshape(-1, 2)).reshape(-1, 4), np.array([*placed(start[:2]), heading]), placed(goal)


def _flooded(walls: Array, goal: Array) -> Array:
    from qd.learners._maze_kernel import way_lengths

    cells = int(SIDE / FOOT)
    return np.asarray(way_lengths(walls, goal, CORNER, FOOT, cells, cells))
