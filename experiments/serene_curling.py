"""SERENE on the curling table: a two-jointed arm pushes a ball, and two spots of the table pay.

Measures are where the ball comes to rest. What to see: for hundreds of evaluations the ball is hardly touched; then
novelty search learns to hit it to anywhere, and emitters bring it to the middle of both spots. Seconds on two cores.
"""

import qd

experiment = qd.Experiment(
    problem=qd.problems.Curling(),
    algorithm=qd.algorithms.SERENE(emitters=qd.algorithms.EmitterSettings(target=0.99)),
    budget=30_000,
)
