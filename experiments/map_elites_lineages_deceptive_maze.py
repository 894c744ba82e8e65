"""MAP-Elites over lineages in the deceptive maze: an archive that holds chains of seeds, and no weights.

What to see: with 20,000 evaluations it covers a third of the maze and comes within 10 px of the goal in four of ten
seeds (0, 1, 5 and 9), where ``deep_ga_deceptive_maze`` ends in the pocket at -39 each time. Some 900 elites of six
mutations each, 17 at most, are 50 kB in all; a controller is grown when it is evaluated or shown. Ten seconds on two
cores.
"""

import qd

experiment = qd.Experiment(
    problem=qd.problems.Decoded(qd.problems.DeceptiveMaze()),
    algorithm=qd.algorithms.MapElites(batch_size=200, sigma=0.1),
    budget=20_000,
)
