"""CMA-MAE on the sphere in 100 dimensions: CMA-ME's task, with thresholds that move by 0.01 of what passed them.

The paper runs 5.4 million evaluations in a free domain; this is a twentieth of it. What to see: fewer cells than with
CMA-ME at first, each with a better objective; no emitter starts anew. Two archives are kept: `elites`, the best of each
cell, which is the one reported, and `learning`, whose thresholds the emitters climb. About half a minute on one core.
"""

import math

import qd

experiment = qd.Experiment(
    problem=qd.problems.Sphere(dimension=100, bound=math.inf),
    algorithm=qd.algorithms.CMAMAE(emitters=15, batch_size=36, sigma0=0.5, learning_rate=0.01, threshold_min=0.0),
    budget=250_000,
)
