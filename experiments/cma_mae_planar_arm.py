"""CMA-MAE on the planar arm with 100 joints: for each place that the hand can reach, the smoothest posture.

Solutions are bounded here, and mirrored into their bounds: pyribs' evolution strategies would draw again, without end,
since of 100 genes one is nearly always outside. What to see: the disc of reach fills from the stretched arm inwards and
the objectives stay near 1. About ten seconds on one core.
"""

import qd

experiment = qd.Experiment(
    problem=qd.problems.PlanarArm(joints=100),
    algorithm=qd.algorithms.CMAMAE(emitters=5, batch_size=36, sigma0=0.2, learning_rate=0.01, threshold_min=0.0),
    budget=100_000,
)
