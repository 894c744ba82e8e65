"""Random search in the hard maze at the budget of novelty search: the row that every comparison needs.

What to see: most random networks turn on the spot or stick to the first wall, so the positions crowd around the start.
A few seconds on two cores, after compiling once.
"""

import qd

experiment = qd.Experiment(
    problem=qd.problems.HardMaze(),
    algorithm=qd.algorithms.RandomSearch(batch_size=200),
    budget=30_000,
)
