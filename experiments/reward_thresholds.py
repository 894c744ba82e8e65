"""Thresholds for two proxies that are good up to a point, found within the budget of a few learners.

A policy is paid for two correlated proxies, and what was meant, gold, falls where either gets too high. The genes are
thresholds; multipliers, moved by the learner, hold each proxy there. Learners of 200 updates are judged by gold, the
best three anew, and the winner trains a learner for 1000. What to see: ``test_objective``, gold of that learner, is
0.98 or more of what is possible, and ``error``, how far the proxies stay from their thresholds, around 0.1, while the
weights that a person might begin with, 1 and 1, leave 0.45. Two seconds.
"""

import qd

experiment = qd.Experiment(
    problem=qd.problems.OverOptimisation(correlation=0.5),
    algorithm=qd.algorithms.Selected(qd.algorithms.NelderMead(spread=0.5), percent=100, candidates=3),
    budget=28,
)
