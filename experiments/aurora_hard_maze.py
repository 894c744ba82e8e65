"""AURORA in the hard maze: a repertoire of elites in a space that an autoencoder learns from pictures.

Elites keep a distance from each other, steered so that there are about a thousand. What to see: ``archive_size`` stays
near its target while ``archive_distance`` finds its level; where a reward was met, elites of that neighbourhood climb
it. Parents are drawn evenly, not by novelty, so ground is covered more slowly than by TAXONS. A few minutes.
"""

import qd

experiment = qd.Experiment(
    problem=qd.problems.HardMaze(),
    algorithm=qd.algorithms.AURORA(iso_sigma=0.05),
    budget=20_000,
)
