"""Deep GA plays Skiing from pictures: the score comes at the end, minus the time and what was missed.

The game on which random search beat DQN, A3C and ES in Such et al. 2017 (https://arxiv.org/abs/1712.06567; as recalled,
-7,679 against -13,062, -10,911 and -15,442). An episode is 500 to 5,000 decisions, so that a million frames are few
episodes and generations are small; ``--algorithm.parents 0`` is random search. Paper-size settings as in
``deep_ga_frostbite``. A smoke run of half a minute: ``--algorithm.population_size 6 --algorithm.parents 2
--algorithm.validation_episodes 1 --problem.problem.max_decisions 300 --budget '{"frames": 24000}'``.
"""

import qd

experiment = qd.Experiment(
    problem=qd.problems.Decoded(qd.problems.Atari("skiing", network="tiny")),
    algorithm=qd.algorithms.DeepGA(population_size=20, parents=5, sigma=0.01, validated=2, validation_episodes=2),
    budget={"frames": 1_000_000},
)
