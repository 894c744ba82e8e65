"""Planar arm: reach every point with joints as equal as possible, in the form of fast_map-elites (Mouret).

https://github.com/hucebot/fast_map-elites; the task goes back to Cully, Clune, Tarapore and Mouret (2015) and
Vassiliades and Mouret (2018). It costs tens of nanoseconds, so it measures a quality-diversity algorithm
rather than a simulator.

    angle_j = 2 pi gene_j - pi                          [rad], relative to the link before
    phi_j   = angle_1 + ... + angle_j
    measures  = 1/2 + (sum_j cos phi_j, sum_j sin phi_j) / (2 d)    links of length 1 / d, circle of reach in [0, 1]^2
    objective = 1 - sqrt(sum_j (gene_j - mean)^2 / (d - 1))

QDax (``qdax.tasks.arm``) has the same measures and pays minus the population's standard deviation (divided by d):
its number is ``(objective - 1) sqrt((d - 1) / d)``. The task uses no randomness: seeds are ignored.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qd.contracts import Evaluation, Problem, Request
from qd.errors import QDError
from qd.replay import Motion
from qd.space import Box, Measures, Space


@dataclass(frozen=True)
class PlanarArm(Problem):
    """The planar arm. Solutions are joint positions in [0, 1], the measures the hand's position.

    >>> arm = PlanarArm(joints=4)
    >>> stretched = np.full((1, 4), 0.5)  # all angles 0: along x, and all joints equal
    >>> result = arm.evaluate(Request(stretched), np.zeros(1, np.uint64))
    >>> result.objective.tolist(), result.measures.tolist()
    ([1.0], [[1.0, 0.5]])
    """

    joints: int = 10
    """Joints, and genes."""

    deterministic = True
    chunk_size = 4096
    batching = "rows"
    releases_gil = True

    def __post_init__(self) -> None:
        if self.joints < 2:
            raise QDError(f"PlanarArm.joints: got {self.joints}, wanted at least 2: one joint has no spread")

    @cached_property
    def solution_space(self) -> Space:  # type: ignore[override]
        """One gene a joint: 0 is -180 degrees, 1 is +180 degrees, relative to the link before."""
        return Box(0.0, 1.0, self.joints)

    @cached_property
    def measure_space(self) -> Measures:  # type: ignore[override]
        """The hand, in diameters of the circle of reach, on 64 x 64 cells."""
        return Measures(("x [reach]", "y [reach]"), (0.0, 0.0), (1.0, 1.0), dims=(64, 64))

    def prepare(self) -> None:
        """Load or compile the kernel."""
        from qd.problems._planar_arm_kernel import reach

        reach(np.zeros((1, self.joints)), np.empty(1), np.empty((1, 2)))

    def evaluate(self, request: Request, seeds: NDArray[np.uint64]) -> Evaluation:
        from qd.problems._planar_arm_kernel import reach

        genes = np.ascontiguousarray(request.solutions, np.float64)  # (n, d)
        objective, measures = np.empty(len(genes)), np.empty((len(genes), 2))
        reach(genes, objective, measures)
        return Evaluation(objective, measures)

    def world(self, device: str, dtype: Any) -> Any:
        """The arm in torch, for ``OnDevice``."""
        from qd.problems._planar_arm_torch import PlanarArmWorld

        return PlanarArmWorld(self, device, dtype)

    def points(self, genes: NDArray[np.float64]) -> NDArray[np.float64]:
        """(d + 1, 2) the shoulder, the joints and the hand of one arm, in measure coordinates."""
        phi = np.cumsum(2 * np.pi * np.asarray(genes, np.float64) - np.pi)
        links = np.stack([np.cos(phi), np.sin(phi)], axis=1) / (2 * self.joints)
        return 0.5 + np.concatenate([np.zeros((1, 2)), np.cumsum(links, axis=0)])

    def scene(self) -> dict[str, Any]:
        """The circle of reach and the shoulder."""
        return {"circles": [(0.5, 0.5, 0.5, "reach")], "points": [(0.5, 0.5, "shoulder")]}

    def replay(self, solution: NDArray[Any], seed: int) -> Motion:
        """The arm bending from straight to its posture."""
        share = np.linspace(0.0, 1.0, 24)[:, None]
        bent = 0.5 + share * (np.asarray(solution, np.float64) - 0.5)  # 0.5 is straight
        arm = np.stack([self.points(genes) for genes in bent])  # (24, joints + 1, 2)
        return Motion({"arm": arm}, self.scene(), ("arm",), np.zeros(2), np.ones(2))

    def render(self, solution: NDArray[Any], seed: int) -> Any:
        """A matplotlib figure of one arm inside its circle of reach."""
        from matplotlib.figure import Figure
        from matplotlib.patches import Circle

        points = self.points(solution)
        result = self.evaluate(Request(np.asarray(solution)[None]), np.zeros(1, np.uint64))
        names = self.measure_space.names
        fig = Figure(figsize=(5.2, 5.4), layout="constrained")
        axes = fig.add_subplot()
        axes.add_patch(Circle((0.5, 0.5), 0.5, facecolor="#f4f6f8", edgecolor="0.6"))
        axes.plot(points[:, 0], points[:, 1], "-", color="#30638e", linewidth=3.0, solid_joinstyle="round")
        axes.plot(points[:-1, 0], points[:-1, 1], "o", color="white", markeredgecolor="#30638e", label="joints")
        axes.plot(*points[0], "s", color="black", markersize=9, label="shoulder")
        axes.plot(*points[-1], "*", color="#d1495b", markersize=15, label="hand")
        axes.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03), xlabel=names[0], ylabel=names[1], aspect="equal")
        values = ", ".join(f"{value:.3f}" for value in np.atleast_1d(result.objective[0]))
        axes.set_title(f"objective {values}", fontsize=10)
        axes.legend(loc="upper left", fontsize=8, framealpha=0.95)
        return fig
