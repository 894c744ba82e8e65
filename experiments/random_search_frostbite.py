"""Random search plays Frostbite: every generation drawn anew, the elite validated as in ``deep_ga_frostbite``.

The baseline of Such et al. 2017 (https://arxiv.org/abs/1712.06567): their genetic algorithm without parents, at equal
frames. Paper-size settings and a smoke run as for ``deep_ga_frostbite``, but for ``--algorithm.parents``.
"""

import qd

experiment = qd.Experiment(
    problem=qd.problems.Decoded(qd.problems.Atari("frostbite", network="tiny")),
    algorithm=qd.algorithms.DeepGA(population_size=50, parents=0, validated=4, validation_episodes=4),
    budget={"frames": 1_000_000},
)
