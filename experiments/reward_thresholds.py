"""Thresholds for two proxies that are good up to a point, found within the budget of a few learners.

A policy is paid for two correlated proxies, and what was meant, gold, falls where either gets too high. The genes are
thresholds; multipliers, moved by the learner, hold each proxy there. Learners of 200 updates are judged by gold, the
best three anew, and the winner trains a learner for 1000. What to see: ``test_objective``, gold of that learner, is
0.95 of what is possible or more, and ``error``, how far the proxies are from their thresholds, around 0.1, while the
weights that a person might begin with (``reward=weights()``) leave 0.45. A few seconds.
"""

import qd

experiment = qd.Experiment(
    problem=qd.problems.OverOptimisation(correlation=0.5),
    algorithm=qd.algorithms.Selected(
        qd.algorithms.EvolutionStrategy(population_size=6, sigma=0.1), percent=100, candidates=3
    ),
    budget=28,
)
