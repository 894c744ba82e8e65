"""STAX on the redundant arm: a space learned from pictures finds three sparse rewards, and emitters climb them.

Twenty joints, five pictures an episode, a reward in three small discs; nobody says what behaviour is. What to see: at
6,000 evaluations two or three discs are touched, and each is climbed to above 0.95 within a few hundred evaluations of
its emitters; the picture ``emitters`` shows them over what exploration covered, ``space`` how the truth sorts itself in
the learned space, ``curves`` when each disc was found. Published at 500,000 evaluations: coverage 0.78, all three above
0.97 (figures of the authors' notebooks). One minute for the demo's 6,000 evaluations, about ten for the whole, on two
cores:

    mpiexec -n 2 qd run stax_redundant_arm
"""

import qd

experiment = qd.Experiment(
    problem=qd.problems.RedundantArm(),
    algorithm=qd.algorithms.STAX(emitters=qd.algorithms.EmitterSettings(target=0.99)),
    budget=50_000,
)
