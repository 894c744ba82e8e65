"""Deceptive mazes for learners: the robot with range finders of Lehman and Stanley, in mazes that differ by number.

https://doi.org/10.1162/EVCO_a_00025; the motion and the published walls are those of ``qd.problems.DeceptiveMaze``.
Pay for nearness to the goal leads into a pocket; what else may be paid on the way is for a search to find.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qd.errors import QDError
from qd.learners.maze_task import Array, MazeLayout, MazeTask
from qd.policies import MLP


@dataclass(frozen=True)
class DeceptiveMazes(MazeTask):
    """The robot. A network sees eleven numbers, and steers for an angular velocity and a speed.

    >>> maze = DeceptiveMazes(variation=0.0).layout(0)
    >>> round(float(maze.way(maze.start[None, :2])[0]) / 10) * 10
    520
    """

    INPUTS = 11

    def network(self, hidden: tuple[int, ...]) -> MLP:
        if len(hidden) > 4:
            raise QDError(f"DeceptiveMazes: got {len(hidden)} hidden layers, wanted at most four")
        return super().network(hidden)

    def traces(self, network: MLP, weights: Array, layout: MazeLayout) -> Array:
        from qd.problems._deceptive_maze_kernel import episodes, segments

        final, trace = np.empty((len(weights), 4)), np.empty((len(weights), self.horizon, 2))
        episodes(network.sizes[1:-1])(weights, segments(layout.walls), layout.start, layout.goal, self.horizon,
                                      np.arange(self.horizon), final, trace)  # fmt: skip
        return trace
