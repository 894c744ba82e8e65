"""Deep GA in the deceptive maze: it follows the reward into the trap and stays there.

What to see: the best objective is -38.95 after 20,000 evaluations with each of ten seeds, the pocket that is near the
goal as the crow flies; ``novelty_ga_deceptive_maze`` leaves it. The simulator has no noise, so nothing is validated.
``--algorithm.parents 0`` is the paper's random search, which left the pocket with two of the same ten seeds. Ten
seconds on two cores.
"""

import qd

experiment = qd.Experiment(
    problem=qd.problems.Decoded(qd.problems.DeceptiveMaze()),
    algorithm=qd.algorithms.DeepGA(population_size=200, parents=20, sigma=0.3, validation_episodes=0),
    budget=20_000,
)
