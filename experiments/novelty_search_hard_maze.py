"""Novelty search explores the hard maze: 30,000 episodes, final positions as the measures.

The demo. What to see: the population spreads from the start in the lower left through every corridor, and the share of
50 x 50 cells reached climbs to about 0.7, where random search at the same budget stays below 0.3. Published for 30,000
evaluations: about 0.73 (a figure of the SERENE authors' notebooks, one run); the walls leave at most 0.84 to reach.
A few seconds on two cores, after compiling once.
"""

import qd

experiment = qd.Experiment(
    problem=qd.problems.HardMaze(),
    algorithm=qd.algorithms.NoveltySearch(population_size=100),
    budget=30_000,
)
