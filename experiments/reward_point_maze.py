"""Weights of a reward for a mass pushed through deceptive mazes, where pay for nearness to the goal leads up to walls.

What to see: paid for success alone, few learners come to the goal in 800 episodes, and paid for rare places some more
do. Rewards evolved in so small a budget teach no better than random ones, or than the pay for nearness and rare places
that is the default: ``held_out_success`` beside ``compared_held_out_success`` in summary.json. Half a minute, one core.
"""

import qd
from qd.rewards import Feature, Reward, WeightedSum

FEATURES = ("toward_goal", "from_start", "moved", "stuck", "near_wall", "fresh", "rarity", "step")

experiment = qd.Experiment(
    problem=qd.problems.EvolvedReward(
        qd.learners.PointMazes(),
        Reward(
            tuple(Feature(name) for name in FEATURES),
            WeightedSum(scale=0.1),
            default={"toward_goal.weight": 0.3, "rarity.weight": 1.0},
        ),
        qd.learners.PolicySearch(steps=320_000),
        layouts=4,
        seeds=1,
        select_seeds=2,
        held_out=16,
        test_seeds=2,
        sparse=100.0,
    ),
    algorithm=qd.algorithms.Selected(
        qd.algorithms.EvolutionStrategy(population_size=16, sigma=0.1), percent=100, candidates=5
    ),
    budget=39,
    seed=1,
)
