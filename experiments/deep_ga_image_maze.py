"""Deep GA in the deceptive maze, from pictures: reward leads into a pocket 39 px from the goal, and it stays there.

What ``ga_novelty_image_maze`` does on novelty, on reward; ``--algorithm.parents 0`` is random search. Paper-size
settings as there. Ten minutes on two cores.
"""

import qd

experiment = qd.Experiment(
    problem=qd.problems.Decoded(qd.problems.ImageMaze(network="tiny")),
    algorithm=qd.algorithms.DeepGA(population_size=200, parents=20, sigma=0.1, validation_episodes=0),
    budget=60_000,
)
