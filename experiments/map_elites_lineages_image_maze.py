"""MAP-Elites over lineages in the deceptive maze, from pictures: an archive of convolutional networks stored as seeds.

Each cell of the maze keeps the network that ends there nearest to the goal, as a chain of 8 bytes a mutation, where
its 66,170 weights would take 265 kB; with ``--problem.problem.network large`` it would be 16 MB. A parent's weights
are kept by each process as long as there is room: ``--problem.cache`` is in megabytes, and twice the archive is
enough. Compare with ``ga_novelty_image_maze``, and with ``map_elites_lineages_deceptive_maze`` on range finders. Five
minutes on two cores.
"""

import qd

experiment = qd.Experiment(
    problem=qd.problems.Decoded(qd.problems.ImageMaze(network="tiny")),
    algorithm=qd.algorithms.MapElites(batch_size=200, sigma=0.1),
    budget=30_000,
)
