"""NSGA-II on ZDT1: a hundred solutions spread along a known front of two objectives.

The setting of the literature: 30 genes, a population of 100, 25,000 evaluations. What to see: the first front fills the
population within 40 generations and reaches the curve f2 = 1 - sqrt(f1); the hypervolume ends near 0.870, the true
front's being 0.876. Half a second. Other members of the family: --problem.dimension, or another class in this file.
"""

import qd

experiment = qd.Experiment(
    problem=qd.problems.ZDT1(),
    algorithm=qd.algorithms.NSGA2(population_size=100),
    budget=25_000,
)
