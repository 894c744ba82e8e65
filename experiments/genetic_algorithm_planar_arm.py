"""A genetic algorithm on the planar arm: one posture, as equal as possible, whatever the hand does.

What to see: the best objective climbs to 1, all joints alike, while the hand's positions shrink to a few spots:
an optimiser finds one answer where MAP-Elites keeps one for every place. About a second.
"""

import qd

experiment = qd.Experiment(
    problem=qd.problems.PlanarArm(joints=10),
    algorithm=qd.algorithms.GeneticAlgorithm(population_size=200, parents=20, sigma=0.02, crossover_probability=0.5),
    budget=100_000,
)
