"""Point mazes for learners: a mass that forces push through the walls of the deceptive maze.

The task of gymnasium-robotics' PointMaze (https://robotics.farama.org/envs/maze/point_maze, after Fu et al. 2020), a
point mass under force control that is paid for reaching the goal alone, with mazes of our own: walls by number, and a
motion that a kernel steps, where the original runs a physics engine. A push changes the velocity, drag takes a share of
it, and the mass slides along the walls it hits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qd.errors import QDError
from qd.learners.maze_task import CORNER, SIDE, TOP, Array, MazeLayout, MazeTask
from qd.policies import MLP


@dataclass(frozen=True)
class PointMazes(MazeTask):
    """The mass. A network sees where it is, its velocity and the goal, and pushes along both axes.

    >>> PointMazes().network((16,)).length
    146
    """

    force: float = 0.3
    """Change of velocity by a full push [px / step]."""
    drag: float = 0.05
    """Share of the velocity that is lost in a step."""

    INPUTS = 6

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.force <= TOP:
            raise QDError(f"PointMazes.force: got {self.force}, wanted above 0, up to {TOP:g}, the top speed")
        if not 0 <= self.drag < 1:
            raise QDError(f"PointMazes.drag: got {self.drag}, wanted from 0, below 1")

    def traces(self, network: MLP, weights: Array, layout: MazeLayout) -> Array:
        from qd.learners._maze_kernel import pushed
        from qd.policies._mlp_kernel import codes
        from qd.problems._deceptive_maze_kernel import segments

        trace = np.empty((len(weights), self.horizon, 2))
        pushed(weights, np.array(network.sizes, np.int64), codes(network.activations), 2, segments(layout.walls),
               layout.start[:2], layout.goal, CORNER + SIDE / 2, SIDE / 2, self.force, self.drag, TOP,
               trace)  # fmt: skip
        return trace
