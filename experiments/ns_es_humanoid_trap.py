"""NS-ES on a humanoid before a trap: reward leads straight ahead into three walls, novelty leads around them.

Conti et al. 2018 (https://arxiv.org/abs/1712.06560), whose settings are five centres, five episodes of a centre, sigma
0.02 and thousands of episodes a turn on a cluster: ``--algorithm.algorithm.population_size 1000``. This small budget
shows the mechanics: ``novelty`` in archive.npz is where centres came to, with the walls in its picture.
``--algorithm.algorithm.kind nsra`` weighs reward and novelty, ``es_humanoid`` is on reward alone, without walls. A
smoke run of half a minute: ``--algorithm.algorithm.population_size 8 --algorithm.algorithm.centers 2
--algorithm.algorithm.center_episodes 1 --budget 60``.
"""

import qd

experiment = qd.Experiment(
    problem=qd.problems.HumanoidTrap(hidden=(256, 256), init_sigma=0.05),
    algorithm=qd.algorithms.ObservationNormalised(
        qd.algorithms.NoveltyES("ns", population_size=100, centers=5, center_episodes=5), clip=5.0
    ),
    budget=5_000,
)
