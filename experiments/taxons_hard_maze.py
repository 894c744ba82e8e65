"""TAXONS in the hard maze: novelty search that sees pictures, and is never told what behaviour is.

An autoencoder compresses five pictures of the maze an episode; its code is the measures, what it reconstructs badly is
surprising, and a coin a generation says which of the two counts. What to see: the share of 50 x 50 cells of true final
positions (which the search never sees) grows well above random search's; in the picture ``space`` the colours of the
truth sort themselves as the encoder learns. ``--algorithm.rule 2019`` is the first release's rule. A few minutes.
"""

import qd

experiment = qd.Experiment(
    problem=qd.problems.HardMaze(),
    algorithm=qd.algorithms.TAXONS(),
    budget=20_000,
)
