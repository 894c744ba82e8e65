"""MAP-Elites on the planar arm: for each place that the hand can reach, the posture with the most equal joints.

The settings of the fast_map-elites comparisons: 64 x 64 cells, batches of 1024, iso+line with 0.01 and 0.2, a million
evaluations. What to see: the disc of reach fills within the first tenth of the run, then the objectives rise.
About a second, after compiling once.
"""

import qd

experiment = qd.Experiment(
    problem=qd.problems.PlanarArm(joints=10),
    algorithm=qd.algorithms.MapElites(batch_size=1024, dims=(64, 64), iso_sigma=0.01, line_sigma=0.2),
    budget=1_000_000,
)
