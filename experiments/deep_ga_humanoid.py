"""Deep GA on a walking humanoid: 159,505 weights, evolved by truncation and mutation alone.

The paper's settings (Such et al. 2017, as others quote them) are 12,500 children, 625 parents, sigma 0.00224 and five
episodes a child: ``--algorithm.population_size 12500 --algorithm.parents 625``. This small budget shows the mechanics.
``--algorithm.parents 0`` is random search with as many evaluations. A smoke run: ``--algorithm.population_size 20
--algorithm.parents 4 --algorithm.validated 3 --algorithm.validation_episodes 2 --budget 60``, five seconds.
"""

import qd

experiment = qd.Experiment(
    problem=qd.problems.Decoded(
        qd.problems.Gym("Humanoid-v5", measures="position", hidden=(256, 256), weight_bound=100.0), init_sigma=0.05
    ),
    algorithm=qd.algorithms.DeepGA(population_size=100, parents=10, sigma=0.01, validated=5, validation_episodes=5),
    budget=2_000,
)
