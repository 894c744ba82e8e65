"""The image maze's world in torch: the motion of the maze with sensors, and pictures of where robots were."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from qd.problems._deceptive_maze_kernel import RADIUS
from qd.problems._deceptive_maze_torch import DeceptiveMazeWorld, Robots
from qd.problems._image_maze_kernel import (
    FINE,
    FRAMES,
    MARK_AHEAD,
    MARK_RADIUS,
    REACH,
    ROBOT,
    SCALE,
    SIZE,
    background_fine,
    coarse,
)
from qd.problems.deceptive_maze import WALLS
from qd.problems.image_maze import ImageMaze
from qd.problems.world import Outcome, World

if TYPE_CHECKING:
    import torch


class Seen(NamedTuple):
    """The robots, and (n, FRAMES, SIZE * SIZE) what their networks see, the newest picture last."""

    robots: Robots
    pictures: torch.Tensor


class ImageMazeWorld(World):
    """Robots in the deceptive maze, seen from above."""

    def __init__(self, problem: ImageMaze, device: str, dtype: torch.dtype) -> None:
        import torch

        self.maze = DeceptiveMazeWorld(problem, device, dtype)
        self.steps, self.policy = problem.steps, problem.policy
        fine = background_fine(WALLS)
        self.fine = torch.from_numpy(fine.reshape(-1)).to(device=device, dtype=dtype)
        self.picture = torch.from_numpy(coarse(fine).reshape(-1)).to(device=device, dtype=dtype)
        self.near = torch.from_numpy(np.arange(REACH)).to(device)
        self.near_fine = torch.from_numpy(np.arange(2 * REACH)).to(device)

    def first(self, seeds: torch.Tensor) -> Seen:
        robots = self.maze.first(seeds)
        return Seen(robots, self._drawn(robots)[:, None, :].repeat(1, FRAMES, 1))

    def observe(self, state: Seen) -> torch.Tensor:  # type: ignore[override]
        return state.pictures.reshape(-1, FRAMES, SIZE, SIZE)

    def step(self, state: Seen, actions: torch.Tensor) -> Seen:  # type: ignore[override]
        import torch

        robots = self.maze.step(state.robots, actions)
        return Seen(robots, torch.cat([state.pictures[:, 1:], self._drawn(robots)[:, None, :]], dim=1))

    def frame(self, state: Seen) -> torch.Tensor:  # type: ignore[override]
        return self.maze.frame(state.robots)

    def outcome(self, state: Seen) -> Outcome:  # type: ignore[override]
        return self.maze.outcome(state.robots)

    def _drawn(self, robots: Robots) -> torch.Tensor:
        """(n, SIZE * SIZE) a picture of each robot: what it covers of the pixels about it, over the background."""
        import torch

        n = len(robots.x)
        row = torch.floor((robots.y - RADIUS) * SCALE / 2.0).clamp(min=0.0).long()[:, None]  # (n, 1)
        column = torch.floor((robots.x - RADIUS) * SCALE / 2.0).clamp(min=0.0).long()[:, None]
        rows, columns = 2 * row + self.near_fine, 2 * column + self.near_fine  # (n, 2 REACH) fine pixels
        py, px = (rows + 0.5) / SCALE, (columns + 0.5) / SCALE
        x, y = robots.x[:, None], robots.y[:, None]
        mark_x, mark_y = x + MARK_AHEAD * robots.cosine[:, None], y + MARK_AHEAD * robots.sine[:, None]
        disc = _squares(px - x, py - y) < RADIUS * RADIUS  # (n, 2 REACH, 2 REACH)
        mark = _squares(px - mark_x, py - mark_y) < MARK_RADIUS * MARK_RADIUS
        inside = (rows < FINE)[:, :, None] & (columns < FINE)[:, None, :]
        places = rows.clamp(max=FINE - 1)[:, :, None] * FINE + columns.clamp(max=FINE - 1)[:, None, :]
        shown = torch.where(mark, 0.0, ROBOT).to(self.fine.dtype) - self.fine[places]
        change = torch.where(disc & inside, shown, 0.0).reshape(n, REACH, 2, REACH, 2).sum(dim=(2, 4)) * 0.25
        down, across = (row + self.near).clamp(max=SIZE - 1), (column + self.near).clamp(max=SIZE - 1)
        where = (down[:, :, None] * SIZE + across[:, None, :]).reshape(n, -1)
        return self.picture.repeat(n, 1).scatter_add(1, where, change.reshape(n, -1))


def _squares(across: torch.Tensor, down: torch.Tensor) -> torch.Tensor:
    """(n, k, k) squared distances, of (n, k) along x and along y."""
    return (across * across)[:, None, :] + (down * down)[:, :, None]
