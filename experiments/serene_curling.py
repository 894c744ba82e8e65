"""SERENE on the curling table: a two-jointed arm pushes a ball, and two spots of the table pay.

Measures are where the ball comes to rest. What to see: novelty search soon hits the ball to anywhere, the first spot is
reached after 1,200 to 3,000 evaluations (seeds 1 to 3), the second, beside the arm's base, after 30,000 to 80,000, and
in one seed only touched. Half a minute on two cores.
"""

import qd

experiment = qd.Experiment(
    problem=qd.problems.Curling(),
    algorithm=qd.algorithms.SERENE(emitters=qd.algorithms.EmitterSettings(target=0.99)),
    budget=200_000,
)
