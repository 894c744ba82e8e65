"""GA-NS in the deceptive maze, from pictures: novelty spreads where reward stays in its pocket.

The Image Hard Maze of Such et al. 2017 (https://arxiv.org/abs/1712.06567), with a network of 66,170 weights that suits
a processor. The paper's: ``--problem.problem.network large --algorithm.population_size 20000 --algorithm.parents 61
--algorithm.sigma 0.005 --budget 20000000`` (settings as recalled). The same genetic algorithm on reward:
``deep_ga_image_maze``. With 60,000 evaluations it covers 0.55 of the cells in each of three seeds, where reward keeps
to 0.20, and with one of them comes around the walls, to 10.5 px from the goal; it does not solve the maze at this
size.
"""

import qd

experiment = qd.Experiment(
    problem=qd.problems.Decoded(qd.problems.ImageMaze(network="tiny")),
    algorithm=qd.algorithms.NoveltyGA(
        population_size=200, parents=20, sigma=0.1, neighbors=10, archive_probability=0.1
    ),
    budget=60_000,
)
