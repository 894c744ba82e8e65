"""CMA-ME on the sphere in 100 dimensions, the first task of its paper: 15 improvement emitters, 100 x 100 cells.

The paper runs 2.5 million evaluations in a free domain; this is a tenth of it. What to see: coverage spreads from the
middle of the map, where samples land, outwards, at a pace that MAP-Elites' fixed steps do not keep up with for long;
`restarts` counts the emitters that ran dry. About half a minute on one core.
"""

import math

import qd

experiment = qd.Experiment(
    problem=qd.problems.Sphere(dimension=100, bound=math.inf),
    algorithm=qd.algorithms.CMAME(emitters=15, batch_size=36, sigma0=0.5),
    budget=250_000,
)
