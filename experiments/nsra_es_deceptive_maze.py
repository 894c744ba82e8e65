"""NSRA-ES in the deceptive maze: reward first, and towards novelty while nothing gets better. Conti et al. 2018.

https://arxiv.org/abs/1712.06560. What to see: ``objective_weight`` in metrics.csv begins at 1, where the centres walk
into the pocket at -39, and falls while none does better; then the archive spreads over the maze: 0.32 of its cells by
all evaluations in the mean of ten seeds, on reward alone 0.08. It seldom finds the way out: see the study of evolution
strategies in docs/results.md. Published: sigma 0.02, rate 0.01, weight steps of 0.05 after 50 turns, for networks of a
million weights and more turns than this budget has; ``--algorithm.kind ns`` is NS-ES. Ten seconds on two cores.
"""

import qd

experiment = qd.Experiment(
    problem=qd.problems.DeceptiveMaze(),
    algorithm=qd.algorithms.NoveltyES(
        "nsra", population_size=20, sigma=0.1, learning_rate=0.1, weight_step=0.25, patience=5
    ),
    budget=20_000,
)
