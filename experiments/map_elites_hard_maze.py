"""MAP-Elites on the hard maze: 50 x 50 cells of final positions, 30,000 episodes.

What to see: cells fill in from the start along the corridors; the objective is zero outside the two reward discs, so
the archive is a map of where the robot can be brought, with two coloured spots once the discs are reached.
A few seconds on two cores, after compiling once.
"""

import qd

experiment = qd.Experiment(
    problem=qd.problems.HardMaze(),
    algorithm=qd.algorithms.MapElites(batch_size=200, operator="gaussian", sigma=0.1),
    budget=30_000,
)
