"""MAP-Elites on MuJoCo's Walker2d: for each way of using the two feet, the network that walks best in it.

Cells are the shares of steps in which each foot touches the ground (Cully et al. 2015); the objective is the
environment's own, distance and survival less effort. Observations are standardised by 200 random networks, then
these statistics stay. Episodes are cut at 500 steps. What to see: nearly all cells fill early (at 200 steps and seed 1,
87 % after 4,936 evaluations and 94 % after 10,000), then the objectives rise. Twenty minutes on two ranks, by estimate:

    mpiexec -n 2 qd run map_elites_gym_walker
    qd run map_elites_gym_walker --evaluations 2000 --problem.max_steps 200    # a minute or two
"""

import qd

experiment = qd.Experiment(
    problem=qd.problems.Gym("Walker2d-v5", measures="foot_contact", hidden=(32, 32), max_steps=500, init_sigma=0.1),
    algorithm=qd.algorithms.ObservationNormalised(
        qd.algorithms.MapElites(batch_size=128, iso_sigma=0.01, line_sigma=0.1), warm_up=200
    ),
    budget=20_000,
)
