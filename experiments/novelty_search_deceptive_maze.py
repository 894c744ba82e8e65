"""Novelty search gets through the deceptive maze, where paying for nearness to the goal does not.

What to see: the best objective stands at -39, the pocket behind the wall, until a robot finds the way round and ends
within 10 px of the goal (above -10). The genetic algorithm's twin, ``genetic_algorithm_deceptive_maze``, stays at -39.
Neighbours are 25, as in Such et al. 2017; half a minute on two cores.
"""

import qd

experiment = qd.Experiment(
    problem=qd.problems.DeceptiveMaze(),
    algorithm=qd.algorithms.NoveltySearch(population_size=100, neighbors=25, sigma=0.3),
    budget=40_000,
)
