"""The deceptive maze as a task for evolved rewards: what should its robots be paid, if not nearness to the goal?

The maze, the robot and its network are those of ``DeceptiveMaze`` (Lehman and Stanley 2011). A layout is where the
robot starts: anywhere within two distances on foot from the goal, with any heading. Truth is whether it comes within 10 px of the
goal, which ends an episode. Paying for nearness leads into a pocket behind a wall.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from qd.errors import QDError
from qd.learners.task import COUNTED, Episodes, Task
from qd.policies import MLP
from qd.problems.deceptive_maze import GOAL, HIGH, LOW, REACHED, WALLS, DeceptiveMaze
from qd.rewards.steps import Steps, Variable
from qd.rng import generator

STRIDE = 3.0  # the furthest that a step goes [px]
FURTHEST = 583.0  # on foot from the goal [px]
GRAIN = 2.0  # of the grid that ways on foot are measured on [px]


def _step(name: str, meaning: str, low: float = -1.0, kind: str = "number") -> Variable:
    return Variable(name, kind, low, 1.0, unit="steps" if kind == "number" else "", about="step", meaning=meaning)


@dataclass(frozen=True)
class MazeTask(Task):
    """The deceptive maze for learners of networks, such as ``qd.learners.PolicySearch``.

    >>> MazeTask().network((16,)).length
    226
    """

    horizon: int = 400
    """Steps of an episode."""
    nearest: float = 100.0
    """A layout's start is at least so far from the goal, on foot [px]."""
    furthest: float = 300.0
    """And at most so far; the usual start is 483 px away, nothing more than 583 px."""
    places: int = 20
    """A place is a rectangle of the maze, so many along x and along y."""
    seed: int = 0
    """Of the family of layouts."""

    variables = (
        Variable("x", low=LOW[0], high=HIGH[0], unit="px", meaning="to the right"),
        Variable("y", low=LOW[1], high=HIGH[1], unit="px", meaning="downwards"),
        Variable("goal_distance", low=0, high=1, unit="maze widths", meaning="to the goal, as the crow flies"),
        Variable("progress", low=0, high=1, meaning="1 - way to the goal on foot / the longest from anywhere"),
        Variable("start_distance", low=0, high=1.4, unit="maze widths", meaning="from where the episode started"),
        _step("toward_goal", "gained on the goal, in longest steps"),
        _step("onward", "gained on the goal on foot, in longest steps"),
        _step("from_start", "gained on the start, in longest steps"),
        _step("moved", "the way of this step, in longest steps", 0),
        _step("still", "it did not move: a wall was in the way, or it stood", 0, "flag"),
        _step("step", "1, every step", 0, "flag"),
        *COUNTED,
    )

    def __post_init__(self) -> None:
        for name in ("horizon", "places"):
            if getattr(self, name) < 1:
                raise QDError(f"MazeTask.{name}: got {getattr(self, name)}, wanted at least 1")
        if not REACHED + GRAIN <= self.nearest < self.furthest or self.nearest > FURTHEST - 2 * GRAIN:
            raise QDError(f"MazeTask.nearest: got {self.nearest} with furthest = {self.furthest}, wanted "
                          f"{REACHED + GRAIN:g} <= nearest < furthest, nearest at most {FURTHEST - 2 * GRAIN:g} px")  # fmt: skip

    @property
    def episode_steps(self) -> int:
        return self.horizon

    def layout(self, number: int) -> tuple[float, float, float]:
        """Where the robot starts: x, y [px], heading [degrees]."""
        return _start(self, number)

    def solvable(self, number: int) -> tuple[float, float, float]:
        return self.layout(number)

    def place_count(self, number: int) -> int:
        return self.places**2

    def network(self, hidden: tuple[int, ...]) -> MLP:
        return DeceptiveMaze(hidden=hidden).policy

    def episodes(self, network: MLP, weights: NDArray[np.float64], number: int) -> Episodes:
        start = self.layout(number)
        maze = self._maze(tuple(network.sizes[1:-1]))
        _, trace = maze.episodes(weights, np.arange(self.horizon), start)  # (n, T, 2)
        path = np.concatenate([np.broadcast_to(start[:2], (len(weights), 1, 2)), trace], axis=1)  # (n, T + 1, 2)
        to_goal = np.hypot(path[:, :, 0] - GOAL[0], path[:, :, 1] - GOAL[1])
        there = to_goal[:, 1:] < REACHED
        success = there.any(axis=1)
        length = np.where(success, there.argmax(axis=1) + 1, self.horizon)
        kept = np.arange(self.horizon) < length[:, None]
        from_start = np.hypot(path[:, :, 0] - start[0], path[:, :, 1] - start[1])
        moved = np.hypot(*np.moveaxis(np.diff(path, axis=1), 2, 0))
        width = HIGH[0] - LOW[0]
        way = _ways()[tuple(((path - LOW) / GRAIN).astype(np.int64)[:, :, k] for k in (0, 1))]  # (n, T + 1)
        states = {"x": path[:, :, 0], "y": path[:, :, 1],
                  "goal_distance": to_goal / width, "progress": 1.0 - way / _ways().max(), "start_distance": from_start / width}  # fmt: skip
        after = {name: values[:, 1:][kept] for name, values in states.items()}
        after.update({
            "toward_goal": -np.diff(to_goal, axis=1)[kept] / STRIDE,
            "onward": -np.diff(way, axis=1)[kept] / STRIDE,
            "from_start": np.diff(from_start, axis=1)[kept] / STRIDE,
            "moved": moved[kept] / STRIDE,
            "still": np.asarray(moved[kept] == 0, np.float64),
            "step": np.ones(int(length.sum())),
        })  # fmt: skip
        offsets = np.concatenate([[0], length.cumsum()])
        ends = np.zeros(len(after["step"]), bool)
        ends[offsets[1:][success] - 1] = True
        steps = Steps(after, {name: values[:, :-1][kept] for name, values in states.items()}, ends, offsets)
        cells = [np.clip((after[name] - LOW[i]) / (HIGH[i] - LOW[i]) * self.places, 0, self.places - 1).astype(np.int64)
                 for i, name in enumerate(("x", "y"))]  # fmt: skip
        return Episodes(steps, success, cells[0] * self.places + cells[1])

    def probe(self, number: int) -> Steps:
        """An episode of each of 20 random networks, every place new."""
        network = self.network((8,))
        steps = self.episodes(
            network, generator(self.seed, "probe", number).normal(size=(20, network.length)), number
        ).steps
        once = np.ones(len(steps))
        return Steps({**steps.after, "visits": once, "rarity": once}, steps.before, steps.ends, steps.offsets)

    def _maze(self, hidden: tuple[int, ...]) -> DeceptiveMaze:
        return self._mazes.setdefault(hidden, DeceptiveMaze(steps=self.horizon, hidden=hidden))

    @cached_property
    def _mazes(self) -> dict[tuple[int, ...], DeceptiveMaze]:
        return {}


