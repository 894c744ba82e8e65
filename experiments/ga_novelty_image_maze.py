"""GA-NS in the deceptive maze, from pictures: novelty leaves the pocket that reward leads into.

The Image Hard Maze of Such et al. 2017 (https://arxiv.org/abs/1712.06567), with a network of 66,170 weights that suits
a processor. The paper's: ``--problem.problem.network large --algorithm.population_size 20000 --algorithm.parents 61
--algorithm.sigma 0.005 --budget 20000000`` (settings as recalled). The same genetic algorithm on reward:
``deep_ga_image_maze``. Five minutes on two cores.
"""

import qd

experiment = qd.Experiment(
    problem=qd.problems.Decoded(qd.problems.ImageMaze(network="tiny")),
    algorithm=qd.algorithms.NoveltyGA(
        population_size=200, parents=20, sigma=0.1, neighbors=10, archive_probability=0.1
    ),
    budget=20_000,
)
