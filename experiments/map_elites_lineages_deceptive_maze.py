"""MAP-Elites over lineages in the deceptive maze: an archive that holds chains of seeds, and no weights.

What to see: PLACEHOLDER
"""

import qd

experiment = qd.Experiment(
    problem=qd.problems.Decoded(qd.problems.DeceptiveMaze()),
    algorithm=qd.algorithms.MapElites(batch_size=200, sigma=0.1),
    budget=20_000,
)
