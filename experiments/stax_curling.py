"""STAX on the curling table: what matters about a picture of an arm and a ball, found without being told.

What to see: the encoder spends its first trainings on the arm, which moves in every episode; as archives fill with
episodes in which the ball moved, the ball enters the space too. A few minutes on two cores.
"""

import qd

experiment = qd.Experiment(
    problem=qd.problems.Curling(),
    algorithm=qd.algorithms.STAX(emitters=qd.algorithms.EmitterSettings(target=0.99)),
    budget=20_000,
)
