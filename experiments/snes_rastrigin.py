"""SNES on Rastrigin's function: a landscape of 11^20 dents over one bowl, in 20 genes.

A hundred solutions a generation and a wide start average the dents away, so the centre follows the bowl. What to see:
sigma grows at first and the mean objective climbs, then both settle, in the best dent (100) or one next to it (99.8);
after 50 generations without anything better the search begins anew elsewhere with twice as many solutions (column
``restarts``). Ten seconds after importing evotorch.
"""

import qd

experiment = qd.Experiment(
    problem=qd.problems.Rastrigin(dimension=20),
    algorithm=qd.algorithms.SNES(population_size=100, sigma=2.0, patience=50, population_growth=2.0),
    budget=100_000,
)
