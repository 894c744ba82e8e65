"""Deep GA plays Frostbite from pictures: truncation and mutation alone, at a thousandth of the published budget.

Such et al. 2017 (https://arxiv.org/abs/1712.06567) had a billion to six billion frames, a network of four million
weights and a thousand children: ``--problem.problem.network large --algorithm.population_size 1000
--algorithm.parents 20 --algorithm.sigma 0.002 --algorithm.validated 10 --algorithm.validation_episodes 30 --budget
'{"frames": 6e9}'``. The smaller network and generations here suit one processor core for ten minutes. Random search
with as many frames: ``random_search_frostbite``. A smoke run of half a minute: ``--algorithm.population_size 8
--algorithm.parents 3 --algorithm.validated 2 --algorithm.validation_episodes 1 --problem.problem.max_decisions 300
--budget '{"frames": 24000}'``.
"""

import qd

experiment = qd.Experiment(
    problem=qd.problems.Decoded(qd.problems.Atari("frostbite", network="tiny")),
    algorithm=qd.algorithms.DeepGA(population_size=50, parents=10, sigma=0.01, validated=4, validation_episodes=4),
    budget={"frames": 1_000_000},
)
