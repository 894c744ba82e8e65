"""NSRA-ES in the deceptive maze: reward first, and towards novelty while nothing gets better. Conti et al. 2018.

https://arxiv.org/abs/1712.06560. What to see: ``objective_weight`` in metrics.csv begins at 1, where the centres walk
into the pocket at -39, and falls while none does better; then the archive spreads over the maze, and a centre finds the
way round: within 10 of the goal with seed 0. With a fifth of the evaluations it seldom does; more seeds and the other
strategies are in docs/results.md. Published: sigma 0.02, rate 0.01, weight steps of 0.05 after 50 turns, for networks
of a million weights and more turns than this budget has; ``--algorithm.kind ns`` is NS-ES. Half a minute on two cores.
"""

import qd

experiment = qd.Experiment(
    problem=qd.problems.DeceptiveMaze(),
    algorithm=qd.algorithms.NoveltyES(
        "nsra", population_size=20, sigma=0.1, learning_rate=0.1, weight_step=0.25, patience=5
    ),
    budget=100_000,
)
