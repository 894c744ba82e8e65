"""A genetic algorithm in the deceptive maze: it follows the reward into the trap.

What to see: the best objective rises to -39 within a few generations, the pocket that is near the goal as the crow
flies, and stays there. ``novelty_search_deceptive_maze`` solves the task with as many evaluations. Truncation selection
and Gaussian mutation without crossover, the search of Such et al. 2017 in small; half a minute on two cores.
"""

import qd

experiment = qd.Experiment(
    problem=qd.problems.DeceptiveMaze(),
    algorithm=qd.algorithms.GeneticAlgorithm(population_size=200, parents=20, sigma=0.3),
    budget=40_000,
)
