"""PGPE with ClipUp on MuJoCo's Humanoid, Toklu, Liskowski and Srivastava 2020, https://arxiv.org/abs/2008.02387.

Their reward: the bonus for every step alive is left out, since it teaches to stand still. Their rule of thumb: the
initial deviation is 15 times as long as the longest step. Observations are standardised by statistics that follow the
search all along, since its answer is the last centre. What to see: ``mean_objective`` in metrics.csv, about 1 at the
start, rises (1.08, 1.22, 1.72 in three generations of the short form below, seed 0). Not run to walking. Twenty minutes
on two ranks, by estimate:

    mpiexec -n 2 qd run pgpe_gym_humanoid
    qd run pgpe_gym_humanoid --evaluations 700 --problem.max_steps 50    # a minute
"""

import math

import qd

problem = qd.problems.Gym(
    "Humanoid-v5",
    measures=None,
    hidden=(64,),
    max_steps=200,
    init_sigma=0.01,
    options={"healthy_reward": 0.0},
)
SPEED = 0.15  # the longest step of the centre

experiment = qd.Experiment(
    problem=problem,
    algorithm=qd.algorithms.ObservationNormalised(
        qd.algorithms.PGPE(
            population_size=200,
            sigma=15 * SPEED / math.sqrt(problem.solution_space.length),
            center_learning_rate=SPEED / 2,
            sigma_learning_rate=0.1,
        ),
        warm_up=100,
        freeze_after=-1,
    ),
    budget=20_000,
)
