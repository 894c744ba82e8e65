"""Novelty search with local competition in the hard maze: 30,000 episodes, the sparse reward as it is.

Does local competition mean anything where nearly every episode earns 0? Yes, but not what it was made for. Outside the
two reward areas nobody beats a neighbour, and there it is novelty search. Inside them and around their rims a solution
beats its neighbours by ending nearer to the centre, and Pareto fronts keep it however little novel it is: the
population gathers in the areas. `benchmarks/nslc_hard_maze.py` has five seeds beside novelty search and random search.
A few seconds on two cores, after compiling once.
"""

import qd

experiment = qd.Experiment(
    problem=qd.problems.HardMaze(),
    algorithm=qd.algorithms.NSLC(population_size=100),
    budget=30_000,
)
