"""Weights of a reward for a mass pushed through deceptive mazes, where pay for nearness to the goal leads up to walls.

What to see: paid for success alone, hardly a learner comes to the goal in 800 episodes; paid for rare places some do.
``held_out_success`` in summary.json is the evolved reward's, ``compared_held_out_success`` that of pay for nearness and
rare places. What random rewards teach stands in the results. A minute on one core.
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
