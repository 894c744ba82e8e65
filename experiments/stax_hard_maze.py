"""STAX in the hard maze: exploration in a learned space, emitters where it meets a reward.

The search sees five pictures an episode and the reward, which is zero but in two discs. What to see: the nearer disc is
touched and climbed early; the pictures ``space`` and ``reconstructions`` show what the encoder makes of a robot that is
two pixels wide. A few minutes on two cores; ``--evaluations 50000`` for a longer look.
"""

import qd

experiment = qd.Experiment(
    problem=qd.problems.HardMaze(),
    algorithm=qd.algorithms.STAX(emitters=qd.algorithms.EmitterSettings(target=0.99)),
    budget=20_000,
)
