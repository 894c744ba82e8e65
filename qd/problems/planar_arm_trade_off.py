"""The planar arm with two objectives that pull apart: joints alike, and joints moved little.

To reach a point near the shoulder with equal joints the arm curls up, which turns every joint; to move little it folds
at one or two. So nearly every place of the hand has a front of postures, from curled to folded.

    smoothness = 1 - sqrt(sum_j (gene_j - mean)^2 / (d - 1))    PlanarArm's objective
    thrift     = 1 - 2 mean_j |gene_j - 1/2|                    1 less the mean turn of the joints, in half turns
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from qd.contracts import Evaluation, Request
from qd.problems.planar_arm import PlanarArm


@dataclass(frozen=True)
class PlanarArmTradeOff(PlanarArm):
    """The planar arm with two objectives; solutions and measures are those of PlanarArm.

    >>> arm = PlanarArmTradeOff(joints=2)
    >>> curled_and_folded = np.array([[0.75, 0.75], [0.5, 1.0]])
    >>> arm.evaluate(Request(curled_and_folded), np.zeros(2, np.uint64)).objective.round(3).tolist()
    [[1.0, 0.5], [0.646, 0.5]]
    """

    objectives = ("smoothness", "thrift")
    reference_point: ClassVar[tuple[float, float]] = (0.0, 0.0)
    """Below every posture: what hypervolumes are measured from."""

    def evaluate(self, request: Request, seeds: NDArray[np.uint64]) -> Evaluation:
        smooth = super().evaluate(request, seeds)
        turns = np.abs(np.ascontiguousarray(request.solutions, np.float64) - 0.5)  # (n, d)
        thrift = 1.0 - 2.0 * turns.mean(axis=1)
        return Evaluation(np.stack([smooth.objective, thrift], axis=1), smooth.measures)
