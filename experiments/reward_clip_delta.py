"""Clip or delta? How a process score must be paid depends on how noisy it is, and a search finds out.

What to see: a score of 0 to 1 says how near success is, with an error of standard deviation 0.1 a state. Paid as it is,
learners farm it: the goal would end the income. Clipped it can be learned from, and paying its change, perfect where
the score has no error, is behind. The genes are whether to clip and where, whether to pay the change, and the scale.
With ``--problem.task.score_noise 0`` the order is the other way round. docs/results.md has the table. Seconds on one
core.
"""

import numpy as np

import qd
from qd.rewards import Clip, Delta, Feature, Gene, Reward

scale = Gene("scale", default=0.5, spread=float(np.log(2)), scale="log")

experiment = qd.Experiment(
    problem=qd.problems.EvolvedReward(
        qd.learners.KeyDoor(size=7, score_noise=0.1),
        Reward((Feature("progress", scale) | Clip() | Delta(),)),
        qd.learners.QLearning(steps=6000),
    ),
    algorithm=qd.algorithms.Selected(
        qd.algorithms.GeneticAlgorithm(population_size=16, parents=5, sigma=0.5), percent=100, candidates=5
    ),
    budget=167,
    seed=1,
)
