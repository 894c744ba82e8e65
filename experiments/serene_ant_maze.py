"""SERENE sends MuJoCo's ant through a maze with two places that pay, one near and one far.

2,000 evaluations of 300 steps show the mechanics, not a result: at this budget hardly an ant gets round the first wall.
The published task is one flag away and takes hours: ``--evaluations 500000 --problem.steps 3000``. What to see in the
short run: coverage rising slowly, and no failed evaluation.
"""

import qd

experiment = qd.Experiment(
    problem=qd.problems.AntMaze(steps=300),
    algorithm=qd.algorithms.SERENE(emitters=qd.algorithms.EmitterSettings(target=0.99)),
    budget=2_000,
)
