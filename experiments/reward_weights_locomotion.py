"""Weights of a reward for a walking robot that is paid for coming one metre far, in MuJoCo.

What to see: success is the mark alone, a metre for a hopper that falls within 20 steps at first. Learners are small,
12,800 steps each, since the physics engine makes a few thousand a second; the budget is small too, so that the whole
takes half a minute on one core: too small for a search. Over nine seeds 0.56 of the learners on unseen poses come to
the mark by pay for speed, 0.39 by the best of as many random weights, 0.22 by evolved ones (docs/results.md).
"""

import qd
from qd.rewards import Feature, Reward, WeightedSum

FEATURES = ("forward", "control", "upright", "contacts", "fallen", "rarity")

experiment = qd.Experiment(
    problem=qd.problems.EvolvedReward(
        qd.learners.Locomotion(robot="Hopper", mark=1.0, horizon=200),
        Reward(
            tuple(Feature(name) for name in FEATURES),
            WeightedSum(scale=0.1),
            default={"forward.weight": 1.0, "control.weight": -0.1},
        ),
        qd.learners.PolicySearch(steps=12_800, population=16, parents=4),
        layouts=1,
        seeds=1,
        select_seeds=2,
        held_out=2,
        test_seeds=2,
        sparse=100.0,
    ),
    algorithm=qd.algorithms.Selected(
        qd.algorithms.GeneticAlgorithm(population_size=6, parents=2, sigma=0.5), percent=100, candidates=2
    ),
    budget=16,
    seed=1,
)
