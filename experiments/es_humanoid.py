"""OpenAI's evolution strategy on a walking humanoid, Salimans et al. 2017, https://arxiv.org/abs/1703.03864.

The settings are those of the program released with Deep GA (Such et al. 2017, https://arxiv.org/abs/1712.06567), read
in it: two hidden layers of 256 tanh units, sigma 0.02, Adam's rate 0.01, weight decay 0.005, observations standardised
by statistics that follow the search and cut at 5. It plays 1,000 episodes a generation or more, until they have 100,000
steps: ``--algorithm.algorithm.population_size 1000``. Where this differs: Humanoid-v5 has 348 inputs, where v1 had 376,
so rewards do not compare; outputs are tanh units without noise, and all weights start at one scale, where the program
starts the last layer a hundredth as wide; statistics come from all episodes, not one in a hundred; the number of
episodes is fixed. The centre plays 5 episodes after each step: ``center`` and ``champion`` in metrics.csv.

What to see: ``mean_objective`` rises from the start, 178, 198, 232, 238, 262 in five generations with seed 0
(``--evaluations 1125``, a minute or two on two cores). Not run to walking. A smoke run of under a minute:

    qd run es_humanoid --algorithm.algorithm.population_size 20 --algorithm.warm_up 10 --evaluations 120
"""

import qd

experiment = qd.Experiment(
    problem=qd.problems.Gym("Humanoid-v5", measures=None, hidden=(256, 256), weight_bound=100.0, init_sigma=0.05),
    algorithm=qd.algorithms.ObservationNormalised(
        qd.algorithms.OpenAIES(population_size=200, center_episodes=5), warm_up=100, freeze_after=-1
    ),
    budget=20_000,
)