@lru_cache(maxsize=1024)
def _start(task: MazeTask, number: int) -> tuple[float, float, float]:
    from qd.problems._deceptive_maze_kernel import free, segments

    rng, walls = generator(task.seed, "maze start", number), segments(WALLS)
    while True:
        x, y = rng.uniform(LOW, HIGH)
        way = _ways()[int((x - LOW[0]) / GRAIN), int((y - LOW[1]) / GRAIN)]
        if task.nearest <= way <= task.furthest and free(x, y, walls):
            return float(x), float(y), float(rng.uniform(0, 360))


@cache
def _ways() -> NDArray[np.float64]:
    """The way to the goal on foot from each cell of a grid [px]; from where no robot fits, as from the nearest it does.

    Dijkstra's algorithm over the free cells, each joined with its eight neighbours.
    """
    from scipy.ndimage import distance_transform_edt
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import dijkstra

    from qd.problems._deceptive_maze_kernel import free, segments

    walls = segments(WALLS)
    size = [int(np.ceil((high - low) / GRAIN)) + 1 for low, high in zip(LOW, HIGH)]
    clear = np.array([[free(LOW[0] + (i + 0.5) * GRAIN, LOW[1] + (j + 0.5) * GRAIN, walls) for j in range(size[1])]
                      for i in range(size[0])])  # fmt: skip
    number = np.arange(clear.size).reshape(size)
    ends: list[NDArray[np.int64]] = []
    lengths = []
    for di, dj in ((1, 0), (0, 1), (1, 1), (1, -1)):
        a = (slice(0, size[0] - di), slice(max(0, -dj), size[1] - max(0, dj)))
        b = (slice(di, size[0]), slice(max(0, dj), size[1] + min(0, dj)))
        both = clear[a] & clear[b]
        ends.append(np.stack([number[a][both], number[b][both]]))
        lengths.append(np.full(int(both.sum()), GRAIN * np.hypot(di, dj)))
    joined, length = np.concatenate(ends, axis=1), np.concatenate(lengths)
    graph = csr_matrix((length, (joined[0], joined[1])), (clear.size, clear.size))
    goal = number[int((GOAL[0] - LOW[0]) / GRAIN), int((GOAL[1] - LOW[1]) / GRAIN)]
    way = dijkstra(graph, directed=False, indices=goal).reshape(size)
    _, nearest = distance_transform_edt(~np.isfinite(way), return_indices=True)
    return np.asarray(way[tuple(nearest)])
